package expr

// equality binds == and !=.
func (b *binder) equality(op string, l, r *operand, pos int) *operand {
	u := types()
	not := op == "!="
	switch {
	case l.t.is(kString) && r.isNull() || r.t.is(kString) && l.isNull():
		f := l.s
		if l.isNull() {
			f = r.s
		}
		return fromBool(func(fr *frame) bool { _, ok := f(fr); return ok == not }, pos)
	case l.t.is(kString) && r.t.is(kString):
		return stringEquality(l, r, not, pos)
	case l.isNull() || r.isNull():
		return b.nullTest(l, r, not, pos)
	case l.t.tuple() && r.t.tuple() && len(l.t.args) == len(r.t.args):
		return b.tupleEquality(l, r, not, pos)
	case l.t.is(kNullable) || r.t.is(kNullable):
		return b.liftedEquality(op, l, r, pos)
	case l.t.is(kBool) && r.t.is(kBool):
		f, g := l.b, r.b
		return fromBool(func(fr *frame) bool { v := f(fr); return (v == g(fr)) != not }, pos)
	case l.t.numeric() && r.t.numeric():
		return b.numberEquality(l, r, not, pos)
	case l.t.is(kEnum) && r.cost(l.t) >= 0:
		return intEquality(l.i, b.convert(r, l.t).i, not, pos)
	case r.t.is(kEnum) && l.cost(r.t) >= 0:
		return intEquality(b.convert(l, r.t).i, r.i, not, pos)
	}
	if m := b.userOperator("==", l, r); m != nil {
		o := b.emit(m, nil, []*operand{b.convert(l, m.params[0].t), b.convert(r, m.params[1].t)}, pos)
		if not {
			f := o.b
			return fromBool(func(fr *frame) bool { return !f(fr) }, pos)
		}
		return o
	}
	if l.t.is(kStruct) && same(l.t, r.t) || b.comparable(l, r) {
		f, g := l.a, r.a
		if !l.t.is(kStruct) && (l.variable == nil || l.variable != r.variable) {
			return fromBool(func(fr *frame) bool { v := f(fr); w := g(fr); return (sameReference(v, w) && !isBoxed(v)) != not }, pos)
		}
		return fromBool(func(fr *frame) bool { v := f(fr); return sameReference(v, g(fr)) != not }, pos)
	}
	if l.t.def == u.object.def || r.t.def == u.object.def {
		b.failOperator(op, l, r, pos)
	}
	fail(pos, "operator "+op+" cannot be applied to "+l.t.String()+" and "+r.t.String(), "the two types have no common values")
	return nil
}

// comparable tells whether references of the two types can be equal.
func (b *binder) comparable(l, r *operand) bool {
	if !l.t.nullable() || !r.t.nullable() {
		return false
	}
	return castable(l.t, r.t) || castable(r.t, l.t) || l.cost(r.t) >= 0 || r.cost(l.t) >= 0
}

func stringEquality(l, r *operand, not bool, pos int) *operand {
	if l.isConst {
		l, r = r, l
	}
	f := l.s
	if s, ok := r.konst.(string); ok && r.isConst {
		return fromBool(func(fr *frame) bool { v, ok := f(fr); return (ok && v == s) != not }, pos)
	}
	g := r.s
	return fromBool(func(fr *frame) bool {
		v, a := f(fr)
		w, b := g(fr)
		return (a == b && v == w) != not
	}, pos)
}

func (b *binder) nullTest(l, r *operand, not bool, pos int) *operand {
	if l.isNull() {
		l, r = r, l
	}
	if l.isNull() {
		return constant(!not, types().boolean, pos)
	}
	if !l.t.nullable() {
		return b.neverNull(l, not, pos)
	}
	f := l.a
	return fromBool(func(fr *frame) bool { return (f(fr) == nil) != not }, pos)
}

// neverNull compares a value with null. C# warns and goes on where the type has
// an operator to lift; what computes the value still runs.
func (b *binder) neverNull(v *operand, not bool, pos int) *operand {
	lifted := v.t.is(kBool) || v.t.numeric() || v.t.is(kEnum)
	switch v.t.def.name {
	case "DateTime", "DateTimeOffset", "TimeSpan", "Guid":
		lifted = true
	}
	if !lifted {
		fail(pos, "a value of type "+v.t.String()+" is never null", "")
	}
	f := b.convert(v, types().object).a
	return fromBool(func(fr *frame) bool { f(fr); return not }, pos)
}

func (b *binder) liftedEquality(op string, l, r *operand, pos int) *operand {
	lt, rt := underlying(l.t), underlying(r.t)
	x, y := b.temp(), b.temp()
	inner := b.equality("==", load(x, lt, l.pos), load(y, rt, r.pos), pos)
	f, g, h, not := l.a, r.a, inner.b, op == "!="
	return fromBool(func(fr *frame) bool {
		v, w := f(fr), g(fr)
		if v == nil || w == nil {
			return (v == nil && w == nil) != not
		}
		x(fr).put(lt, v)
		y(fr).put(rt, w)
		return h(fr) != not
	}, pos)
}

func (b *binder) numberEquality(l, r *operand, not bool, pos int) *operand {
	t := promote(l.t, r.t)
	if t == nil {
		t = types().float64
	}
	v, w := b.numeric(l, t), b.numeric(r, t)
	switch t.rep() {
	case repInt:
		return intEquality(v.i, w.i, not, pos)
	case repFloat:
		f, g := v.d, w.d
		return fromBool(func(fr *frame) bool { n := f(fr); return (n == g(fr)) != not }, pos)
	}
	f, g := v.a, w.a
	return fromBool(func(fr *frame) bool { n := f(fr); return (compareDecimal(n.(Decimal), g(fr).(Decimal)) == 0) != not }, pos)
}

func intEquality(f, g func(*frame) int64, not bool, pos int) *operand {
	return fromBool(func(fr *frame) bool { n := f(fr); return (n == g(fr)) != not }, pos)
}

// relational binds < > <= >=.
func (b *binder) relational(op string, l, r *operand, pos int) *operand {
	if l.t.is(kNullable) || r.t.is(kNullable) || l.isNull() && r.t.value() || r.isNull() && l.t.value() {
		o := b.lifted(op, l, r, pos)
		f := o.a
		return fromBool(func(fr *frame) bool { v, _ := f(fr).(bool); return v }, pos)
	}
	switch {
	case l.t.numeric() && r.t.numeric():
	case l.t.is(kEnum) && same(l.t, r.t):
		return intRelation(op, l.i, r.i, pos)
	default:
		if m := b.userOperator("<", l, r); m != nil {
			return b.compareBy(op, m, l, r, pos)
		}
		b.failOperator(op, l, r, pos)
	}
	t := promote(l.t, r.t)
	if t == nil {
		b.failOperator(op, l, r, pos)
	}
	v, w := b.numeric(l, t), b.numeric(r, t)
	switch {
	case t.is(kUint64):
		f, g := v.i, w.i
		const flip = -1 << 63
		return intRelation(op, func(fr *frame) int64 { return f(fr) ^ flip }, func(fr *frame) int64 { return g(fr) ^ flip }, pos)
	case t.rep() == repInt:
		return intRelation(op, v.i, w.i, pos)
	case t.rep() == repFloat:
		return floatRelation(op, v.d, w.d, pos)
	}
	f, g := v.a, w.a
	return intRelation(op, func(fr *frame) int64 { n := f(fr); return int64(compareDecimal(n.(Decimal), g(fr).(Decimal))) },
		func(*frame) int64 { return 0 }, pos)
}

// compareBy uses the row "op_<", whose function gives the sign of a comparison.
func (b *binder) compareBy(op string, m *method, l, r *operand, pos int) *operand {
	f, g := b.convert(l, m.params[0].t).a, b.convert(r, m.params[1].t).a
	return intRelation(op, func(fr *frame) int64 { v := f(fr); return int64(compareValues(v, g(fr))) }, func(*frame) int64 { return 0 }, pos)
}

func intRelation(op string, f, g func(*frame) int64, pos int) *operand {
	switch op {
	case "<":
		return fromBool(func(fr *frame) bool { v := f(fr); return v < g(fr) }, pos)
	case ">":
		return fromBool(func(fr *frame) bool { v := f(fr); return v > g(fr) }, pos)
	case "<=":
		return fromBool(func(fr *frame) bool { v := f(fr); return v <= g(fr) }, pos)
	}
	return fromBool(func(fr *frame) bool { v := f(fr); return v >= g(fr) }, pos)
}

func floatRelation(op string, f, g func(*frame) float64, pos int) *operand {
	switch op {
	case "<":
		return fromBool(func(fr *frame) bool { v := f(fr); return v < g(fr) }, pos)
	case ">":
		return fromBool(func(fr *frame) bool { v := f(fr); return v > g(fr) }, pos)
	case "<=":
		return fromBool(func(fr *frame) bool { v := f(fr); return v <= g(fr) }, pos)
	}
	return fromBool(func(fr *frame) bool { v := f(fr); return v >= g(fr) }, pos)
}

func (b *binder) castNode(x *castX) *operand {
	return b.cast(b.bind(x.x), b.resolve(x.t), x.offset())
}

func (b *binder) asNode(x *asX) *operand {
	t, o := b.resolve(x.t), b.value(x.x)
	if !t.nullable() {
		fail(x.t.offset(), "as needs a type that can be null; "+t.String()+" cannot", "use a cast, or "+t.String()+"?")
	}
	f := o.a
	return fromAny(func(fr *frame) any {
		if v := f(fr); isInstance(v, t) {
			return v
		}
		return nil
	}, t, x.offset())
}

func (b *binder) isNode(x *isX) *operand {
	o := b.value(x.x)
	s := b.save(o)
	test := b.pattern(x.p, s.get)
	run := s.run
	return fromBool(func(fr *frame) bool { run(fr); return test(fr) }, x.offset())
}

// pattern binds a pattern against a value that can be read repeatedly.
func (b *binder) pattern(p *pattern, o *operand) func(*frame) bool {
	switch {
	case p.isv:
		v := b.declare(p.name, o.t, p.offset())
		fresh, set := v.fresh(), o.store(b.place(v))
		return func(fr *frame) bool { fresh(fr); set(fr); return true }
	case p.t != nil:
		if p.name == "" {
			// "x is Name" may be a constant instead of a type.
			if k := b.constantNamed(p.t); k != nil {
				return b.equality("==", o, k, p.offset()).b
			}
		}
		return b.typePattern(p, o)
	}
	c := b.value(p.x)
	if !c.isConst {
		fail(c.pos, "a pattern must be a type or a constant", "")
	}
	if c.isNull() {
		f := o.a
		return func(fr *frame) bool { return f(fr) == nil }
	}
	if o.t.def == types().object.def || o.t.is(kNullable) {
		f, k := o.a, c.konst
		return func(fr *frame) bool { return Equal(f(fr), k) }
	}
	return b.equality("==", o, c, p.offset()).b
}

func (b *binder) constantNamed(t *typeX) *operand {
	if t.elem != nil || len(t.parts) == 0 || t.parts[0].args != nil {
		return nil
	}
	if len(t.parts) == 1 {
		if v, _ := b.lookup(t.parts[0].name); v != nil && v.konst != nil {
			return v.konst
		}
		return nil
	}
	n := len(t.parts) - 1
	var x node = &nameX{at: t.at, name: t.parts[0].name}
	for _, p := range t.parts[1:] {
		x = &memberX{at: t.at, x: x, name: p.name}
	}
	owner := ""
	for i := range n {
		if i > 0 {
			owner += "."
		}
		owner += t.parts[i].name
	}
	if d, _ := types().find(owner, 0, b.profile); d == nil {
		return nil
	}
	if d, _ := types().find(owner+"."+t.parts[n].name, 0, b.profile); d != nil {
		return nil
	}
	o := b.bind(x)
	if o.kind == isValue && o.isConst {
		return o
	}
	return nil
}

func (b *binder) typePattern(p *pattern, o *operand) func(*frame) bool {
	t := b.resolve(p.t)
	f := o.a
	test := func(v any) bool { return isInstance(v, t) }
	if p.name == "" || p.name == "_" {
		return func(fr *frame) bool { return test(f(fr)) }
	}
	v := b.declare(p.name, t, p.offset())
	fresh, place := v.fresh(), b.place(v)
	return func(fr *frame) bool {
		value := f(fr)
		fresh(fr)
		if !test(value) {
			return false
		}
		place(fr).put(t, value)
		return true
	}
}
