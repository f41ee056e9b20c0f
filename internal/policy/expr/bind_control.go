package expr

func (b *binder) switchStatement(x *switchStmt) (exec, bool) {
	b.open()
	defer b.close()
	s := b.save(b.value(x.x))
	type branch struct {
		test func(*frame) bool
		body exec
	}
	var branches []branch
	var fallback exec
	reachable, hasDefault := false, false
	b.switches++
	for _, sec := range x.sections {
		b.open()
		test := func(*frame) bool { return false }
		isDefault := false
		for _, l := range sec.labels {
			if l.p == nil {
				isDefault, hasDefault = true, true
				continue
			}
			one, before := b.pattern(l.p, s.get), test
			if l.when != nil {
				p, w := one, b.condition(l.when).b
				one = func(f *frame) bool { return p(f) && w(f) }
			}
			test = func(f *frame) bool { return before(f) || one(f) }
		}
		body, end := b.statements(sec.body)
		b.close()
		if end {
			fail(sec.labels[0].pos, "this case runs into the next one", "end it with break or return")
		}
		for _, n := range sec.body {
			reachable = reachable || breaks(n)
		}
		body = b.way(body, sec.labels[0].pos, "case of switch: taken")
		branches = append(branches, branch{test, body})
		if isDefault {
			fallback = body
		}
	}
	b.switches--
	if fallback == nil && b.branches != nil {
		fallback = b.way(func(*frame) signal { return next }, x.offset(), "switch: without a case that fits")
	}
	run := s.run
	return func(f *frame) signal {
		run(f)
		chosen := fallback
		for i := range branches {
			if branches[i].test(f) {
				chosen = branches[i].body
				break
			}
		}
		if chosen == nil {
			return next
		}
		if r := chosen(f); r != breakLoop {
			return r
		}
		return next
	}, reachable || !hasDefault
}

// handler is a compiled catch clause.
type handler struct {
	t    *typ
	set  func(*frame, *exception)
	when func(*frame) bool
	body exec
}

func (b *binder) tryStatement(x *tryStmt) (exec, bool) {
	body, reachable := b.statements(x.body.list)
	var handlers []handler
	for i := range x.catches {
		h, r := b.catchClause(&x.catches[i])
		for j := range handlers {
			if x.catches[j].when == nil && (x.catches[j].t == nil || x.catches[i].t != nil && h.t.as(handlers[j].t.def) != nil) {
				fail(x.catches[i].offset(), "an earlier catch takes all exceptions of this one already", "put the catch of the narrower type first")
			}
		}
		handlers = append(handlers, h)
		reachable = reachable || r
	}
	run := body
	if handlers != nil {
		run = func(f *frame) signal { return guarded(f, body, handlers) }
	}
	if x.finally == nil {
		return run, reachable
	}
	final, r := b.statements(x.finally.list)
	inner := run
	return func(f *frame) (s signal) {
		mark := f.mark()
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			e := toException(p)
			if !e.limit {
				f.unwind(mark)
				ret := f.ret
				final(f)
				f.ret = ret
			}
			panic(e)
		}()
		s = inner(f)
		ret := f.ret
		final(f)
		f.ret = ret
		return s
	}, reachable && r
}

// mark is how much of the machine is in use at a place.
type mark struct{ depth, stack, buf, pinned int }

func (f *frame) mark() mark { return mark{f.depth, len(f.stack), len(f.buf), f.pinned} }

// unwind restores the machine to the place where an exception is handled.
func (f *frame) unwind(m mark) {
	f.buf = f.buf[:m.buf]
	f.depth, f.pinned = m.depth, m.pinned
	clear(f.stack[m.stack:])
	f.stack = f.stack[:m.stack]
}

func (b *binder) catchClause(c *catchClause) (handler, bool) {
	b.open()
	defer b.close()
	h := handler{t: &typ{def: types().exception}}
	if c.t != nil {
		h.t = b.resolve(c.t)
		if h.t.as(types().exception) == nil {
			fail(c.t.offset(), "only exceptions can be caught, not "+h.t.String(), "")
		}
	}
	if c.name != "" {
		v := b.declare(c.name, h.t, c.offset())
		fresh, place := v.fresh(), b.place(v)
		h.set = func(f *frame, e *exception) { fresh(f); place(f).a = e }
	}
	if c.when != nil {
		h.when = b.condition(c.when).b
	}
	b.catches++
	body, r := b.statements(c.body.list)
	b.catches--
	h.body = b.way(body, c.offset(), "catch: taken")
	return h, r
}

// guarded runs a body and hands its exception to the first handler that takes it.
func guarded(f *frame, body exec, handlers []handler) (s signal) {
	caught, s := attempt(f, body, handlers)
	if caught == nil {
		return s
	}
	outer := f.err
	f.err = caught.e
	s = caught.h.body(f)
	f.err = outer
	return s
}

type caughtException struct {
	e *exception
	h *handler
}

func attempt(f *frame, body exec, handlers []handler) (caught *caughtException, s signal) {
	mark := f.mark()
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		e := toException(p)
		if e.limit {
			panic(e)
		}
		if e.pos < 0 {
			e.pos = f.pos
		}
		f.unwind(mark)
		for i := range handlers {
			h := &handlers[i]
			if !e.isA(h.t) {
				continue
			}
			if h.set != nil {
				h.set(f, e)
			}
			if h.when == nil || h.when(f) {
				caught = &caughtException{e, h}
				return
			}
		}
		panic(e)
	}()
	return nil, body(f)
}

// isA tells whether a catch clause of the type takes the exception.
func (e *exception) isA(t *typ) bool {
	u := types()
	if t.def == u.exception {
		return true
	}
	d := u.full[e.Type]
	return d != nil && (&typ{def: d}).as(t.def) != nil
}

func (b *binder) thrown(n node) func(*frame) {
	o := b.value(n)
	if o.t.as(types().exception) == nil {
		fail(n.offset(), "only exceptions can be thrown, not "+o.t.String(), "write throw new Exception(\"...\")")
	}
	f, pos := o.a, n.offset()
	return func(fr *frame) {
		e, ok := f(fr).(*exception)
		fr.pos = pos
		if !ok {
			throwNull("")
		}
		panic(e)
	}
}

func (b *binder) throwStatement(x *throwStmt) exec {
	if x.x == nil {
		if b.catches == 0 {
			fail(x.offset(), "throw; stands outside of a catch block", "write throw new Exception(\"...\")")
		}
		return func(f *frame) signal {
			e, _ := f.err.(*exception)
			if e == nil {
				throwNull("")
			}
			panic(e)
		}
	}
	run := b.thrown(x.x)
	return func(f *frame) signal { run(f); return next }
}

func (b *binder) usingStatement(x *usingStmt) (exec, bool) {
	b.open()
	defer b.close()
	var start exec
	if x.decl != nil {
		start = b.declaration(x.decl)
	} else {
		run := b.value(x.x).run()
		start = func(f *frame) signal { run(f); return next }
	}
	// Disposing has no effect that an expression could see: nothing here
	// holds a resource of the machine.
	body, r := b.embedded(x.body)
	return func(f *frame) signal { start(f); return body(f) }, r
}

func (b *binder) declareFunction(x *funcStmt) {
	l := &localFunc{name: x.name, owner: b.fn, code: &code{pos: x.offset()}}
	if x.ret != nil {
		l.ret = b.resolve(x.ret)
	}
	for _, p := range x.params {
		l.params = append(l.params, b.resolve(p.t))
		l.names = append(l.names, p.name)
		l.modes = append(l.modes, p.mode)
		l.defs = append(l.defs, p.def)
	}
	if v, f := b.lookup(x.name); v != nil || f != nil {
		fail(x.offset(), "'"+x.name+"' already exists here", "choose another name")
	}
	b.scope.funcs = append(b.scope.funcs, l)
}

func (b *binder) bindFunction(x *funcStmt) {
	_, l := b.lookup(x.name)
	ret := l.ret
	if ret == nil {
		ret = types().void
	}
	fn := &function{outer: b.fn, ret: ret}
	outer, loops, switches := b.fn, b.loops, b.switches
	b.fn, b.loops, b.switches = fn, 0, 0
	b.scope = &scope{outer: b.scope, fn: fn}
	c := l.code
	for i, p := range x.params {
		v := b.declare(p.name, l.params[i], p.pos)
		if v.alias = p.mode == "ref" || p.mode == "out"; v.alias {
			v.captured = true
		}
		c.params = append(c.params, v)
		c.enter = append(c.enter, v.fresh())
	}
	if x.x != nil {
		b.functionExpression(c, x.x, ret)
	} else {
		body, reachable := b.statements(x.body.list)
		if reachable && !ret.is(kVoid) {
			fail(x.body.end, "not every path of '"+x.name+"' returns a value", "add a return statement")
		}
		c.body = func(f *frame) any {
			f.ret = slot{}
			body(f)
			return f.ret.a
		}
	}
	// Each call has a frame of its own: functions may call themselves.
	c.slots, c.nested = fn.slots, true
	b.scope, b.fn, b.loops, b.switches = b.scope.outer, outer, loops, switches
}

func (b *binder) functionExpression(c *code, x node, ret *typ) {
	if ret.is(kVoid) {
		run := b.bind(x).run()
		c.body = func(f *frame) any { run(f); return nil }
		return
	}
	c.body = b.as(x, ret).a
}
