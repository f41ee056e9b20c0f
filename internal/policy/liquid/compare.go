package liquid

import (
	"math"
	"strconv"
	"strings"

	"gatehouse/internal/policy/expr"
)

// operators gives the comparison of a name, nil when there is none.
func operators(name string) func(a, b any) bool {
	switch name {
	case "==":
		return equal
	case "!=", "<>":
		return func(a, b any) bool { return !equal(a, b) }
	case "<":
		return func(a, b any) bool { c, ok := compare(a, b); return ok && c < 0 }
	case ">":
		return func(a, b any) bool { c, ok := compare(a, b); return ok && c > 0 }
	case "<=":
		return func(a, b any) bool { c, ok := compare(a, b); return ok && c <= 0 }
	case ">=":
		return func(a, b any) bool { c, ok := compare(a, b); return ok && c >= 0 }
	case "contains":
		return contains
	case "startswith":
		return func(a, b any) bool { return edge(a, b, strings.HasPrefix, first) }
	case "endswith":
		return func(a, b any) bool { return edge(a, b, strings.HasSuffix, last) }
	case "haskey":
		return hasKey
	case "hasvalue":
		return hasValue
	}
	return nil
}

// equal compares as the left side's type does.
func equal(a, b any) bool {
	if e, ok := b.(emptiness); ok {
		return isEmpty(a, e)
	}
	if e, ok := a.(emptiness); ok {
		return isEmpty(b, e)
	}
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	switch x := a.(type) {
	case bool:
		if y, ok := b.(bool); ok {
			return x == y
		}
		return strings.EqualFold(textOf(b), textOf(a))
	case int64, float64:
		f, _ := numberOf(a)
		g, ok := numberOf(b)
		return ok && f == g
	case expr.DateTime:
		c, ok := compare(a, b)
		return ok && c == 0
	}
	if container(a) || container(b) {
		return a == b
	}
	if list, ok := a.([]any); ok {
		other := each(b)
		if len(list) != len(other) {
			return false
		}
	}
	return textOf(a) == textOf(b)
}

// container tells whether a value is a JSON object or array: those are equal
// only to themselves.
func container(v any) bool {
	_, ok := v.(*expr.JToken)
	return ok
}

func isEmpty(v any, e emptiness) bool {
	switch x := v.(type) {
	case nil:
		return e == "blank"
	case bool:
		return e == "blank" && !x
	case string:
		return x == "" || e == "blank" && strings.TrimSpace(x) == ""
	case int64, float64, expr.DateTime, emptiness:
		return false
	case *expr.JToken:
		return x.Len() == 0
	case *Element:
		return !x.hasElements() && strings.TrimSpace(x.Text()) == ""
	}
	return len(each(v)) == 0
}

// compare orders two values of the same kind; ok is false when they have no
// order.
func compare(a, b any) (c int, ok bool) {
	if a == nil || b == nil {
		return 0, false
	}
	if d, ok := a.(expr.DateTime); ok {
		other, ok := dateOf(b)
		return d.Time().Compare(other.Time()), ok
	}
	if f, ok := numeric(a); ok {
		g, ok := numberOf(b)
		return cmpFloat(f, g), ok
	}
	if g, ok := numeric(b); ok {
		f, ok := numberOf(a)
		return cmpFloat(f, g), ok
	}
	if container(a) || container(b) {
		return 0, false
	}
	return strings.Compare(textOf(a), textOf(b)), true
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func numeric(v any) (float64, bool) {
	switch x := v.(type) {
	case int64:
		return float64(x), true
	case float64:
		return x, true
	}
	return 0, false
}

// numberOf reads a number, of text too.
func numberOf(v any) (float64, bool) {
	if f, ok := numeric(v); ok {
		return f, true
	}
	switch v.(type) {
	case string, *Element:
		s := strings.TrimSpace(textOf(v))
		if s == "" || strings.ContainsAny(s, "xXpP_nN") {
			return 0, false
		}
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil
	}
	return 0, false
}

// wholeOf reads a whole number.
func wholeOf(v any) (int64, bool) {
	if n, ok := v.(int64); ok {
		return n, true
	}
	if s, ok := v.(string); ok {
		if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
			return n, true
		}
	}
	f, ok := numberOf(v)
	if !ok || math.Abs(f) > 1<<53 || math.IsNaN(f) {
		return 0, false
	}
	return int64(math.RoundToEven(f)), true
}

func contains(a, b any) bool {
	if a == nil || b == nil {
		return false
	}
	switch x := a.(type) {
	case string:
		return strings.Contains(x, textOf(b))
	case *Element:
		if !x.hasElements() {
			return strings.Contains(x.Text(), textOf(b))
		}
		return hasKey(a, b)
	case *expr.JToken:
		if x.Kind() == expr.JObject {
			return hasKey(a, b)
		}
	case Object:
		return hasKey(a, b)
	}
	for _, v := range each(a) {
		if equal(plain(v), b) {
			return true
		}
	}
	return false
}

func edge(a, b any, text func(s, part string) bool, end func(any) any) bool {
	switch a.(type) {
	case string, *Element:
		return b != nil && text(textOf(a), textOf(b))
	case []any, *expr.JToken, span:
		return equal(end(a), b)
	}
	return false
}

func hasKey(a, b any) bool {
	_, ok := property(a, textOf(b))
	return ok
}

func hasValue(a, b any) bool {
	for _, v := range each(a) {
		if e, ok := v.(Entry); ok && equal(plain(e.Value), b) {
			return true
		}
	}
	return false
}
