package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ToString is .NET's Convert.ToString with the invariant culture: "" for null,
// True and False, shortest numbers, names of enumerations, indented JSON.
func ToString(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case bool:
		if x {
			return "True"
		}
		return "False"
	case float64:
		return doubleText(x, 64)
	case float32:
		return doubleText(float64(x), 32)
	case uint64:
		return strconv.FormatUint(x, 10)
	case Char:
		return string(utf16.Decode([]uint16{uint16(x)}))
	case *JToken:
		return x.String()
	case Guid:
		return x.String()
	case Enum:
		return x.String()
	case *typ:
		return x.fullName()
	case interface{ String() string }:
		return x.String()
	}
	if n, ok := integer(v); ok {
		return strconv.FormatInt(n, 10)
	}
	return objectText(v)
}

// objectText is ToString of types that do not override it: the type's name.
func objectText(v any) string {
	switch x := v.(type) {
	case *exception:
		return x.Type + ": " + x.Message
	case *Object:
		var b strings.Builder
		b.WriteString("{ ")
		for i, n := range x.def.fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(n + " = " + ToString(x.values[i]))
		}
		return b.String() + " }"
	case *URL:
		return x.String()
	}
	return typeOf(v).fullName()
}

func (t *typ) fullName() string {
	switch t.def.kind {
	case kArray:
		return t.args[0].fullName() + "[]"
	}
	if rank := t.rank(); rank > 1 {
		return t.args[0].fullName() + "[" + strings.Repeat(",", rank-1) + "]"
	}
	if len(t.args) == 0 {
		return t.def.full
	}
	names := make([]string, len(t.args))
	for i, a := range t.args {
		names[i] = a.fullName()
	}
	return arity(t.def.full, len(t.args)) + "[" + strings.Join(names, ",") + "]"
}

// doubleText is the shortest text that reads back, in .NET's notation.
func doubleText(f float64, bits int) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		if math.Signbit(f) {
			return "-0"
		}
		return "0"
	}
	limit := 1e15
	if bits == 32 {
		limit = 1e7 * 10
	}
	if a := math.Abs(f); a >= limit || a < 1e-4 {
		s := strconv.FormatFloat(f, 'E', -1, bits)
		mantissa, exp, _ := strings.Cut(s, "E")
		return mantissa + "E" + exp
	}
	return strconv.FormatFloat(f, 'f', -1, bits)
}

// jsonFloat writes a floating-point number as Newtonsoft does: always with a point.
func jsonFloat(f float64) string {
	s := doubleText(f, 64)
	switch {
	case s == "NaN" || strings.HasSuffix(s, "Infinity"):
		return "\"" + s + "\""
	case !strings.ContainsAny(s, ".E"):
		return s + ".0"
	}
	return s
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// length16 is the length in UTF-16 units, as .NET counts.
func length16(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i++
			n++
			continue
		}
		r, k := utf8.DecodeRuneInString(s[i:])
		i += k
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

func units(s string) []uint16 { return utf16.Encode([]rune(s)) }

func fromUnits(u []uint16) string { return string(utf16.Decode(u)) }

func outOfRange(what string) {
	throw("System.ArgumentOutOfRangeException", "%s must refer to a location within the string.", what)
}

// substring takes n units from start; n < 0 takes the rest.
func substring(s string, start, n int64) string {
	if ascii(s) {
		n = span(start, n, int64(len(s)))
		return s[start : start+n]
	}
	u := units(s)
	n = span(start, n, int64(len(u)))
	return fromUnits(u[start : start+n])
}

// span checks a part of a text of l units and gives its length.
func span(start, n, l int64) int64 {
	switch {
	case start < 0:
		throw("System.ArgumentOutOfRangeException", "StartIndex cannot be less than zero. (Parameter 'startIndex')")
	case start > l:
		throw("System.ArgumentOutOfRangeException", "startIndex cannot be larger than length of string. (Parameter 'startIndex')")
	case n < 0:
		return l - start
	case n > l-start:
		throw("System.ArgumentOutOfRangeException", "Index and length must refer to a location within the string. (Parameter 'length')")
	}
	return n
}

// charAt is s[i].
func charAt(s string, i int64) int64 {
	if i >= 0 && i < int64(len(s)) && ascii(s) {
		return int64(s[i])
	}
	u := units(s)
	if i < 0 || i >= int64(len(u)) {
		throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
	}
	return int64(u[i])
}

// index16 turns a byte offset into a UTF-16 offset; -1 stays.
func index16(s string, i int) int64 {
	if i < 0 {
		return -1
	}
	return int64(length16(s[:i]))
}

// byteOffset turns a UTF-16 offset into a byte offset; false when it lies outside.
func byteOffset(s string, n int64) (int, bool) {
	if n < 0 {
		return 0, false
	}
	i := 0
	for n > 0 {
		if i >= len(s) {
			return 0, false
		}
		r, k := utf8.DecodeRuneInString(s[i:])
		i += k
		n--
		if r > 0xFFFF {
			n--
		}
	}
	return i, true
}

// String is the 32 digits in groups: ToString("D").
func (g Guid) String() string { return g.format("D") }

func (g Guid) format(f string) string {
	const hex = "0123456789abcdef"
	var b [36]byte
	n := 0
	for i, v := range g {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b[n] = '-'
			n++
		}
		b[n], b[n+1] = hex[v>>4], hex[v&15]
		n += 2
	}
	d := string(b[:])
	switch f {
	case "", "D", "d":
		return d
	case "N", "n":
		return strings.ReplaceAll(d, "-", "")
	case "B", "b":
		return "{" + d + "}"
	case "P", "p":
		return "(" + d + ")"
	case "X", "x":
		out := fmt.Sprintf("{0x%s,0x%s,0x%s,{", d[:8], d[9:13], d[14:18])
		for i, v := range g[8:] {
			if i > 0 {
				out += ","
			}
			out += fmt.Sprintf("0x%02x", v)
		}
		return out + "}}"
	}
	throw("System.FormatException", "Format string can be only \"D\", \"d\", \"N\", \"n\", \"P\", \"p\", \"B\", \"b\", \"X\" or \"x\".")
	return ""
}

func parseGuid(s string) (g Guid, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) == 38 && (s[0] == '{' && s[37] == '}' || s[0] == '(' && s[37] == ')') {
		s = s[1:37]
	}
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		s = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	if len(s) != 32 {
		return g, false
	}
	for i := range g {
		v, err := strconv.ParseUint(s[2*i:2*i+2], 16, 8)
		if err != nil || s[2*i] == '+' || s[2*i] == '-' {
			return g, false
		}
		g[i] = byte(v)
	}
	return g, true
}

// bytes is ToByteArray: the first three groups are little-endian.
func (g Guid) bytes() []byte {
	return []byte{g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]}
}

// TypeName is the .NET type of the value of an expression or a variable, such
// as System.String; "null" for null.
func TypeName(v any) string {
	if v == nil {
		return "null"
	}
	return typeOf(v).fullName()
}
