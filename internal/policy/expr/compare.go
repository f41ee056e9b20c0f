package expr

import (
	"bytes"
	"cmp"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// Equal is .NET's Object.Equals on values of the engine: same type and same
// value for values, the same object for references.
func Equal(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case string:
		y, ok := b.(string)
		return ok && x == y
	case []byte:
		y, ok := b.([]byte)
		return ok && len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
	case Header, []string:
		return false
	case *big.Int:
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	case Decimal:
		y, ok := b.(Decimal)
		return ok && compareDecimal(x, y) == 0
	case DateTime:
		y, ok := b.(DateTime)
		return ok && x.ticks == y.ticks
	case DateTimeOffset:
		y, ok := b.(DateTimeOffset)
		return ok && x.utc() == y.utc()
	case *JToken:
		y, ok := b.(*JToken)
		return ok && (x == y || !x.container() && x.kind == y.kind && Equal(x.value, y.value))
	case *Object:
		y, ok := b.(*Object)
		return ok && x.def == y.def && keyOf(x) == keyOf(y)
	case *URI:
		y, ok := b.(*URI)
		return ok && x.String() == y.String()
	case float64:
		y, ok := b.(float64)
		return ok && (x == y || x != x && y != y)
	case *Pair:
		y, ok := b.(*Pair)
		return ok && Equal(x.key, y.key) && Equal(x.value, y.value)
	case *tuple:
		y, ok := b.(*tuple)
		return ok && slices.EqualFunc(x.items, y.items, Equal)
	}
	switch b.(type) {
	case nil, []byte, Header, []string:
		return false
	}
	return a == b
}

// sameReference is == on references; strings and values compare by value.
func sameReference(a, b any) bool {
	switch x := a.(type) {
	case *JToken:
		y, ok := b.(*JToken)
		return ok && x == y
	case *Object:
		y, ok := b.(*Object)
		return ok && x == y
	}
	return Equal(a, b)
}

// isBoxed tells values of value types: two boxes of them are two objects.
func isBoxed(v any) bool {
	switch v.(type) {
	case bool, float64, float32, Decimal, DateTime, DateTimeOffset, TimeSpan, Guid:
		return true
	}
	_, ok := integer(v)
	return ok
}

// compareValues is the order of Comparer<T>.Default.
func compareValues(a, b any) int {
	switch {
	case a == nil || b == nil:
		return int(b2i(a != nil) - b2i(b != nil))
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return compareText(x, y, false)
		}
	case bool:
		if y, ok := b.(bool); ok {
			return int(b2i(x) - b2i(y))
		}
	case DateTime:
		if y, ok := b.(DateTime); ok {
			return cmp.Compare(x.ticks, y.ticks)
		}
	case DateTimeOffset:
		if y, ok := b.(DateTimeOffset); ok {
			return cmp.Compare(x.utc(), y.utc())
		}
	case TimeSpan:
		if y, ok := b.(TimeSpan); ok {
			return cmp.Compare(x, y)
		}
	case Guid:
		if y, ok := b.(Guid); ok {
			return bytes.Compare(x[:], y[:])
		}
	case Decimal:
		if y, ok := b.(Decimal); ok {
			return compareDecimal(x, y)
		}
	case *JToken:
		if y, ok := b.(*JToken); ok {
			return compareValues(x.Value(), y.Value())
		}
	case uint64:
		if y, ok := b.(uint64); ok {
			return cmp.Compare(x, y)
		}
	}
	if x, ok := integer(a); ok {
		if y, ok := integer(b); ok {
			return cmp.Compare(x, y)
		}
	}
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return cmp.Compare(x, y)
		}
	}
	throw("System.ArgumentException", "At least one object must implement IComparable.")
	return 0
}

// compareText orders strings as the invariant culture does: by letters first,
// accents next, then lower case before upper case.
func compareText(a, b string, fold bool) int {
	if alphanumeric(a) && alphanumeric(b) {
		return comparePlain(a, b, fold)
	}
	if a == b {
		return 0
	}
	pool := &types().collators[b2i(fold)]
	c, _ := pool.Get().(*collate.Collator)
	if c == nil {
		var options []collate.Option
		if fold {
			options = append(options, collate.IgnoreCase)
		}
		c = collate.New(language.Und, options...)
	}
	order := c.CompareString(a, b)
	pool.Put(c)
	return order
}

// alphanumeric tells whether a text has only ASCII letters and digits.
func alphanumeric(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

func comparePlain(a, b string, fold bool) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if l, r := lower(a[i]), lower(b[i]); l != r {
			return cmp.Compare(l, r)
		}
	}
	if len(a) != len(b) || fold {
		return cmp.Compare(len(a), len(b))
	}
	return -strings.Compare(a, b)
}

// comparison kinds of StringComparison.
const (
	ordinal           = 4
	ordinalIgnoreCase = 5
)

func ignoresCase(kind int64) bool { return kind == 1 || kind == 3 || kind == ordinalIgnoreCase }

// compareBy orders two strings by a StringComparison.
func compareBy(a, b string, kind int64) int {
	switch kind {
	case ordinal:
		return ordinalOrder(a, b)
	case ordinalIgnoreCase:
		return ordinalOrder(strings.ToUpper(a), strings.ToUpper(b))
	}
	return compareText(a, b, ignoresCase(kind))
}

// ordinalOrder compares UTF-16 units; that differs from the order of bytes only
// beyond the basic plane.
func ordinalOrder(a, b string) int {
	if ascii(a) || ascii(b) {
		return strings.Compare(a, b)
	}
	return slices.Compare(units(a), units(b))
}

func equalFold(a, b string, kind int64) bool {
	switch {
	case kind < ordinal && !(ascii(a) && ascii(b)):
		return compareText(a, b, ignoresCase(kind)) == 0
	case ignoresCase(kind):
		return strings.EqualFold(a, b)
	}
	return a == b
}

func indexFold(s, sub string) int {
	if ascii(s) && ascii(sub) {
		return strings.Index(strings.ToLower(s), strings.ToLower(sub))
	}
	for i := range s {
		if len(s)-i >= len(sub) && strings.EqualFold(s[i:i+len(sub)], sub) {
			return i
		}
	}
	if sub == "" {
		return 0
	}
	return -1
}
