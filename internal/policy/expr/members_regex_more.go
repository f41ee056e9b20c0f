package expr

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// escapePattern is Regex.Escape: ] and } need no escape.
func escapePattern(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch r {
		case '\n':
			b.WriteString(`\n`)
		case '\t':
			b.WriteString(`\t`)
		case '\r':
			b.WriteString(`\r`)
		case '\f':
			b.WriteString(`\f`)
		default:
			if strings.ContainsRune(`\*+?|{[()^$.# `, r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unescapePattern is Regex.Unescape.
func unescapePattern(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i >= len(s) {
			throw("System.ArgumentException", "Illegal \\ at end of pattern.")
		}
		switch c := s[i]; c {
		case 'x', 'u':
			size := map[byte]int{'x': 2, 'u': 4}[c]
			n, err := strconv.ParseUint(s[i+1:min(i+1+size, len(s))], 16, 32)
			if err != nil || i+size >= len(s) {
				throw("System.ArgumentException", "Insufficient or invalid hexadecimal digits.")
			}
			b.WriteString(ToString(Char(n)))
			i += size
		case 'a', 'b', 'e', 'f', 'n', 'r', 't', 'v':
			b.WriteByte("\a\b\x1b\f\n\r\t\v"[strings.IndexByte("abefnrtv", c)])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// captures are all captures of a group; only the backtracking engine keeps
// more than the last, so it runs again over the match.
func (m *match) captures() []*match {
	if !m.ok() {
		return nil
	}
	if m.group == 0 {
		return []*match{m}
	}
	m.r.slow.once.Do(func() { m.r.slow.engine, m.r.slow.err = newBacktrackingEngine(m.r.pattern, m.r.options) })
	e := m.r.slow.engine
	if e == nil || len(m.text) > maxBacktrackingText {
		return []*match{m}
	}
	return e.captures(m)
}

func (e *backtrackingEngine) captures(m *match) []*match {
	deadline := time.Now().Add(backtrackingTime)
	found, err := e.re.FindStringMatch(m.text)
	for ; found != nil && err == nil; found, err = e.re.FindNextMatch(found) {
		if at, _ := found.ByteRange(); at >= m.loc[0] || time.Now().After(deadline) {
			break
		}
	}
	e.check("", err)
	if found == nil || m.group >= len(found.Groups()) {
		return []*match{m}
	}
	var out []*match
	group := found.Groups()[m.group]
	for i := range group.Captures {
		at, n := group.Captures[i].ByteRange()
		loc := slices.Clone(m.loc)
		loc[2*m.group], loc[2*m.group+1] = at, at+n
		out = append(out, &match{r: m.r, text: m.text, loc: loc, group: m.group})
	}
	return out
}

// regexMore are the overloads with a start or a count, and the names of groups.
func regexMore() []row {
	from := func(a []any) int {
		at, ok := byteOffset(text(a, 1), num(a, 2))
		if !ok {
			outOfRange("startat")
		}
		return at
	}
	after := func(f *frame, a []any) []*match {
		at := from(a)
		return slices.DeleteFunc(a[0].(*regex).all(f, text(a, 1), -1), func(m *match) bool { return m.loc[0] < at })
	}
	names := func(r *regex) []string {
		out := slices.Clone(r.names)
		for i, n := range out {
			if n == "" {
				out[i] = strconv.Itoa(i)
			}
		}
		return out
	}
	return []row{
		{sig: "bool IsMatch(string s, int at)", get: func(f *frame, a []any) any { return len(after(f, a)) > 0 }},
		{sig: "Match Match(string s, int at)", get: func(f *frame, a []any) any {
			if all := after(f, a); len(all) > 0 {
				return all[0]
			}
			return &match{r: a[0].(*regex), text: text(a, 1)}
		}},
		{sig: "MatchCollection Matches(string s, int at)", get: func(f *frame, a []any) any { return &regexMatches{after(f, a)} }},
		{sig: "string[] Split(string s, int n)", get: func(f *frame, a []any) any { return a[0].(*regex).split(f, text(a, 1), num(a, 2)) }},
		{sig: "string Replace(string s, Func<Match,string> with, int n)", get: func(f *frame, a []any) any {
			return a[0].(*regex).replaceWith(f, text(a, 1), a[2], int(num(a, 3)))
		}},
		{sig: "string[] GetGroupNames()", get: func(_ *frame, a []any) any { return stringArray(names(a[0].(*regex))) }},
		{sig: "string GroupNameFromNumber(int i)", get: func(_ *frame, a []any) any {
			if n := names(a[0].(*regex)); num(a, 1) >= 0 && num(a, 1) < int64(len(n)) {
				return n[num(a, 1)]
			}
			return ""
		}},
		{sig: "int GroupNumberFromName(string name)", get: func(_ *frame, a []any) any { return int32(slices.Index(names(a[0].(*regex)), text(a, 1))) }},
		{sig: "RegexOptions Options", get: func(v any) int64 { return v.(*regex).options }},
	}
}
