package expr

// signal is how a statement ends.
type signal uint8

const (
	next signal = iota
	breakLoop
	continueLoop
	returned
)

// exec runs a statement.
type exec func(f *frame) signal

// statements binds a block; reachable tells whether its end can be reached.
func (b *binder) statements(list []node) (exec, bool) {
	b.open()
	defer b.close()
	var funcs []*funcStmt
	for _, n := range list {
		if f, ok := n.(*funcStmt); ok {
			b.declareFunction(f)
			funcs = append(funcs, f)
		}
	}
	out := make([]exec, 0, len(list))
	reachable := true
	for _, n := range list {
		if _, ok := n.(*funcStmt); ok {
			continue
		}
		s, r := b.statement(n)
		out = append(out, s)
		reachable = reachable && r
	}
	// Bodies of local functions see all variables of the block.
	for _, f := range funcs {
		b.bindFunction(f)
	}
	return sequence(out), reachable
}

func sequence(list []exec) exec {
	switch len(list) {
	case 0:
		return func(*frame) signal { return next }
	case 1:
		return list[0]
	}
	return func(f *frame) signal {
		for _, s := range list {
			f.settle()
			if r := s(f); r != next {
				return r
			}
		}
		return next
	}
}

func (b *binder) statement(n node) (exec, bool) {
	switch x := n.(type) {
	case *blockStmt:
		if x.checked != "" {
			defer b.overflowing(x.checked == "checked")()
		}
		return b.statements(x.list)
	case *emptyStmt:
		return func(*frame) signal { return next }, true
	case *exprStmt:
		return b.expressionStatement(x), true
	case *declStmt:
		return b.declaration(x), true
	case *ifStmt:
		return b.ifStatement(x)
	case *forStmt:
		return b.forStatement(x)
	case *foreachStmt:
		return b.foreachStatement(x), true
	case *whileStmt:
		return b.whileStatement(x)
	case *switchStmt:
		return b.switchStatement(x)
	case *tryStmt:
		return b.tryStatement(x)
	case *usingStmt:
		return b.usingStatement(x)
	case *returnStmt:
		return b.returnStatement(x), false
	case *throwStmt:
		return b.throwStatement(x), false
	case *jumpStmt:
		return b.jump(x), false
	}
	fail(n.offset(), "this statement is not supported here", "")
	return nil, false
}

// embedded binds the body of an if or a loop in its own scope.
func (b *binder) embedded(n node) (exec, bool) {
	if d, ok := n.(*declStmt); ok {
		fail(d.offset(), "a declaration cannot stand here alone", "put it in { }")
	}
	b.open()
	defer b.close()
	return b.statement(n)
}

func (b *binder) expressionStatement(x *exprStmt) exec {
	switch x.x.(type) {
	case *callX, *assignX, *stepX, *newX, *conditionalX, *throwX:
	default:
		b.bind(x.x)
		fail(x.offset(), "this expression does nothing as a statement", "assign it, return it, or call a method")
	}
	o := b.bind(x.x)
	if o.kind != isValue && o.kind != isThrow {
		b.failConvert(o, types().object)
	}
	run := o.run()
	return func(f *frame) signal { run(f); return next }
}

func (b *binder) declaration(x *declStmt) exec {
	var list []func(*frame)
	var t *typ
	if x.t != nil {
		t = b.resolve(x.t)
	}
	for _, d := range x.vars {
		list = append(list, b.variable(x, d, t)...)
	}
	if len(list) == 1 {
		one := list[0]
		return func(f *frame) signal { one(f); return next }
	}
	return func(f *frame) signal {
		for _, s := range list {
			s(f)
		}
		return next
	}
}

func (b *binder) variable(x *declStmt, d declared, t *typ) []func(*frame) {
	var o *operand
	switch {
	case d.arr != nil:
		switch {
		case t != nil && t.rank() > 1:
			o = b.gridInitializer(t, d.arr)
		case t == nil || !t.is(kArray):
			fail(d.arr.offset(), "{ } needs an array type", "write new[] { ... }")
		default:
			o = b.arrayInitializer(t, d.arr)
		}
	case d.x == nil:
		if t == nil || x.konst {
			fail(d.pos, "'"+d.name+"' needs a value", "")
		}
		v := b.declare(d.name, t, d.pos)
		fresh, place, z := v.fresh(), b.place(v), zeroValue(t)
		return []func(*frame){fresh, func(f *frame) {
			if z != nil {
				place(f).put(t, z)
			}
		}}
	case t != nil:
		o = b.as(d.x, t)
	default:
		o = b.value(d.x)
		if o.isNull() || o.kind == isThrow {
			fail(o.pos, "the type of '"+d.name+"' cannot be inferred from null", "write the type instead of var")
		}
		t = o.t
	}
	if x.konst {
		if !o.isConst {
			fail(o.pos, "the value of a constant must be known when the policy is compiled", "remove const")
		}
		v := b.declare(d.name, t, d.pos)
		v.konst = o
		return nil
	}
	v := b.declare(d.name, t, d.pos)
	if !v.captured {
		return []func(*frame){o.store(b.place(v))}
	}
	at := b.temp()
	return []func(*frame){o.store(at), v.fresh(), load(at, t, d.pos).store(b.place(v))}
}

// ifStatement leaves variables of its condition to the statements behind it, as
// C# does: if (!int.TryParse(s, out var n)) { return 0; } return n;
func (b *binder) ifStatement(x *ifStmt) (exec, bool) {
	c := b.outcomes(b.condition(x.cond), x.cond.offset(), "condition of if")
	cond := c.b
	then, r1 := b.embedded(x.then)
	if x.els == nil {
		return func(f *frame) signal {
			if cond(f) {
				return then(f)
			}
			return next
		}, r1 || c.konst != true
	}
	els, r2 := b.embedded(x.els)
	return func(f *frame) signal {
		if cond(f) {
			return then(f)
		}
		return els(f)
	}, r1 && c.konst != false || r2 && c.konst != true
}

// loop runs a body until it breaks; false ends the loop.
func loop(f *frame, body exec) (signal, bool) {
	f.step(1)
	f.settle()
	switch r := body(f); r {
	case breakLoop:
		return next, false
	case returned:
		return returned, false
	}
	return next, true
}

func (b *binder) loopBody(n node) exec {
	b.loops++
	switches := b.switches
	b.switches = 0
	body, _ := b.embedded(n)
	b.switches = switches
	b.loops--
	return body
}

func (b *binder) forStatement(x *forStmt) (exec, bool) {
	b.open()
	defer b.close()
	var init, post []exec
	for _, n := range x.init {
		s, _ := b.statement(n)
		init = append(init, s)
	}
	cond, always := func(*frame) bool { return true }, true
	if x.cond != nil {
		c := b.outcomes(b.condition(x.cond), x.cond.offset(), "condition of for")
		cond, always = c.b, c.konst == true
	}
	for _, n := range x.post {
		s, _ := b.statement(n)
		post = append(post, s)
	}
	body := b.loopBody(x.body)
	start, after := sequence(init), sequence(post)
	return func(f *frame) signal {
		for start(f); cond(f); after(f) {
			if r, more := loop(f, body); !more {
				return r
			}
		}
		return next
	}, !always || breaks(x.body)
}

func (b *binder) whileStatement(x *whileStmt) (exec, bool) {
	b.open()
	defer b.close()
	c := b.outcomes(b.condition(x.cond), x.cond.offset(), "condition of while")
	cond := c.b
	body := b.loopBody(x.body)
	reachable := c.konst != true || breaks(x.body)
	if x.do {
		return func(f *frame) signal {
			for {
				if r, more := loop(f, body); !more {
					return r
				}
				if !cond(f) {
					return next
				}
			}
		}, reachable
	}
	return func(f *frame) signal {
		for cond(f) {
			if r, more := loop(f, body); !more {
				return r
			}
		}
		return next
	}, reachable
}

// breaks tells whether a break leaves the loop with this body.
func breaks(n node) bool {
	switch x := n.(type) {
	case nil:
		return false
	case *jumpStmt:
		return x.kind == "break"
	case *forStmt, *foreachStmt, *whileStmt, *switchStmt, *lambdaX, *funcStmt:
		return false
	}
	for _, c := range statementChildren(n) {
		if c != nil && breaks(c) {
			return true
		}
	}
	return false
}

func (b *binder) foreachStatement(x *foreachStmt) exec {
	in := b.value(x.in)
	elem := elementType(in.t)
	if elem == nil {
		hint := ""
		if in.t.def == types().object.def {
			hint = "cast it first, e.g. to JArray or string[]"
		}
		fail(in.pos, "foreach cannot go through a value of type "+in.t.String(), hint)
	}
	b.open()
	defer b.close()
	raw := b.temp()
	start := b.foreachVariable(x, load(raw, elem, x.offset()))
	body := b.loopBody(x.body)
	source, pos := pairsOf(in), in.pos
	kept := b.temp()
	return func(f *frame) signal {
		s := source(f)
		f.pos = pos
		if s == nil {
			throwNull("")
		}
		result, pinned := next, f.pinned
		kept(f).a = s
		if _, lazy := s.(*Seq); lazy {
			f.pinned++
		}
		each(f, s, func(item any) bool {
			raw(f).put(elem, item)
			start(f)
			r, more := loop(f, body)
			result = r
			return more
		})
		f.pinned = pinned
		return result
	}
}

// foreachVariable declares the variable, or the variables of a deconstruction,
// and gives what sets them from the item.
func (b *binder) foreachVariable(x *foreachStmt, item *operand) func(*frame) {
	if x.parts != nil {
		return b.deconstruct(x.parts, item).run()
	}
	t := item.t
	if x.t != nil {
		t = b.resolve(x.t)
	}
	o := b.cast(item, t, x.offset())
	v := b.declare(x.name, t, x.offset())
	v.readonly = "the variable of a foreach"
	fresh, set := v.fresh(), o.store(b.place(v))
	return func(f *frame) { fresh(f); set(f) }
}

// elementType is T of a sequence; nil when t is none.
func elementType(t *typ) *typ {
	if t.is(kArray) || t.rank() > 1 {
		return t.args[0]
	}
	if e := t.as(types().enumerable); e != nil {
		return e.args[0]
	}
	return nil
}

func (b *binder) jump(x *jumpStmt) exec {
	if b.loops == 0 && (x.kind == "continue" || b.switches == 0) {
		fail(x.offset(), "'"+x.kind+"' stands outside of a loop", "")
	}
	s := breakLoop
	if x.kind == "continue" {
		s = continueLoop
	}
	return func(*frame) signal { return s }
}

func (b *binder) returnStatement(x *returnStmt) exec {
	fn := b.fn
	if x.x == nil {
		if fn.want != nil || fn.ret != nil && !fn.ret.is(kVoid) {
			fail(x.offset(), "return needs a value here", "")
		}
		return func(*frame) signal { return returned }
	}
	if fn.ret != nil && fn.ret.is(kVoid) {
		fail(x.x.offset(), "this function returns nothing", "")
	}
	o := b.bind(x.x)
	switch {
	case fn.want != nil:
		o = b.wanted(o, *fn.want)
		set := o.store(func(f *frame) *slot { return &f.ret })
		return func(f *frame) signal { set(f); return returned }
	case fn.ret != nil:
		o = b.implicit(o, fn.ret)
	default:
		if o.kind != isValue {
			b.failConvert(o, types().object)
		}
		fn.types = append(fn.types, o.t)
	}
	get := o.a
	return func(f *frame) signal { v := get(f); f.ret.a = v; return returned }
}
