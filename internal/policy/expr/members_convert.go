package expr

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"
)

func convertRows() []row {
	rows := []row{
		{sig: "static byte[] FromBase64String(string s)", get: func(f *frame, a []any) any { return decodeBase64(f, text(a, 0)) }},
		{sig: "static string ToHexString(byte[] b)", get: func(_ *frame, a []any) any { return strings.ToUpper(hex.EncodeToString(arg[[]byte](a, 0))) }},
		{sig: "static byte[] FromHexString(string s)", get: func(_ *frame, a []any) any {
			b, err := hex.DecodeString(text(a, 0))
			if err != nil {
				badFormat()
			}
			return b
		}},
		{sig: "static string ToString(object? v)", get: func(v any) string { return ToString(v) }},
		{sig: "static string ToString(string? v)", get: func(_ *frame, a []any) any { return a[0] }},
		{sig: "static string ToString(object? v, IFormatProvider? p)", get: func(_ *frame, a []any) any { return ToString(a[0]) }},
		{sig: "static string ToString(int v, int base)", get: func(_ *frame, a []any) any { return inBase(uint64(uint32(num(a, 0))), num(a, 0), num(a, 1)) }},
		{sig: "static string ToString(long v, int base)", get: func(_ *frame, a []any) any { return inBase(uint64(num(a, 0)), num(a, 0), num(a, 1)) }},
	}
	rows = append(rows, convertMore()...)
	for _, k := range integerKinds {
		conv := func(_ *frame, a []any) any {
			base := int64(10)
			if len(a) > 1 {
				if n, ok := integer(a[1]); ok {
					base = n
				}
				if base != 2 && base != 8 && base != 10 && base != 16 {
					throw("System.ArgumentException", "Invalid Base.")
				}
			}
			return boxInt(&typ{def: types().full["System."+k.name]}, toInteger(plain(a[0]), k.bits, k.signed, int(base)))
		}
		name := "static " + k.word + " To" + k.name
		rows = append(rows, row{sig: name + "(object? v)", get: conv}, row{sig: name + "(string? v)", get: conv},
			row{sig: name + "(string? v, int base)", get: conv}, row{sig: name + "(object? v, IFormatProvider? p)", get: conv}, row{sig: name + "(string? v, IFormatProvider? p)", get: conv})
	}
	return rows
}

// plain unwraps the value of a JValue, which is IConvertible.
func plain(v any) any {
	if t, ok := v.(*JToken); ok && !t.container() {
		return t.Value()
	}
	return v
}

func inBase(u uint64, n, base int64) any {
	switch base {
	case 10:
		return strconv.FormatInt(n, 10)
	case 2, 8, 16:
		return strconv.FormatUint(u, int(base))
	}
	throw("System.ArgumentException", "Invalid Base.")
	return nil
}

func encodeBase64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func decodeBase64(f *frame, s string) []byte {
	f.charge(len(s))
	s = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\n' || r == '\r' || r == '\t' {
			return -1
		}
		return r
	}, s)
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		throw("System.FormatException", "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters.")
	}
	return b
}

func toBool(v any) bool {
	switch x := plain(v).(type) {
	case nil:
		return false
	case bool:
		return x
	case string:
		return mustBool(x)
	default:
		if n, ok := number(x); ok {
			return n != 0
		}
	}
	throw("System.InvalidCastException", "Unable to convert a value of type '%s' to bool.", typeOf(v))
	return false
}

func toDouble(v any) float64 {
	switch x := plain(v).(type) {
	case nil:
		return 0
	case string:
		d, ok := parseDouble(x)
		if !ok {
			badFormat()
		}
		return d
	case bool:
		return float64(b2i(x))
	default:
		if n, ok := number(x); ok {
			return n
		}
	}
	throw("System.InvalidCastException", "Unable to convert a value of type '%s' to a number.", typeOf(v))
	return 0
}

// toInteger is Convert.ToInt32 and its like: numbers round half to even.
func toInteger(v any, bits int, signed bool, base int) int64 {
	switch x := v.(type) {
	case nil:
		return 0
	case bool:
		return b2i(x)
	case string:
		n, err := styledInteger(x, styleInteger, bits, signed)
		if base != 10 {
			n, err = parseInteger(strings.TrimPrefix(strings.ToLower(x), map[int]string{16: "0x"}[base]), bits, signed, base)
		}
		if err == strconv.ErrRange {
			overflow()
		} else if err != nil {
			badFormat()
		}
		return n
	case Decimal:
		return x.round(0, 0).whole(map[bool]map[int]kind{true: {8: kInt8, 16: kInt16, 32: kInt32, 64: kInt64}, false: {8: kUint8, 16: kUint16, 32: kUint32, 64: kUint64}}[signed][bits])
	case float64, float32:
		d, _ := number(v)
		d = math.RoundToEven(d)
		lo, hi := 0.0, math.Ldexp(1, bits)
		if signed {
			lo, hi = -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)
		}
		if !(d >= lo && d < hi) {
			overflow()
		}
		return truncate(d, kInt64)
	case *big.Int:
		if !x.IsInt64() {
			if !signed && bits == 64 && x.IsUint64() {
				return int64(x.Uint64())
			}
			overflow()
		}
		return toInteger(x.Int64(), bits, signed, base)
	}
	if u, ok := v.(uint64); ok && u > math.MaxInt64 && (signed || bits < 64) {
		overflow()
	} else if ok {
		v = int64(u)
		if u > math.MaxInt64 {
			return int64(u)
		}
	}
	n, ok := integer(v)
	if !ok {
		throw("System.InvalidCastException", "Unable to convert a value of type '%s' to a number.", typeOf(v))
	}
	if signed && bits < 64 && (n < -1<<(bits-1) || n > 1<<(bits-1)-1) || !signed && (n < 0 || bits < 64 && n > 1<<bits-1) {
		overflow()
	}
	return n
}
