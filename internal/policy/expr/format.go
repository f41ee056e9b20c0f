package expr

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// composite is string.Format.
func composite(m *machine, format string, args []any) string {
	var b strings.Builder
	for i := 0; i < len(format); {
		c := format[i]
		switch {
		case (c == '{' || c == '}') && i+1 < len(format) && format[i+1] == c:
			b.WriteByte(c)
			i += 2
		case c == '{':
			end := strings.IndexByte(format[i:], '}')
			if end < 0 {
				badFormat()
			}
			writeHole(&b, format[i+1:i+end], args)
			i += end + 1
		case c == '}':
			badFormat()
		default:
			b.WriteByte(c)
			i++
		}
		if b.Len()&0xFFFF == 0 {
			m.step(1)
		}
	}
	return b.String()
}

func badFormat() { throw("System.FormatException", "Input string was not in a correct format.") }

func writeHole(b *strings.Builder, hole string, args []any) {
	hole, f, _ := strings.Cut(hole, ":")
	index, align, hasAlign := strings.Cut(hole, ",")
	n, err := strconv.Atoi(strings.TrimSpace(index))
	if err != nil || n < 0 {
		badFormat()
	}
	if n >= len(args) {
		throw("System.FormatException", "Index (zero based) must be greater than or equal to zero and less than the size of the argument list.")
	}
	width := 0
	if hasAlign {
		if width, err = strconv.Atoi(strings.TrimSpace(align)); err != nil || width > 10000 || width < -10000 {
			badFormat()
		}
	}
	b.WriteString(pad(formatValue(args[n], f), width))
}

// formatValue is ToString(format) with the invariant culture.
func formatValue(v any, f string) string {
	if f == "" {
		return ToString(v)
	}
	switch x := v.(type) {
	case DateTime:
		return x.format(f)
	case DateTimeOffset:
		return x.format(f)
	case TimeSpan:
		return x.format(f)
	case Guid:
		return x.format(f)
	case Enum:
		return formatEnum(x, f)
	case Decimal:
		return formatNumber(x.float(), x.rat(), f, false)
	case float64:
		return formatNumber(x, nil, f, false)
	case float32:
		return formatNumber(float64(x), nil, f, false)
	case *JToken:
		if !x.container() {
			return formatValue(x.Value(), f)
		}
	case Char, string, bool:
		return ToString(v)
	}
	if n, ok := integer(v); ok {
		r := new(big.Rat).SetInt64(n)
		if u, ok := v.(uint64); ok {
			r.SetInt(new(big.Int).SetUint64(u))
		}
		if strings.IndexByte("xX", f[0]) >= 0 {
			return formatHex(v, n, f)
		}
		d, _ := number(v)
		return formatNumber(d, r, f, true)
	}
	return ToString(v)
}

func formatEnum(e Enum, f string) string {
	switch f {
	case "D", "d":
		return strconv.FormatInt(e.v, 10)
	case "X", "x":
		return fmt.Sprintf("%08X", e.v)
	}
	return e.String()
}

func formatHex(v any, n int64, f string) string {
	width := precision(f, 0)
	u := uint64(n)
	switch v.(type) {
	case int32:
		u = uint64(uint32(n))
	case int16:
		u = uint64(uint16(n))
	case int8:
		u = uint64(uint8(n))
	}
	s := strconv.FormatUint(u, 16)
	if f[0] == 'X' {
		s = strings.ToUpper(s)
	}
	return strings.Repeat("0", max(0, width-len(s))) + s
}

// precision reads the digits behind a format letter.
func precision(f string, missing int) int {
	if len(f) == 1 {
		return missing
	}
	n, err := strconv.Atoi(f[1:])
	if err != nil || n > 1000 {
		badFormat()
	}
	return n
}

func standardNumber(f string) bool {
	if strings.IndexByte("CcDdEeFfGgNnPpRr", f[0]) < 0 {
		return false
	}
	for i := 1; i < len(f); i++ {
		if !isDigit(f[i]) {
			return false
		}
	}
	return len(f) <= 4
}

// formatNumber formats d; exact is its exact value when it has one.
func formatNumber(d float64, exact *big.Rat, f string, integral bool) string {
	if math.IsNaN(d) || math.IsInf(d, 0) {
		return doubleText(d, 64)
	}
	if exact == nil {
		exact, _ = new(big.Rat).SetString(strconv.FormatFloat(d, 'f', -1, 64))
	}
	if !standardNumber(f) {
		if unicode.IsLetter(rune(f[0])) && f[0] < 0x80 && len(f) <= 4 && strings.Trim(f[1:], "0123456789") == "" {
			badFormat()
		}
		return customNumber(exact, f)
	}
	switch lower(f[0]) {
	case 'd':
		if !integral {
			badFormat()
		}
		s := new(big.Int).Abs(exact.Num()).String()
		return sign(exact) + strings.Repeat("0", max(0, precision(f, 0)-len(s))) + s
	case 'f':
		return fixed(exact, precision(f, 2), false)
	case 'n':
		return fixed(exact, precision(f, 2), true)
	case 'c':
		return strings.Replace("¤"+fixed(new(big.Rat).Abs(exact), precision(f, 2), true), "¤", map[bool]string{true: "(¤", false: "¤"}[exact.Sign() < 0], 1) +
			map[bool]string{true: ")"}[exact.Sign() < 0]
	case 'p':
		return fixed(new(big.Rat).Mul(exact, big.NewRat(100, 1)), precision(f, 2), true) + " %"
	case 'e':
		return scientific(d, exact, precision(f, 6), f[0])
	case 'g':
		if n := precision(f, 0); n > 0 {
			return general(d, exact, n, f[0])
		}
	}
	if integral {
		return exact.Num().String()
	}
	return doubleText(d, 64)
}

func sign(r *big.Rat) string {
	if r.Sign() < 0 {
		return "-"
	}
	return ""
}

// fixed rounds half away from zero to n decimals, with groups of three if asked.
func fixed(r *big.Rat, n int, groups bool) string {
	s := roundRat(r, n)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	whole, frac, _ := strings.Cut(s, ".")
	if groups {
		whole = group(whole)
	}
	if frac != "" {
		whole += "." + frac
	}
	if neg && strings.ContainsAny(whole, "123456789") {
		return "-" + whole
	}
	return whole
}

func roundRat(r *big.Rat, n int) string { return r.FloatString(n) }

func group(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// scientific rounds the exact value half away from zero; beyond the digits
// that a double has, the digits are those of its binary value.
func scientific(d float64, exact *big.Rat, n int, e byte) string {
	if n > 15 {
		s := strconv.FormatFloat(d, 'e', n, 64)
		m, exp, _ := strings.Cut(s, "e")
		v, _ := strconv.Atoi(exp)
		return fmt.Sprintf("%s%c%+04d", m, e, v)
	}
	m, exp := mantissa(exact, 1, n)
	return fmt.Sprintf("%s%s%c%+04d", sign(exact), m, e, exp)
}

// mantissa writes |r| as whole digits before the point, n behind it, and an exponent.
func mantissa(r *big.Rat, whole, n int) (string, int) {
	r = new(big.Rat).Abs(r)
	if r.Sign() == 0 {
		return r.FloatString(n), 0
	}
	exp := len(r.Num().String()) - len(r.Denom().String()) - whole
	for {
		scaled := new(big.Rat).Set(r)
		if exp > 0 {
			scaled.Quo(scaled, new(big.Rat).SetInt(tenTo(exp)))
		} else {
			scaled.Mul(scaled, new(big.Rat).SetInt(tenTo(-exp)))
		}
		m := scaled.FloatString(n)
		w, _, _ := strings.Cut(m, ".")
		if len(w) > whole {
			exp++
			continue
		}
		return m, exp
	}
}

// general is the shorter of the fixed and the scientific form with n digits.
func general(d float64, exact *big.Rat, n int, g byte) string {
	m, v := mantissa(exact, 1, min(n, 15)-1)
	if n > 15 {
		s, exp, _ := strings.Cut(strconv.FormatFloat(math.Abs(d), 'e', min(n, 17)-1, 64), "e")
		m = s
		v, _ = strconv.Atoi(exp)
	}
	digits := strings.Replace(m, ".", "", 1)
	digits = strings.TrimRight(digits, "0")
	switch {
	case digits == "":
		return "0"
	case v >= n || v <= -5:
		if len(digits) > 1 {
			digits = digits[:1] + "." + digits[1:]
		}
		return fmt.Sprintf("%s%s%c%+03d", sign(exact), digits, g-'G'+'E', v)
	case v < 0:
		return sign(exact) + "0." + strings.Repeat("0", -v-1) + digits
	case len(digits) <= v+1:
		return sign(exact) + digits + strings.Repeat("0", v+1-len(digits))
	}
	return sign(exact) + digits[:v+1] + "." + digits[v+1:]
}
