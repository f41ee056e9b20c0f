package liquid

import (
	"math"
	"strconv"
	"strings"
)

func numberFilters() []filter {
	return []filter{
		{"Abs", 0, 0, absolute},
		{"AtLeast", 1, 1, func(c *call) any { return bound(c, func(in, limit float64) bool { return in < limit }) }},
		{"AtMost", 1, 1, func(c *call) any { return bound(c, func(in, limit float64) bool { return in > limit }) }},
		{"Currency", 0, 1, currency},
		{"DividedBy", 1, 1, func(c *call) any { return c.arithmetic('/') }},
		{"Minus", 1, 1, func(c *call) any { return c.arithmetic('-') }},
		{"Modulo", 1, 1, func(c *call) any { return c.arithmetic('%') }},
		{"Plus", 1, 1, plus},
		{"Round", 0, 1, round},
		{"Times", 1, 1, multiply},
	}
}

// number reads a value; whole tells that it is a whole number.
func number(v any) (n int64, f float64, whole, ok bool) {
	switch x := v.(type) {
	case int64:
		return x, float64(x), true, true
	case string, *Element:
		s := strings.TrimSpace(textOf(x))
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n, float64(n), true, true
		}
	}
	f, ok = numberOf(v)
	return 0, f, false, ok
}

// arithmetic is exact on whole numbers, and on 15 digits of others.
func (c *call) arithmetic(operator byte) any {
	if c.in == nil || c.args[0] == nil {
		return nil
	}
	a, x, whole, ok := number(c.in)
	b, y, wholeToo, okToo := number(c.args[0])
	if !ok || !okToo {
		fail(c.at, "a filter that calculates takes numbers")
	}
	if (operator == '/' || operator == '%') && y == 0 {
		fail(c.at, "a number is divided by zero")
	}
	if whole && wholeToo {
		if n, ok := calculate(a, b, operator); ok {
			return n
		}
		fail(c.at, "the result of a calculation is too large")
	}
	switch operator {
	case '+':
		return rounded(x + y)
	case '-':
		return rounded(x - y)
	case '*':
		return rounded(x * y)
	case '/':
		return rounded(x / y)
	}
	return rounded(math.Mod(x, y))
}

func calculate(a, b int64, operator byte) (n int64, ok bool) {
	switch operator {
	case '+':
		n = a + b
		return n, (n > a) == (b > 0)
	case '-':
		n = a - b
		return n, (n < a) == (b > 0)
	case '*':
		if a == 0 || b == 0 {
			return 0, true
		}
		n = a * b
		return n, n/b == a && !(a == -1 && b == math.MinInt64) && !(b == -1 && a == math.MinInt64)
	case '/':
		return a / b, a != math.MinInt64 || b != -1
	}
	if b == -1 {
		return 0, true
	}
	return a % b, true
}

func rounded(f float64) float64 {
	if n, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 15, 64), 64); err == nil {
		return n
	}
	return f
}

// plus joins a text with what is added, as DotLiquid does.
func plus(c *call) any {
	switch c.in.(type) {
	case string, *Element:
		s := textOf(c.in) + textOf(c.args[0])
		c.r.charge(c.at, len(s))
		return s
	}
	return c.arithmetic('+')
}

// multiply repeats a text.
func multiply(c *call) any {
	switch c.in.(type) {
	case string, *Element:
		n, whole := c.args[0].(int64)
		if !whole {
			break
		}
		s := textOf(c.in)
		if n < 0 || n > maxOutput || int64(len(s))*n > maxOutput {
			fail(c.at, "a text is longer than %d bytes", maxOutput)
		}
		c.r.charge(c.at, len(s)*int(n))
		return strings.Repeat(s, int(n))
	}
	return c.arithmetic('*')
}

func absolute(c *call) any {
	n, f, whole, ok := number(c.in)
	switch {
	case !ok:
		return int64(0)
	case whole && n != math.MinInt64:
		return max(n, -n)
	}
	return math.Abs(f)
}

func bound(c *call, beyond func(in, limit float64) bool) any {
	_, in, _, ok := number(c.in)
	_, limit, _, okToo := number(c.args[0])
	if ok && okToo && beyond(in, limit) {
		return c.args[0]
	}
	return c.in
}

// round rounds half to even, as .NET does.
func round(c *call) any {
	n, f, whole, ok := number(c.in)
	if !ok {
		return nil
	}
	if whole {
		return n
	}
	places := c.whole(0, 0)
	if places < 0 || places > 15 {
		return nil
	}
	scale := math.Pow10(int(places))
	out := math.RoundToEven(rounded(f*scale)) / scale
	if places == 0 && math.Abs(out) < 1<<53 {
		return int64(out)
	}
	return out
}

// currency is the format C of a culture; without one, of the invariant culture.
func currency(c *call) any {
	if c.in == nil {
		return nil
	}
	_, f, _, ok := number(c.in)
	if !ok {
		return textOf(c.in)
	}
	before, after, thousand, point := "¤", "", ",", "."
	switch strings.ToLower(strings.TrimSpace(c.text(0, ""))) {
	case "":
	case "en-us", "en-ca", "en-au":
		before = "$"
	case "en-gb":
		before = "£"
	case "ja-jp":
		before = "¥"
	case "de-de", "es-es", "it-it":
		before, after, thousand, point = "", " €", ".", ","
	case "fr-fr":
		before, after, thousand, point = "", " €", "\u202f", ","
	default:
		fail(c.at, "the culture is not known here: expected en-US, en-CA, en-AU, en-GB, ja-JP, de-DE, es-ES, it-IT or fr-FR")
	}
	return money(f, before, after, thousand, point)
}

func money(f float64, before, after, thousand, point string) string {
	digits := strconv.FormatFloat(math.Abs(f), 'f', 2, 64)
	units, cents, _ := strings.Cut(digits, ".")
	var b strings.Builder
	for i, d := range units {
		if i > 0 && (len(units)-i)%3 == 0 {
			b.WriteString(thousand)
		}
		b.WriteRune(d)
	}
	s := before + b.String() + point + cents + after
	if f < 0 && digits != "0.00" {
		if before == "¤" {
			return "(" + s + ")"
		}
		return "-" + s
	}
	return s
}
