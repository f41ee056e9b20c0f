package expr

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// regex is a compiled pattern.
type regex struct {
	pattern  string
	options  int64
	linear   *linearEngine // nil: the pattern needs the other engine
	boundary bool          // has \b or \B
	dollar   bool          // has $ or \Z that means the end of the text
	names    []string      // groups by number
	slow     slowEngine
}

// String is the pattern.
func (r *regex) String() string { return r.pattern }

// RegexOptions of .NET that have an effect here.
const (
	regexIgnoreCase  = 1
	regexMultiline   = 2
	regexExplicit    = 4
	regexSingleline  = 16
	regexVerbose     = 32
	regexRightToLeft = 64
	maxPattern       = 4096
)

// compileRegex translates a .NET pattern.
func compileRegex(pattern string, options int64) (*regex, error) {
	if len(pattern) > maxPattern {
		return nil, &syntax.Error{Code: "pattern too long", Expr: pattern[:40]}
	}
	r := &regex{pattern: pattern, options: options}
	if options&(regexExplicit|regexRightToLeft) == 0 {
		if re, err := compileLinear(r); err == nil {
			r.linear = newLinearEngine(re)
			r.names = r.linear.groups()
			return r, nil
		}
	}
	e, err := newBacktrackingEngine(pattern, options)
	if err != nil {
		return nil, err
	}
	r.slow.once.Do(func() { r.slow.engine = e })
	r.names = e.groups()
	return r, nil
}

// compileLinear compiles what runs in linear time, and notes where the text
// decides whether that engine may be used.
func compileLinear(r *regex) (*regexp.Regexp, error) {
	options, flags := r.options, ""
	if options&regexIgnoreCase != 0 {
		flags += "i"
	}
	if options&regexMultiline != 0 {
		flags += "m"
	}
	if options&regexSingleline != 0 {
		flags += "s"
	}
	p := r.dotnetPattern(options&regexVerbose != 0)
	if flags != "" {
		p = "(?" + flags + ")" + p
	}
	r.dollar = r.dollar && options&regexMultiline == 0
	return regexp.Compile(p)
}

// dotnetPattern rewrites what .NET and RE2 write differently: \Z, \uXXXX, quoted
// names, classes of letters and digits that are those of Unicode.
func (r *regex) dotnetPattern(verbose bool) string {
	p := r.pattern
	var b strings.Builder
	class := false
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '\\' && i+1 < len(p):
			i++
			switch n := p[i]; {
			case n == 'u' && i+4 < len(p):
				b.WriteString(`\x{` + p[i+1:i+5] + `}`)
				i += 4
			case n == 'Z' && !class:
				r.dollar = true
				b.WriteString(`\z`)
			case (n == 'b' || n == 'B') && !class:
				r.boundary = true
				b.WriteString(p[i-1 : i+1])
			case strings.IndexByte("wWdDsS", n) >= 0:
				b.WriteString(unicodeClass(n, class))
			case n == 'e':
				b.WriteString(`\x1B`)
			case strings.IndexByte("/'\"#<>=!:;,@%&~` ", n) >= 0:
				b.WriteString(regexp.QuoteMeta(string(n)))
			default:
				b.WriteString(p[i-1 : i+1])
			}
		case c == '$' && !class:
			r.dollar = true
			b.WriteByte(c)
		case c == '[' && !class:
			class = true
			b.WriteByte(c)
		case c == '[' && class && (i+1 >= len(p) || p[i+1] != ':'):
			b.WriteString(`\[`)
		case c == ']':
			class = false
			b.WriteByte(c)
		case !class && strings.HasPrefix(p[i:], "(?'"):
			if end := strings.IndexByte(p[i+3:], '\''); end > 0 {
				b.WriteString("(?P<" + p[i+3:i+3+end] + ">")
				i += 3 + end
				continue
			}
			b.WriteByte(c)
		case verbose && !class && strings.IndexByte(" \t\r\n", c) >= 0:
		case verbose && !class && c == '#':
			for i+1 < len(p) && p[i+1] != '\n' {
				i++
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unicodeClass is a class escape with .NET's meaning. What cannot stand inside
// brackets is left to the other engine, by a text that does not compile.
func unicodeClass(n byte, class bool) string {
	const word, space = `\p{L}\p{Mn}\p{Nd}\p{Pc}`, `\t-\r\x{85}\p{Z}`
	switch {
	case n == 'd':
		return `\p{Nd}`
	case n == 'D':
		return `\P{Nd}`
	case class && n == 'w':
		return word
	case class && n == 's':
		return space
	case class:
		return `\p{None}`
	case n == 'w':
		return "[" + word + "]"
	case n == 'W':
		return "[^" + word + "]"
	case n == 's':
		return "[" + space + "]"
	}
	return "[^" + space + "]"
}

// mustRegex compiles at run time, unless the pattern was compiled with the expression.
func mustRegex(f *frame, p any, options int64) *regex {
	if r, ok := p.(*regex); ok {
		return r
	}
	pattern, _ := p.(string)
	f.step(1 + len(pattern))
	r, err := compileRegex(pattern, options)
	if err != nil {
		throw("System.ArgumentException", "Invalid pattern: %s", err)
	}
	return r
}

// precompiled compiles a literal pattern with the expression.
func precompiled(m *method, args []*operand) {
	at, options := -1, int64(0)
	for i, p := range m.params {
		switch {
		case p.name == "pattern":
			at = i
		case p.t.def.name == "RegexOptions":
			n, ok := args[i].constInt()
			if !ok {
				return
			}
			options = n
		}
	}
	if at < 0 || !m.static && m.name != "new" || !args[at].isConst {
		return
	}
	s, ok := args[at].konst.(string)
	if !ok {
		return
	}
	r, err := compileRegex(s, options)
	if err != nil {
		fail(args[at].pos, "invalid regular expression: "+err.Error(), "")
	}
	args[at] = &operand{t: args[at].t, pos: args[at].pos, a: func(*frame) any { return r }, konst: r, isConst: true}
}

// input bounds the text that a pattern is run on.
func (r *regex) input(f *frame, s string) string {
	if len(s) > maxRegexText {
		throwLimit("the text for a regular expression is larger than 1 MiB")
	}
	f.step(1 + len(s)/64)
	return s
}

// match is a Match, Group or Capture.
type match struct {
	r     *regex
	text  string
	loc   []int // as of FindStringSubmatchIndex; nil: no success
	group int
}

func (m *match) ok() bool { return m.loc != nil && m.loc[2*m.group] >= 0 }

// String is the matched text.
func (m *match) String() string {
	if !m.ok() {
		return ""
	}
	return m.text[m.loc[2*m.group]:m.loc[2*m.group+1]]
}

func (m *match) index() int64 {
	if !m.ok() {
		return 0
	}
	return index16(m.text, m.loc[2*m.group])
}

// regexMatches is a MatchCollection or GroupCollection.
type regexMatches struct{ list []*match }

func (r *regex) all(f *frame, s string, n int) []*match {
	var out []*match
	for _, loc := range r.engine(s).all(r.input(f, s), n) {
		f.step(1)
		f.charge(64)
		out = append(out, &match{r: r, text: s, loc: loc})
	}
	return out
}

func (r *regex) first(f *frame, s string) *match {
	m := &match{r: r, text: s}
	if found := r.engine(s).all(r.input(f, s), 1); len(found) > 0 {
		m.loc = found[0]
	}
	return m
}

func (m *match) next(f *frame) *match {
	if m.loc == nil {
		return m
	}
	for _, x := range m.r.all(f, m.text, -1) {
		if x.loc[0] > m.loc[0] {
			return x
		}
	}
	return &match{r: m.r, text: m.text}
}

// replace expands $1, ${name}, $& and $$ in the replacement.
func (r *regex) replace(f *frame, s string, n int, with func(*match) string) string {
	var b strings.Builder
	last := 0
	for _, m := range r.all(f, s, n) {
		b.WriteString(s[last:m.loc[0]])
		t := with(m)
		f.charge(len(t))
		b.WriteString(t)
		last = m.loc[1]
	}
	return b.String() + s[last:]
}

func (m *match) expand(t string) string {
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		if t[i] != '$' || i+1 >= len(t) {
			b.WriteByte(t[i])
			continue
		}
		switch c := t[i+1]; {
		case c == '$':
			b.WriteByte('$')
			i++
		case c == '`':
			b.WriteString(m.text[:m.loc[0]])
			i++
		case c == '\'':
			b.WriteString(m.text[m.loc[1]:])
			i++
		case c == '_':
			b.WriteString(m.text)
			i++
		case c == '+':
			if last := len(m.r.names) - 1; last > 0 {
				b.WriteString((&match{r: m.r, text: m.text, loc: m.loc, group: last}).String())
			}
			i++
		case c == '&' || c == '0':
			b.WriteString(m.String())
			i++
		case isDigit(c):
			j := i + 1
			for j < len(t) && isDigit(t[j]) {
				j++
			}
			if g := m.named(t[i+1 : j]); g != nil {
				b.WriteString(g.String())
				i = j - 1
			} else {
				b.WriteByte('$')
			}
		case c == '{':
			end := strings.IndexByte(t[i:], '}')
			g := (*match)(nil)
			if end > 0 {
				g = m.named(t[i+2 : i+end])
			}
			if g != nil {
				b.WriteString(g.String())
				i += end
			} else {
				b.WriteByte('$')
			}
		default:
			b.WriteByte('$')
		}
	}
	return b.String()
}

func (m *match) named(name string) *match {
	n := -1
	if len(name) > 0 && isDigit(name[0]) && len(name) < 4 {
		n = 0
		for i := range len(name) {
			n = n*10 + int(name[i]-'0')
		}
	} else {
		n = slices.Index(m.r.names[1:], name) + 1
		if n == 0 || name == "" {
			return nil
		}
	}
	if n < 0 || n >= len(m.r.names) {
		return nil
	}
	return &match{r: m.r, text: m.text, loc: m.loc, group: n}
}

func (m *match) orMissing(g *match) *match {
	if g == nil {
		return &match{r: m.r, text: m.text}
	}
	return g
}

func regexTypes() []typeRow {
	const ns = "System.Text.RegularExpressions."
	return []typeRow{
		{decl: "flags " + ns + "RegexOptions", enum: "None=0 IgnoreCase=1 Multiline=2 ExplicitCapture=4 Compiled=8 Singleline=16 IgnorePatternWhitespace=32 RightToLeft=64 ECMAScript=256 CultureInvariant=512"},
		{decl: "class " + ns + "Regex", is: instance[*regex], rows: append(regexInstance(), regexStatics()...)},
		{decl: "class " + ns + "Capture", is: instance[*match], rows: []row{
			{sig: "string Value", get: func(v any) string { return v.(*match).String() }},
			{sig: "int Index", get: func(v any) int64 { return v.(*match).index() }},
			{sig: "int Length", get: func(v any) int64 { return int64(length16(v.(*match).String())) }},
		}},
		{decl: "class " + ns + "Group : Capture", is: instance[*match], rows: []row{
			{sig: "bool Success", get: func(v any) bool { return v.(*match).ok() }},
			{sig: "string Name", get: func(v any) string {
				m := v.(*match)
				if n := m.r.names[m.group]; n != "" {
					return n
				}
				return ToString(int64(m.group))
			}},
			{sig: "CaptureCollection Captures", get: func(v any) any { return &regexMatches{v.(*match).captures()} }},
		}},
		{decl: "class " + ns + "Match : Group", is: instance[*match], rows: []row{
			{sig: "GroupCollection Groups", get: func(v any) any {
				m := v.(*match)
				out := &regexMatches{}
				for i := range m.r.names {
					out.list = append(out.list, &match{r: m.r, text: m.text, loc: m.loc, group: i})
				}
				return out
			}},
			{sig: "Match NextMatch()", get: func(f *frame, a []any) any { return a[0].(*match).next(f) }},
			{sig: "string Result(string s)", get: func(_ *frame, a []any) any { return a[0].(*match).expand(text(a, 1)) }},
		}},
		{decl: "class " + ns + "MatchCollection : IReadOnlyList<Match>", is: instance[*regexMatches], rows: []row{{sig: "Match this[int i]", get: matchAt}}},
		{decl: "class " + ns + "CaptureCollection : IReadOnlyList<Capture>", is: instance[*regexMatches], rows: []row{{sig: "Capture this[int i]", get: matchAt}}},
		{decl: "class " + ns + "GroupCollection : IReadOnlyList<Group>", is: instance[*regexMatches], rows: []row{
			{sig: "Group this[int i]", get: func(_ *frame, a []any) any {
				m, i := a[0].(*regexMatches), num(a, 1)
				if i < 0 || i >= int64(len(m.list)) {
					return m.list[0].orMissing(nil)
				}
				return m.list[i]
			}},
			{sig: "Group this[string name]", get: func(_ *frame, a []any) any {
				m := a[0].(*regexMatches).list[0]
				return m.orMissing(m.named(text(a, 1)))
			}},
		}},
	}
}

func matchAt(_ *frame, a []any) any {
	m, i := a[0].(*regexMatches), num(a, 1)
	if i < 0 || i >= int64(len(m.list)) {
		badIndex()
	}
	return m.list[i]
}

// regexMethods are the methods that exist on instances and as statics.
func regexMethods() []regexMethod {
	return []regexMethod{
		{"bool IsMatch", func(f *frame, r *regex, s string, _ []any) any { return r.engine(s).isMatch(r.input(f, s)) }},
		{"Match Match", func(f *frame, r *regex, s string, _ []any) any { return r.first(f, s) }},
		{"MatchCollection Matches", func(f *frame, r *regex, s string, _ []any) any { return &regexMatches{r.all(f, s, -1)} }},
		{"string[] Split", func(f *frame, r *regex, s string, _ []any) any { return r.split(f, s, 0) }},
	}
}

type regexMethod struct {
	sig string // without receiver and pattern
	run func(f *frame, r *regex, s string, a []any) any
}

// split keeps captured groups, as .NET does.
func (r *regex) split(f *frame, s string, n int64) any {
	var out []string
	last := 0
	if n == 1 {
		return stringArray([]string{s})
	}
	for _, m := range r.all(f, s, int(n-1)) {
		out = append(out, s[last:m.loc[0]])
		for g := 1; g < len(r.names); g++ {
			if x := (&match{r: r, text: s, loc: m.loc, group: g}); x.ok() {
				out = append(out, x.String())
			}
		}
		last = m.loc[1]
	}
	return stringArray(append(out, s[last:]))
}

func (r *regex) replaceWith(f *frame, s string, with any, n int) any {
	if c, ok := with.(*closure); ok {
		return r.replace(f, s, n, func(m *match) string { return ToString(c.call(m)) })
	}
	t := ToString(with)
	return r.replace(f, s, n, func(m *match) string { return m.expand(t) })
}

func regexInstance() []row {
	rows := []row{
		{sig: "new(string pattern)", get: func(f *frame, a []any) any { return mustRegex(f, a[0], 0) }},
		{sig: "new(string pattern, RegexOptions o)", get: func(f *frame, a []any) any { return mustRegex(f, a[0], num(a, 1)) }},
		{sig: "new(string pattern, RegexOptions o, TimeSpan t)", get: func(f *frame, a []any) any { return mustRegex(f, a[0], num(a, 1)) }},
		{sig: "string Replace(string s, string with)", get: func(f *frame, a []any) any { return a[0].(*regex).replaceWith(f, text(a, 1), a[2], -1) }},
		{sig: "string Replace(string s, string with, int n)", get: func(f *frame, a []any) any { return a[0].(*regex).replaceWith(f, text(a, 1), a[2], int(num(a, 3))) }},
		{sig: "string Replace(string s, Func<Match,string> with)", get: func(f *frame, a []any) any { return a[0].(*regex).replaceWith(f, text(a, 1), a[2], -1) }},
	}
	rows = append(rows, regexMore()...)
	for _, m := range regexMethods() {
		rows = append(rows, row{sig: m.sig + "(string s)", get: func(f *frame, a []any) any { return m.run(f, a[0].(*regex), text(a, 1), a) }})
	}
	return rows
}

func regexStatics() []row {
	options := func(a []any) int64 {
		for _, v := range a {
			if e, ok := v.(Enum); ok {
				return e.v
			}
		}
		return 0
	}
	replace := func(f *frame, a []any) any {
		return mustRegex(f, a[1], options(a)).replaceWith(f, text(a, 0), a[2], -1)
	}
	rows := []row{
		{sig: "static string Replace(string s, string pattern, string with)", get: replace},
		{sig: "static string Replace(string s, string pattern, string with, RegexOptions o)", get: replace},
		{sig: "static string Replace(string s, string pattern, string with, RegexOptions o, TimeSpan t)", get: replace},
		{sig: "static string Replace(string s, string pattern, Func<Match,string> with, RegexOptions o, TimeSpan t)", get: replace},
		{sig: "static string Replace(string s, string pattern, Func<Match,string> with)", get: replace},
		{sig: "static string Replace(string s, string pattern, Func<Match,string> with, RegexOptions o)", get: replace},
		{sig: "static string Escape(string s)", get: escapePattern},
		{sig: "static string Unescape(string s)", get: unescapePattern},
	}
	for _, m := range regexMethods() {
		get := func(f *frame, a []any) any { return m.run(f, mustRegex(f, a[1], options(a)), text(a, 0), a) }
		rows = append(rows, row{sig: "static " + m.sig + "(string s, string pattern)", get: get}, row{sig: "static " + m.sig + "(string s, string pattern, RegexOptions o)", get: get},
			row{sig: "static " + m.sig + "(string s, string pattern, RegexOptions o, TimeSpan t)", get: get})
	}
	return rows
}
