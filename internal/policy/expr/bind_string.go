package expr

import (
	"strconv"
	"strings"
)

// concatenation flattens a + b + c where a string takes part, so that one
// buffer takes all parts; nil when it is arithmetic.
func (b *binder) concatenation(x *binaryX) *operand {
	// The chain leans left: l is the deepest operand.
	chain := []*binaryX{x}
	for {
		l, ok := chain[len(chain)-1].l.(*binaryX)
		if !ok || l.op != "+" {
			break
		}
		chain = append(chain, l)
	}
	acc := b.value(chain[len(chain)-1].l)
	var parts []*operand
	for i := len(chain) - 1; i >= 0; i-- {
		r := b.value(chain[i].r)
		switch {
		case parts != nil:
			parts = append(parts, r)
		case (acc.t.is(kString) || r.t.is(kString)) && b.userOperator("+", acc, r) == nil:
			parts = []*operand{acc, r}
		default:
			acc = b.arithmetic("+", acc, r, chain[i].pos)
		}
	}
	if parts == nil {
		return acc
	}
	return b.join(parts, x.pos)
}

// appender adds the text of a value to the machine's buffer.
type appender func(f *frame)

// join concatenates the texts of values; null is empty.
func (b *binder) join(parts []*operand, pos int) *operand {
	var list []appender
	text := ""
	flush := func() {
		if s := text; s != "" {
			list = append(list, func(f *frame) { f.buf = append(f.buf, s...) })
			text = ""
		}
	}
	for _, p := range parts {
		if p.t.is(kVoid) {
			fail(p.pos, "this call gives no value", "")
		}
		if p.isConst {
			text += ToString(p.konst)
			continue
		}
		flush()
		list = append(list, textOf(p))
	}
	if list == nil {
		return constant(text, types().str, pos)
	}
	flush()
	if two := joinTwo(parts, pos); two != nil {
		return two
	}
	return buffered(headOf(parts[0]), list, pos)
}

// joinTwo is the common case of two strings.
func joinTwo(parts []*operand, pos int) *operand {
	if len(parts) != 2 || !parts[0].t.is(kString) || !parts[1].t.is(kString) {
		return nil
	}
	l, r := parts[0].s, parts[1].s
	return fromString(func(f *frame) (string, bool) {
		a, _ := l(f)
		c, _ := r(f)
		if len(a) < tailFrom {
			f.charge(len(a) + len(c))
			return a + c, true
		}
		t := f.continued(a)
		before := t.Cap()
		t.WriteString(c)
		return f.grown(t, before), true
	}, pos)
}

// textValue reads a string; false: null.
type textValue = func(*frame) (string, bool)

// headOf is the text that a concatenation begins with, nil when it begins with
// something else.
func headOf(p *operand) textValue {
	if p.isConst || !p.t.is(kString) {
		return nil
	}
	return p.s
}

// buffered joins texts in the machine's buffer. A long head is written on
// where it stands.
func buffered(head textValue, list []appender, pos int) *operand {
	if head != nil {
		list = list[1:]
	}
	return fromString(func(f *frame) (string, bool) {
		base := len(f.buf)
		f.step(1)
		long := ""
		if head != nil {
			if s, _ := head(f); len(s) < tailFrom {
				f.buf = append(f.buf, s...)
			} else {
				long = s
			}
		}
		for _, add := range list {
			n := len(f.buf)
			add(f)
			f.charge(len(f.buf) - n)
		}
		s := ""
		if long == "" {
			s = string(f.buf[base:])
		} else {
			t := f.continued(long)
			before := t.Cap()
			t.Write(f.buf[base:])
			s = f.grown(t, before)
		}
		f.buf = f.buf[:base]
		return s, true
	}, pos)
}

// textOf is the appender of a value's ToString().
func textOf(p *operand) appender {
	switch p.t.rep() {
	case repString:
		s := p.s
		return func(f *frame) { v, _ := s(f); f.buf = append(f.buf, v...) }
	case repInt:
		if p.t.is(kChar) || p.t.is(kEnum) || p.t.is(kUint64) {
			break
		}
		n := p.i
		return func(f *frame) { v := n(f); f.buf = strconv.AppendInt(f.buf, v, 10) }
	case repBool:
		v := p.b
		return func(f *frame) {
			if v(f) {
				f.buf = append(f.buf, "True"...)
			} else {
				f.buf = append(f.buf, "False"...)
			}
		}
	}
	a := p.a
	return func(f *frame) { v := ToString(a(f)); f.buf = append(f.buf, v...) }
}

func (b *binder) interpolation(x *interpX) *operand {
	var list []appender
	constantText, isConst := "", true
	var head textValue
	for _, p := range x.parts {
		if p.x == nil || p.raw != "" && !b.bound(p.x) {
			s := p.text + p.raw
			constantText += s
			list = append(list, func(f *frame) { f.buf = append(f.buf, s...) })
			continue
		}
		o := b.value(p.x)
		if len(list) == 0 && p.format == "" && p.align == 0 {
			head = headOf(o)
		}
		isConst = false
		list = append(list, b.formatted(o, p))
	}
	if isConst {
		return constant(constantText, types().str, x.offset())
	}
	return buffered(head, list, x.offset())
}

func (b *binder) formatted(o *operand, p interpNode) appender {
	if p.format == "" && p.align == 0 {
		return textOf(o)
	}
	a, format, align := o.a, p.format, p.align
	pos := o.pos
	return func(f *frame) {
		v := a(f)
		f.pos = pos
		f.buf = append(f.buf, pad(formatValue(v, format), align)...)
	}
}

// pad aligns text as a composite format does: right when positive.
func pad(s string, align int) string {
	n := length16(s)
	switch {
	case align > 0 && n < align:
		return strings.Repeat(" ", align-n) + s
	case align < 0 && n < -align:
		return s + strings.Repeat(" ", -align-n)
	}
	return s
}

// bound tells whether any name in a hole that looks like a placeholder is a variable.
func (b *binder) bound(n node) bool {
	switch x := n.(type) {
	case *nameX:
		v, f := b.lookup(x.name)
		return v != nil || f != nil
	case *binaryX:
		return b.bound(x.l) || b.bound(x.r)
	}
	return false
}
