package expr

// operand is a bound expression: its static type and the closure of the type's
// representation. The other representations are made on demand.
type operand struct {
	t    *typ
	pos  int
	kind operandKind
	b    func(*frame) bool
	i    func(*frame) int64
	d    func(*frame) float64
	s    func(*frame) (string, bool)
	a    func(*frame) any
	v    func(*frame) // void

	konst any // when constant
	// isConst tells that konst is the value; nil is the literal null.
	isConst bool

	space  string    // of a namespace
	group  []*method // of a method group
	recv   *operand  // receiver of the group
	name   string
	lambda *lambdaX
	local  *localFunc

	variable *variableInfo // that the operand reads

	items []*operand // of a tuple that stands here as (a, b)
}

type operandKind uint8

const (
	isValue operandKind = iota
	isType
	isNamespace
	isGroup   // methods by name
	isLambda  // needs a delegate type
	isDefault // the literal default
	isThrow
	isUntyped // a tuple with items such as null that have no type of their own
)

// method is a member seen from a constructed type.
type method struct {
	*member
	own substitution
}

func constant(v any, t *typ, pos int) *operand {
	o := &operand{t: t, pos: pos, konst: v, isConst: true}
	switch t.rep() {
	case repBool:
		b, _ := v.(bool)
		o.b = func(*frame) bool { return b }
	case repInt:
		n := unboxInt(v)
		o.i = func(*frame) int64 { return n }
	case repFloat:
		d := unboxFloat(v)
		o.d = func(*frame) float64 { return d }
	case repString:
		s, ok := v.(string)
		o.s = func(*frame) (string, bool) { return s, ok }
	}
	o.a = func(*frame) any { return v }
	return o
}

// fromAny makes an operand of type t from a closure that gives boxed values.
func fromAny(f func(*frame) any, t *typ, pos int) *operand {
	o := &operand{t: t, pos: pos, a: f}
	switch t.rep() {
	case repBool:
		o.b = func(fr *frame) bool { return unboxBool(f(fr)) }
	case repInt:
		o.i = func(fr *frame) int64 { return unboxInt(f(fr)) }
	case repFloat:
		o.d = func(fr *frame) float64 { return unboxFloat(f(fr)) }
	case repString:
		o.s = func(fr *frame) (string, bool) { s, ok := f(fr).(string); return s, ok }
	case repVoid:
		o.v = func(fr *frame) { f(fr) }
	}
	return o
}

func fromBool(f func(*frame) bool, pos int) *operand {
	return (&operand{t: types().boolean, pos: pos, b: f}).boxed()
}

func fromInt(f func(*frame) int64, t *typ, pos int) *operand {
	return (&operand{t: t, pos: pos, i: f}).boxed()
}

func fromFloat(f func(*frame) float64, t *typ, pos int) *operand {
	return (&operand{t: t, pos: pos, d: f}).boxed()
}

func fromString(f func(*frame) (string, bool), pos int) *operand {
	return (&operand{t: types().str, pos: pos, s: f}).boxed()
}

func fromVoid(f func(*frame), pos int) *operand {
	return &operand{t: types().void, pos: pos, v: f, a: func(fr *frame) any { f(fr); return nil }}
}

// boxed adds the boxing closure to an operand of another representation.
func (o *operand) boxed() *operand {
	switch o.t.rep() {
	case repBool:
		f := o.b
		o.a = func(fr *frame) any { return f(fr) }
	case repInt:
		f, t := o.i, o.t
		if t.is(kInt32) {
			o.a = func(fr *frame) any { return int32(f(fr)) }
			break
		}
		o.a = func(fr *frame) any { return boxInt(t, f(fr)) }
	case repFloat:
		f := o.d
		if o.t.is(kFloat32) {
			o.a = func(fr *frame) any { return float32(f(fr)) }
			break
		}
		o.a = func(fr *frame) any { return f(fr) }
	case repString:
		f := o.s
		o.a = func(fr *frame) any {
			if s, ok := f(fr); ok {
				return s
			}
			return nil
		}
	}
	return o
}

// run gives a closure that evaluates for the side effect.
func (o *operand) run() func(*frame) {
	switch {
	case o.v != nil:
		return o.v
	case o.b != nil:
		f := o.b
		return func(fr *frame) { f(fr) }
	case o.i != nil:
		f := o.i
		return func(fr *frame) { f(fr) }
	case o.d != nil:
		f := o.d
		return func(fr *frame) { f(fr) }
	case o.s != nil:
		f := o.s
		return func(fr *frame) { f(fr) }
	}
	f := o.a
	return func(fr *frame) { f(fr) }
}

// store gives a closure that evaluates into a slot of the representation of o.
func (o *operand) store(to func(*frame) *slot) func(*frame) {
	switch o.t.rep() {
	case repBool:
		f := o.b
		return func(fr *frame) { v := b2i(f(fr)); to(fr).n = v }
	case repInt:
		f := o.i
		return func(fr *frame) { v := f(fr); to(fr).n = v }
	case repFloat:
		f := o.d
		return func(fr *frame) { v := floatBits(f(fr)); to(fr).n = v }
	case repString:
		f := o.s
		return func(fr *frame) {
			v, ok := f(fr)
			s := to(fr)
			s.s, s.n = v, b2i(ok)
		}
	case repVoid:
		return o.v
	}
	f := o.a
	return func(fr *frame) { v := f(fr); to(fr).a = v }
}

// load is the operand that reads a slot written by store.
func load(from func(*frame) *slot, t *typ, pos int) *operand {
	o := &operand{t: t, pos: pos}
	switch t.rep() {
	case repBool:
		o.b = func(fr *frame) bool { return from(fr).n != 0 }
	case repInt:
		o.i = func(fr *frame) int64 { return from(fr).n }
	case repFloat:
		o.d = func(fr *frame) float64 { return bitsFloat(from(fr).n) }
	case repString:
		o.s = func(fr *frame) (string, bool) { s := from(fr); return s.s, s.n != 0 }
	default:
		o.a = func(fr *frame) any { return from(fr).a }
	}
	return o.boxed()
}

// put stores a boxed value into a slot of type t.
func (s *slot) put(t *typ, v any) {
	switch t.rep() {
	case repBool:
		s.n = b2i(unboxBool(v))
	case repInt:
		s.n = unboxInt(v)
	case repFloat:
		s.n = floatBits(unboxFloat(v))
	case repString:
		str, ok := v.(string)
		s.s, s.n = str, b2i(ok)
	default:
		s.a = v
	}
}

func (s *slot) take(t *typ) any {
	switch t.rep() {
	case repBool:
		return s.n != 0
	case repInt:
		return boxInt(t, s.n)
	case repFloat:
		if t.is(kFloat32) {
			return float32(bitsFloat(s.n))
		}
		return bitsFloat(s.n)
	case repString:
		if s.n == 0 {
			return nil
		}
		return s.s
	}
	return s.a
}

func (o *operand) isNull() bool { return o.isConst && o.konst == nil && o.t.is(kNull) }

// constInt gives the value of an integral constant.
func (o *operand) constInt() (int64, bool) {
	if !o.isConst || o.t.rep() != repInt {
		return 0, false
	}
	return unboxInt(o.konst), true
}
