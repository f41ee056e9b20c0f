package expr

import "slices"

// code is a compiled lambda or local function.
type code struct {
	params []*variableInfo
	enter  []func(*frame) // starts the life of captured parameters
	body   func(*frame) any
	slots  int
	nested bool // its frames may outlive a call: lambdas inside capture them
	pos    int
}

// closure is a delegate value: code and the frame it was made in.
type closure struct {
	code  *code
	outer *frame
	idle  *frame // a frame to use again
}

// call runs the delegate with boxed arguments.
func (c *closure) call(args ...any) any {
	m := c.outer.machine
	m.enterCall()
	f := c.idle
	c.idle = nil
	if f == nil {
		f = &frame{machine: m, slots: make([]slot, c.code.slots), outer: c.outer}
	}
	for i, start := range c.code.enter {
		p := c.code.params[i]
		if p.alias {
			// The parameter is the caller's variable.
			f.slots[p.slot].a = args[i].(*outRef).s
			continue
		}
		start(f)
		s := &f.slots[p.slot]
		if p.captured {
			s = s.a.(*slot)
		}
		s.put(p.t, args[i])
	}
	r := c.code.body(f)
	m.depth--
	if !c.code.nested {
		c.idle = f
	}
	return r
}

// lambdaResult binds a lambda only to learn the type of its result; nil: void.
func (b *binder) lambdaResult(x *lambdaX, params []*typ) *typ {
	_, t := b.lambda(x, params, nil, false)
	return t
}

// resultType is the result of a lambda or method group for parameter types;
// nil when it does not bind.
func (b *binder) resultType(o *operand, params []*typ) (t *typ) {
	if b.probing > 8 {
		return nil
	}
	if o.kind == isGroup {
		return b.groupResult(o, params)
	}
	if len(o.lambda.params) != len(params) {
		return nil
	}
	scope, fn, slots, recv := b.scope, b.fn, b.fn.slots, len(b.recv)
	vars := len(scope.vars)
	b.probing++
	defer func() {
		b.probing--
		b.scope, b.fn, b.recv = scope, fn, b.recv[:recv]
		b.fn.slots, b.scope.vars = slots, b.scope.vars[:vars]
		if r := recover(); r != nil {
			if _, ok := r.(*Error); !ok || b.work > maxWork {
				panic(r)
			}
			t = nil
		}
	}()
	return b.lambdaResult(o.lambda, params)
}

func (b *binder) groupResult(o *operand, params []*typ) *typ {
	if o.local != nil {
		if o.local.ret == nil {
			return nil
		}
		return o.local.ret
	}
	args := make([]argumentOperand, len(params))
	for i, p := range params {
		args[i].o = &operand{t: p, pos: o.pos}
	}
	var best *candidate
	for _, m := range o.group {
		if c := b.fits(m, nil, args, false); c != nil && (best == nil || c.cost < best.cost) {
			best = c
		}
	}
	if best == nil {
		return nil
	}
	return best.subst.apply(best.m.ret)
}

// lambda binds a lambda with parameter types. want is the type of the result,
// nil to infer it, void to drop it.
func (b *binder) lambda(x *lambdaX, params []*typ, want *typ, drop bool) (*code, *typ) {
	fn := &function{outer: b.fn, ret: want, lambda: true}
	outer, loops, switches := b.fn, b.loops, b.switches
	b.fn, b.loops, b.switches = fn, 0, 0
	b.scope = &scope{outer: b.scope, fn: fn}
	c := &code{pos: x.offset()}
	for i, p := range x.params {
		t := params[i]
		if p.t != nil {
			if t = b.resolve(p.t); !same(t, params[i]) {
				fail(p.pos, "this parameter is "+params[i].String()+", not "+t.String(), "")
			}
		}
		v := b.declare(p.name, t, p.pos)
		c.params = append(c.params, v)
		c.enter = append(c.enter, v.fresh())
	}
	var ret *typ
	if x.body != nil {
		ret = b.lambdaExpression(c, x, want, drop)
	} else {
		ret = b.lambdaBlock(c, x, want, drop)
	}
	c.slots = fn.slots
	c.nested = containsLambda(x)
	b.scope, b.fn, b.loops, b.switches = b.scope.outer, outer, loops, switches
	return c, ret
}

func (b *binder) lambdaExpression(c *code, x *lambdaX, want *typ, drop bool) *typ {
	o := b.bind(x.body)
	if o.kind == isValue && o.t.is(kVoid) || drop {
		if want != nil && !drop {
			fail(o.pos, "this lambda must give a value", "")
		}
		run := o.run()
		c.body = func(f *frame) any { run(f); return nil }
		return nil
	}
	if want != nil {
		o = b.implicit(o, want)
	} else if o.kind != isValue {
		b.failConvert(o, types().object)
	}
	c.body = o.a
	return o.t
}

func (b *binder) lambdaBlock(c *code, x *lambdaX, want *typ, drop bool) *typ {
	if drop {
		b.fn.ret = types().void
	}
	body, reachable := b.statements(x.block.list)
	ret := b.fn.ret
	if ret == nil {
		ret = b.bestReturn(x.offset())
	}
	if reachable && ret != nil && !ret.is(kVoid) {
		fail(x.block.end, "not every path of this lambda returns a value", "add a return statement")
	}
	c.body = func(f *frame) any {
		f.ret = slot{}
		body(f)
		return f.ret.a
	}
	return ret
}

// bestReturn is the type that all returned values convert to; nil when none is returned.
func (b *binder) bestReturn(pos int) *typ {
	var best *typ
	for _, t := range b.fn.types {
		switch {
		case best == nil || best.is(kNull):
			best = t
		case conversionCost(t, best, 0) >= 0:
		case conversionCost(best, t, 0) >= 0:
			best = t
		default:
			fail(pos, "the returned values have different types: "+best.String()+" and "+t.String(), "")
		}
	}
	return best
}

// delegate makes a delegate value of a lambda or method group.
func (b *binder) delegate(o *operand, t *typ) *operand {
	params, ret := t.signature()
	var c *code
	if o.kind == isLambda {
		drop := ret == nil
		if ret != nil && ret.open() {
			ret = nil
		}
		c, _ = b.lambda(o.lambda, params, ret, drop)
	} else {
		c = b.groupCode(o, params, ret)
	}
	return fromAny(func(f *frame) any { return &closure{code: c, outer: f.snapshot()} }, t, o.pos)
}

// groupCode wraps a method group into a lambda of its parameters.
func (b *binder) groupCode(o *operand, params []*typ, ret *typ) *code {
	x := &lambdaX{at: at(o.pos)}
	call := &callX{at: at(o.pos), fn: &boundX{at(o.pos), o}}
	for i := range params {
		name := "\x00" + string(rune('a'+i))
		x.params = append(x.params, parameter{name: name})
		call.args = append(call.args, argument{x: &nameX{at: at(o.pos), name: name}})
	}
	x.body = call
	c, _ := b.lambda(x, params, ret, ret == nil)
	return c
}

// boundX is an operand that is bound already.
type boundX struct {
	at
	o *operand
}

// snapshot is what a delegate keeps of the frame it is made in: captured
// variables are cells and stay shared, the rest is copied.
func (f *frame) snapshot() *frame {
	return &frame{machine: f.machine, slots: append([]slot(nil), f.slots...), outer: f.outer}
}

// localFunc is a function declared inside the program.
type localFunc struct {
	name   string
	params []*typ
	names  []string
	modes  []string
	defs   []node
	ret    *typ
	owner  *function // that declares it
	code   *code
}

func (b *binder) callLocal(fn *operand, x *callX) *operand {
	l := fn.local
	args := b.arguments(x.args)
	values := make([]*operand, len(l.params))
	refuse := func() { failf(fn.pos, "'%s' takes %d arguments, not %d", l.name, len(l.params), len(args)) }
	rest := l.restOf(args)
	for i, a := range args[:len(args)-len(rest)] {
		j := l.parameterOf(i, a.name)
		if j < 0 || values[j] != nil {
			refuse()
		}
		values[j] = b.localArgument(l, j, a)
	}
	for j := range values {
		switch {
		case values[j] != nil:
		case l.modes[j] == "params":
			values[j] = b.restArray(l.params[j], rest, fn.pos)
		case l.defs[j] == nil:
			refuse()
		default:
			values[j] = b.as(l.defs[j], l.params[j])
		}
	}
	return b.emitLocal(l, values, fn.pos)
}

// parameterOf finds the parameter of an argument, -1 when there is none.
func (l *localFunc) parameterOf(i int, name string) int {
	if name != "" {
		return slices.Index(l.names, name)
	}
	if i >= len(l.params) {
		return -1
	}
	return i
}

// restOf gives the arguments that a params array takes: not one array that is
// handed over as it is.
func (l *localFunc) restOf(args []argumentOperand) []argumentOperand {
	last := len(l.params) - 1
	if last < 0 || l.modes[last] != "params" || len(args) <= last {
		return nil
	}
	if len(args) == last+1 && (args[last].o.isNull() || args[last].o.cost(l.params[last]) >= 0) {
		return nil
	}
	return args[last:]
}

func (b *binder) restArray(t *typ, rest []argumentOperand, pos int) *operand {
	items := make([]*operand, len(rest))
	for i, a := range rest {
		items[i] = b.implicit(a.o, t.args[0])
	}
	return arrayOperand(t, items, pos)
}

// localArgument converts one argument of a local function.
func (b *binder) localArgument(l *localFunc, j int, a argumentOperand) *operand {
	mode := l.modes[j]
	if mode == "params" {
		mode = ""
	}
	if a.mode() != mode {
		want := "a value"
		if mode != "" {
			want = "a variable with " + mode
		}
		failf(a.o.pos, "'%s' takes %s here", l.name, want)
	}
	if a.out == nil {
		return b.implicit(a.o, l.params[j])
	}
	if a.out.t != nil && !same(a.out.t, l.params[j]) {
		fail(a.o.pos, "this variable is "+a.out.t.String()+", not "+l.params[j].String(), "")
	}
	return b.outOperand(a.out, l.params[j])
}

func (b *binder) emitLocal(l *localFunc, values []*operand, pos int) *operand {
	hops := 0
	for fn := b.fn; fn != l.owner; fn = fn.outer {
		hops++
	}
	c := l.code
	in := make([]func(*frame) any, len(values))
	for i, v := range values {
		in[i] = v.a
	}
	ret := l.ret
	if ret == nil {
		ret = types().void
	}
	return fromAny(func(f *frame) any {
		args := make([]any, len(in))
		for i, v := range in {
			args[i] = v(f)
		}
		f.pos = pos
		owner := f
		for range hops {
			owner = owner.outer
		}
		return (&closure{code: c, outer: owner}).call(args...)
	}, ret, pos)
}

// containsLambda tells whether lambdas inside may keep the frame.
func containsLambda(x *lambdaX) bool {
	found := false
	var n node = x.body
	if x.block != nil {
		n = x.block
	}
	walk(n, func(n node) {
		switch n.(type) {
		case *lambdaX, *funcStmt:
			found = true
		}
	})
	return found
}
