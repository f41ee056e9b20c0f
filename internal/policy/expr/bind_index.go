package expr

func (b *binder) index(x *indexX) *operand {
	left := b.value(x.x)
	m, args := b.indexer(left, x)
	return b.emit(m, nil, args, x.offset())
}

// indexer finds the indexer of a type for the arguments; the receiver is the first operand.
func (b *binder) indexer(left *operand, x *indexX) (*method, []*operand) {
	group := members(left.t, "this", b.profile)
	if len(group) == 0 {
		hint := ""
		if left.t.def == types().object.def {
			hint = "cast the value first"
		}
		fail(x.offset(), "a value of type "+left.t.String()+" has no index", hint)
	}
	fn := &operand{kind: isGroup, group: group, recv: left, name: "this[]", pos: x.offset(), t: types().void}
	m, _, args := b.overload(fn, nil, b.arguments(x.args), x.offset())
	return m, args
}

// conditional binds x?.tail: the tail reads the receiver from a temporary and
// is skipped when it is null.
func (b *binder) conditional(x *conditionalX) *operand {
	left := b.value(x.x)
	t := left.t
	if t.nullable() {
		left = b.nullness(left, x.x.offset(), "left side of ?.")
	} else {
		// The types of the gateway never give null here; C# would refuse.
		fail(x.offset(), "?. needs a value that can be null; "+t.String()+" cannot", "use . instead")
	}
	at := b.temp()
	inner := t
	if t.is(kNullable) {
		inner = t.args[0]
	}
	store := func(f *frame, v any) { at(f).put(inner, v) }
	b.recv = append(b.recv, load(at, inner, left.pos))
	tail := b.bind(x.tail)
	b.recv = b.recv[:len(b.recv)-1]
	if tail.kind != isValue {
		b.failConvert(tail, types().object)
	}
	value := left.a
	if tail.t.is(kVoid) {
		run := tail.run()
		return fromVoid(func(f *frame) {
			if v := value(f); v != nil {
				store(f, v)
				run(f)
			}
		}, x.offset())
	}
	if tail.t.is(kString) {
		text := tail.s
		return fromString(func(f *frame) (string, bool) {
			v := value(f)
			if v == nil {
				return "", false
			}
			store(f, v)
			return text(f)
		}, x.offset())
	}
	get := tail.a
	return fromAny(func(f *frame) any {
		v := value(f)
		if v == nil {
			return nil
		}
		store(f, v)
		return get(f)
	}, types().nullableOf(tail.t), x.offset())
}

// location is something that can be assigned: prepare evaluates its parts once,
// get reads it, set writes a value that was converted to t.
type location struct {
	t       *typ
	prepare []func(*frame)
	get     *operand
	set     func(v *operand) func(*frame)
}

func (b *binder) location(n node) *location {
	switch x := n.(type) {
	case *nameX:
		return b.variableLocation(x)
	case *memberX:
		left := b.bind(x.x)
		if left.kind == isValue && left.t.tuple() {
			return b.tupleLocation(x)
		}
		if left.kind == isValue {
			return b.memberLocation(left, x)
		}
	case *indexX:
		left := b.value(x.x)
		saved := b.save(left)
		m, args := b.indexer(saved.get, x)
		return b.tableLocation(m, args, saved.run, x.offset(), "this index cannot be assigned")
	}
	fail(n.offset(), "this cannot be assigned", "only variables, indexers and properties that can be set")
	return nil
}

func (b *binder) variableLocation(x *nameX) *location {
	v, f := b.lookup(x.name)
	switch {
	case v == nil && f == nil:
		b.name(x)
		fail(x.offset(), "'"+x.name+"' cannot be assigned", "")
	case f != nil:
		fail(x.offset(), "'"+x.name+"' is a function and cannot be assigned", "")
	case v.konst != nil:
		fail(x.offset(), "the constant '"+x.name+"' cannot be assigned", "")
	case v.readonly != "":
		fail(x.offset(), "'"+x.name+"' is "+v.readonly+" and cannot be assigned", "")
	}
	place := b.place(v)
	return &location{t: v.t, get: load(place, v.t, x.offset()), set: func(o *operand) func(*frame) { return o.store(place) }}
}

// saved is an operand evaluated once into a temporary.
type saved struct {
	run func(*frame)
	get *operand
}

func (b *binder) save(o *operand) saved {
	if o.isConst {
		return saved{func(*frame) {}, o}
	}
	at := b.temp()
	return saved{o.store(at), load(at, o.t, o.pos)}
}

func (b *binder) memberLocation(left *operand, x *memberX) *location {
	found := members(left.t, x.name, b.profile)
	if len(found) == 0 {
		b.unknownMember(left.t, x)
	}
	s := b.save(left)
	return b.tableLocation(found[0], []*operand{s.get}, s.run, x.offset(), "'"+left.t.String()+"."+x.name+"' cannot be assigned")
}

// tableLocation assigns through the set function of a table member.
func (b *binder) tableLocation(m *method, args []*operand, run func(*frame), pos int, refusal string) *location {
	set, ok := m.set.(tableFunc)
	if !ok {
		hint := ""
		if m.owner.name == "Headers" || m.owner == types().context {
			hint = "policies such as set-header and set-variable change the request"
		}
		fail(pos, refusal, hint)
	}
	l := &location{t: m.own.apply(m.ret), prepare: []func(*frame){run}}
	kept := []*operand{args[0]}
	for _, a := range args[1:] {
		s := b.save(a)
		l.prepare = append(l.prepare, s.run)
		kept = append(kept, s.get)
	}
	l.get = b.emit(m, nil, kept, pos)
	l.set = func(v *operand) func(*frame) {
		c := &caller{m: m, args: kept, pos: pos}
		in := make([]func(*frame) any, 0, len(kept)+1)
		for i := range kept {
			in = append(in, c.any(i))
		}
		call := invokeTable(set, append(in, v.a), pos)
		return func(f *frame) { call(f) }
	}
	return l
}

func (b *binder) assign(x *assignX) *operand {
	if l, ok := x.l.(*tupleX); ok && x.op == "" {
		return b.deconstruct(l, b.bind(x.r))
	}
	if b.discard(x.l) && x.op == "" {
		return b.value(x.r)
	}
	l := b.location(x.l)
	var v *operand
	if x.op == "" {
		v = b.as(x.r, l.t)
	} else if x.op == "??" {
		return b.assignNull(l, x)
	} else {
		r := b.arithmetic(x.op, l.get, b.value(x.r), x.offset())
		if r.cost(l.t) < 0 && !(r.t.numeric() && l.t.numeric()) {
			b.failConvert(r, l.t)
		}
		v = b.cast(r, l.t, x.offset())
	}
	return b.store(l, v, x.offset())
}

// store assigns and gives the assigned value.
func (b *binder) store(l *location, v *operand, pos int) *operand {
	at := b.temp()
	keep, set := v.store(at), l.set(load(at, l.t, pos))
	prepare := l.prepare
	o := load(func(f *frame) *slot {
		for _, p := range prepare {
			p(f)
		}
		keep(f)
		set(f)
		return at(f)
	}, l.t, pos)
	return o
}

// assignNull is x ??= y.
func (b *binder) assignNull(l *location, x *assignX) *operand {
	if !l.t.nullable() {
		fail(x.offset(), "??= needs a variable that can be null", "")
	}
	at := b.temp()
	get := l.get.a
	keep, set := b.as(x.r, l.t).store(at), l.set(load(at, l.t, x.offset()))
	return fromAny(func(f *frame) any {
		for _, p := range l.prepare {
			p(f)
		}
		if v := get(f); v != nil {
			return v
		}
		keep(f)
		set(f)
		return at(f).take(l.t)
	}, l.t, x.offset())
}

// increment is ++ and --.
func (b *binder) increment(x *stepX) *operand {
	l := b.location(x.x)
	if t := underlying(l.t); !t.numeric() && !t.is(kEnum) {
		fail(x.offset(), "operator "+x.op+" cannot be applied to "+l.t.String(), "")
	}
	old := b.temp()
	next := b.cast(b.arithmetic(x.op[:1], load(old, l.t, x.offset()), constant(int32(1), types().int32, x.offset()), x.offset()), l.t, x.offset())
	at := b.temp()
	read, keep, set := l.get.store(old), next.store(at), l.set(load(at, l.t, x.offset()))
	prepare, result := l.prepare, at
	if !x.prefix {
		result = old
	}
	return load(func(f *frame) *slot {
		for _, p := range prepare {
			p(f)
		}
		read(f)
		keep(f)
		set(f)
		return result(f)
	}, l.t, x.offset())
}
