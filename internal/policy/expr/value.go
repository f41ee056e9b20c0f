package expr

import "math"

// Char is a .NET char: one UTF-16 code unit.
type Char uint16

// Enum is a boxed value of a .NET enumeration.
type Enum struct {
	def *typeDef
	v   int64
}

// Array is a .NET array or List<T>; byte[] is []byte.
type Array struct {
	elem  *typ
	items []any
	list  bool // List<T>: may grow
	lifo  bool // Stack<T>: enumerates from the end
	room  int64
	ver   int // counts changes, so that enumerations notice them
}

// String is the name of the enumeration's value.
func (e Enum) String() string {
	for i, v := range e.def.values {
		if v == e.v {
			return e.def.enum[i]
		}
	}
	if e.def.flags {
		if s := e.flagsText(); s != "" {
			return s
		}
	}
	return ToString(e.v)
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func floatBits(f float64) int64 { return int64(math.Float64bits(f)) }

func bitsFloat(n int64) float64 { return math.Float64frombits(uint64(n)) }

// boxInt gives the boxed value of an integral type or enumeration.
func boxInt(t *typ, n int64) any {
	switch t.def.kind {
	case kInt32:
		return int32(n)
	case kInt64:
		return n
	case kChar:
		return Char(n)
	case kInt8:
		return int8(n)
	case kUint8:
		return uint8(n)
	case kInt16:
		return int16(n)
	case kUint16:
		return uint16(n)
	case kUint32:
		return uint32(n)
	case kUint64:
		return uint64(n)
	case kEnum:
		return Enum{t.def, n}
	}
	return n
}

// wrap reduces n to the range of an integral kind, as unchecked C# does.
func wrap(k kind, n int64) int64 {
	switch k {
	case kChar, kUint16:
		return int64(uint16(n))
	case kInt8:
		return int64(int8(n))
	case kUint8:
		return int64(uint8(n))
	case kInt16:
		return int64(int16(n))
	case kInt32:
		return int64(int32(n))
	case kUint32:
		return int64(uint32(n))
	}
	return n
}

// integer reads any boxed integral value.
func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case int32:
		return int64(n), true
	case int64:
		return n, true
	case int:
		return int64(n), true
	case Char:
		return int64(n), true
	case uint8:
		return int64(n), true
	case int8:
		return int64(n), true
	case int16:
		return int64(n), true
	case uint16:
		return int64(n), true
	case uint32:
		return int64(n), true
	case uint64:
		return int64(n), true
	case Enum:
		return n.v, true
	}
	return 0, false
}

func unboxInt(v any) int64 {
	n, ok := integer(v)
	if !ok {
		throwNull("")
	}
	return n
}

func unboxBool(v any) bool {
	b, ok := v.(bool)
	if !ok {
		throwNull("")
	}
	return b
}

func unboxFloat(v any) float64 {
	switch n := v.(type) {
	case float64:
		return n
	case float32:
		return float64(n)
	}
	throwNull("")
	return 0
}

// number reads any boxed number.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case float32:
		return float64(n), true
	case Decimal:
		return n.float(), true
	case uint64:
		return float64(n), true
	}
	n, ok := integer(v)
	return float64(n), ok
}
