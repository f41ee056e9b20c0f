package expr

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

func stringTypes() []typeRow {
	return []typeRow{
		{decl: "class System.String : IEnumerable<char>, IComparable, IConvertible", rows: stringRows()},
		{decl: "struct System.Char : IComparable, IConvertible", rows: charRows()},
		{decl: "enum System.StringComparison", enum: "CurrentCulture CurrentCultureIgnoreCase InvariantCulture InvariantCultureIgnoreCase Ordinal OrdinalIgnoreCase"},
		{decl: "flags System.StringSplitOptions", enum: "None=0 RemoveEmptyEntries=1 TrimEntries=2"},
		{decl: "class System.StringComparer : IEqualityComparer<string>, IComparer<string>", is: instance[comparer], rows: []row{
			{sig: "static StringComparer Ordinal", get: fixedValue(comparer(4))},
			{sig: "static StringComparer OrdinalIgnoreCase", get: fixedValue(comparer(5))},
			{sig: "static StringComparer InvariantCulture", get: fixedValue(comparer(2))},
			{sig: "static StringComparer InvariantCultureIgnoreCase", get: fixedValue(comparer(3))},
			{sig: "static StringComparer CurrentCulture", get: fixedValue(comparer(0))},
			{sig: "static StringComparer CurrentCultureIgnoreCase", get: fixedValue(comparer(1))},
			{sig: "bool Equals(string? a, string? b)", get: func(_ *frame, a []any) any {
				return a[1] == nil && a[2] == nil || a[1] != nil && a[2] != nil && equalFold(text(a, 1), text(a, 2), int64(a[0].(comparer)))
			}},
			{sig: "int GetHashCode(string s)", get: func(_ *frame, a []any) any {
				return int32(hashCode(foldKey(text(a, 1), ignoresCase(int64(a[0].(comparer))))))
			}},
			{sig: "int Compare(string? a, string? b)", get: func(_ *frame, a []any) any {
				return int32(compareBy(text(a, 1), text(a, 2), int64(a[0].(comparer))))
			}},
		}},
		{decl: "enum System.Text.NormalizationForm", enum: "FormC=1 FormD=2 FormKC=5 FormKD=6"},
		{decl: "interface System.Collections.Generic.IEqualityComparer<T>"},
		{decl: "interface System.Collections.Generic.IComparer<T>"},
	}
}

// comparer is a StringComparer: the number of its StringComparison.
type comparer int64

func stringRows() []row {
	rows := []row{
		{sig: "new(char[] c)", get: func(_ *frame, a []any) any { return charsText(a[0]) }},
		{sig: "new(char[] c, int start, int n)", get: func(_ *frame, a []any) any { return substring(charsText(a[0]), num(a, 1), max(num(a, 2), 0)) }},
		{sig: "new(char c, int n)", get: func(f *frame, a []any) any { return repeat(f, ToString(a[0]), num(a, 1)) }},
		{sig: "static string Empty", get: fixedValue("")},
		{sig: "int Length", get: func(s string) int64 { return int64(length16(s)) }},
		{sig: "char this[int i]", get: func(_ *frame, a []any) any { return Char(charAt(a[0].(string), num(a, 1))) }},
		{sig: "string ToString()", get: func(s string) string { return s }},
		{sig: "string ToString(IFormatProvider? p)", get: func(_ *frame, a []any) any { return a[0] }},
		{sig: "string Trim()", get: strings.TrimSpace},
		{sig: "string TrimStart()", get: func(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }},
		{sig: "string TrimEnd()", get: func(s string) string { return strings.TrimRightFunc(s, unicode.IsSpace) }},
		{sig: "string Trim(params char[] c)", get: func(_ *frame, a []any) any { return trim(a, strings.TrimFunc) }},
		{sig: "string TrimStart(params char[] c)", get: func(_ *frame, a []any) any { return trim(a, strings.TrimLeftFunc) }},
		{sig: "string TrimEnd(params char[] c)", get: func(_ *frame, a []any) any { return trim(a, strings.TrimRightFunc) }},
		{sig: "string ToLower()", get: strings.ToLower}, {sig: "string ToLowerInvariant()", get: strings.ToLower},
		{sig: "string ToUpper()", get: strings.ToUpper}, {sig: "string ToUpperInvariant()", get: strings.ToUpper},
		{sig: "string ToLower(CultureInfo? c)", get: func(_ *frame, a []any) any { return strings.ToLower(text(a, 0)) }},
		{sig: "string ToUpper(CultureInfo? c)", get: func(_ *frame, a []any) any { return strings.ToUpper(text(a, 0)) }},
		{sig: "string Substring(int start)", get: func(s string, n int64) string {
			return substring(s, n, -1)
		}},
		{sig: "string Substring(int start, int length)", get: func(s string, i, n int64) string {
			if n < 0 {
				throw("System.ArgumentOutOfRangeException", "Length cannot be less than zero. (Parameter 'length')")
			}
			return substring(s, i, n)
		}},
		{sig: "string Remove(int start)", get: func(s string, n int64) string {
			if n < 0 {
				outOfRange("startIndex")
			}
			return substring(s, 0, n)
		}},
		{sig: "string Remove(int start, int count)", get: func(s string, i, n int64) string {
			if i < 0 || n < 0 {
				outOfRange("startIndex and count")
			}
			return substring(s, 0, i) + substring(s, i+n, -1)
		}},
		{sig: "string Insert(int start, string value)", get: func(_ *frame, a []any) any {
			s, n := text(a, 0), num(a, 1)
			if n < 0 {
				outOfRange("startIndex")
			}
			return substring(s, 0, n) + text(a, 2) + substring(s, n, -1)
		}},
		{sig: "string Replace(string old, string? value)", get: replaceText},
		{sig: "string Replace(char old, char value)", get: func(f *frame, a []any) any {
			return replaceAll(f, text(a, 0), ToString(a[1]), ToString(a[2]))
		}},
		{sig: "string Replace(string old, string? value, StringComparison c)", get: replaceFold},
		{sig: "string PadLeft(int n)", get: func(f *frame, a []any) any { return padding(f, a, " ") + text(a, 0) }},
		{sig: "string PadLeft(int n, char c)", get: func(f *frame, a []any) any { return padding(f, a, ToString(a[2])) + text(a, 0) }},
		{sig: "string PadRight(int n)", get: func(f *frame, a []any) any { return text(a, 0) + padding(f, a, " ") }},
		{sig: "string PadRight(int n, char c)", get: func(f *frame, a []any) any { return text(a, 0) + padding(f, a, ToString(a[2])) }},
		{sig: "char[] ToCharArray()", get: func(f *frame, a []any) any { return charArray(f, text(a, 0)) }},
		{sig: "char[] ToCharArray(int i, int n)", get: func(f *frame, a []any) any { return charArray(f, substring(text(a, 0), num(a, 1), max(num(a, 2), 0))) }},
		{sig: "void CopyTo(int from, char[] to, int at, int n)", get: func(f *frame, a []any) any {
			part := charArray(f, substring(text(a, 0), num(a, 1), max(num(a, 4), 0)))
			return copyArray(f, part, 0, a[2], num(a, 3), int64(len(part.items)))
		}},
		{sig: "string Normalize()", get: func(s string) string { return norm.NFC.String(s) }},
		{sig: "string Normalize(NormalizationForm n)", get: func(f *frame, a []any) any {
			s := normalForm(num(a, 1)).String(text(a, 0))
			f.charge(len(s))
			return s
		}},
		{sig: "bool IsNormalized()", get: func(s string) bool { return norm.NFC.IsNormalString(s) }},
		{sig: "bool IsNormalized(NormalizationForm n)", get: func(_ *frame, a []any) any { return normalForm(num(a, 1)).IsNormalString(text(a, 0)) }},
		{sig: "object Clone()", get: func(_ *frame, a []any) any { return a[0] }},
		{sig: "int GetHashCode()", get: func(v any) int64 { return hashCode(v) }},
	}
	return append(append(append(rows, stringSearchRows()...), stringSplitRows()...), stringStatics()...)
}

func charsText(v any) string {
	a, _ := v.(*Array)
	if a == nil {
		return ""
	}
	u := make([]uint16, len(a.items))
	for i, c := range a.items {
		u[i] = uint16(unboxInt(c))
	}
	return fromUnits(u)
}

func charArray(f *frame, s string) *Array {
	u := units(s)
	f.step(len(u) / 8)
	f.charge(len(u) * 16)
	a := &Array{elem: types().char, items: make([]any, len(u))}
	for i, c := range u {
		a.items[i] = Char(c)
	}
	return a
}

func repeat(f *frame, s string, n int64) string {
	if n < 0 {
		throw("System.ArgumentOutOfRangeException", "'count' must be non-negative.")
	}
	if n > DefaultBudgetBytes {
		throwLimit("the string is too long")
	}
	f.charge(int(n) * len(s))
	return strings.Repeat(s, int(n))
}

func padding(f *frame, a []any, c string) string {
	if num(a, 1) < 0 {
		throw("System.ArgumentOutOfRangeException", "Non-negative number required. (Parameter 'totalWidth')")
	}
	n := num(a, 1) - int64(length16(text(a, 0)))
	if n <= 0 {
		return ""
	}
	return repeat(f, c, n)
}

func trim(a []any, by func(string, func(rune) bool) string) string {
	set, _ := a[1].(*Array)
	if set == nil || len(set.items) == 0 {
		return by(text(a, 0), unicode.IsSpace)
	}
	return by(text(a, 0), func(r rune) bool {
		for _, c := range set.items {
			if rune(unboxInt(c)) == r {
				return true
			}
		}
		return false
	})
}

func replaceText(f *frame, a []any) any { return replaceAll(f, text(a, 0), text(a, 1), text(a, 2)) }

func replaceAll(f *frame, s, old, with string) string {
	if old == "" {
		throw("System.ArgumentException", "String cannot be of zero length. (Parameter 'oldValue')")
	}
	if n := strings.Count(s, old); n == 0 {
		return s
	} else if len(with) > len(old) {
		f.charge(len(s) + n*(len(with)-len(old)))
	}
	f.step(1 + len(s)/256)
	return strings.ReplaceAll(s, old, with)
}

func replaceFold(f *frame, a []any) any {
	s, old, with := text(a, 0), text(a, 1), text(a, 2)
	if !ignoresCase(num(a, 3)) {
		return replaceAll(f, s, old, with)
	}
	if old == "" {
		throw("System.ArgumentException", "String cannot be of zero length. (Parameter 'oldValue')")
	}
	var b strings.Builder
	for {
		i := indexFold(s, old)
		if i < 0 {
			return b.String() + s
		}
		f.step(1 + len(s)/64)
		f.charge(i + len(with))
		b.WriteString(s[:i] + with)
		s = s[i+len(old):]
	}
}

func stringStatics() []row {
	return []row{
		{sig: "static bool IsNullOrEmpty(string? s)", get: func(s string) bool { return s == "" }},
		{sig: "static bool IsNullOrWhiteSpace(string? s)", get: func(s string) bool { return strings.TrimSpace(s) == "" }},
		{sig: "static string Format(string format, params object[] args)", get: func(f *frame, a []any) any { return formatArray(f, text(a, 0), a[1]) }},
		{sig: "static string Format(IFormatProvider? p, string format, params object[] args)", get: func(f *frame, a []any) any { return formatArray(f, text(a, 1), a[2]) }},
		{sig: "static string Concat(params object[] args)", get: func(f *frame, a []any) any { return joinTexts(f, "", a[0]) }},
		{sig: "static string Concat(params string[] args)", get: func(f *frame, a []any) any { return joinTexts(f, "", a[0]) }},
		{sig: "static string Concat<T>(IEnumerable<T> args)", get: func(f *frame, _ []*typ, a []any) any { return joinTexts(f, "", a[0]) }},
		{sig: "static string Join(string? sep, params string[] args)", get: func(f *frame, a []any) any { return joinTexts(f, text(a, 0), a[1]) }},
		{sig: "static string Join(string? sep, params object[] args)", get: func(f *frame, a []any) any { return joinTexts(f, text(a, 0), a[1]) }},
		{sig: "static string Join<T>(string? sep, IEnumerable<T> args)", get: func(f *frame, _ []*typ, a []any) any { return joinTexts(f, text(a, 0), a[1]) }},
		{sig: "static string Join<T>(char sep, IEnumerable<T> args)", get: func(f *frame, _ []*typ, a []any) any { return joinTexts(f, ToString(a[0]), a[1]) }},
		{sig: "static string Join(string? sep, string[] args, int start, int n)", get: func(f *frame, a []any) any {
			all := textsOf(f, a[1])
			i, n := num(a, 2), num(a, 3)
			if i < 0 || n < 0 || i+n > int64(len(all)) {
				outOfRange("startIndex and count")
			}
			return strings.Join(all[i:i+n], text(a, 0))
		}},
		{sig: "static bool Equals(string? a, string? b)", get: func(_ *frame, a []any) any { return a[0] == a[1] }},
		{sig: "static bool Equals(string? a, string? b, StringComparison c)", get: func(_ *frame, a []any) any {
			return a[0] == nil && a[1] == nil || a[0] != nil && a[1] != nil && equalFold(text(a, 0), text(a, 1), num(a, 2))
		}},
		{sig: "static int Compare(string? a, string? b)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		{sig: "static int Compare(string? a, string? b, bool ignoreCase)", get: func(_ *frame, a []any) any {
			return int32(compareText(text(a, 0), text(a, 1), unboxBool(a[2])))
		}},
		{sig: "static int Compare(string? a, string? b, StringComparison c)", get: func(_ *frame, a []any) any {
			return int32(compareBy(text(a, 0), text(a, 1), num(a, 2)))
		}},
		{sig: "static int CompareOrdinal(string? a, string? b)", get: func(_ *frame, a []any) any { return int32(ordinalOrder(text(a, 0), text(a, 1))) }},
		{sig: "static int CompareOrdinal(string? a, int i, string? b, int j, int n)", get: compareParts},
		{sig: "static int Compare(string? a, int i, string? b, int j, int n)", get: compareParts},
		{sig: "static int Compare(string? a, int i, string? b, int j, int n, bool ignoreCase)", get: compareParts},
		{sig: "static int Compare(string? a, int i, string? b, int j, int n, StringComparison c)", get: compareParts},
		{sig: "static int Compare(string? a, string? b, bool ignoreCase, CultureInfo? p)", get: func(_ *frame, a []any) any {
			return int32(compareText(text(a, 0), text(a, 1), unboxBool(a[2])))
		}},
		{sig: "static string Join(char sep, params string[] args)", get: func(f *frame, a []any) any { return joinTexts(f, ToString(a[0]), a[1]) }},
		{sig: "static string Join(char sep, params object[] args)", get: func(f *frame, a []any) any { return joinTexts(f, ToString(a[0]), a[1]) }},
		{sig: "static string Intern(string s)", get: func(s string) string { return s }},
		{sig: "static string Copy(string s)", get: func(s string) string { return s }},
	}
}

func formatArray(f *frame, format string, args any) any {
	a, _ := args.(*Array)
	if a == nil {
		throw("System.ArgumentNullException", "Value cannot be null. (Parameter 'args')")
	}
	s := composite(f.machine, format, a.items)
	f.charge(len(s))
	return s
}

func joinTexts(f *frame, sep string, v any) any {
	if v == nil {
		throw("System.ArgumentNullException", "Value cannot be null. (Parameter 'values')")
	}
	list := textsOf(f, v)
	n := len(sep) * len(list)
	for _, s := range list {
		n += len(s)
	}
	f.charge(n)
	return strings.Join(list, sep)
}

func normalForm(n int64) norm.Form {
	switch n {
	case 2:
		return norm.NFD
	case 5:
		return norm.NFKC
	case 6:
		return norm.NFKD
	}
	return norm.NFC
}

// compareParts compares parts of two strings of at most n units.
func compareParts(_ *frame, a []any) any {
	part := func(s string, i int64) string {
		n := int64(length16(s))
		if i < 0 || i > n || num(a, 4) < 0 {
			outOfRange("index and length")
		}
		return substring(s, i, min(num(a, 4), n-i))
	}
	x, y := part(text(a, 0), num(a, 1)), part(text(a, 2), num(a, 3))
	kind := int64(0)
	if len(a) > 5 {
		switch v := a[5].(type) {
		case bool:
			kind = b2i(v)
		case Enum:
			kind = v.v
		}
	}
	return int32(compareBy(x, y, kind))
}
