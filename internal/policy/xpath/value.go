package xpath

import (
	"math"
	"strconv"
	"strings"
)

// String is the function string().
func String(v Value) string {
	switch x := v.(type) {
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case float64:
		return numberText(x)
	case NodeSet:
		if len(x) > 0 {
			return x[0].Text()
		}
	}
	return ""
}

func numberText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		return "0"
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// Number is the function number().
func Number(v Value) float64 {
	switch x := v.(type) {
	case float64:
		return x
	case bool:
		if x {
			return 1
		}
		return 0
	}
	return parseNumber(String(v))
}

// parseNumber reads the numbers of XPath: digits with a point and a minus.
func parseNumber(s string) float64 {
	s = strings.Trim(s, " \t\r\n")
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits == "." || strings.Trim(digits, "0123456789.") != "" {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

// Bool is the function boolean().
func Bool(v Value) bool {
	switch x := v.(type) {
	case bool:
		return x
	case float64:
		return x != 0 && !math.IsNaN(x)
	case string:
		return x != ""
	case NodeSet:
		return len(x) > 0
	}
	return false
}

// compare is = and the other comparisons; a node set compares with each of its
// nodes.
func (c *Context) compare(operator string, a, b Value) bool {
	if set, ok := a.(NodeSet); ok {
		if _, truth := b.(bool); truth {
			return compareValues(operator, Bool(set), b)
		}
		for _, n := range set {
			c.Step(1)
			if c.compare(operator, n.Text(), b) {
				return true
			}
		}
		return false
	}
	if set, ok := b.(NodeSet); ok {
		if _, truth := a.(bool); truth {
			return compareValues(operator, a, Bool(set))
		}
		for _, n := range set {
			c.Step(1)
			text := Value(n.Text())
			if _, number := a.(float64); number {
				text = Number(text)
			}
			if compareValues(operator, a, text) {
				return true
			}
		}
		return false
	}
	return compareValues(operator, a, b)
}

func compareValues(operator string, a, b Value) bool {
	if operator == "=" || operator == "!=" {
		return equal(a, b) == (operator == "=")
	}
	x, y := Number(a), Number(b)
	switch operator {
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	}
	return x >= y
}

func equal(a, b Value) bool {
	_, x := a.(bool)
	_, y := b.(bool)
	if x || y {
		return Bool(a) == Bool(b)
	}
	_, x = a.(float64)
	_, y = b.(float64)
	if x || y {
		return Number(a) == Number(b)
	}
	return String(a) == String(b)
}
