package expr

import (
	"strings"
	"unicode"
)

func stringSearchRows() []row {
	return append(indexRows(), []row{
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
		{sig: "int LastIndexOf(string s)", get: func(s, t string) int64 { return index16(s, strings.LastIndex(s, t)) }},
		{sig: "bool Contains(char c, StringComparison k)", get: func(_ *frame, a []any) any { return indexFrom(text(a, 0), ToString(a[1]), 0, num(a, 2)) != int32(-1) }},
		{sig: "bool EndsWith(string s, bool ignoreCase, CultureInfo? c)", get: func(_ *frame, a []any) any {
			s, t := text(a, 0), text(a, 1)
			return len(s) >= len(t) && equalFold(s[len(s)-len(t):], t, 4+b2i(unboxBool(a[2])))
		}},
		{sig: "int IndexOfAny(char[] c)", get: indexOfAny(false)}, {sig: "int IndexOfAny(char[] c, int i)", get: indexOfAny(false)},
		{sig: "int IndexOfAny(char[] c, int i, int n)", get: indexOfAny(false)}, {sig: "int LastIndexOfAny(char[] c)", get: indexOfAny(true)},
	}...)
}

// indexRows are the overloads of IndexOf and LastIndexOf with a start, a
// length and a comparison.
func indexRows() []row {
	var rows []row
	for _, t := range []string{"string s", "char s"} {
		for _, name := range []string{"IndexOf", "LastIndexOf"} {
			get := indexPlaces
			if name == "LastIndexOf" {
				get = lastIndexPlaces
			}
			for _, form := range []string{"", ", int i", ", int i, int n", ", StringComparison c", ", int i, StringComparison c", ", int i, int n, StringComparison c"} {
				if t == "string s" && form == "" {
					continue // has a row of its own without boxing
				}
				rows = append(rows, row{sig: "int " + name + "(" + t + form + ")", get: get})
			}
		}
	}
	return rows
}

// places reads start, length and comparison; -1 when they are not given.
func places(a []any) (start, n, kind int64) {
	start, n, kind = -1, -1, ordinal
	for i, v := range a[2:] {
		if e, ok := v.(Enum); ok {
			kind = e.v
		} else if i == 0 {
			start = num(a, 2)
		} else {
			n = num(a, 3)
		}
	}
	return start, n, kind
}

func indexPlaces(_ *frame, a []any) any {
	s := text(a, 0)
	start, n, kind := places(a)
	if len(a) > 2 && start < 0 {
		if _, isEnum := a[2].(Enum); !isEnum {
			outOfRange("startIndex")
		}
	}
	start = max(start, 0)
	if n >= 0 {
		s = substring(s, 0, start) + substring(s, start, n)
	}
	return indexFrom(s, ToString(a[1]), start, kind)
}

// lastIndexPlaces searches backwards from start over n units.
func lastIndexPlaces(_ *frame, a []any) any {
	s, t := text(a, 0), ToString(a[1])
	start, n, kind := places(a)
	length := int64(length16(s))
	if start < 0 || start >= length {
		start = length - 1
	}
	end := start + 1
	from := int64(0)
	if n >= 0 {
		from = max(end-n, 0)
	}
	part := substring(s, from, end-from)
	if ignoresCase(kind) {
		part, t = strings.ToUpper(part), strings.ToUpper(t)
	}
	i := strings.LastIndex(part, t)
	if i < 0 {
		return int32(-1)
	}
	return int32(from + index16(part, i))
}

func indexOfAny(last bool) tableFunc {
	return func(_ *frame, a []any) any {
		s := text(a, 0)
		set := charsText(notNull(a[1]))
		if last {
			return int32(index16(s, strings.LastIndexAny(s, set)))
		}
		from := int64(0)
		if len(a) > 2 {
			from = num(a, 2)
			s = substring(s, max(from, 0), -1)
		}
		if len(a) > 3 {
			s = substring(s, 0, max(num(a, 3), 0))
		}
		if i := index16(s, strings.IndexAny(s, set)); i >= 0 {
			return int32(from + i)
		}
		return int32(-1)
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
		{sig: "string[] Split(string? s, int n, StringSplitOptions o = 0)", get: func(f *frame, a []any) any {
			return split(f, text(a, 0), nonEmpty([]string{text(a, 1)}), num(a, 2), num(a, 3))
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
