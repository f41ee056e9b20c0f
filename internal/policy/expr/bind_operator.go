package expr

func (b *binder) unary(x *unaryX) *operand {
	u := types()
	o := b.value(x.x)
	if o.t.is(kNullable) {
		return b.lift(o, func(v *operand) *operand { return b.unaryOn(x, v) }, u.nullableOf(b.unaryOn(x, fromAny(o.a, o.t.args[0], o.pos)).t))
	}
	return b.unaryOn(x, o)
}

func (b *binder) unaryOn(x *unaryX, o *operand) *operand {
	u := types()
	pos := x.offset()
	switch {
	case x.op == "!" && o.t.is(kBool):
		if v, ok := o.konst.(bool); ok {
			return constant(!v, u.boolean, pos)
		}
		f := o.b
		return fromBool(func(fr *frame) bool { return !f(fr) }, pos)
	case x.op == "!":
		if c := conversionCost(o.t, u.boolean, 0); c >= 0 {
			return b.unaryOn(x, b.convert(o, u.boolean))
		}
		fail(pos, "operator ! needs a bool, not "+o.t.String(), "compare the value, or use string.IsNullOrEmpty(...)")
	case !o.t.numeric() && !(o.t.is(kEnum) && x.op == "~"):
		if x.op == "-" && o.t.def == u.timeSpan.def {
			f := o.a
			return fromAny(func(fr *frame) any { return -f(fr).(TimeSpan) }, o.t, pos)
		}
		fail(pos, "operator "+x.op+" cannot be applied to "+o.t.String(), "")
	}
	t := promote1(o.t)
	if x.op == "-" && o.t.is(kUint32) {
		t = u.int64
	}
	v := b.convert(o, t)
	switch {
	case x.op == "+":
		return v
	case x.op == "~" && t.rep() == repInt:
		f, k := v.i, t.def.kind
		return b.folded(fromInt(func(fr *frame) int64 { return wrap(k, ^f(fr)) }, t, pos), v)
	case x.op == "-":
		return b.folded(b.arithmetic("-", b.cast(constant(int32(0), u.int32, pos), t, pos), v, pos), v)
	}
	fail(pos, "operator "+x.op+" cannot be applied to "+o.t.String(), "")
	return nil
}

// folded evaluates an operator on constants at compile time.
func (b *binder) folded(o *operand, parts ...*operand) (out *operand) {
	for _, p := range parts {
		if !p.isConst || p.t.is(kDecimal) {
			return o
		}
	}
	defer func() {
		if r := recover(); r != nil {
			e := toException(r)
			fail(o.pos, "this constant cannot be computed: "+e.Message, "")
		}
	}()
	return constant(o.a(&frame{machine: &machine{ctx: &Context{Budget: Budget{Bytes: DefaultBudgetBytes}}}}), o.t, o.pos)
}

func promote1(t *typ) *typ {
	u := types()
	switch t.def.kind {
	case kChar, kInt8, kUint8, kInt16, kUint16:
		return u.int32
	}
	return t
}

// promote is the binary numeric promotion; nil when C# has none.
func promote(l, r *typ) *typ {
	u := types()
	has := func(k kind) bool { return l.is(k) || r.is(k) }
	switch {
	case has(kDecimal):
		if has(kFloat32) || has(kFloat64) {
			return nil
		}
		return u.decimal
	case has(kFloat64):
		return u.float64
	case has(kFloat32):
		return u.float32
	case has(kUint64):
		return u.uint64
	case has(kInt64):
		return u.int64
	case has(kUint32):
		if l.is(kUint32) && r.is(kUint32) || promotesToUint(l) && promotesToUint(r) {
			return u.uint32
		}
		return u.int64
	}
	return u.int32
}

func promotesToUint(t *typ) bool {
	return t.is(kUint32) || t.is(kUint16) || t.is(kUint8) || t.is(kChar)
}

func (b *binder) binary(x *binaryX) *operand {
	switch x.op {
	case "&&", "||":
		return b.logical(x)
	case "??":
		return b.coalesce(x)
	case "+":
		if parts := b.concatenation(x); parts != nil {
			return parts
		}
	}
	l, r := b.value(x.l), b.value(x.r)
	return b.operator(x.op, l, r, x.pos)
}

func (b *binder) operator(op string, l, r *operand, pos int) *operand {
	switch op {
	case "==", "!=":
		return b.folded(b.equality(op, l, r, pos), l, r)
	case "<", ">", "<=", ">=":
		return b.folded(b.relational(op, l, r, pos), l, r)
	}
	return b.arithmetic(op, l, r, pos)
}

func (b *binder) logical(x *binaryX) *operand {
	u := types()
	l, r := b.outcomes(b.condition(x.l), x.l.offset(), "left side of "+x.op), b.condition(x.r)
	f, g := l.b, r.b
	if v, ok := l.konst.(bool); ok {
		if v == (x.op == "&&") {
			return r
		}
		return constant(v, u.boolean, x.pos)
	}
	if x.op == "&&" {
		return fromBool(func(fr *frame) bool { return f(fr) && g(fr) }, x.pos)
	}
	return fromBool(func(fr *frame) bool { return f(fr) || g(fr) }, x.pos)
}

// condition binds an expression that must be true or false.
func (b *binder) condition(n node) *operand {
	o := b.value(n)
	u := types()
	if o.cost(u.boolean) >= 0 {
		return b.convert(o, u.boolean)
	}
	hint := "compare it: ... == ..."
	if o.t.def == u.object.def {
		hint = "cast it: (bool)..."
	} else if o.t.is(kNullable) {
		hint = "write ... == true"
	} else if o.t.as(u.token) != nil {
		hint = "cast it: (bool)..."
	}
	fail(o.pos, "a condition must be bool, not "+o.t.String(), hint)
	return nil
}

func (b *binder) coalesce(x *binaryX) *operand {
	u := types()
	l, r := b.value(x.l), b.bind(x.r)
	if !l.t.nullable() {
		fail(x.pos, "operator ?? needs a left side that can be null; "+l.t.String()+" cannot", "")
	}
	if l.isNull() {
		return b.implicit(r, u.object)
	}
	l = b.nullness(l, x.l.offset(), "left side of ??")
	if l.t.is(kString) && (r.kind != isValue || r.t.is(kString) || r.isNull()) {
		f, g := l.s, b.implicit(r, u.str).s
		return fromString(func(fr *frame) (string, bool) {
			if s, ok := f(fr); ok {
				return s, true
			}
			return g(fr)
		}, x.pos)
	}
	left, t := l.a, l.t
	if t.is(kNullable) && r.cost(t.args[0]) >= 0 && !r.t.is(kNullable) {
		t = t.args[0]
	} else if r.cost(t) < 0 {
		if r.kind != isValue || conversionCost(l.t, r.t, 0) < 0 {
			if l.t.is(kNullable) && r.kind == isValue && conversionCost(l.t.args[0], r.t, 0) >= 0 {
				inner := b.lift(l, func(v *operand) *operand { return b.convert(v, r.t) }, u.nullableOf(r.t))
				left, t = inner.a, r.t
			} else {
				fail(x.pos, "operator ?? cannot be applied to "+l.t.String()+" and "+nameOf(r), "both sides need the same type")
			}
		} else {
			t = r.t
			left = b.convert(l, t).a
		}
	}
	g := b.convert(r, t).a
	return fromAny(func(fr *frame) any {
		if v := left(fr); v != nil {
			return v
		}
		return g(fr)
	}, t, x.pos)
}

func nameOf(o *operand) string {
	switch o.kind {
	case isValue:
		return o.t.String()
	case isLambda:
		return "a lambda"
	case isGroup:
		return "a method"
	}
	return "this"
}

func (b *binder) ternary(x *ternaryX) *operand {
	c := b.outcomes(b.condition(x.cond), x.cond.offset(), "condition of ?:")
	yes, no := b.bind(x.yes), b.bind(x.no)
	t := b.common(yes, no)
	if t == nil {
		fail(x.offset(), "the two results of ? : have different types: "+nameOf(yes)+" and "+nameOf(no), "convert one of them")
	}
	yes, no = b.convert(yes, t), b.convert(no, t)
	if v, ok := c.konst.(bool); ok {
		if v {
			return yes
		}
		return no
	}
	f := c.b
	switch t.rep() {
	case repBool:
		g, h := yes.b, no.b
		return fromBool(func(fr *frame) bool {
			if f(fr) {
				return g(fr)
			}
			return h(fr)
		}, x.offset())
	case repInt:
		g, h := yes.i, no.i
		return fromInt(func(fr *frame) int64 {
			if f(fr) {
				return g(fr)
			}
			return h(fr)
		}, t, x.offset())
	case repString:
		g, h := yes.s, no.s
		return fromString(func(fr *frame) (string, bool) {
			if f(fr) {
				return g(fr)
			}
			return h(fr)
		}, x.offset())
	}
	g, h := yes.a, no.a
	return fromAny(func(fr *frame) any {
		if f(fr) {
			return g(fr)
		}
		return h(fr)
	}, t, x.offset())
}

// common finds the type that both operands convert to.
func (b *binder) common(l, r *operand) *typ {
	switch {
	case l.kind == isValue && !l.isNull() && r.cost(l.t) >= 0 && (r.kind != isValue || l.cost(r.t) != 0 || !r.isConst || same(l.t, r.t)):
		if r.kind == isValue && !same(l.t, r.t) && l.isConst && l.cost(r.t) >= 0 && !r.isConst {
			return r.t
		}
		return l.t
	case r.kind == isValue && !r.isNull() && l.cost(r.t) >= 0:
		return r.t
	}
	// A null beside a value type: C# 7 refuses, newer versions give T?.
	return nil
}

// arithmetic binds + - * / % & | ^ << >>.
func (b *binder) arithmetic(op string, l, r *operand, pos int) *operand {
	u := types()
	if op == "+" && (l.t.is(kString) || r.t.is(kString)) && b.userOperator("+", l, r) == nil {
		return b.join([]*operand{l, r}, pos)
	}
	if l.t.is(kNullable) || r.t.is(kNullable) || l.isNull() && r.t.value() || r.isNull() && l.t.value() {
		if (op == "&" || op == "|") && (underlying(l.t).is(kBool) || underlying(r.t).is(kBool)) {
			return b.threeValued(op == "&", b.implicit(l, u.nullableOf(u.boolean)), b.implicit(r, u.nullableOf(u.boolean)), pos)
		}
		return b.lifted(op, l, r, pos)
	}
	if m := b.userOperator(op, l, r); m != nil {
		return b.emit(m, nil, []*operand{b.convert(l, m.params[0].t), b.convert(r, m.params[1].t)}, pos)
	}
	switch op {
	case "<<", ">>":
		return b.shift(op, l, r, pos)
	case "&", "|", "^":
		if l.t.is(kBool) && r.t.is(kBool) {
			return boolOperator(op, l.b, r.b, pos)
		}
		if l.t.is(kEnum) && same(l.t, r.t) {
			return b.folded(fromInt(intOperator(op, l.i, r.i, kInt64, false, pos), l.t, pos), l, r)
		}
	}
	if (op == "+" || op == "-") && (l.t.is(kEnum) || r.t.is(kEnum)) {
		if op == "-" && same(l.t, r.t) {
			return fromInt(intOperator(op, l.i, r.i, kInt32, false, pos), u.int32, pos)
		}
		if l.t.is(kEnum) && r.t.integral() {
			return fromInt(intOperator(op, l.i, r.i, kInt32, false, pos), l.t, pos)
		}
	}
	if !l.t.numeric() || !r.t.numeric() {
		b.failOperator(op, l, r, pos)
	}
	t := promote(l.t, r.t)
	if n, ok := l.constInt(); ok && n >= 0 && l.t.is(kInt32) && (r.t.is(kUint32) || r.t.is(kUint64)) {
		t = r.t
	} else if n, ok := r.constInt(); ok && n >= 0 && r.t.is(kInt32) && (l.t.is(kUint32) || l.t.is(kUint64)) {
		t = l.t
	}
	if t == nil {
		fail(pos, "operator "+op+" cannot mix decimal and floating-point numbers", "cast one side")
	}
	v, w := b.numeric(l, t), b.numeric(r, t)
	outer := b.checked
	b.checked = outer || v.isConst && w.isConst && !b.wraps
	o := b.numericOperator(op, v, w, t, pos)
	b.checked = outer
	return b.folded(o, v, w)
}

func (b *binder) numericOperator(op string, v, w *operand, t *typ, pos int) *operand {
	switch {
	case t.is(kDecimal):
		f, g := v.a, w.a
		return fromAny(func(fr *frame) any { return decimalOperator(op, f(fr).(Decimal), g(fr).(Decimal)) }, t, pos)
	case t.rep() == repInt:
		f := intOperator(op, v.i, w.i, t.def.kind, b.checked, pos)
		return fromInt(f, t, pos)
	}
	f := floatOperator(op, v.d, w.d)
	if f == nil {
		b.failOperator(op, v, w, pos)
	}
	if t.is(kFloat32) {
		g := f
		f = func(fr *frame) float64 { return float64(float32(g(fr))) }
	}
	return fromFloat(f, t, pos)
}

func (b *binder) failOperator(op string, l, r *operand, pos int) {
	hint := ""
	switch {
	case l.t.def == types().object.def || r.t.def == types().object.def:
		hint = "cast the object to its type first"
	case l.t.as(types().token) != nil || r.t.as(types().token) != nil:
		hint = "cast the JToken first, e.g. (int)token"
	}
	fail(pos, "operator "+op+" cannot be applied to "+l.t.String()+" and "+r.t.String(), hint)
}

// userOperator finds an operator of the table.
func (b *binder) userOperator(op string, l, r *operand) *method {
	var best *method
	cost := -1
	for _, t := range []*typ{l.t, r.t} {
		for _, m := range members(t, "op_"+op, b.profile) {
			x, y := l.cost(m.own.apply(m.params[0].t)), r.cost(m.own.apply(m.params[1].t))
			if x >= 0 && y >= 0 && (cost < 0 || x+y < cost) {
				best, cost = m, x+y
			}
		}
	}
	return best
}

func (b *binder) shift(op string, l, r *operand, pos int) *operand {
	u := types()
	if !l.t.integral() || r.cost(u.int32) < 0 {
		b.failOperator(op, l, r, pos)
	}
	t := promote1(l.t)
	v, w := b.convert(l, t), b.convert(r, u.int32)
	f, g, k := v.i, w.i, t.def.kind
	mask := int64(31)
	if k == kInt64 || k == kUint64 {
		mask = 63
	}
	if op == "<<" {
		return b.folded(fromInt(func(fr *frame) int64 { n := f(fr); return wrap(k, n<<uint(g(fr)&mask)) }, t, pos), v, w)
	}
	if k == kUint64 {
		return b.folded(fromInt(func(fr *frame) int64 { n := f(fr); return int64(uint64(n) >> uint(g(fr)&mask)) }, t, pos), v, w)
	}
	return b.folded(fromInt(func(fr *frame) int64 { n := f(fr); return n >> uint(g(fr)&mask) }, t, pos), v, w)
}

// lifted applies an operator to nullable operands: null gives null.
func (b *binder) lifted(op string, l, r *operand, pos int) *operand {
	lt, rt := underlying(l.t), underlying(r.t)
	if l.isNull() {
		lt = rt
	}
	if r.isNull() {
		rt = lt
	}
	x, y := b.temp(), b.temp()
	inner := b.operator(op, load(x, lt, l.pos), load(y, rt, r.pos), pos)
	f, g, h := l.a, r.a, inner.a
	return fromAny(func(fr *frame) any {
		v, w := f(fr), g(fr)
		if v == nil || w == nil {
			return nil
		}
		x(fr).put(lt, v)
		y(fr).put(rt, w)
		return h(fr)
	}, types().nullableOf(inner.t), pos)
}

// threeValued is & and | on bool?: null is unknown.
func (b *binder) threeValued(and bool, l, r *operand, pos int) *operand {
	f, g := l.a, r.a
	return fromAny(func(fr *frame) any {
		v, w := f(fr), g(fr)
		switch {
		case v == !and || w == !and:
			return !and
		case v == nil || w == nil:
			return nil
		}
		return and
	}, types().nullableOf(types().boolean), pos)
}

func underlying(t *typ) *typ {
	if t.is(kNullable) {
		return t.args[0]
	}
	return t
}
