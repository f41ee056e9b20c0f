package expr

import (
	"unicode"
	"unicode/utf16"
)

// charRows: the tests of a char exist for a char, and for a place in a string.
func charRows() []row {
	rows := []row{
		{sig: "static string ToString(char c)", get: func(_ *frame, a []any) any { return ToString(a[0]) }},
		{sig: "string ToString(IFormatProvider? p)", get: func(_ *frame, a []any) any { return ToString(a[0]) }},
		{sig: "static double GetNumericValue(char c)", get: func(_ *frame, a []any) any {
			if n := num(a, 0); unicode.Is(unicode.Nd, rune(n)) {
				return float64(digitOf(rune(n)))
			}
			return float64(-1)
		}},
		{sig: "static char Parse(string s)", get: func(_ *frame, a []any) any {
			u := units(text(a, 0))
			if len(u) != 1 {
				throw("System.FormatException", "String must be exactly one character long.")
			}
			return Char(u[0])
		}},
		{sig: "static bool TryParse(string? s, out char c)", get: func(_ *frame, a []any) any {
			u := units(text(a, 0))
			if len(u) != 1 {
				a[1].(*outRef).set(Char(0))
				return false
			}
			a[1].(*outRef).set(Char(u[0]))
			return true
		}},
		{sig: "const static char MinValue", get: fixedValue(Char(0))}, {sig: "const static char MaxValue", get: fixedValue(Char(0xFFFF))},
		{sig: "int CompareTo(char c)", get: func(_ *frame, a []any) any { return int32(num(a, 0) - num(a, 1)) }},
		{sig: "bool Equals(char c)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
		{sig: "static string ConvertFromUtf32(int n)", get: func(_ *frame, a []any) any {
			n := num(a, 0)
			if n < 0 || n > 0x10FFFF || n >= 0xD800 && n < 0xE000 {
				throw("System.ArgumentOutOfRangeException", "A valid UTF32 value is between 0x000000 and 0x10ffff, inclusive, and should not include surrogate codepoint values (0x00d800 ~ 0x00dfff). (Parameter 'utf32')")
			}
			return string(rune(n))
		}},
		{sig: "static int ConvertToUtf32(string s, int i)", get: func(_ *frame, a []any) any {
			at, ok := byteOffset(text(a, 0), num(a, 1))
			if !ok || at >= len(text(a, 0)) {
				outOfRange("index")
			}
			return []rune(text(a, 0)[at:])[0]
		}},
		{sig: "static int ConvertToUtf32(char hi, char lo)", get: func(_ *frame, a []any) any {
			return utf16.DecodeRune(rune(num(a, 0)), rune(num(a, 1)))
		}},
		{sig: "static System.Globalization.UnicodeCategory GetUnicodeCategory(char c)", get: func(_ *frame, a []any) any { return unicodeCategory(rune(num(a, 0))) }},
		{sig: "static bool IsSurrogatePair(char hi, char lo)", get: func(_ *frame, a []any) any {
			return utf16.DecodeRune(rune(num(a, 0)), rune(num(a, 1))) != unicode.ReplacementChar
		}},
	}
	for _, c := range []struct {
		name string
		is   func(rune) bool
	}{
		{"IsDigit", unicode.IsDigit}, {"IsNumber", unicode.IsNumber}, {"IsLetter", unicode.IsLetter}, {"IsUpper", unicode.IsUpper}, {"IsLower", unicode.IsLower},
		{"IsLetterOrDigit", func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }},
		{"IsWhiteSpace", unicode.IsSpace}, {"IsPunctuation", unicode.IsPunct}, {"IsSymbol", unicode.IsSymbol}, {"IsControl", unicode.IsControl},
		{"IsSeparator", func(r rune) bool { return unicode.Is(unicode.Z, r) }}, {"IsSurrogate", utf16.IsSurrogate},
		{"IsHighSurrogate", func(r rune) bool { return r >= 0xD800 && r < 0xDC00 }}, {"IsLowSurrogate", func(r rune) bool { return r >= 0xDC00 && r < 0xE000 }},
	} {
		rows = append(rows, row{sig: "static bool " + c.name + "(char c)", get: func(n int64) bool { return c.is(rune(n)) }},
			row{sig: "static bool " + c.name + "(string s, int i)", get: func(_ *frame, a []any) any {
				if n := num(a, 1); n < 0 || n >= int64(length16(text(a, 0))) {
					outOfRange("index")
				}
				return c.is(rune(charAt(text(a, 0), num(a, 1))))
			}})
	}
	for _, suffix := range []string{"(char c)", "Invariant(char c)", "(char c, CultureInfo? p)"} {
		rows = append(rows, row{sig: "static char ToUpper" + suffix, get: func(_ *frame, a []any) any { return Char(unicode.ToUpper(rune(num(a, 0)))) }},
			row{sig: "static char ToLower" + suffix, get: func(_ *frame, a []any) any { return Char(unicode.ToLower(rune(num(a, 0)))) }})
	}
	return rows
}

// digitOf is the value of a decimal digit: their blocks start at a multiple of ten.
func digitOf(r rune) int {
	n := 0
	for unicode.Is(unicode.Nd, r-1) && n < 9 {
		r--
		n++
	}
	return n
}

// unicodeNames are the categories in the order of UnicodeCategory.
const unicodeNames = "UppercaseLetter LowercaseLetter TitlecaseLetter ModifierLetter OtherLetter NonSpacingMark SpacingCombiningMark EnclosingMark " +
	"DecimalDigitNumber LetterNumber OtherNumber SpaceSeparator LineSeparator ParagraphSeparator Control Format Surrogate PrivateUse " +
	"ConnectorPunctuation DashPunctuation OpenPunctuation ClosePunctuation InitialQuotePunctuation FinalQuotePunctuation OtherPunctuation " +
	"MathSymbol CurrencySymbol ModifierSymbol OtherSymbol OtherNotAssigned"

func unicodeCategory(r rune) any {
	tables := []*unicode.RangeTable{unicode.Lu, unicode.Ll, unicode.Lt, unicode.Lm, unicode.Lo, unicode.Mn, unicode.Mc, unicode.Me, unicode.Nd, unicode.Nl, unicode.No,
		unicode.Zs, unicode.Zl, unicode.Zp, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Co, unicode.Pc, unicode.Pd, unicode.Ps, unicode.Pe, unicode.Pi, unicode.Pf, unicode.Po,
		unicode.Sm, unicode.Sc, unicode.Sk, unicode.So}
	n := len(tables)
	for i, t := range tables {
		if unicode.Is(t, r) {
			n = i
			break
		}
	}
	return Enum{types().full["System.Globalization.UnicodeCategory"], int64(n)}
}
