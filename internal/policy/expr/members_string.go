package expr

import (
	"strings"
	"unicode"
)

func stringTypes() []typeRow {
	return []typeRow{
		{decl: "class System.String : IEnumerable<char>, IComparable", rows: stringRows()},
		{decl: "struct System.Char : IComparable", rows: charRows()},
		{decl: "enum System.StringComparison", enum: "CurrentCulture CurrentCultureIgnoreCase InvariantCulture InvariantCultureIgnoreCase Ordinal OrdinalIgnoreCase"},
		{decl: "enum System.StringSplitOptions", enum: "None=0 RemoveEmptyEntries=1 TrimEntries=2"},
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
			{sig: "int Compare(string? a, string? b)", get: func(_ *frame, a []any) any {
				return int32(compareBy(text(a, 1), text(a, 2), int64(a[0].(comparer))))
			}},
		}},
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
			if n < 0 {
				outOfRange("startIndex")
			}
			return substring(s, n, -1)
		}},
		{sig: "string Substring(int start, int length)", get: func(s string, i, n int64) string {
			if n < 0 {
				outOfRange("length")
			}
			return substring(s, i, n)
		}},
		{sig: "string Remove(int start)", get: func(s string, n int64) string { return substring(s, 0, max(n, 0)) }},
		{sig: "string Remove(int start, int count)", get: func(s string, i, n int64) string { return substring(s, 0, i) + substring(s, i+n, -1) }},
		{sig: "string Insert(int start, string value)", get: func(_ *frame, a []any) any {
			s, n := text(a, 0), num(a, 1)
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
		{sig: "string Normalize()", get: func(s string) string { return s }},
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

func stringSearchRows() []row {
	return []row{
		{sig: "bool Contains(string s)", get: strings.Contains},
		{sig: "bool Contains(char c)", get: func(_ *frame, a []any) any { return strings.Contains(text(a, 0), ToString(a[1])) }},
		{sig: "bool Contains(string s, StringComparison c)", get: func(_ *frame, a []any) any {
			if ignoresCase(num(a, 2)) {
				return indexFold(text(a, 0), text(a, 1)) >= 0
			}
			return strings.Contains(text(a, 0), text(a, 1))
		}},
		{sig: "bool StartsWith(string s)", get: strings.HasPrefix},
		{sig: "bool StartsWith(char c)", get: func(_ *frame, a []any) any { return strings.HasPrefix(text(a, 0), ToString(a[1])) }},
		{sig: "bool StartsWith(string s, StringComparison c)", get: func(_ *frame, a []any) any { return prefix(text(a, 0), text(a, 1), num(a, 2)) }},
		{sig: "bool StartsWith(string s, bool ignoreCase, CultureInfo? c)", get: func(_ *frame, a []any) any {
			return prefix(text(a, 0), text(a, 1), 4+b2i(unboxBool(a[2])))
		}},
		{sig: "bool EndsWith(string s)", get: strings.HasSuffix},
		{sig: "bool EndsWith(char c)", get: func(_ *frame, a []any) any { return strings.HasSuffix(text(a, 0), ToString(a[1])) }},
		{sig: "bool EndsWith(string s, StringComparison c)", get: func(_ *frame, a []any) any {
			s, t := text(a, 0), text(a, 1)
			return len(s) >= len(t) && equalFold(s[len(s)-len(t):], t, num(a, 2))
		}},
		{sig: "bool Equals(string? s)", get: func(_ *frame, a []any) any { return a[0] == a[1] }},
		{sig: "bool Equals(object? s)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
		{sig: "bool Equals(string? s, StringComparison c)", get: func(_ *frame, a []any) any {
			return a[1] != nil && equalFold(text(a, 0), text(a, 1), num(a, 2))
		}},
		{sig: "int CompareTo(string? s)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		{sig: "int IndexOf(string s)", get: func(s, t string) int64 { return index16(s, strings.Index(s, t)) }},
		{sig: "int IndexOf(char c)", get: func(_ *frame, a []any) any { return indexFrom(text(a, 0), ToString(a[1]), 0, 4) }},
		{sig: "int IndexOf(char c, int start)", get: func(_ *frame, a []any) any { return indexFrom(text(a, 0), ToString(a[1]), num(a, 2), 4) }},
		{sig: "int IndexOf(string s, int start)", get: func(_ *frame, a []any) any { return indexFrom(text(a, 0), text(a, 1), num(a, 2), 4) }},
		{sig: "int IndexOf(string s, StringComparison c)", get: func(_ *frame, a []any) any { return indexFrom(text(a, 0), text(a, 1), 0, num(a, 2)) }},
		{sig: "int IndexOf(string s, int start, StringComparison c)", get: func(_ *frame, a []any) any {
			return indexFrom(text(a, 0), text(a, 1), num(a, 2), num(a, 3))
		}},
		{sig: "int LastIndexOf(string s)", get: func(s, t string) int64 { return index16(s, strings.LastIndex(s, t)) }},
		{sig: "int LastIndexOf(char c)", get: func(_ *frame, a []any) any {
			s := text(a, 0)
			return int32(index16(s, strings.LastIndex(s, ToString(a[1]))))
		}},
		{sig: "int LastIndexOf(string s, StringComparison c)", get: func(_ *frame, a []any) any {
			s, t := text(a, 0), text(a, 1)
			if ignoresCase(num(a, 2)) {
				s, t = strings.ToLower(s), strings.ToLower(t)
			}
			return int32(index16(s, strings.LastIndex(s, t)))
		}},
		{sig: "int IndexOfAny(char[] c)", get: func(_ *frame, a []any) any {
			s := text(a, 0)
			return int32(index16(s, strings.IndexAny(s, charsText(a[1]))))
		}},
	}
}

func prefix(s, t string, kind int64) bool {
	return len(s) >= len(t) && equalFold(s[:len(t)], t, kind)
}

func indexFrom(s, t string, start, kind int64) any {
	at, ok := byteOffset(s, start)
	if !ok {
		outOfRange("startIndex")
	}
	i := -1
	if ignoresCase(kind) {
		i = indexFold(s[at:], t)
	} else {
		i = strings.Index(s[at:], t)
	}
	if i < 0 {
		return int32(-1)
	}
	return int32(index16(s, at+i))
}

func stringSplitRows() []row {
	return []row{
		{sig: "string[] Split(params char[] c)", get: func(f *frame, a []any) any { return splitChars(f, text(a, 0), a[1], -1, 0) }},
		{sig: "string[] Split(char c, StringSplitOptions o = 0)", get: func(f *frame, a []any) any {
			return split(f, text(a, 0), []string{ToString(a[1])}, -1, num(a, 2))
		}},
		{sig: "string[] Split(char c, int n, StringSplitOptions o = 0)", get: func(f *frame, a []any) any {
			return split(f, text(a, 0), []string{ToString(a[1])}, num(a, 2), num(a, 3))
		}},
		{sig: "string[] Split(char[] c, int n)", get: func(f *frame, a []any) any { return splitChars(f, text(a, 0), a[1], num(a, 2), 0) }},
		{sig: "string[] Split(char[] c, StringSplitOptions o)", get: func(f *frame, a []any) any { return splitChars(f, text(a, 0), a[1], -1, num(a, 2)) }},
		{sig: "string[] Split(char[] c, int n, StringSplitOptions o)", get: func(f *frame, a []any) any {
			return splitChars(f, text(a, 0), a[1], num(a, 2), num(a, 3))
		}},
		{sig: "string[] Split(string? s, StringSplitOptions o = 0)", get: func(f *frame, a []any) any {
			return split(f, text(a, 0), nonEmpty([]string{text(a, 1)}), -1, num(a, 2))
		}},
		{sig: "string[] Split(string[] s, StringSplitOptions o)", get: func(f *frame, a []any) any {
			return split(f, text(a, 0), separators(f, a[1]), -1, num(a, 2))
		}},
		{sig: "string[] Split(string[] s, int n, StringSplitOptions o)", get: func(f *frame, a []any) any {
			return split(f, text(a, 0), separators(f, a[1]), num(a, 2), num(a, 3))
		}},
	}
}

func separators(f *frame, v any) []string {
	if v == nil {
		return nil
	}
	return nonEmpty(textsOf(f, v))
}

func nonEmpty(list []string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func splitChars(f *frame, s string, set any, n, options int64) any {
	var seps []string
	if a, _ := set.(*Array); a != nil {
		for _, c := range a.items {
			seps = append(seps, ToString(c))
		}
	}
	return split(f, s, seps, n, options)
}

// split cuts at any separator, at white space when there is none, into at most n parts.
func split(f *frame, s string, seps []string, n, options int64) any {
	keepEmpty, trimmed := options&1 == 0, options&2 != 0
	var out []any
	add := func(part string) {
		if trimmed {
			part = strings.TrimSpace(part)
		}
		if part != "" || keepEmpty {
			f.step(1)
			out = append(out, part)
		}
	}
	if n == 0 {
		return &Array{elem: types().str}
	}
	for n < 0 || int64(len(out)) < n-1 {
		i, k := nextSeparator(s, seps)
		if i < 0 {
			break
		}
		add(s[:i])
		s = s[i+k:]
	}
	if !keepEmpty && n > 0 {
		for {
			i, k := nextSeparator(s, seps)
			if i != 0 {
				break
			}
			s = s[k:]
		}
	}
	add(s)
	f.charge(len(out) * 32)
	return &Array{elem: types().str, items: out}
}

func nextSeparator(s string, seps []string) (at, size int) {
	if len(seps) == 0 {
		for i, r := range s {
			if unicode.IsSpace(r) {
				return i, len(string(r))
			}
		}
		return -1, 0
	}
	at = -1
	for _, sep := range seps {
		area := s
		if at >= 0 {
			area = s[:min(len(s), at+len(sep))]
		}
		if i := strings.Index(area, sep); i >= 0 && (at < 0 || i < at) {
			at, size = i, len(sep)
		}
	}
	return at, size
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
		{sig: "static int CompareOrdinal(string? a, string? b)", get: func(_ *frame, a []any) any { return int32(strings.Compare(text(a, 0), text(a, 1))) }},
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

func charRows() []row {
	is := func(test func(rune) bool) func(int64) bool { return func(c int64) bool { return test(rune(c)) } }
	to := func(conv func(rune) rune) tableFunc {
		return func(_ *frame, a []any) any { return Char(conv(rune(num(a, 0)))) }
	}
	return []row{
		{sig: "static bool IsDigit(char c)", get: is(unicode.IsDigit)},
		{sig: "static bool IsNumber(char c)", get: is(unicode.IsNumber)},
		{sig: "static bool IsLetter(char c)", get: is(unicode.IsLetter)},
		{sig: "static bool IsLetterOrDigit(char c)", get: is(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })},
		{sig: "static bool IsUpper(char c)", get: is(unicode.IsUpper)},
		{sig: "static bool IsLower(char c)", get: is(unicode.IsLower)},
		{sig: "static bool IsWhiteSpace(char c)", get: is(unicode.IsSpace)},
		{sig: "static bool IsPunctuation(char c)", get: is(unicode.IsPunct)},
		{sig: "static bool IsSymbol(char c)", get: is(unicode.IsSymbol)},
		{sig: "static bool IsControl(char c)", get: is(unicode.IsControl)},
		{sig: "static char ToUpper(char c)", get: to(unicode.ToUpper)}, {sig: "static char ToUpperInvariant(char c)", get: to(unicode.ToUpper)},
		{sig: "static char ToLower(char c)", get: to(unicode.ToLower)}, {sig: "static char ToLowerInvariant(char c)", get: to(unicode.ToLower)},
		{sig: "static string ToString(char c)", get: func(_ *frame, a []any) any { return ToString(a[0]) }},
		{sig: "static double GetNumericValue(char c)", get: func(_ *frame, a []any) any {
			if n := num(a, 0); n >= '0' && n <= '9' {
				return float64(n - '0')
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
		{sig: "static char MinValue", get: fixedValue(Char(0))}, {sig: "static char MaxValue", get: fixedValue(Char(0xFFFF))},
		{sig: "int CompareTo(char c)", get: func(_ *frame, a []any) any { return int32(num(a, 0) - num(a, 1)) }},
	}
}
