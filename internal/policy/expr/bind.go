package expr

import (
	"regexp"
	"slices"
	"strings"
)

// binder checks a tree and lowers it to closures in one pass.
type binder struct {
	profile  Profile
	fn       *function
	scope    *scope
	captured map[string]bool // names that lambdas and local functions use
	recv     []*operand      // receivers of the null-conditional accesses being bound
	checked  bool
	wraps    bool     // inside unchecked: constants wrap too
	invoked  *memberX // the member that is being called
	objects  []*typ   // anonymous types of the program
	work     int      // bounds compile time: lambdas are bound once per candidate
	probing  int      // inside a trial binding of a lambda
	loops    int
	switches int
	catches  int
	branches *branches // nil: nobody counts them
}

// maxWork bounds the nodes that one compilation may visit.
const maxWork = 200_000

// function is the program, a lambda or a local function being bound.
type function struct {
	outer  *function
	ret    *typ   // nil: inferred
	want   *Type  // of the program: every return converts to it
	slots  int    // locals and temporaries
	types  []*typ // of returned values, when inferred
	lambda bool
}

type scope struct {
	outer *scope
	fn    *function
	vars  []*variableInfo
	funcs []*localFunc
}

type variableInfo struct {
	name     string
	t        *typ
	fn       *function
	slot     int
	captured bool
	alias    bool   // a ref or out parameter: its cell is the caller's variable
	readonly string // why it cannot be assigned
	konst    *operand
}

func (b *binder) open() { b.scope = &scope{outer: b.scope, fn: b.fn} }

func (b *binder) close() { b.scope = b.scope.outer }

func (b *binder) newSlot() int {
	b.fn.slots++
	return b.fn.slots - 1
}

// temp reserves a slot of the current frame.
func (b *binder) temp() func(*frame) *slot {
	i := b.newSlot()
	return func(f *frame) *slot { return &f.slots[i] }
}

func (b *binder) declare(name string, t *typ, pos int) *variableInfo {
	for s := b.scope; s != nil; s = s.outer {
		for _, v := range s.vars {
			if v.name == name && v.fn == b.fn {
				fail(pos, "a variable named '"+name+"' already exists here", "choose another name")
			}
		}
	}
	v := &variableInfo{name: name, t: t, fn: b.fn, slot: b.newSlot(), captured: b.captured[name]}
	b.scope.vars = append(b.scope.vars, v)
	return v
}

func (b *binder) lookup(name string) (*variableInfo, *localFunc) {
	for s := b.scope; s != nil; s = s.outer {
		for _, v := range s.vars {
			if v.name == name {
				return v, nil
			}
		}
		for _, f := range s.funcs {
			if f.name == name {
				return nil, f
			}
		}
	}
	return nil, nil
}

// fresh gives the closure that starts the life of a variable: captured ones
// get a new cell, so that closures keep the variable of their round of a loop.
func (v *variableInfo) fresh() func(*frame) {
	i := v.slot
	if v.captured {
		return func(f *frame) { f.slots[i].a = &slot{} }
	}
	return func(f *frame) { f.slots[i] = slot{} }
}

// place gives the closure that finds a variable from the current function.
func (b *binder) place(v *variableInfo) func(*frame) *slot {
	hops, i := 0, v.slot
	for fn := b.fn; fn != v.fn; fn = fn.outer {
		hops++
	}
	switch {
	case hops == 0 && !v.captured:
		return func(f *frame) *slot { return &f.slots[i] }
	case hops == 0:
		return func(f *frame) *slot { return f.slots[i].a.(*slot) }
	}
	captured := v.captured
	return func(f *frame) *slot {
		for range hops {
			f = f.outer
		}
		if !captured {
			return &f.slots[i]
		}
		return f.slots[i].a.(*slot)
	}
}

// value binds an expression that must have a value.
func (b *binder) value(n node) *operand {
	o := b.bind(n)
	switch o.kind {
	case isValue, isThrow:
		if o.t.is(kVoid) {
			fail(n.offset(), "this call gives no value", "")
		}
		return o
	case isDefault:
		fail(o.pos, "the type of default is not known here", "write default(T)")
	}
	b.failConvert(o, types().object)
	return nil
}

// as binds an expression and converts it implicitly.
func (b *binder) as(n node, t *typ) *operand {
	return b.implicit(b.bind(n), t)
}

func (b *binder) implicit(o *operand, t *typ) *operand {
	if o.kind == isValue && o.t.is(kVoid) {
		fail(o.pos, "this call gives no value", "")
	}
	if o.cost(t) < 0 {
		b.failConvert(o, t)
	}
	return b.convert(o, t)
}

func (b *binder) bind(n node) *operand {
	if b.work++; b.work > maxWork {
		fail(n.offset(), "the expression is too complex", "split it into several variables")
	}
	switch x := n.(type) {
	case *literalX:
		return literal(x)
	case *nameX:
		return b.name(x)
	case *memberX:
		return b.member(x)
	case *callX:
		return b.call(x)
	case *indexX:
		return b.index(x)
	case *conditionalX:
		return b.conditional(x)
	case *receiverX:
		return b.recv[len(b.recv)-1]
	case *unaryX:
		return b.unary(x)
	case *stepX:
		return b.increment(x)
	case *binaryX:
		return b.binary(x)
	case *assignX:
		return b.assign(x)
	case *ternaryX:
		return b.ternary(x)
	case *castX:
		return b.castNode(x)
	case *asX:
		return b.asNode(x)
	case *isX:
		return b.isNode(x)
	}
	return b.bindMore(n)
}

func (b *binder) bindMore(n node) *operand {
	u := types()
	switch x := n.(type) {
	case *newX:
		return b.creation(x)
	case *newArrayX:
		return b.newArray(x)
	case *anonymousX:
		return b.anonymous(x)
	case *lambdaX:
		return &operand{kind: isLambda, lambda: x, pos: x.offset(), t: u.void}
	case *tupleX:
		return b.tuple(x)
	case *interpX:
		return b.interpolation(x)
	case *typeofX:
		return constant(b.resolve(x.t), &typ{def: u.full["System.Type"]}, x.offset())
	case *defaultX:
		if x.t == nil {
			return &operand{kind: isDefault, pos: x.offset(), t: u.void}
		}
		return zero(b.resolve(x.t), x.offset())
	case *checkedX:
		defer b.overflowing(x.on)()
		return b.bind(x.x)
	case *throwX:
		v := b.thrown(x.x)
		return &operand{kind: isThrow, pos: x.offset(), t: u.null, a: func(f *frame) any { v(f); return nil }}
	case *typeExprX:
		return &operand{kind: isType, t: b.resolve(x.t), pos: x.offset()}
	case *boundX:
		return x.o
	case *outVarX:
		fail(x.offset(), "a variable cannot be declared here", "only as an out argument, or in the brackets in front of = of a deconstruction")
	}
	failf(n.offset(), "this expression is not supported")
	return nil
}

// overflowing enters a checked or unchecked context and gives the way out.
func (b *binder) overflowing(checked bool) func() {
	outer, wraps := b.checked, b.wraps
	b.checked, b.wraps = checked, !checked
	return func() { b.checked, b.wraps = outer, wraps }
}

func literal(x *literalX) *operand {
	u := types()
	var t *typ
	switch x.value.(type) {
	case nil:
		t = u.null
	case bool:
		t = u.boolean
	case string:
		t = u.str
	case Char:
		t = u.char
	case int32:
		t = u.int32
	case uint32:
		t = u.uint32
	case int64:
		t = u.int64
	case uint64:
		t = u.uint64
	case float32:
		t = u.float32
	case float64:
		t = u.float64
	case Decimal:
		t = u.decimal
	}
	return constant(x.value, t, x.offset())
}

func (b *binder) name(x *nameX) *operand {
	if x.targs == nil {
		if v, f := b.lookup(x.name); v != nil {
			if v.konst != nil {
				o := *v.konst
				o.pos = x.offset()
				return &o
			}
			o := load(b.place(v), v.t, x.offset())
			o.variable = v
			return o
		} else if f != nil {
			return &operand{kind: isGroup, local: f, name: x.name, pos: x.offset(), t: types().void}
		}
		if x.name == "context" {
			return fromAny(func(f *frame) any { return f.ctx }, &typ{def: types().context}, x.offset())
		}
	}
	if t := b.namedType(x.name, x.targs, x.offset()); t != nil {
		return &operand{kind: isType, t: t, pos: x.offset()}
	}
	if x.targs == nil && types().spaces[x.name] {
		return &operand{kind: isNamespace, space: x.name, pos: x.offset(), t: types().void}
	}
	if x.targs == nil && deploymentToken.MatchString(x.name) {
		return unreplaced(x)
	}
	fail(x.offset(), "unknown name '"+x.name+"'", b.similar(x.name))
	return nil
}

// deploymentToken matches names such as RETRY_COUNT, which deployment scripts
// replace by a number. A document in which they still stand compiles; the
// expression fails when it runs.
var deploymentToken = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$`)

func unreplaced(x *nameX) *operand {
	name, pos := x.name, x.offset()
	return fromInt(func(f *frame) int64 {
		f.pos = pos
		throw("System.InvalidOperationException", "The token %s was not replaced by the deployment.", name)
		return 0
	}, types().int32, pos)
}

// similar proposes a name in reach.
func (b *binder) similar(name string) string {
	for s := b.scope; s != nil; s = s.outer {
		for _, v := range s.vars {
			if strings.EqualFold(v.name, name) {
				return "did you mean '" + v.name + "'?"
			}
		}
	}
	if strings.EqualFold(name, "context") {
		return "did you mean 'context'?"
	}
	for _, d := range types().full {
		if strings.EqualFold(d.name, name) && d.name != name && !d.extended {
			return "did you mean '" + d.name + "'?"
		}
	}
	return "names are case-sensitive; a string stands in \"...\""
}

// namedType finds a type by its name, nil when there is none.
func (b *binder) namedType(name string, targs []*typeX, pos int) *typ {
	d, hidden := types().find(name, len(targs), b.profile)
	if d == nil {
		if hidden {
			fail(pos, "the type '"+name+"' is not allowed in policy expressions", "the extended type profile allows it")
		}
		return nil
	}
	t := &typ{def: d}
	for _, a := range targs {
		t.args = append(t.args, b.resolve(a))
	}
	return t
}

// resolve finds a type as written; it fails when there is none.
func (b *binder) resolve(x *typeX) *typ {
	u := types()
	switch {
	case x.array && x.rank > 0:
		return u.gridOf(b.resolve(x.elem), x.rank+1, x.offset())
	case x.array:
		return u.arrayOf(b.resolve(x.elem))
	case x.nullable:
		return u.nullableOf(b.resolve(x.elem))
	case x.items != nil:
		items := make([]*typ, len(x.items))
		for i, t := range x.items {
			items[i] = b.resolve(t)
		}
		return u.tupleOf(items, x.names, x.offset())
	}
	last := x.parts[len(x.parts)-1]
	names := make([]string, len(x.parts))
	for i, p := range x.parts {
		names[i] = p.name
	}
	full := strings.Join(names, ".")
	if t := b.namedType(full, last.args, x.offset()); t != nil && (len(names) == 1 || t.def.full == full) {
		if t.def == u.nullable {
			return u.nullableOf(t.args[0])
		}
		return t
	}
	hint := ""
	if len(names) == 1 {
		hint = b.similar(full)
	}
	fail(x.offset(), "unknown type '"+full+"'", hint)
	return nil
}

// members finds the members of a name in a type and its bases.
func members(t *typ, name string, profile Profile) []*method {
	var out []*method
	seen := map[*typeDef]bool{}
	var visit func(t *typ)
	visit = func(t *typ) {
		if seen[t.def] {
			return
		}
		seen[t.def] = true
		own := t.own()
		for _, m := range t.def.members[name] {
			if !m.ext || profile == Extended {
				out = append(out, &method{m, own})
			}
		}
		for _, base := range t.bases() {
			if t.is(kArray) && explicitOnArrays[base.def.name] {
				continue // a cast to the interface shows them
			}
			visit(base)
		}
	}
	visit(t)
	return out
}

// explicitOnArrays are the interfaces whose members arrays hide: an array has
// Length and no Count.
var explicitOnArrays = map[string]bool{"ICollection": true, "IReadOnlyCollection": true, "IList": true, "IReadOnlyList": true}

func (b *binder) member(x *memberX) *operand {
	invoked := b.invoked == x
	b.invoked = nil
	left := b.bind(x.x)
	switch left.kind {
	case isNamespace:
		return b.qualified(left, x)
	case isType:
		return b.staticMember(left, x)
	case isValue:
		return b.instanceMember(left, x, invoked)
	}
	b.failConvert(left, types().object)
	return nil
}

func (b *binder) qualified(left *operand, x *memberX) *operand {
	full := left.space + "." + x.name
	if t := b.namedType(full, x.targs, left.pos); t != nil {
		return &operand{kind: isType, t: t, pos: left.pos}
	}
	if x.targs == nil && types().spaces[full] {
		return &operand{kind: isNamespace, space: full, pos: left.pos, t: types().void}
	}
	fail(x.offset(), "unknown type '"+full+"'", "")
	return nil
}

func (b *binder) staticMember(left *operand, x *memberX) *operand {
	t := left.t
	if t.is(kEnum) {
		if i := slices.Index(t.def.enum, x.name); i >= 0 {
			return constant(Enum{t.def, t.def.values[i]}, t, x.offset())
		}
	}
	all := members(t, x.name, b.profile)
	var found []*method
	for _, m := range all {
		if m.static {
			found = append(found, m)
		}
	}
	switch {
	case len(found) == 0 && len(all) > 0:
		fail(x.offset(), "'"+t.String()+"."+x.name+"' needs a value, not the type", "")
	case len(found) == 0:
		b.unknownMember(t, x)
	case !found[0].method:
		return b.emit(found[0], nil, nil, x.offset())
	}
	return &operand{kind: isGroup, group: found, name: x.name, pos: x.offset(), t: types().void}
}

func (b *binder) instanceMember(left *operand, x *memberX, invoked bool) *operand {
	t := left.t
	switch {
	case t.is(kNull):
		fail(x.offset(), "null has no members", "")
	case t.is(kVoid):
		fail(left.pos, "this call gives no value", "")
	case t.is(kFunc) && x.name == "Invoke" && invoked:
		return left
	case t.names != nil && slices.Contains(t.names, x.name):
		return tupleItem(left, slices.Index(t.names, x.name), x.offset())
	case t.is(kAnonymous):
		if i := slices.Index(t.def.fields, x.name); i >= 0 {
			f, pos := left.a, x.offset()
			return fromAny(func(fr *frame) any {
				o, ok := f(fr).(*Object)
				if !ok {
					fr.pos = pos
					throwNull("")
				}
				return o.values[i]
			}, t.def.types[i], x.offset())
		}
	}
	found := slices.DeleteFunc(members(t, x.name, b.profile), func(m *method) bool { return m.static })
	if len(found) > 0 && !found[0].method && !(invoked && len(types().ext[x.name]) > 0) {
		return b.emit(found[0], nil, []*operand{left}, x.offset())
	}
	// A call does not see properties, such as Count beside Count(predicate).
	found = slices.DeleteFunc(found, func(m *method) bool { return !m.method })
	for _, m := range types().ext[x.name] {
		if !m.ext || b.profile == Extended {
			found = append(found, &method{member: m})
		}
	}
	if len(found) == 0 {
		b.unknownMember(t, x)
	}
	return &operand{kind: isGroup, group: found, recv: left, name: x.name, pos: x.offset(), t: types().void}
}

func (b *binder) unknownMember(t *typ, x *memberX) {
	for d := t; d != nil; d = firstBase(d) {
		for name := range d.def.members {
			if strings.EqualFold(name, x.name) {
				fail(x.offset(), "'"+t.String()+"' has no member '"+x.name+"'", "did you mean '"+name+"'?")
			}
		}
	}
	if t.def == types().object.def {
		fail(x.offset(), "'object' has no member '"+x.name+"'", "cast the value first: ((T)value)."+x.name)
	}
	fail(x.offset(), "'"+t.String()+"' has no member '"+x.name+"'", "")
}
