package expr

import "net/textproto"

// The shapes of Go functions that the member table may hold. The receiver, if
// any, is the first argument. Typed shapes avoid boxing on hot paths.
type (
	tableFunc   = func(f *frame, a []any) any
	genericFunc = func(f *frame, t []*typ, a []any) any
)

// emit lowers the call of a table member. args start with the receiver of an
// instance member. targs are the type arguments of a generic method, or, for
// constructors and static members, those of the type.
func (b *binder) emit(m *method, targs []*typ, args []*operand, pos int) *operand {
	ret := m.own.apply(m.ret)
	if m.konst {
		return constant(m.get.(func(*frame) any)(nil), ret, pos)
	}
	if m.canonic {
		canonicalise(m, args)
	}
	if m.owner.full == "System.Text.RegularExpressions.Regex" {
		precompiled(m, args)
	}
	c := &caller{m: m, args: args, pos: pos}
	if o := c.typed(m.get, ret); o != nil {
		return o
	}
	in := make([]func(*frame) any, len(args))
	for i := range args {
		in[i] = c.any(i)
	}
	var call func(f *frame, a []any) any
	switch g := m.get.(type) {
	case tableFunc:
		call = g
	case genericFunc:
		if len(targs) == 0 {
			for _, p := range m.owner.params {
				targs = append(targs, m.own.apply(p))
			}
		}
		call = func(f *frame, a []any) any { return g(f, targs, a) }
	default:
		failf(pos, "'%s.%s' cannot be read", m.owner.name, m.name)
	}
	return fromAny(invokeTable(call, in, pos), ret, pos)
}

// invokeTable evaluates the arguments onto the machine's stack and calls.
func invokeTable(call tableFunc, in []func(*frame) any, pos int) func(*frame) any {
	n := len(in)
	return func(f *frame) any {
		base := len(f.stack)
		for _, arg := range in {
			v := arg(f)
			f.stack = append(f.stack, v)
		}
		f.step(1)
		f.pos = pos
		r := call(f, f.stack[base:base+n:base+n])
		clear(f.stack[base:])
		f.stack = f.stack[:base]
		return r
	}
}

// canonicalise rewrites a constant header name to its canonical form.
func canonicalise(m *method, args []*operand) {
	i := 0
	if !m.static {
		i = 1
	}
	if i < len(args) && args[i].isConst {
		if s, ok := args[i].konst.(string); ok {
			args[i] = constant(textproto.CanonicalMIMEHeaderKey(s), args[i].t, args[i].pos)
		}
	}
}

// caller reads the arguments of one call in the form that a Go function takes.
type caller struct {
	m    *method
	args []*operand
	pos  int
}

// mayBeNull tells whether argument i may be null: not the receiver, and not a
// string parameter that the table does not mark.
func (c *caller) mayBeNull(i int) bool {
	if !c.m.static && c.m.name != "new" {
		if i == 0 {
			return c.m.owner == types().nullable
		}
		i--
	} else if c.m.this && i == 0 {
		return c.m.params[0].nullable
	}
	if i >= len(c.m.params) {
		return true
	}
	p := c.m.params[i]
	return p.nullable || !p.t.is(kString)
}

func (c *caller) nullArgument(i int) {
	if !c.m.static && i == 0 {
		throwNull("")
	}
	throw("System.ArgumentNullException", "Value cannot be null. (Parameter of %s.%s)", c.m.owner.name, c.m.name)
}

func (c *caller) any(i int) func(*frame) any {
	f, pos := c.args[i].a, c.pos
	if c.mayBeNull(i) || !c.args[i].t.nullable() || c.args[i].isConst && c.args[i].konst != nil {
		return f
	}
	return func(fr *frame) any {
		v := f(fr)
		if v == nil {
			fr.pos = pos
			c.nullArgument(i)
		}
		return v
	}
}

func (c *caller) str(i int) func(*frame) string {
	f, pos := c.args[i].s, c.pos
	if o := c.args[i]; o.isConst && o.konst != nil {
		s := o.konst.(string)
		return func(*frame) string { return s }
	}
	if c.mayBeNull(i) {
		return func(fr *frame) string { s, _ := f(fr); return s }
	}
	return func(fr *frame) string {
		s, ok := f(fr)
		if !ok {
			fr.pos = pos
			c.nullArgument(i)
		}
		return s
	}
}

// typed lowers the shapes without boxing; nil when get is another shape.
func (c *caller) typed(get any, ret *typ) *operand {
	pos := c.pos
	switch g := get.(type) {
	case func(*frame) any:
		return fromAny(g, ret, pos)
	case func(*frame) int64:
		return fromInt(g, ret, pos)
	case func(string) string:
		s := c.str(0)
		return c.text(func(f *frame) string { return g(s(f)) })
	case func(string, string) string:
		s, t := c.str(0), c.str(1)
		return c.text(func(f *frame) string { return g(s(f), t(f)) })
	case func(string, string, string) string:
		s, t, u := c.str(0), c.str(1), c.str(2)
		return c.text(func(f *frame) string { a := s(f); b := t(f); return g(a, b, u(f)) })
	case func(string, int64) string:
		s, n := c.str(0), c.args[1].i
		return c.text(func(f *frame) string { a := s(f); v := n(f); f.pos = pos; return g(a, v) })
	case func(string, int64, int64) string:
		s, n, k := c.str(0), c.args[1].i, c.args[2].i
		return c.text(func(f *frame) string { a := s(f); v := n(f); w := k(f); f.pos = pos; return g(a, v, w) })
	case func(string) bool:
		s := c.str(0)
		return fromBool(func(f *frame) bool { return g(s(f)) }, pos)
	case func(string, string) bool:
		s, t := c.str(0), c.str(1)
		return fromBool(func(f *frame) bool { a := s(f); return g(a, t(f)) }, pos)
	case func(string) int64:
		s := c.str(0)
		return fromInt(func(f *frame) int64 { a := s(f); f.pos = pos; return g(a) }, ret, pos)
	case func(string, string) int64:
		s, t := c.str(0), c.str(1)
		return fromInt(func(f *frame) int64 { a := s(f); return g(a, t(f)) }, ret, pos)
	}
	return c.typedMore(get, ret)
}

func (c *caller) typedMore(get any, ret *typ) *operand {
	pos := c.pos
	switch g := get.(type) {
	case func(any) any:
		v := c.any(0)
		return fromAny(func(f *frame) any { a := v(f); f.pos = pos; return g(a) }, ret, pos)
	case func(any) string:
		v := c.any(0)
		return fromString(func(f *frame) (string, bool) { a := v(f); f.pos = pos; return g(a), true }, pos)
	case func(any) (string, bool):
		v := c.any(0)
		return fromString(func(f *frame) (string, bool) { a := v(f); f.pos = pos; return g(a) }, pos)
	case func(any) int64:
		v := c.any(0)
		return fromInt(func(f *frame) int64 { a := v(f); f.pos = pos; return g(a) }, ret, pos)
	case func(any) bool:
		v := c.any(0)
		return fromBool(func(f *frame) bool { a := v(f); f.pos = pos; return g(a) }, pos)
	case func(any) float64:
		v := c.any(0)
		return fromFloat(func(f *frame) float64 { a := v(f); f.pos = pos; return g(a) }, ret, pos)
	case func(any, string) any:
		v, s := c.any(0), c.str(1)
		return fromAny(func(f *frame) any { a := v(f); k := s(f); f.pos = pos; return g(a, k) }, ret, pos)
	case func(any, string) bool:
		v, s := c.any(0), c.str(1)
		return fromBool(func(f *frame) bool { a := v(f); return g(a, s(f)) }, pos)
	case func(any, string) (string, bool):
		v, s := c.any(0), c.str(1)
		return fromString(func(f *frame) (string, bool) { a := v(f); k := s(f); f.pos = pos; return g(a, k) }, pos)
	case func(any, string, *operandText) (string, bool):
		v, s, t := c.any(0), c.str(1), c.args[2].s
		return fromString(func(f *frame) (string, bool) {
			a := v(f)
			k := s(f)
			if r, ok := g(a, k, nil); ok {
				return r, true
			}
			return t(f)
		}, pos)
	case func(float64) float64:
		v := c.args[0].d
		return fromFloat(func(f *frame) float64 { return g(v(f)) }, ret, pos)
	case func(float64, float64) float64:
		v, w := c.args[0].d, c.args[1].d
		return fromFloat(func(f *frame) float64 { return g(v(f), w(f)) }, ret, pos)
	case func(int64, int64) int64:
		v, w := c.args[0].i, c.args[1].i
		return fromInt(func(f *frame) int64 { return g(v(f), w(f)) }, ret, pos)
	case func(int64) bool:
		v := c.args[0].i
		return fromBool(func(f *frame) bool { return g(v(f)) }, pos)
	}
	return nil
}

// operandText marks a default that is only read when a lookup finds nothing.
type operandText struct{}

// text is a call whose result counts against the memory budget.
func (c *caller) text(g func(*frame) string) *operand {
	return fromString(func(f *frame) (string, bool) {
		s := g(f)
		f.charge(len(s))
		return s, true
	}, c.pos)
}
