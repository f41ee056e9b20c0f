package expr

import (
	"math"
	"math/big"
	"slices"
)

// wideningOrder lists, for each numeric kind, the kinds it converts to implicitly, best first.
var wideningOrder = map[kind][]kind{
	kInt8:    {kInt16, kInt32, kInt64, kFloat32, kFloat64, kDecimal},
	kUint8:   {kInt16, kUint16, kInt32, kUint32, kInt64, kUint64, kFloat32, kFloat64, kDecimal},
	kInt16:   {kInt32, kInt64, kFloat32, kFloat64, kDecimal},
	kUint16:  {kInt32, kUint32, kInt64, kUint64, kFloat32, kFloat64, kDecimal},
	kInt32:   {kInt64, kFloat32, kFloat64, kDecimal},
	kUint32:  {kInt64, kUint64, kFloat32, kFloat64, kDecimal},
	kInt64:   {kFloat32, kFloat64, kDecimal},
	kUint64:  {kFloat32, kFloat64, kDecimal},
	kChar:    {kUint16, kInt32, kUint32, kInt64, kUint64, kFloat32, kFloat64, kDecimal},
	kFloat32: {kFloat64},
}

func widening(from, to kind) int {
	for i, k := range wideningOrder[from] {
		if k == to {
			return i + 1
		}
	}
	return -1
}

// cost of the implicit conversion of o to t; 0 is identity, -1 none. Overload
// resolution takes the cheapest candidate.
func (o *operand) cost(t *typ) int {
	switch o.kind {
	case isLambda:
		if !t.is(kFunc) {
			return -1
		}
		if p, _ := t.signature(); len(p) != len(o.lambda.params) {
			return -1
		}
		return 0
	case isGroup:
		if t.is(kFunc) {
			return 0
		}
		return -1
	case isDefault, isThrow:
		return 0
	case isType, isNamespace:
		return -1
	case isUntyped:
		if t.tuple() {
			return tupleCost(o, t)
		}
		return -1
	}
	if o.items != nil && t.tuple() {
		return tupleCost(o, t)
	}
	if n, ok := o.constInt(); ok && constantFits(o.t, n, t) {
		if w := widening(o.t.def.kind, t.def.kind); w > 0 {
			return w
		}
		if same(o.t, t) {
			return 0
		}
		return 9
	}
	return conversionCost(o.t, t, 0)
}

// constantFits tells whether an int constant converts to the type by its value.
func constantFits(from *typ, n int64, to *typ) bool {
	if to.is(kEnum) {
		return n == 0 && from.integral() && !from.is(kChar)
	}
	if !from.is(kInt32) && !(from.is(kInt64) && to.is(kUint64)) || !to.integral() || to.is(kChar) {
		return false
	}
	if to.is(kUint64) {
		return n >= 0
	}
	return wrap(to.def.kind, n) == n
}

func conversionCost(from, to *typ, depth int) int {
	u := types()
	switch {
	case same(from, to):
		return 0
	case from.is(kVoid) || to.is(kVoid) || depth > 3:
		return -1
	case from.is(kNull):
		if !to.nullable() {
			return -1
		}
		if to.def == u.object.def {
			return 3
		}
		return 1
	case from.numeric() && to.numeric():
		return widening(from.def.kind, to.def.kind)
	case from.tuple() && to.tuple():
		return itemsCost(from, to, depth)
	case to.is(kNullable):
		if from.is(kNullable) {
			return plus(conversionCost(from.args[0], to.args[0], depth+1), 0)
		}
		return plus(conversionCost(from, to.args[0], depth+1), 1)
	case to.def == u.object.def:
		return 30
	}
	if c := upcast(from, to, depth); c >= 0 {
		return c
	}
	if c := userConversion(from, to, "implicit", depth); c != nil {
		return 12
	}
	return -1
}

func plus(c, n int) int {
	if c < 0 {
		return c
	}
	return c + n
}

// upcast is the cost of a reference conversion to a base or interface.
func upcast(from, to *typ, depth int) int {
	if from.is(kArray) {
		elem := from.args[0]
		if to.is(kArray) {
			if elem.nullable() && to.args[0].nullable() {
				return conversionCost(elem, to.args[0], depth+1)
			}
			return -1
		}
	}
	if from.def == to.def && len(from.args) > 0 {
		return variance(from, to, depth)
	}
	best := -1
	for _, b := range from.bases() {
		if b.def == types().object.def {
			continue
		}
		if c := conversionOrUp(b, to, depth+1); c >= 0 && (best < 0 || c+2 < best) {
			best = c + 2
		}
	}
	return best
}

func conversionOrUp(from, to *typ, depth int) int {
	if same(from, to) {
		return 0
	}
	if depth > 8 {
		return -1
	}
	return upcast(from, to, depth)
}

// variance lets IEnumerable<Derived> stand for IEnumerable<Base>.
func variance(from, to *typ, depth int) int {
	switch from.def.name {
	case "IEnumerable", "IReadOnlyList", "IReadOnlyCollection", "IOrderedEnumerable", "IGrouping", "Func", "IJEnumerable":
	default:
		return -1
	}
	if depth > 8 {
		return -1
	}
	total := 1
	for i := range from.args {
		f, t := from.args[i], to.args[i]
		if same(f, t) {
			continue
		}
		if !f.nullable() || !t.nullable() || f.is(kNullable) || t.is(kNullable) {
			return -1
		}
		c := 1
		if t.def != types().object.def {
			c = conversionOrUp(f, t, depth+1)
		}
		if c < 0 {
			return -1
		}
		total += c
	}
	return total
}

// userConversion finds a conversion operator of either type.
func userConversion(from, to *typ, name string, depth int) *member {
	if from.is(kNull) {
		return nil
	}
	var best *member
	cost := -1
	for _, t := range []*typ{to, from} {
		for d := t; d != nil; d = firstBase(d) {
			for _, m := range d.def.members[name] {
				in := standardCost(from, m.params[0].t, depth)
				out := standardCost(m.ret, to, depth)
				if name == "explicit" && out < 0 && m.ret.numeric() && to.numeric() {
					out = 20
				}
				if in < 0 || out < 0 || m.params[0].t.def == types().object.def {
					continue
				}
				if cost < 0 || in+out < cost {
					best, cost = m, in+out
				}
			}
		}
	}
	return best
}

func firstBase(t *typ) *typ {
	for _, b := range t.bases() {
		if b.def.kind != kRef || b.def.name[0] != 'I' || len(b.def.name) < 2 || b.def.name[1] < 'A' || b.def.name[1] > 'Z' {
			return b
		}
	}
	return nil
}

// standardCost leaves out user conversions and boxing.
func standardCost(from, to *typ, depth int) int {
	switch {
	case same(from, to):
		return 0
	case from.is(kNull):
		return -1
	case from.numeric() && to.numeric():
		return widening(from.def.kind, to.def.kind)
	case to.is(kNullable) && !from.is(kNullable):
		return plus(standardCost(from, to.args[0], depth+1), 1)
	}
	return conversionOrUp(from, to, depth)
}

// convert applies the implicit conversion whose cost was not -1.
func (b *binder) convert(o *operand, t *typ) *operand {
	u := types()
	switch {
	case o.kind == isLambda || o.kind == isGroup:
		return b.delegate(o, t)
	case o.kind == isDefault:
		return zero(t, o.pos)
	case o.kind == isThrow:
		return fromAny(o.a, t, o.pos)
	case o.items != nil && t.tuple() && !same(o.t, t):
		return b.tupleOf(o.items, t, o.pos)
	case same(o.t, t):
		if t.names != nil && !slices.Equal(o.t.names, t.names) {
			named := *o
			named.t = t
			return &named
		}
		return o
	case o.t.tuple() && t.tuple():
		return b.tupleOf(b.tupleItems(o), t, o.pos)
	case o.isNull():
		return constant(nil, t, o.pos)
	case o.t.numeric() && t.numeric(), t.is(kEnum) && o.t.integral():
		return b.numeric(o, t)
	case t.is(kNullable) && !o.t.is(kNullable):
		return fromAny(b.convert(o, t.args[0]).a, t, o.pos)
	case t.is(kNullable) && o.t.is(kNullable):
		return b.lift(o, func(v *operand) *operand { return b.convert(v, t.args[0]) }, t)
	case t.def == u.object.def:
		return fromAny(o.a, t, o.pos).keep(o)
	}
	if upcast(o.t, t, 0) >= 0 {
		if len(t.args) == 1 && t.args[0].def == u.pair {
			return fromAny(pairsOf(o), t, o.pos)
		}
		return fromAny(o.a, t, o.pos)
	}
	m := userConversion(o.t, t, "implicit", 0)
	if m == nil {
		return fromAny(o.a, t, o.pos)
	}
	return b.convert(b.emit(&method{member: m}, nil, []*operand{b.convert(o, m.params[0].t)}, o.pos), t)
}

// keep carries a constant over a conversion that does not change its boxed value.
func (o *operand) keep(from *operand) *operand {
	o.konst, o.isConst = from.konst, from.isConst
	return o
}

// lift evaluates conv on the value of a nullable operand, null stays null.
func (b *binder) lift(o *operand, conv func(*operand) *operand, t *typ) *operand {
	at := b.temp()
	inner := conv(load(at, o.t.args[0], o.pos)).a
	f, from := o.a, o.t.args[0]
	return fromAny(func(fr *frame) any {
		v := f(fr)
		if v == nil {
			return nil
		}
		at(fr).put(from, v)
		return inner(fr)
	}, t, o.pos)
}

// zero is default(T).
func zero(t *typ, pos int) *operand { return constant(zeroValue(t), t, pos) }

func zeroValue(t *typ) any {
	switch k := t.def.kind; {
	case k == kBool:
		return false
	case k >= kChar && k <= kUint64 || k == kEnum:
		return boxInt(t, 0)
	case k == kFloat32:
		return float32(0)
	case k == kFloat64:
		return float64(0)
	case k == kDecimal:
		return Decimal{}
	}
	switch t.def.name {
	case "ValueTuple":
		items := make([]any, len(t.args))
		for i, a := range t.args {
			items[i] = zeroValue(a)
		}
		return &tuple{items: items, of: t}
	case "DateTime":
		return DateTime{}
	case "DateTimeOffset":
		return DateTimeOffset{}
	case "TimeSpan":
		return TimeSpan(0)
	case "Guid":
		return Guid{}
	}
	return nil
}

// numeric converts between numbers, characters and enumerations, wrapping as unchecked C# does.
func (b *binder) numeric(o *operand, t *typ) *operand {
	if o.isConst {
		if !b.wraps && !constantInRange(o.konst, t) {
			fail(o.pos, "the constant "+ToString(o.konst)+" does not fit into "+t.String(), "write unchecked(("+t.String()+")...) to wrap it")
		}
		return constant(convertNumber(o.konst, t), t, o.pos)
	}
	k := t.def.kind
	if k == kDecimal || o.t.is(kDecimal) {
		f := o.a
		return fromAny(func(fr *frame) any { return convertNumber(f(fr), t) }, t, o.pos)
	}
	switch from, to := o.t.rep(), t.rep(); {
	case from == repInt && to == repInt:
		f := o.i
		if k == kInt64 || k == kUint64 || k == kEnum || widening(o.t.def.kind, k) > 0 {
			return fromInt(f, t, o.pos)
		}
		if b.checked {
			return fromInt(func(fr *frame) int64 { return checkRange(k, f(fr)) }, t, o.pos)
		}
		return fromInt(func(fr *frame) int64 { return wrap(k, f(fr)) }, t, o.pos)
	case from == repInt:
		f := o.i
		if o.t.is(kUint64) {
			return fromFloat(func(fr *frame) float64 { return float64(uint64(f(fr))) }, t, o.pos)
		}
		return fromFloat(func(fr *frame) float64 { return float64(f(fr)) }, t, o.pos)
	case to == repInt:
		f := o.d
		if b.checked {
			return fromInt(func(fr *frame) int64 {
				d := f(fr)
				if !floatInRange(d, k) {
					overflow()
				}
				return truncate(d, k)
			}, t, o.pos)
		}
		return fromInt(func(fr *frame) int64 { return truncate(f(fr), k) }, t, o.pos)
	default:
		f := o.d
		if k == kFloat32 {
			return fromFloat(func(fr *frame) float64 { return float64(float32(f(fr))) }, t, o.pos)
		}
		return fromFloat(f, t, o.pos)
	}
}

func checkRange(k kind, n int64) int64 {
	if wrap(k, n) != n {
		throw("System.OverflowException", "Arithmetic operation resulted in an overflow.")
	}
	return n
}

// truncate converts a floating-point number to an integral kind.
func truncate(d float64, k kind) int64 {
	switch {
	case math.IsNaN(d):
		return 0
	case k == kUint64 && d >= math.MaxInt64:
		if d >= math.MaxUint64 {
			return -1
		}
		return int64(uint64(d))
	case d >= math.MaxInt64:
		return wrap(k, math.MaxInt64)
	case d <= math.MinInt64:
		return wrap(k, math.MinInt64)
	}
	if k == kInt32 && (d > math.MaxInt32 || d < math.MinInt32) {
		return math.MinInt32
	}
	return wrap(k, int64(d))
}

// kindRange is the range of an integral kind: lo <= n < hi.
func kindRange(k kind) (lo, hi float64) {
	bits := map[kind]int{kChar: 16, kInt8: 8, kUint8: 8, kInt16: 16, kUint16: 16, kInt32: 32, kUint32: 32, kInt64: 64, kUint64: 64}[k]
	switch k {
	case kInt8, kInt16, kInt32, kInt64:
		return -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)
	}
	return 0, math.Ldexp(1, bits)
}

func floatInRange(d float64, k kind) bool {
	lo, hi := kindRange(k)
	d = math.Trunc(d)
	return d >= lo && d < hi
}

// constantInRange tells whether a constant keeps its value in another integral type.
func constantInRange(v any, t *typ) bool {
	if t.rep() != repInt || t.is(kEnum) {
		return true
	}
	switch x := v.(type) {
	case float64:
		return floatInRange(x, t.def.kind)
	case float32:
		return floatInRange(float64(x), t.def.kind)
	case Decimal:
		return floatInRange(x.float(), t.def.kind)
	case uint64:
		return t.is(kUint64) || x <= math.MaxInt64 && wrap(t.def.kind, int64(x)) == int64(x)
	}
	n, _ := integer(v)
	return wrap(t.def.kind, n) == n && (!t.is(kUint64) || n >= 0)
}

// whole is the whole part as an integral kind; a decimal never wraps.
func (d Decimal) whole(k kind) int64 {
	q := new(big.Int).Quo(d.num(), tenTo(d.scale))
	f := new(big.Float).SetInt(q)
	lo, hi := kindRange(k)
	if f.Cmp(big.NewFloat(lo)) < 0 || f.Cmp(big.NewFloat(hi)) >= 0 {
		throw("System.OverflowException", "Value was either too large or too small for an integral type.")
	}
	if q.IsUint64() {
		return int64(q.Uint64())
	}
	return q.Int64()
}

// convertNumber converts a boxed number to a type.
func convertNumber(v any, t *typ) any {
	switch k := t.def.kind; {
	case k == kDecimal:
		return toDecimal(v)
	case t.rep() == repInt:
		if n, ok := integer(v); ok {
			return boxInt(t, wrap(k, n))
		}
		if d, ok := v.(Decimal); ok {
			return boxInt(t, d.whole(k))
		}
		d, _ := number(v)
		return boxInt(t, truncate(d, k))
	default:
		d, _ := number(v)
		if k == kFloat32 {
			return float32(d)
		}
		return d
	}
}

// pairsOf reads the properties of a JObject as the key-value pairs that its
// static type promises.
func pairsOf(o *operand) func(*frame) any {
	f := o.a
	if o.t.def.name != "JObject" {
		return f
	}
	return func(fr *frame) any {
		t, ok := f(fr).(*JToken)
		if !ok {
			return nil
		}
		return seq(nil, func(f *frame, yield func(any) bool) {
			each(f, t, func(p any) bool { return yield(&Pair{p.(*JToken).name, firstItem(p.(*JToken))}) })
		})
	}
}
