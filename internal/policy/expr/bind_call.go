package expr

import (
	"slices"
	"strings"
)

// argumentOperand is a bound argument of a call.
type argumentOperand struct {
	o    *operand
	name string
	out  *outArgument
	ref  bool
}

// mode is how the argument is handed over, as a parameter declares it.
func (a *argumentOperand) mode() string {
	switch {
	case a.ref:
		return "ref"
	case a.out != nil:
		return "out"
	}
	return ""
}

func (p *param) mode() string {
	switch {
	case p.ref:
		return "ref"
	case p.out:
		return "out"
	}
	return ""
}

// outArgument is where a call stores a result.
type outArgument struct {
	x     node
	v     *outVarX
	t     *typ // of an existing variable; nil for out var
	place func(*frame) *slot
}

func (b *binder) arguments(args []argument) []argumentOperand {
	out := make([]argumentOperand, len(args))
	for i, a := range args {
		out[i].name = a.name
		if !a.out {
			out[i].o = b.bind(a.x)
			if o := out[i].o; o.kind == isValue && o.t.is(kVoid) {
				fail(a.x.offset(), "this call gives no value", "")
			} else if o.kind == isType || o.kind == isNamespace {
				b.failConvert(o, types().object)
			}
			continue
		}
		out[i].out, out[i].ref = b.outArgument(a.x), a.ref
		out[i].o = &operand{t: types().void, pos: a.x.offset()}
	}
	return out
}

func (b *binder) outArgument(x node) *outArgument {
	if v, ok := x.(*outVarX); ok {
		o := &outArgument{x: x, v: v}
		if v.t != nil {
			o.t = b.resolve(v.t)
		}
		return o
	}
	n, ok := x.(*nameX)
	if !ok {
		fail(x.offset(), "an out or ref argument must be a variable", "")
	}
	if b.discard(x) {
		return &outArgument{x: x, v: &outVarX{at: n.at, name: "_"}}
	}
	v, _ := b.lookup(n.name)
	switch {
	case v == nil:
		fail(x.offset(), "unknown variable '"+n.name+"'", "")
	case v.konst != nil || v.readonly != "":
		fail(x.offset(), "'"+n.name+"' cannot be assigned", "")
	}
	return &outArgument{x: x, t: v.t, place: b.place(v)}
}

func (b *binder) call(x *callX) *operand {
	b.invoked, _ = x.fn.(*memberX)
	fn := b.bind(x.fn)
	if fn.kind == isGroup && fn.local != nil {
		return b.callLocal(fn, x)
	}
	args := b.arguments(x.args)
	if fn.kind == isValue && fn.t.is(kFunc) {
		return b.invoke(fn, args, x.offset())
	}
	if fn.kind == isValue {
		if o := b.callDictionary(fn, args, x.offset()); o != nil {
			return o
		}
	}
	if fn.kind != isGroup {
		fail(x.fn.offset(), "this is not a method and cannot be called", "")
	}
	var explicit []*typ
	for _, t := range typeArgumentsOf(x.fn) {
		explicit = append(explicit, b.resolve(t))
	}
	m, targs, final := b.overload(fn, explicit, args, fn.pos)
	if m.owner.full == "IMessageBody" && len(targs) == 1 {
		checkBodyType(targs[0], fn.pos)
	}
	return b.emit(m, targs, final, fn.pos)
}

// bodyTypes are what a body can be read as, as Azure lists them.
var bodyTypes = []string{"string", "byte[]", "JToken", "JObject", "JArray", "XNode", "XElement", "XDocument"}

func checkBodyType(t *typ, pos int) {
	if !slices.Contains(bodyTypes, t.String()) {
		fail(pos, "a body cannot be read as "+t.String(), "it can be read as "+strings.Join(bodyTypes, ", "))
	}
}

// callDictionary reads d("key"), which published policies write for
// d.GetValueOrDefault("key"), as that.
func (b *binder) callDictionary(fn *operand, args []argumentOperand, pos int) *operand {
	group := members(fn.t, "GetValueOrDefault", b.profile)
	if len(group) == 0 || len(args) == 0 || args[0].o.kind != isValue || !args[0].o.t.is(kString) {
		return nil
	}
	g := &operand{kind: isGroup, group: group, recv: fn, name: "GetValueOrDefault", pos: pos, t: types().void}
	m, targs, final := b.overload(g, nil, args, pos)
	return b.emit(m, targs, final, pos)
}

func typeArgumentsOf(n node) []*typeX {
	switch x := n.(type) {
	case *memberX:
		return x.targs
	case *nameX:
		return x.targs
	}
	return nil
}

// invoke calls a delegate value.
func (b *binder) invoke(fn *operand, args []argumentOperand, pos int) *operand {
	params, ret := fn.t.signature()
	if len(params) != len(args) {
		failf(pos, "this function takes %d arguments, not %d", len(params), len(args))
	}
	values := make([]func(*frame) any, len(args))
	for i, a := range args {
		values[i] = b.implicit(a.o, params[i]).a
	}
	f := fn.a
	if ret == nil {
		ret = types().void
	}
	return fromAny(func(fr *frame) any {
		c, ok := f(fr).(*closure)
		if !ok {
			fr.pos = pos
			throwNull("")
		}
		in := make([]any, len(values))
		for i, v := range values {
			in[i] = v(fr)
		}
		return c.call(in...)
	}, ret, pos)
}

// candidate is a method that fits the arguments.
type candidate struct {
	m     *method
	subst substitution
	order []int // parameter of each argument
	spill int   // index of the first argument of an expanded params array, -1
	cost  int
}

// overload chooses the method by arity, then by the cost of implicit
// conversions, and gives the converted arguments with the receiver first.
func (b *binder) overload(fn *operand, explicit []*typ, args []argumentOperand, pos int) (*method, []*typ, []*operand) {
	var best *candidate
	var equal []*candidate // as cheap as best
	for _, m := range fn.group {
		in := args
		if m.this && fn.recv != nil {
			in = append([]argumentOperand{{o: fn.recv}}, args...)
		}
		for _, expanded := range []bool{false, true} {
			if expanded && (len(m.params) == 0 || !m.params[len(m.params)-1].params) {
				continue
			}
			c := b.fits(m, explicit, in, expanded)
			switch {
			case c == nil:
			case best == nil || c.cost < best.cost:
				best, equal = c, []*candidate{c}
			case c.cost == best.cost:
				equal = append(equal, c)
			}
		}
	}
	if len(equal) > 1 {
		best = b.byResults(equal, fn, args)
	}
	if best == nil {
		b.noOverload(fn, explicit, args, pos)
	}
	in := args
	var final []*operand
	if best.m.this && fn.recv != nil {
		in = append([]argumentOperand{{o: fn.recv}}, args...)
	} else if fn.recv != nil {
		final = append(final, fn.recv)
	}
	final = append(final, b.complete(best, in, pos)...)
	var targs []*typ
	for _, t := range best.m.targs {
		targs = append(targs, best.subst[t.def])
	}
	own := substitution{}
	for k, v := range best.m.own {
		own[k] = v
	}
	for k, v := range best.subst {
		own[k] = v
	}
	return &method{best.m.member, own}, targs, final
}

// fits matches arguments to parameters and infers type arguments.
func (b *binder) fits(m *method, explicit []*typ, args []argumentOperand, expanded bool) *candidate {
	c := &candidate{m: m, subst: substitution{}, spill: -1}
	for k, v := range m.own {
		c.subst[k] = v
	}
	if len(explicit) > 0 {
		if len(explicit) != len(m.targs) {
			return nil
		}
		for i, t := range m.targs {
			c.subst[t.def] = explicit[i]
		}
	}
	if !c.arrange(args, expanded) || !b.infer(c, args) {
		return nil
	}
	for i, a := range args {
		p := m.params[c.order[i]]
		t := c.subst.apply(p.t)
		if c.spill >= 0 && i >= c.spill {
			t = t.args[0]
			c.cost++
		}
		if a.mode() != p.mode() {
			return nil
		}
		if a.out != nil {
			if a.out.t != nil && !same(a.out.t, t) {
				return nil
			}
			continue
		}
		k := a.o.cost(t)
		if k < 0 {
			return nil
		}
		c.cost += k
	}
	if expanded {
		c.cost += 2
	}
	if len(m.targs) > 0 && len(explicit) == 0 {
		c.cost++
	}
	c.cost += len(m.params) - len(args)
	if m.this {
		c.cost++
	}
	return c
}

// arrange finds the parameter of each argument.
func (c *candidate) arrange(args []argumentOperand, expanded bool) bool {
	params := c.m.params
	given := make([]bool, len(params))
	for i, a := range args {
		j := i
		if a.name != "" {
			j = -1
			for k := range params {
				if params[k].name == a.name {
					j = k
				}
			}
		}
		if expanded && a.name == "" && j >= len(params)-1 {
			j = len(params) - 1
			if c.spill < 0 {
				c.spill = i
			}
		} else if j < 0 || j >= len(params) || given[j] {
			return false
		}
		given[j] = true
		c.order = append(c.order, j)
	}
	if expanded && c.spill < 0 {
		c.spill = len(args)
	}
	for j := range params {
		if !given[j] && !params[j].optional && !(expanded && params[j].params) {
			return false
		}
	}
	return true
}

// infer finds the type arguments of a generic method: first from values, then
// from lambdas, whose parameters are known by then.
func (b *binder) infer(c *candidate, args []argumentOperand) bool {
	if len(c.m.targs) == 0 {
		return true
	}
	for i, a := range args {
		if a.out != nil {
			if a.out.t != nil {
				unify(c.m.params[c.order[i]].t, a.out.t, c)
			}
			continue
		}
		if a.o.kind == isValue && !a.o.t.is(kNull) {
			unify(c.paramType(i), a.o.t, c)
		}
	}
	for i, a := range args {
		t := c.paramType(i)
		if a.o.kind != isLambda && a.o.kind != isGroup || !t.is(kFunc) {
			continue
		}
		params, ret := t.signature()
		if ret == nil || !ret.open() || !c.subst.apply(ret).open() {
			continue
		}
		in := make([]*typ, len(params))
		for j := range params {
			in[j] = c.subst.apply(params[j])
			if in[j].open() {
				return false
			}
		}
		if r := b.resultType(a.o, in); r != nil {
			unify(ret, r, c)
		}
	}
	for _, t := range c.m.targs {
		if c.subst[t.def] == nil {
			return false
		}
	}
	return true
}

func (c *candidate) paramType(i int) *typ {
	t := c.m.params[c.order[i]].t
	if c.spill >= 0 && i >= c.spill {
		return t.args[0]
	}
	return t
}

// unify matches an argument type with a parameter type.
func unify(p, a *typ, c *candidate) {
	switch {
	case p.is(kParam):
		old := c.subst[p.def]
		if old == nil || conversionCost(old, a, 0) >= 0 && conversionCost(a, old, 0) < 0 {
			c.subst[p.def] = a
		}
	case len(p.args) == 0:
	case p.is(kNullable) && !a.is(kNullable):
		unify(p.args[0], a, c)
	default:
		if a = a.as(p.def); a != nil {
			for i := range p.args {
				unify(p.args[i], a.args[i], c)
			}
		}
	}
}

// complete converts the arguments and fills in optional parameters and params arrays.
func (b *binder) complete(c *candidate, args []argumentOperand, pos int) []*operand {
	params := c.m.params
	out := make([]*operand, len(params))
	var rest []*operand
	for i, a := range args {
		j := c.order[i]
		t := c.subst.apply(params[j].t)
		switch {
		case a.out != nil:
			out[j] = b.outOperand(a.out, t)
		case c.spill >= 0 && i >= c.spill:
			rest = append(rest, b.convert(a.o, t.args[0]))
		default:
			out[j] = b.convert(a.o, t)
		}
	}
	for j := range params {
		t := c.subst.apply(params[j].t)
		switch {
		case out[j] != nil:
		case params[j].params:
			out[j] = arrayOperand(t, rest, pos)
		case params[j].def == nil:
			out[j] = zero(t, pos)
		default:
			v := params[j].def
			if t.rep() == repInt && !t.is(kInt32) {
				n, _ := integer(v)
				v = boxInt(t, n)
			}
			out[j] = constant(v, t, pos)
		}
	}
	return out
}

func (b *binder) outOperand(o *outArgument, t *typ) *operand {
	if o.v != nil && o.v.name == "_" {
		place := b.temp()
		return &operand{t: t, pos: o.v.offset(), a: func(f *frame) any { return &outRef{place(f), t} }}
	}
	if o.v != nil {
		v := b.declare(o.v.name, t, o.v.offset())
		fresh, place := v.fresh(), b.place(v)
		return &operand{t: t, pos: o.v.offset(), a: func(f *frame) any { fresh(f); return &outRef{place(f), t} }}
	}
	place := o.place
	return &operand{t: t, pos: o.x.offset(), a: func(f *frame) any { return &outRef{place(f), t} }}
}

// outRef is what a table function gets for an out parameter.
type outRef struct {
	s *slot
	t *typ
}

func (o *outRef) set(v any) { o.s.put(o.t, v) }

// arrayOperand builds an array of converted values.
func arrayOperand(t *typ, items []*operand, pos int) *operand {
	elem := t.args[0]
	if elem.is(kUint8) {
		return fromAny(func(f *frame) any {
			out := make([]byte, len(items))
			for i, o := range items {
				out[i] = byte(o.i(f))
			}
			return out
		}, t, pos)
	}
	return fromAny(func(f *frame) any {
		f.step(len(items))
		out := make([]any, len(items))
		for i, o := range items {
			out[i] = o.a(f)
		}
		return &Array{elem: elem, items: out}
	}, t, pos)
}

func (b *binder) noOverload(fn *operand, explicit []*typ, args []argumentOperand, pos int) {
	list := ""
	for i, a := range args {
		if i > 0 {
			list += ", "
		}
		switch {
		case a.out != nil:
			list += a.mode()
		case a.o.kind == isLambda:
			list += "a lambda"
		case a.o.kind == isGroup:
			list += "a method"
		case a.o.kind != isValue:
			list += "a value"
		default:
			list += a.o.t.String()
		}
	}
	owner := ""
	if fn.recv != nil {
		owner = fn.recv.t.String() + "."
	} else if len(fn.group) > 0 {
		owner = fn.group[0].owner.name + "."
	}
	hint := ""
	if len(fn.group) > 0 {
		hint = "it takes " + fn.group[0].describe()
	}
	// A lambda that does not bind says more than the overload.
	for _, m := range fn.group {
		b.explainLambda(m, fn, args)
	}
	fail(pos, "'"+owner+fn.name+"' cannot be called with ("+list+")", hint)
}

// explainLambda binds the lambdas of a failed call to report the error inside them.
func (b *binder) explainLambda(m *method, fn *operand, args []argumentOperand) {
	in := args
	if m.this && fn.recv != nil {
		in = append([]argumentOperand{{o: fn.recv}}, args...)
	}
	c := &candidate{m: m, subst: substitution{}, spill: -1}
	for k, v := range m.own {
		c.subst[k] = v
	}
	if !c.arrange(in, false) {
		return
	}
	for i, a := range in {
		if a.out == nil && a.o.kind == isValue && !a.o.t.is(kNull) {
			unify(c.paramType(i), a.o.t, c)
		}
	}
	for i, a := range in {
		t := c.paramType(i)
		if a.o.kind != isLambda || !t.is(kFunc) {
			continue
		}
		params, _ := t.signature()
		types := make([]*typ, len(params))
		for j := range params {
			types[j] = c.subst.apply(params[j])
			if types[j].open() {
				return
			}
		}
		if len(types) == len(a.o.lambda.params) {
			b.lambdaResult(a.o.lambda, types)
		}
	}
}

func (m *method) describe() string {
	s := "("
	start := 0
	if m.this {
		start = 1
	}
	for i := start; i < len(m.params); i++ {
		if i > start {
			s += ", "
		}
		s += m.own.apply(m.params[i].t).String()
		if m.params[i].name != "" {
			s += " " + m.params[i].name
		}
	}
	return s + ")"
}
