package expr

import (
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Program is a compiled expression, shared by all requests.
type Program struct {
	want   Type
	result *operand
	slots  int
	frames sync.Pool // of *frame
}

// maxText is the largest expression: as large as a policy document may be.
const maxText = 512 << 10

// Compile compiles the text of an expression: the part between "@(" and ")",
// or, with block, between "@{" and "}".
func Compile(text string, block bool, want Type, profile Profile) (p *Program, err *Error) {
	return compile(text, block, want, profile, nil)
}

func compile(text string, block bool, want Type, profile Profile, count *branches) (p *Program, err *Error) {
	if len(text) > maxText {
		return nil, &Error{Text: "the expression is longer than 512 KiB"}
	}
	tree, err := parseProgram(text, block)
	if err != nil {
		return nil, err
	}
	defer catchCompile(&err)
	b := &binder{profile: profile, captured: capturedNames(tree), branches: count}
	b.fn = &function{}
	b.open()
	var result *operand
	if body, ok := tree.(*blockStmt); ok {
		result = b.program(body, want)
	} else {
		result = b.wanted(b.bind(tree), want)
	}
	checkLocals(tree)
	if want == Bool {
		result = b.outcomes(result, 0, "condition")
	}
	p = &Program{want: want, result: result, slots: b.fn.slots}
	return p, nil
}

// program binds a statement block; its returns convert to the wanted type.
func (b *binder) program(body *blockStmt, want Type) *operand {
	b.fn.want = &want
	run, reachable := b.statements(body.list)
	if reachable {
		fail(len(strings.TrimRight(b.trimmed(body), " \t\r\n")), "not every path returns a value", "end the block with return ...;")
	}
	at := func(f *frame) *slot { run(f); return &f.ret }
	return load(at, wantedType(want), body.offset())
}

// trimmed is a text as long as the block up to its last statement.
func (b *binder) trimmed(body *blockStmt) string { return strings.Repeat("x", body.end) }

func wantedType(want Type) *typ {
	u := types()
	switch want {
	case String:
		return u.str
	case Bool:
		return u.boolean
	case Int:
		return u.int64
	case Double:
		return u.float64
	}
	return u.object
}

// wanted converts a result to what its place takes. Values whose type is only
// known at run time convert then.
func (b *binder) wanted(o *operand, want Type) *operand {
	t := wantedType(want)
	u := types()
	switch o.kind {
	case isDefault:
		return zero(t, o.pos)
	case isThrow:
		return fromAny(o.a, t, o.pos)
	case isValue:
	default:
		b.failConvert(o, t)
	}
	if o.t.is(kVoid) {
		fail(o.pos, "this call gives no value", "")
	}
	switch {
	case want == Any:
		return fromAny(materialised(o.a), t, o.pos)
	case want == Bytes:
		return fromAny(o.a, t, o.pos)
	case want == String:
		if o.t.is(kString) {
			return o
		}
		return fromString(func(f *frame) (string, bool) { v := o.a(f); return ToString(v), v != nil }, o.pos)
	case o.t.is(kVoid) || o.isNull():
		b.failConvert(o, t)
	case want != Bool && o.t.numeric():
		return b.numeric(o, t)
	case o.cost(t) >= 0:
		return b.convert(o, t)
	}
	loose := o.t.def == u.object.def || o.t.is(kString) || o.t.is(kNullable) || o.t.as(u.token) != nil
	if !loose {
		b.failConvert(o, t)
	}
	pos := o.pos
	return fromAny(func(f *frame) any {
		v := o.a(f)
		f.pos = pos
		return looseValue(v, want)
	}, t, o.pos)
}

// looseValue converts a value of unknown type to a wanted one.
func looseValue(v any, want Type) any {
	if n, ok := v.(*JToken); ok {
		v = n.Value()
	}
	text, isText := v.(string)
	switch want {
	case Bool:
		if b, ok := v.(bool); ok {
			return b
		}
		if isText {
			if b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(text))); err == nil {
				return b
			}
		}
	case Int:
		if n, ok := integer(v); ok {
			return n
		}
		if d, ok := number(v); ok {
			return int64(d)
		}
		if isText {
			if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
				return n
			}
		}
	case Double:
		if d, ok := number(v); ok {
			return d
		}
		if isText {
			if d, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil {
				return d
			}
		}
	}
	if v == nil {
		throwNull(": the expression gives null")
	}
	throw("System.InvalidCastException", "The expression gives a value of type '%s', which cannot be converted to %s.", typeOf(v), wantedType(want))
	return nil
}

// materialised turns lazy sequences into lists, so that results outlive the evaluation.
func materialised(get func(*frame) any) func(*frame) any {
	return func(f *frame) any {
		v := get(f)
		switch s := v.(type) {
		case *Seq:
			return &Array{elem: s.elem, items: collect(f, s), list: true}
		case *orderedSeq:
			return &s.Array
		}
		return v
	}
}

// maxKeptBuffer is how large a buffer an idle frame may keep.
const maxKeptBuffer = 64 << 10

func (p *Program) frame(c *Context) *frame {
	f, _ := p.frames.Get().(*frame)
	if f == nil {
		f = &frame{machine: &machine{}, slots: make([]slot, p.slots)}
	}
	f.ctx = c
	f.settle()
	return f
}

// release gives the frame back, or turns a panic into the error.
func (p *Program) release(f *frame, err *error) {
	if r := recover(); r != nil {
		e := toException(r)
		if e.pos < 0 {
			e.pos = f.pos
		}
		*err = e.runtimeError()
		return
	}
	clear(f.slots)
	f.ret, f.err, f.ctx = slot{}, nil, nil
	f.steps, f.depth, f.pos, f.pinned = 0, 0, 0, 0
	f.cut()
	clear(f.stack)
	f.stack, f.buf = f.stack[:0], f.buf[:0]
	if cap(f.buf) > maxKeptBuffer {
		f.buf = nil
	}
	p.frames.Put(f)
}

// String evaluates to text: the value as .NET's Convert.ToString with the
// invariant culture gives it, "" for null. The error is a *RuntimeError.
func (p *Program) String(c *Context) (s string, err error) {
	f := p.frame(c)
	defer p.release(f, &err)
	if p.want == String {
		s, _ = p.result.s(f)
		return s, nil
	}
	return ToString(p.result.a(f)), nil
}

// Bytes evaluates to the bytes of a body, which are the caller's own. The error
// is a *RuntimeError.
func (p *Program) Bytes(c *Context) (data []byte, err error) {
	f := p.frame(c)
	defer p.release(f, &err)
	switch v := p.result.a(f).(type) {
	case []byte:
		return slices.Clone(v), nil
	case string:
		return []byte(v), nil
	default:
		return []byte(ToString(v)), nil
	}
}

// Bool evaluates to a truth value. The error is a *RuntimeError.
func (p *Program) Bool(c *Context) (v bool, err error) {
	f := p.frame(c)
	defer p.release(f, &err)
	if p.want == Bool {
		return p.result.b(f), nil
	}
	return looseValue(p.result.a(f), Bool).(bool), nil
}

// Int evaluates to a whole number. The error is a *RuntimeError.
func (p *Program) Int(c *Context) (n int64, err error) {
	f := p.frame(c)
	defer p.release(f, &err)
	if p.want == Int {
		return p.result.i(f), nil
	}
	return looseValue(p.result.a(f), Int).(int64), nil
}

// Double evaluates to a number. The error is a *RuntimeError.
func (p *Program) Double(c *Context) (d float64, err error) {
	f := p.frame(c)
	defer p.release(f, &err)
	if p.want == Double {
		return p.result.d(f), nil
	}
	return looseValue(p.result.a(f), Double).(float64), nil
}

// Any evaluates to the value with its run-time type, as set-variable keeps it:
// nil, string, bool, int32, int64, float64, Guid, DateTime, *JToken,
// *Response and the other kinds of this package. The error is a *RuntimeError.
func (p *Program) Any(c *Context) (v any, err error) {
	f := p.frame(c)
	defer p.release(f, &err)
	return p.result.a(f), nil
}
