package expr

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// The bits of System.Globalization.NumberStyles.
const (
	styleLeadingWhite  = 1
	styleTrailingWhite = 2
	styleLeadingSign   = 4
	styleTrailingSign  = 8
	styleParentheses   = 16
	styleDecimalPoint  = 32
	styleThousands     = 64
	styleExponent      = 128
	styleCurrency      = 256
	styleHex           = 512

	styleInteger = 7
	styleNumber  = 111
	styleDouble  = 231 // Float with thousands, the default of double.Parse
)

// writtenNumber is a number as its text says: digits divided by ten to the scale.
type writtenNumber struct {
	neg    bool
	digits string
	scale  int
}

// numberReader reads one number by a NumberStyles.
type numberReader struct {
	s      string
	i      int
	styles int64
	n      writtenNumber
}

func readNumber(s string, styles int64) (writtenNumber, bool) {
	r := &numberReader{s: s, styles: styles}
	if !r.front() || !r.body() {
		return r.n, false
	}
	return r.n, r.back()
}

func (r *numberReader) white(style int64) {
	for r.styles&style != 0 && r.i < len(r.s) && (r.s[r.i] == ' ' || r.s[r.i] >= 9 && r.s[r.i] <= 13) {
		r.i++
	}
}

func (r *numberReader) take(style int64, text string) bool {
	if r.styles&style != 0 && strings.HasPrefix(r.s[r.i:], text) {
		r.i += len(text)
		return true
	}
	return false
}

func (r *numberReader) front() bool {
	r.white(styleLeadingWhite)
	r.take(styleCurrency, "¤")
	switch {
	case r.take(styleLeadingSign, "-"):
		r.n.neg = true
	case r.take(styleLeadingSign, "+"):
	case r.take(styleParentheses, "("):
		r.n.neg = true
		if !strings.Contains(r.s, ")") {
			return false
		}
	}
	r.take(styleCurrency, "¤")
	return true
}

func (r *numberReader) body() bool {
	point := false
	start := r.i
	for ; r.i < len(r.s); r.i++ {
		switch c := r.s[r.i]; {
		case isDigit(c):
			r.n.digits += string(c)
			if point {
				r.n.scale++
			}
			continue
		case c == ',' && r.styles&styleThousands != 0 && !point && r.i > start:
			continue
		case c == '.' && r.styles&styleDecimalPoint != 0 && !point:
			point = true
			continue
		}
		break
	}
	if r.n.digits == "" || len(r.n.digits) > 1000 {
		return false
	}
	return r.exponent()
}

func (r *numberReader) exponent() bool {
	if r.styles&styleExponent == 0 || r.i >= len(r.s) || lower(r.s[r.i]) != 'e' {
		return true
	}
	end := r.i + 1
	if end < len(r.s) && (r.s[end] == '+' || r.s[end] == '-') {
		end++
	}
	for end < len(r.s) && isDigit(r.s[end]) {
		end++
	}
	e, err := strconv.Atoi(r.s[r.i+1 : end])
	if err != nil && unwrap(err) != strconv.ErrRange {
		return true
	}
	r.n.scale -= max(min(e, 9999), -9999)
	r.i = end
	return true
}

func (r *numberReader) back() bool {
	r.white(styleTrailingWhite)
	r.take(styleCurrency, "¤")
	if strings.HasPrefix(strings.TrimSpace(r.s), "(") {
		return r.take(styleParentheses, ")") && r.i == len(r.s)
	}
	if r.take(styleTrailingSign, "-") {
		r.n.neg = true
	} else {
		r.take(styleTrailingSign, "+")
	}
	r.white(styleTrailingWhite)
	return r.i == len(r.s)
}

// whole is the value when it has no fraction and is not absurdly large.
func (n writtenNumber) whole() (*big.Int, bool) {
	v, _ := new(big.Int).SetString(n.digits, 10)
	switch {
	case v.Sign() == 0:
	case n.scale < -100 || n.scale > len(n.digits):
		return nil, false
	case n.scale <= 0:
		v.Mul(v, tenTo(-n.scale))
	default:
		q, m := new(big.Int).QuoRem(v, tenTo(n.scale), new(big.Int))
		if m.Sign() != 0 {
			return nil, false
		}
		v = q
	}
	if n.neg {
		v.Neg(v)
	}
	return v, true
}

// styledInteger parses an integral number; the error is one of strconv.
func styledInteger(s string, styles int64, bits int, signed bool) (int64, error) {
	if styles&styleHex != 0 {
		if styles&styleLeadingWhite != 0 {
			s = strings.TrimSpace(s)
		}
		return parseInteger(s, bits, signed, 16)
	}
	n, ok := readNumber(s, styles)
	if !ok {
		return 0, strconv.ErrSyntax
	}
	v, ok := n.whole()
	if !ok {
		return 0, strconv.ErrRange
	}
	lo, hi := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(bits))
	if signed {
		hi.Rsh(hi, 1)
		lo.Neg(hi)
	}
	if v.Cmp(lo) < 0 || v.Cmp(hi) >= 0 {
		return 0, strconv.ErrRange
	}
	if v.IsInt64() {
		return v.Int64(), nil
	}
	return int64(v.Uint64()), nil
}

func styledDouble(s string, styles int64) (float64, bool) {
	n, ok := readNumber(s, styles)
	if !ok {
		switch strings.ToLower(strings.TrimSpace(s)) {
		case "nan", "-nan", "+nan":
			return math.NaN(), true
		case "infinity", "+infinity":
			return math.Inf(1), true
		case "-infinity":
			return math.Inf(-1), true
		}
		return 0, false
	}
	sign := ""
	if n.neg {
		sign = "-"
	}
	d, err := strconv.ParseFloat(sign+n.digits+"e"+strconv.Itoa(-n.scale), 64)
	return d, err == nil || unwrap(err) == strconv.ErrRange
}

// styledDecimal parses a decimal; too large a number throws.
func styledDecimal(s string, styles int64) (Decimal, bool) {
	n, ok := readNumber(s, styles)
	if !ok || len(n.digits) > 100 {
		return Decimal{}, false
	}
	v, _ := new(big.Int).SetString(n.digits, 10)
	if n.neg {
		v.Neg(v)
	}
	if n.scale < 0 {
		if n.scale < -60 && v.Sign() != 0 {
			throw("System.OverflowException", "Value was either too large or too small for a Decimal.")
		}
		v.Mul(v, tenTo(min(-n.scale, 60)))
		n.scale = 0
	}
	if n.scale > 200 {
		return Decimal{}, true
	}
	return Decimal{v, n.scale}.fit(), true
}

// tryDecimal is styledDecimal that answers false instead of throwing.
func tryDecimal(s string, styles int64) (d Decimal, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, thrown := r.(*exception); !thrown {
				panic(r)
			}
			d, ok = Decimal{}, false
		}
	}()
	return styledDecimal(s, styles)
}

// stylesIn finds a NumberStyles among the arguments of Parse and TryParse.
func stylesIn(a []any, missing int64) int64 {
	for _, v := range a {
		if e, ok := v.(Enum); ok && e.def.name == "NumberStyles" {
			return e.v
		}
	}
	return missing
}
