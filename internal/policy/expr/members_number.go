package expr

import (
	"math"
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
		{decl: "struct System.Boolean : IComparable, IConvertible", rows: []row{
			{sig: "static bool Parse(string s)", get: func(_ *frame, a []any) any { return mustBool(text(a, 0)) }},
			{sig: "static bool TryParse(string? s, out bool value)", get: func(_ *frame, a []any) any {
				v, ok := parseBool(text(a, 0))
				a[1].(*outRef).set(v)
				return ok
			}},
			{sig: "static string TrueString", get: fixedValue("True")}, {sig: "static string FalseString", get: fixedValue("False")},
			{sig: "int CompareTo(bool b)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		}},
		{decl: "struct System.Double : IComparable, IConvertible", rows: append(floatRows("double", 64),
			row{sig: "const static double Epsilon", get: fixedValue(5e-324)})},
		{decl: "struct System.Single : IComparable, IConvertible", rows: floatRows("float", 32)},
		{decl: "struct System.Decimal : IComparable, IConvertible", rows: decimalRows()},
		{decl: "static System.Math", rows: mathRows()},
		{decl: "enum System.MidpointRounding", enum: "ToEven AwayFromZero ToZero ToNegativeInfinity ToPositiveInfinity"},
		{decl: "enum System.TypeCode", enum: "Empty Object DBNull Boolean Char SByte Byte Int16 UInt16 Int32 UInt32 Int64 UInt64 Single Double Decimal DateTime String=18"},
	}
	for _, k := range integerKinds {
		out = append(out, typeRow{decl: "struct System." + k.name + " : IComparable, IConvertible", rows: integerRows(k.word, k.bits, k.signed)})
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

// parseRows are the overloads of Parse and TryParse.
func parseRows(word string, parse, try tableFunc) []row {
	p, t := "static "+word+" Parse(string s", "static bool TryParse(string? s"
	return []row{
		{sig: p + ")", get: parse}, {sig: p + ", IFormatProvider? p)", get: parse}, {sig: p + ", NumberStyles n)", get: parse},
		{sig: p + ", NumberStyles n, IFormatProvider? p)", get: parse},
		{sig: t + ", out " + word + " value)", get: try}, {sig: t + ", IFormatProvider? p, out " + word + " value)", get: try},
		{sig: t + ", NumberStyles n, IFormatProvider? p, out " + word + " value)", get: try},
	}
}

func integerRows(word string, bits int, signed bool) []row {
	box := func(n int64) any { return boxInt(typeNamed(word), n) }
	parse := func(_ *frame, a []any) any {
		n, err := styledInteger(text(a, 0), stylesIn(a, styleInteger), bits, signed)
		if err == strconv.ErrRange {
			throw("System.OverflowException", "Value was either too large or too small for an %s.", keywords[word])
		} else if err != nil {
			badFormat()
		}
		return box(n)
	}
	lo, hi := int64(0), int64(-1)
	if signed {
		lo, hi = -1<<(bits-1), 1<<(bits-1)-1
	} else if bits < 64 {
		hi = 1<<bits - 1
	}
	try := func(_ *frame, a []any) any {
		n, err := styledInteger(text(a, 0), stylesIn(a, styleInteger), bits, signed)
		if err != nil {
			n = 0
		}
		a[len(a)-1].(*outRef).set(box(n))
		return err == nil
	}
	rows := append(numberCommon(word), parseRows(word, parse, try)...)
	return append(rows,
		row{sig: "const static " + word + " MinValue", get: func(*frame) any { return box(lo) }},
		row{sig: "const static " + word + " MaxValue", get: func(*frame) any { return box(hi) }})
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

func parseDouble(s string) (float64, bool) { return styledDouble(s, styleDouble) }

func floatRows(word string, bits int) []row {
	box := func(d float64) any {
		if bits == 32 {
			return float32(d)
		}
		return d
	}
	parse := func(_ *frame, a []any) any {
		d, ok := styledDouble(text(a, 0), stylesIn(a, styleDouble))
		if !ok {
			badFormat()
		}
		return box(d)
	}
	try := func(_ *frame, a []any) any {
		d, ok := styledDouble(text(a, 0), stylesIn(a, styleDouble))
		a[len(a)-1].(*outRef).set(box(d))
		return ok
	}
	limit := math.MaxFloat64
	if bits == 32 {
		limit = math.MaxFloat32
	}
	p := "const static " + word + " "
	test := func(name string, is func(d float64) bool) row {
		return row{sig: "static bool " + name + "(" + word + " d)", get: func(_ *frame, a []any) any { return is(unboxFloat(a[0])) }}
	}
	rows := append(numberCommon(word), parseRows(word, parse, try)...)
	return append(rows, []row{
		{sig: p + "MaxValue", get: fixedValue(box(limit))}, {sig: p + "MinValue", get: fixedValue(box(-limit))},
		{sig: p + "NaN", get: fixedValue(box(math.NaN()))},
		{sig: p + "PositiveInfinity", get: fixedValue(box(math.Inf(1)))}, {sig: p + "NegativeInfinity", get: fixedValue(box(math.Inf(-1)))},
		test("IsNaN", math.IsNaN), test("IsInfinity", func(d float64) bool { return math.IsInf(d, 0) }),
		test("IsPositiveInfinity", func(d float64) bool { return math.IsInf(d, 1) }), test("IsNegativeInfinity", func(d float64) bool { return math.IsInf(d, -1) }),
		test("IsFinite", func(d float64) bool { return !math.IsNaN(d) && !math.IsInf(d, 0) }), test("IsNegative", math.Signbit),
	}...)
}
