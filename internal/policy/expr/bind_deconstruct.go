package expr

// deconstruct binds (a, b) = r and var (a, b) = r. All values are evaluated
// before the first one is assigned.
func (b *binder) deconstruct(l *tupleX, r *operand) *operand {
	var values, sets []func(*frame)
	b.deconstructInto(l, r, &values, &sets)
	return fromVoid(func(f *frame) {
		for _, run := range values {
			run(f)
		}
		for _, run := range sets {
			run(f)
		}
	}, l.offset())
}

func (b *binder) deconstructInto(l *tupleX, r *operand, values, sets *[]func(*frame)) {
	parts := b.parts(r, values)
	if len(parts) != len(l.items) {
		failf(l.offset(), "%d variables for %d values", len(l.items), len(parts))
	}
	for i, n := range l.items {
		if inner, ok := n.(*tupleX); ok {
			b.deconstructInto(inner, parts[i], values, sets)
			continue
		}
		b.deconstructItem(n, parts[i], values, sets)
	}
}

// parts gives the values that a deconstruction takes apart.
func (b *binder) parts(r *operand, values *[]func(*frame)) []*operand {
	if r.items != nil {
		return r.items
	}
	if r.kind != isValue {
		b.failConvert(r, types().object)
	}
	s := b.save(r)
	*values = append(*values, s.run)
	switch {
	case r.t.tuple():
		out := make([]*operand, len(r.t.args))
		for i := range out {
			out[i] = tupleItem(s.get, i, r.pos)
		}
		return out
	case r.t.def == types().pair:
		var out []*operand
		for _, name := range []string{"Key", "Value"} {
			out = append(out, b.member(&memberX{at: at(r.pos), x: &boundX{at(r.pos), s.get}, name: name}))
		}
		return out
	}
	fail(r.pos, "a value of type "+r.t.String()+" cannot be taken apart", "only tuples and pairs of a dictionary")
	return nil
}

// deconstructItem assigns one value to a variable, a new variable or nothing.
func (b *binder) deconstructItem(n node, part *operand, values, sets *[]func(*frame)) {
	place := b.temp()
	if v, ok := n.(*outVarX); ok {
		if v.t != nil {
			part = b.implicit(part, b.resolve(v.t))
		} else if part.kind != isValue || part.isNull() {
			fail(v.offset(), "the type of '"+v.name+"' cannot be inferred", "write the type instead of var")
		}
		*values = append(*values, part.store(place))
		if v.name == "_" {
			return
		}
		info := b.declare(v.name, part.t, v.offset())
		*sets = append(*sets, info.fresh(), load(place, part.t, v.offset()).store(b.place(info)))
		return
	}
	if b.discard(n) {
		*values = append(*values, b.implicit(part, types().object).run())
		return
	}
	l := b.location(n)
	part = b.implicit(part, l.t)
	*values = append(append(*values, l.prepare...), part.store(place))
	*sets = append(*sets, l.set(load(place, l.t, n.offset())))
}
