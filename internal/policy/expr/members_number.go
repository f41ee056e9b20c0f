package expr

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// integerKinds are the integral types: name, C# word, bits, signed.
var integerKinds = []struct {
	name, word string
	bits       int
	signed     bool
}{
	{"SByte", "sbyte", 8, true}, {"Byte", "byte", 8, false}, {"Int16", "short", 16, true}, {"UInt16", "ushort", 16, false},
	{"Int32", "int", 32, true}, {"UInt32", "uint", 32, false}, {"Int64", "long", 64, true}, {"UInt64", "ulong", 64, false},
}

func numberTypes() []typeRow {
	out := []typeRow{
		{decl: "struct System.Boolean : IComparable", rows: []row{
			{sig: "static bool Parse(string s)", get: func(_ *frame, a []any) any { return mustBool(text(a, 0)) }},
			{sig: "static bool TryParse(string? s, out bool value)", get: func(_ *frame, a []any) any {
				v, ok := parseBool(text(a, 0))
				a[1].(*outRef).set(v)
				return ok
			}},
			{sig: "static string TrueString", get: fixedValue("True")}, {sig: "static string FalseString", get: fixedValue("False")},
			{sig: "int CompareTo(bool b)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		}},
		{decl: "struct System.Double : IComparable", rows: append(floatRows("double", 64),
			row{sig: "static double Epsilon", get: fixedValue(5e-324)})},
		{decl: "struct System.Single : IComparable", rows: floatRows("float", 32)},
		{decl: "struct System.Decimal : IComparable", rows: decimalRows()},
		{decl: "static System.Math", rows: mathRows()},
		{decl: "enum System.MidpointRounding", enum: "ToEven AwayFromZero ToZero ToNegativeInfinity ToPositiveInfinity"},
		{decl: "enum System.TypeCode", enum: "Empty Object DBNull Boolean"},
	}
	for _, k := range integerKinds {
		out = append(out, typeRow{decl: "struct System." + k.name + " : IComparable", rows: integerRows(k.word, k.bits, k.signed)})
	}
	return out
}

func numberCommon(word string) []row {
	return []row{
		{sig: "string ToString(string? f)", get: func(_ *frame, a []any) any { return formatValue(a[0], text(a, 1)) }},
		{sig: "string ToString(IFormatProvider? p)", get: func(_ *frame, a []any) any { return ToString(a[0]) }},
		{sig: "string ToString(string? f, IFormatProvider? p)", get: func(_ *frame, a []any) any { return formatValue(a[0], text(a, 1)) }},
		{sig: "int CompareTo(" + word + " v)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		{sig: "bool Equals(" + word + " v)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
	}
}

func integerRows(word string, bits int, signed bool) []row {
	t := func() *typ { return &typ{def: types().full["System."+keywords[word]]} }
	box := func(n int64) any { return boxInt(t(), n) }
	parse := func(s string, f, base int) any {
		n, err := parseInteger(s, bits, signed, base)
		if err == nil {
			return box(n)
		}
		if err == strconv.ErrRange {
			throw("System.OverflowException", "Value was either too large or too small for an %s.", keywords[word])
		}
		throw("System.FormatException", "Input string was not in a correct format.")
		return f
	}
	lo, hi := int64(0), int64(-1)
	if signed {
		lo, hi = -1<<(bits-1), 1<<(bits-1)-1
	} else if bits < 64 {
		hi = 1<<bits - 1
	}
	style := func(v any) int {
		if unboxInt(v)&512 != 0 {
			return 16
		}
		return 10
	}
	try := func(_ *frame, a []any) any {
		base := 10
		if len(a) == 4 {
			base = style(a[1])
		}
		n, err := parseInteger(text(a, 0), bits, signed, base)
		if err != nil {
			n = 0
		}
		a[len(a)-1].(*outRef).set(box(n))
		return err == nil
	}
	return append(numberCommon(word), []row{
		{sig: "static " + word + " MinValue", get: func(*frame) int64 { return lo }},
		{sig: "static " + word + " MaxValue", get: func(*frame) int64 { return hi }},
		{sig: "static " + word + " Parse(string s)", get: func(_ *frame, a []any) any { return parse(text(a, 0), 0, 10) }},
		{sig: "static " + word + " Parse(string s, IFormatProvider? p)", get: func(_ *frame, a []any) any { return parse(text(a, 0), 0, 10) }},
		{sig: "static " + word + " Parse(string s, NumberStyles n)", get: func(_ *frame, a []any) any { return parse(text(a, 0), 0, style(a[1])) }},
		{sig: "static " + word + " Parse(string s, NumberStyles n, IFormatProvider? p)", get: func(_ *frame, a []any) any { return parse(text(a, 0), 0, style(a[1])) }},
		{sig: "static bool TryParse(string? s, out " + word + " value)", get: try},
		{sig: "static bool TryParse(string? s, NumberStyles n, IFormatProvider? p, out " + word + " value)", get: try},
	}...)
}

func parseInteger(s string, bits int, signed bool, base int) (int64, error) {
	s = strings.TrimSpace(s)
	if base != 10 {
		u, err := strconv.ParseUint(s, base, bits)
		return int64(u), unwrap(err)
	}
	if strings.ContainsAny(s, "_") {
		return 0, strconv.ErrSyntax
	}
	if signed {
		n, err := strconv.ParseInt(s, 10, bits)
		return n, unwrap(err)
	}
	u, err := strconv.ParseUint(strings.TrimPrefix(s, "+"), 10, bits)
	return int64(u), unwrap(err)
}

func unwrap(err error) error {
	if e, ok := err.(*strconv.NumError); ok {
		return e.Err
	}
	return err
}

func parseBool(s string) (bool, bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

func mustBool(s string) bool {
	v, ok := parseBool(s)
	if !ok {
		throw("System.FormatException", "String '%s' was not recognized as a valid Boolean.", s)
	}
	return v
}

func parseDouble(s string) (float64, bool) {
	s = strings.ReplaceAll(strings.TrimSpace(s), ",", "")
	switch strings.ToLower(s) {
	case "nan":
		return math.NaN(), true
	case "infinity", "+infinity":
		return math.Inf(1), true
	case "-infinity":
		return math.Inf(-1), true
	}
	if s == "" || strings.ContainsAny(s, "_xXpPnNiI") {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil || unwrap(err) == strconv.ErrRange
}

func floatRows(word string, bits int) []row {
	box := func(d float64) any {
		if bits == 32 {
			return float32(d)
		}
		return d
	}
	parse := func(_ *frame, a []any) any {
		d, ok := parseDouble(text(a, 0))
		if !ok {
			badFormat()
		}
		return box(d)
	}
	try := func(_ *frame, a []any) any {
		d, ok := parseDouble(text(a, 0))
		a[len(a)-1].(*outRef).set(box(d))
		return ok
	}
	limit := math.MaxFloat64
	if bits == 32 {
		limit = math.MaxFloat32
	}
	p := "static " + word + " "
	return append(numberCommon(word), []row{
		{sig: p + "MaxValue", get: fixedValue(box(limit))}, {sig: p + "MinValue", get: fixedValue(box(-limit))},
		{sig: p + "NaN", get: fixedValue(box(math.NaN()))},
		{sig: p + "PositiveInfinity", get: fixedValue(box(math.Inf(1)))}, {sig: p + "NegativeInfinity", get: fixedValue(box(math.Inf(-1)))},
		{sig: p + "Parse(string s)", get: parse}, {sig: p + "Parse(string s, IFormatProvider? p)", get: parse},
		{sig: p + "Parse(string s, NumberStyles n)", get: parse}, {sig: p + "Parse(string s, NumberStyles n, IFormatProvider? p)", get: parse},
		{sig: "static bool TryParse(string? s, out " + word + " value)", get: try},
		{sig: "static bool TryParse(string? s, NumberStyles n, IFormatProvider? p, out " + word + " value)", get: try},
		{sig: "static bool IsNaN(" + word + " d)", get: func(_ *frame, a []any) any { return math.IsNaN(unboxFloat(a[0])) }},
		{sig: "static bool IsInfinity(" + word + " d)", get: func(_ *frame, a []any) any { return math.IsInf(unboxFloat(a[0]), 0) }},
	}...)
}

func decimalRows() []row {
	parse := func(_ *frame, a []any) any {
		d, ok := parseDecimal(text(a, 0))
		if !ok {
			badFormat()
		}
		return d
	}
	try := func(_ *frame, a []any) any {
		d, ok := parseDecimal(text(a, 0))
		a[len(a)-1].(*outRef).set(d)
		return ok
	}
	limit := Decimal{n: new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 96), big.NewInt(1))}
	return append(numberCommon("decimal"), []row{
		{sig: "static decimal Parse(string s)", get: parse}, {sig: "static decimal Parse(string s, IFormatProvider? p)", get: parse},
		{sig: "static bool TryParse(string? s, out decimal value)", get: try},
		{sig: "static decimal Zero", get: fixedValue(Decimal{})}, {sig: "static decimal One", get: fixedValue(Decimal{n: big.NewInt(1)})},
		{sig: "static decimal MaxValue", get: fixedValue(limit)},
		{sig: "static decimal MinValue", get: fixedValue(Decimal{n: new(big.Int).Neg(limit.n)})},
		{sig: "static decimal Round(decimal d)", get: func(_ *frame, a []any) any { return decimalOf(a[0].(Decimal).rat(), 0) }},
		{sig: "static decimal Round(decimal d, int n)", get: func(_ *frame, a []any) any { return decimalOf(a[0].(Decimal).rat(), digits(num(a, 1))) }},
	}...)
}

func digits(n int64) int {
	if n < 0 || n > maxScale {
		throw("System.ArgumentOutOfRangeException", "Rounding digits must be between 0 and 28, inclusive.")
	}
	return int(n)
}

func mathRows() []row {
	rows := []row{
		{sig: "static double PI", get: fixedValue(math.Pi)}, {sig: "static double E", get: fixedValue(math.E)},
		{sig: "static double Floor(double d)", get: math.Floor}, {sig: "static double Ceiling(double d)", get: math.Ceil},
		{sig: "static double Truncate(double d)", get: math.Trunc}, {sig: "static double Sqrt(double d)", get: math.Sqrt},
		{sig: "static double Pow(double a, double b)", get: math.Pow}, {sig: "static double Exp(double d)", get: math.Exp},
		{sig: "static double Log(double d)", get: math.Log}, {sig: "static double Log10(double d)", get: math.Log10},
		{sig: "static double Log(double d, double b)", get: func(a, b float64) float64 { return math.Log(a) / math.Log(b) }},
		{sig: "static double Sin(double d)", get: math.Sin}, {sig: "static double Cos(double d)", get: math.Cos}, {sig: "static double Tan(double d)", get: math.Tan},
		{sig: "static double Atan(double d)", get: math.Atan}, {sig: "static double Atan2(double a, double b)", get: math.Atan2},
		{sig: "static double Round(double d)", get: math.RoundToEven},
		{sig: "static double Round(double d, int n)", get: func(_ *frame, a []any) any { return roundDouble(unboxFloat(a[0]), num(a, 1), 0) }},
		{sig: "static double Round(double d, MidpointRounding m)", get: func(_ *frame, a []any) any { return roundDouble(unboxFloat(a[0]), 0, num(a, 1)) }},
		{sig: "static double Round(double d, int n, MidpointRounding m)", get: func(_ *frame, a []any) any { return roundDouble(unboxFloat(a[0]), num(a, 1), num(a, 2)) }},
		{sig: "static decimal Round(decimal d)", get: func(_ *frame, a []any) any { return decimalOf(a[0].(Decimal).rat(), 0) }},
		{sig: "static decimal Round(decimal d, int n)", get: func(_ *frame, a []any) any { return decimalOf(a[0].(Decimal).rat(), digits(num(a, 1))) }},
		{sig: "static decimal Floor(decimal d)", get: func(_ *frame, a []any) any { return floorDecimal(a[0].(Decimal), false) }},
		{sig: "static decimal Ceiling(decimal d)", get: func(_ *frame, a []any) any { return floorDecimal(a[0].(Decimal), true) }},
		{sig: "static decimal Max(decimal a, decimal b)", get: func(_ *frame, a []any) any { return pick(a, 1) }},
		{sig: "static decimal Min(decimal a, decimal b)", get: func(_ *frame, a []any) any { return pick(a, -1) }},
		{sig: "static decimal Abs(decimal a)", get: func(_ *frame, a []any) any {
			d := a[0].(Decimal)
			return Decimal{new(big.Int).Abs(d.num()), d.scale}
		}},
		{sig: "static int Sign(int n)", get: func(_ *frame, a []any) any { return int32(compareValues(num(a, 0), int64(0))) }},
		{sig: "static int Sign(double n)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], float64(0))) }},
	}
	for _, w := range []string{"int", "long", "double", "float", "uint", "ulong", "byte", "short"} {
		rows = append(rows,
			row{sig: fmt.Sprintf("static %s Max(%s a, %s b)", w, w, w), get: func(_ *frame, a []any) any { return pick(a, 1) }},
			row{sig: fmt.Sprintf("static %s Min(%s a, %s b)", w, w, w), get: func(_ *frame, a []any) any { return pick(a, -1) }})
	}
	for _, w := range []string{"int", "long", "double", "float"} {
		rows = append(rows, row{sig: fmt.Sprintf("static %s Abs(%s a)", w, w), get: absolute})
	}
	return rows
}

func pick(a []any, sign int) any {
	if compareValues(a[1], a[0])*sign > 0 {
		return a[1]
	}
	return a[0]
}

func absolute(_ *frame, a []any) any {
	switch n := a[0].(type) {
	case int32:
		if n == math.MinInt32 {
			overflow()
		}
		return int32(abs64(int64(n)))
	case int64:
		if n == math.MinInt64 {
			overflow()
		}
		return abs64(n)
	case float32:
		return float32(math.Abs(float64(n)))
	}
	return math.Abs(unboxFloat(a[0]))
}

func roundDouble(d float64, n, mode int64) any {
	if n < 0 || n > 15 {
		throw("System.ArgumentOutOfRangeException", "Rounding digits must be between 0 and 15, inclusive.")
	}
	scale := math.Pow(10, float64(n))
	if math.Abs(d) >= 1e16 {
		return d
	}
	switch v := d * scale; mode {
	case 0:
		return math.RoundToEven(v) / scale
	case 2:
		return math.Trunc(v) / scale
	case 3:
		return math.Floor(v) / scale
	case 4:
		return math.Ceil(v) / scale
	default:
		return math.Round(v) / scale
	}
}

func floorDecimal(d Decimal, up bool) Decimal {
	q, m := new(big.Int).DivMod(d.num(), tenTo(d.scale), new(big.Int))
	if up && m.Sign() != 0 {
		q.Add(q, big.NewInt(1))
	}
	return Decimal{n: q}
}

func convertRows() []row {
	rows := []row{
		{sig: "static string ToBase64String(byte[] b)", get: func(f *frame, a []any) any {
			b := arg[[]byte](a, 0)
			f.charge(len(b) * 4 / 3)
			return encodeBase64(b)
		}},
		{sig: "static string ToBase64String(byte[] b, Base64FormattingOptions o)", get: func(_ *frame, a []any) any { return encodeBase64(arg[[]byte](a, 0)) }},
		{sig: "static byte[] FromBase64String(string s)", get: func(f *frame, a []any) any { return decodeBase64(f, text(a, 0)) }},
		{sig: "static string ToHexString(byte[] b)", get: func(_ *frame, a []any) any { return strings.ToUpper(hex.EncodeToString(arg[[]byte](a, 0))) }},
		{sig: "static byte[] FromHexString(string s)", get: func(_ *frame, a []any) any {
			b, err := hex.DecodeString(text(a, 0))
			if err != nil {
				badFormat()
			}
			return b
		}},
		{sig: "static bool ToBoolean(object? v)", get: func(_ *frame, a []any) any { return toBool(a[0]) }},
		{sig: "static bool ToBoolean(string? v)", get: func(_ *frame, a []any) any { return toBool(a[0]) }},
		{sig: "static double ToDouble(object? v)", get: func(_ *frame, a []any) any { return toDouble(a[0]) }},
		{sig: "static double ToDouble(string? v)", get: func(_ *frame, a []any) any { return toDouble(a[0]) }},
		{sig: "static double ToDouble(object? v, IFormatProvider? p)", get: func(_ *frame, a []any) any { return toDouble(a[0]) }},
		{sig: "static float ToSingle(object? v)", get: func(_ *frame, a []any) any { return float32(toDouble(a[0])) }},
		{sig: "static decimal ToDecimal(object? v)", get: func(_ *frame, a []any) any {
			if s, ok := a[0].(string); ok {
				d, ok := parseDecimal(s)
				if !ok {
					badFormat()
				}
				return d
			}
			return toDecimal(orZero(plain(a[0]), types().int32))
		}},
		{sig: "static string ToString(object? v)", get: func(v any) string { return ToString(v) }},
		{sig: "static string ToString(string? v)", get: func(_ *frame, a []any) any { return a[0] }},
		{sig: "static string ToString(object? v, IFormatProvider? p)", get: func(_ *frame, a []any) any { return ToString(a[0]) }},
		{sig: "static string ToString(int v, int base)", get: func(_ *frame, a []any) any { return inBase(uint64(uint32(num(a, 0))), num(a, 0), num(a, 1)) }},
		{sig: "static string ToString(long v, int base)", get: func(_ *frame, a []any) any { return inBase(uint64(num(a, 0)), num(a, 0), num(a, 1)) }},
		{sig: "static DateTime ToDateTime(object? v)", get: func(_ *frame, a []any) any {
			if d, ok := plain(a[0]).(DateTime); ok {
				return d
			}
			return mustDate(ToString(a[0]))
		}},
		{sig: "static char ToChar(object v)", get: func(_ *frame, a []any) any {
			if s, ok := a[0].(string); ok {
				return Char(charAt(s, 0))
			}
			return Char(unboxInt(a[0]))
		}},
	}
	for _, k := range integerKinds {
		conv := func(_ *frame, a []any) any {
			base := int64(10)
			if len(a) > 1 {
				if n, ok := integer(a[1]); ok {
					base = n
				}
			}
			return boxInt(&typ{def: types().full["System."+k.name]}, toInteger(plain(a[0]), k.bits, k.signed, int(base)))
		}
		name := "static " + k.word + " To" + k.name
		rows = append(rows, row{sig: name + "(object? v)", get: conv}, row{sig: name + "(string? v)", get: conv},
			row{sig: name + "(string? v, int base)", get: conv}, row{sig: name + "(object? v, IFormatProvider? p)", get: conv})
	}
	return rows
}

// plain unwraps the value of a JValue, which is IConvertible.
func plain(v any) any {
	if t, ok := v.(*JToken); ok && !t.container() {
		return t.value
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
		n, err := parseInteger(strings.TrimPrefix(strings.ToLower(x), map[int]string{16: "0x"}[base]), bits, signed, base)
		if err == strconv.ErrRange {
			overflow()
		} else if err != nil {
			badFormat()
		}
		return n
	case float64, float32, Decimal:
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
			overflow()
		}
		return toInteger(x.Int64(), bits, signed, base)
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

func bitConverterRows() []row {
	take := func(n int64) func(a []any) []byte {
		return func(a []any) []byte {
			b, i := arg[[]byte](a, 0), int64(0)
			if len(a) > 1 {
				i = num(a, 1)
			}
			if i < 0 || i+n > int64(len(b)) {
				throw("System.ArgumentException", "Destination array is not long enough to copy all the items in the collection. Check array index and length.")
			}
			return b[i : i+n]
		}
	}
	two, four, eight := take(2), take(4), take(8)
	le := binary.LittleEndian
	return []row{
		{sig: "static string ToString(byte[] b)", get: func(f *frame, a []any) any {
			b := arg[[]byte](a, 0)
			f.charge(3 * len(b))
			return dashedHex(b)
		}},
		{sig: "static string ToString(byte[] b, int start, int n)", get: func(_ *frame, a []any) any { return dashedHex(take(max(num(a, 2), 0))(a[:2])) }},
		{sig: "static int ToInt32(byte[] b, int i)", get: func(_ *frame, a []any) any { return int32(le.Uint32(four(a))) }},
		{sig: "static uint ToUInt32(byte[] b, int i)", get: func(_ *frame, a []any) any { return le.Uint32(four(a)) }},
		{sig: "static short ToInt16(byte[] b, int i)", get: func(_ *frame, a []any) any { return int16(le.Uint16(two(a))) }},
		{sig: "static ushort ToUInt16(byte[] b, int i)", get: func(_ *frame, a []any) any { return le.Uint16(two(a)) }},
		{sig: "static long ToInt64(byte[] b, int i)", get: func(_ *frame, a []any) any { return int64(le.Uint64(eight(a))) }},
		{sig: "static ulong ToUInt64(byte[] b, int i)", get: func(_ *frame, a []any) any { return le.Uint64(eight(a)) }},
		{sig: "static double ToDouble(byte[] b, int i)", get: func(_ *frame, a []any) any { return math.Float64frombits(le.Uint64(eight(a))) }},
		{sig: "static byte[] GetBytes(int v)", get: func(_ *frame, a []any) any { return le.AppendUint32(nil, uint32(num(a, 0))) }},
		{sig: "static byte[] GetBytes(uint v)", get: func(_ *frame, a []any) any { return le.AppendUint32(nil, uint32(num(a, 0))) }},
		{sig: "static byte[] GetBytes(short v)", get: func(_ *frame, a []any) any { return le.AppendUint16(nil, uint16(num(a, 0))) }},
		{sig: "static byte[] GetBytes(long v)", get: func(_ *frame, a []any) any { return le.AppendUint64(nil, uint64(num(a, 0))) }},
		{sig: "static byte[] GetBytes(double v)", get: func(_ *frame, a []any) any { return le.AppendUint64(nil, math.Float64bits(unboxFloat(a[0]))) }},
		{sig: "static bool IsLittleEndian", get: fixedValue(true)},
	}
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
