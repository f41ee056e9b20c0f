package expr

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

func bitConverterRows() []row {
	take := func(n int64, a []any) []byte {
		b, i := arg[[]byte](a, 0), num(a, 1)
		if i < 0 || i >= int64(len(b)) && n > 0 {
			throw("System.ArgumentOutOfRangeException", "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'startIndex')")
		}
		if i+n > int64(len(b)) {
			throw("System.ArgumentException", "Destination array is not long enough to copy all the items in the collection. Check array index and length.")
		}
		return b[i : i+n]
	}
	le := binary.LittleEndian
	rows := []row{
		{sig: "static string ToString(byte[] b)", get: func(f *frame, a []any) any {
			b := arg[[]byte](a, 0)
			f.charge(3 * len(b))
			return dashedHex(b)
		}},
		{sig: "static string ToString(byte[] b, int start)", get: func(f *frame, a []any) any {
			b := take(max(int64(len(arg[[]byte](a, 0)))-num(a, 1), 0), a)
			f.charge(3 * len(b))
			return dashedHex(b)
		}},
		{sig: "static string ToString(byte[] b, int start, int n)", get: func(f *frame, a []any) any {
			b := take(max(num(a, 2), 0), a)
			f.charge(3 * len(b))
			return dashedHex(b)
		}},
		{sig: "const static bool IsLittleEndian", get: fixedValue(true)},
		{sig: "static long DoubleToInt64Bits(double d)", get: func(_ *frame, a []any) any { return floatBits(unboxFloat(a[0])) }},
		{sig: "static double Int64BitsToDouble(long n)", get: func(_ *frame, a []any) any { return bitsFloat(num(a, 0)) }},
	}
	for _, c := range []struct {
		name, word string
		size       int64
		read       func(b []byte) any
		write      func(v any) []byte
	}{
		{"Boolean", "bool", 1, func(b []byte) any { return b[0] != 0 }, func(v any) []byte { return []byte{byte(b2i(unboxBool(v)))} }},
		{"Char", "char", 2, func(b []byte) any { return Char(le.Uint16(b)) }, func(v any) []byte { return le.AppendUint16(nil, uint16(unboxInt(v))) }},
		{"Int16", "short", 2, func(b []byte) any { return int16(le.Uint16(b)) }, func(v any) []byte { return le.AppendUint16(nil, uint16(unboxInt(v))) }},
		{"UInt16", "ushort", 2, func(b []byte) any { return le.Uint16(b) }, func(v any) []byte { return le.AppendUint16(nil, uint16(unboxInt(v))) }},
		{"Int32", "int", 4, func(b []byte) any { return int32(le.Uint32(b)) }, func(v any) []byte { return le.AppendUint32(nil, uint32(unboxInt(v))) }},
		{"UInt32", "uint", 4, func(b []byte) any { return le.Uint32(b) }, func(v any) []byte { return le.AppendUint32(nil, uint32(unboxInt(v))) }},
		{"Int64", "long", 8, func(b []byte) any { return int64(le.Uint64(b)) }, func(v any) []byte { return le.AppendUint64(nil, uint64(unboxInt(v))) }},
		{"UInt64", "ulong", 8, func(b []byte) any { return le.Uint64(b) }, func(v any) []byte { return le.AppendUint64(nil, uint64(unboxInt(v))) }},
		{"Single", "float", 4, func(b []byte) any { return math.Float32frombits(le.Uint32(b)) }, func(v any) []byte { return le.AppendUint32(nil, math.Float32bits(float32(unboxFloat(v)))) }},
		{"Double", "double", 8, func(b []byte) any { return math.Float64frombits(le.Uint64(b)) }, func(v any) []byte { return le.AppendUint64(nil, math.Float64bits(unboxFloat(v))) }},
	} {
		rows = append(rows,
			row{sig: "static " + c.word + " To" + c.name + "(byte[] b, int i)", get: func(_ *frame, a []any) any { return c.read(take(c.size, a)) }},
			row{sig: "static byte[] GetBytes(" + c.word + " v)", get: func(_ *frame, a []any) any { return c.write(a[0]) }})
	}
	return rows
}

func dashedHex(b []byte) string {
	var out strings.Builder
	for i, v := range b {
		if i > 0 {
			out.WriteByte('-')
		}
		fmt.Fprintf(&out, "%02X", v)
	}
	return out.String()
}
