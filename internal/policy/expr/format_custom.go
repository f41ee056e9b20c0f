package expr

import (
	"fmt"
	"math/big"
	"strings"
)

// numberPattern is one section of a custom numeric format.
type numberPattern struct {
	parts     []patternPart
	whole     int // placeholders before the point
	fraction  int // placeholders behind it
	minWhole  int // digits that are always written before the point
	minFrac   int // and behind it
	groups    bool
	thousands int // divisions by 1000
	factor    int64
	exponent  bool
}

// patternPart is a literal, a placeholder of a digit, the point or the exponent.
type patternPart struct {
	kind byte // 'l' literal, 'd' digit, '.' point, 'e' exponent
	text string
	plus bool // the exponent always has a sign
	size int  // least digits of the exponent
}

// customNumber formats by a pattern of 0 # . , % and literals, with sections
// for positive, negative and zero.
func customNumber(r *big.Rat, f string) string {
	sections := formatSections(f)
	neg := r.Sign() < 0
	f = sections[0]
	switch {
	case neg && len(sections) > 1 && sections[1] != "":
		f, neg = sections[1], false
	case r.Sign() == 0 && len(sections) > 2 && sections[2] != "":
		f = sections[2]
	}
	p := readPattern(f)
	v := new(big.Rat).Abs(r)
	v.Mul(v, big.NewRat(p.factor, 1))
	v.Quo(v, new(big.Rat).SetInt(tenTo(3*p.thousands)))
	text, exp := "", 0
	if p.exponent {
		text, exp = mantissa(v, max(p.whole, 1), min(p.fraction, 100))
	} else {
		text = roundRat(v, min(p.fraction, 100))
	}
	if !strings.ContainsAny(text, "123456789") {
		neg = false
		if r.Sign() != 0 && len(sections) > 2 && sections[2] != "" {
			p = readPattern(sections[2])
		}
	}
	out := p.write(text, exp)
	if neg {
		return "-" + out
	}
	return out
}

// formatSections splits at semicolons outside quotes.
func formatSections(f string) []string {
	var out []string
	quote, start := byte(0), 0
	for i := 0; i < len(f); i++ {
		switch c := f[i]; {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == ';':
			out = append(out, f[start:i])
			start = i + 1
		}
	}
	return append(out, f[start:])
}

func readPattern(f string) *numberPattern {
	p := &numberPattern{factor: 1}
	point, commas, firstZero := false, 0, -1
	for i := 0; i < len(f); {
		c := f[i]
		switch {
		case c == '0' || c == '#':
			if commas > 0 && !point {
				p.groups = true
			}
			commas = 0
			p.parts = append(p.parts, patternPart{kind: 'd'})
			if point {
				if p.fraction++; c == '0' {
					p.minFrac = p.fraction
				}
			} else {
				if c == '0' && firstZero < 0 {
					firstZero = p.whole
				}
				p.whole++
			}
			i++
		case c == '.':
			if !point {
				point = true
				p.thousands += commas
				p.parts = append(p.parts, patternPart{kind: '.'})
			}
			i++
		case c == ',':
			if !point && p.whole > 0 {
				commas++
			}
			i++
		case c == '%':
			p.factor *= 100
			p.literal("%")
			i++
		case strings.HasPrefix(f[i:], "‰"):
			p.factor *= 1000
			p.literal("‰")
			i += len("‰")
		case lower(c) == 'e' && p.readExponent(f[i:]) > 0:
			i += p.readExponent(f[i:])
			p.exponent = true
		default:
			var b strings.Builder
			i += quotedFormat(f, i, &b)
			p.literal(b.String())
		}
	}
	if !point {
		p.thousands += commas
	}
	if firstZero >= 0 {
		p.minWhole = p.whole - firstZero
	}
	return p
}

func (p *numberPattern) literal(s string) {
	p.parts = append(p.parts, patternPart{kind: 'l', text: s})
}

// readExponent gives the length of E0, E+0 or E-0, 0 when it is none; the first
// call adds the part.
func (p *numberPattern) readExponent(f string) int {
	i, plus := 1, false
	if i < len(f) && (f[i] == '+' || f[i] == '-') {
		plus = f[i] == '+'
		i++
	}
	zeros := 0
	for i < len(f) && f[i] == '0' {
		i++
		zeros++
	}
	if zeros == 0 {
		return 0
	}
	if n := len(p.parts); n == 0 || p.parts[n-1].kind != 'e' {
		p.parts = append(p.parts, patternPart{kind: 'e', text: f[:1], plus: plus, size: min(zeros, 10)})
	}
	return i
}

// write puts the digits of a decimal text into the placeholders.
func (p *numberPattern) write(text string, exp int) string {
	w, d, _ := strings.Cut(text, ".")
	if w == "0" {
		w = ""
	}
	w = strings.Repeat("0", max(p.minWhole-len(w), 0)) + w
	d = strings.TrimRight(d, "0")
	d += strings.Repeat("0", max(p.minFrac-len(d), 0))
	var b strings.Builder
	at, behind, point := 0, 0, false
	digit := func(c byte, right int) {
		b.WriteByte(c)
		if p.groups && right > 0 && right%3 == 0 {
			b.WriteByte(',')
		}
	}
	for _, part := range p.parts {
		switch part.kind {
		case 'l':
			b.WriteString(part.text)
		case '.':
			for ; at == 0 && p.whole == 0 && behind < len(w); behind++ { // no place before the point: all digits go here
				digit(w[behind], len(w)-1-behind)
			}
			point, behind = true, 0
			if d != "" {
				b.WriteByte('.')
			}
		case 'e':
			b.WriteString(part.text + exponentText(exp, part))
		default:
			if point {
				if behind < len(d) {
					b.WriteByte(d[behind])
				}
				behind++
				continue
			}
			if at == 0 {
				for i := range max(len(w)-p.whole, 0) {
					digit(w[i], len(w)-1-i)
				}
			}
			if right := p.whole - 1 - at; right < len(w) {
				digit(w[len(w)-1-right], right)
			}
			at++
		}
	}
	return b.String()
}

func exponentText(exp int, part patternPart) string {
	s := fmt.Sprintf("%0*d", part.size, max(exp, -exp))
	switch {
	case exp < 0:
		return "-" + s
	case part.plus:
		return "+" + s
	}
	return s
}
