package expr

import (
	"strconv"
	"strings"
)

func selectToken(f *frame, a []any) any {
	list := jsonPath(f, a[0].(*JToken), text(a, 1))
	if len(list) == 0 {
		if len(a) > 2 && unboxBool(a[2]) {
			badPath("Path '%s' does not exist.", text(a, 1))
		}
		return nil
	}
	if len(list) > 1 {
		badPath("Path returned multiple tokens.")
	}
	return list[0]
}

func badPath(format string, args ...any) { throw("Newtonsoft.Json.JsonException", format, args...) }

// pathRun evaluates one path; root is what $ means in its filters.
type pathRun struct {
	f    *frame
	root *JToken
}

// jsonPath evaluates Newtonsoft's JSONPath: names, indexes, slices, unions, *,
// .. and filters.
func jsonPath(f *frame, t *JToken, path string) []*JToken {
	return (&pathRun{f, t}).from(t, strings.TrimPrefix(strings.TrimSpace(path), "$"))
}

func (r *pathRun) from(t *JToken, s string) []*JToken {
	now := []*JToken{t}
	for s != "" && len(now) > 0 {
		deep := false
		switch {
		case strings.HasPrefix(s, ".."):
			deep, s = true, s[2:]
		case s[0] == '.':
			s = s[1:]
		}
		if deep {
			var all []*JToken
			for _, x := range now {
				all = x.descendants(r.f, append(all, x))
			}
			now = all
		}
		var step string
		step, s = pathStep(s)
		var next []*JToken
		for _, x := range now {
			r.f.step(1)
			next = append(next, r.take(x, step)...)
		}
		now = next
	}
	return now
}

// pathStep cuts one step: a name, or what stands in [ ].
func pathStep(s string) (string, string) {
	if s != "" && s[0] == '[' {
		end := closing(s, '[', ']')
		if end < 0 {
			badPath("Path ended with open indexer.")
		}
		return s[:end+1], s[end+1:]
	}
	i := strings.IndexAny(s, ".[")
	if i < 0 {
		return s, ""
	}
	if i == 0 {
		badPath("Unexpected character while parsing path.")
	}
	return s[:i], s[i:]
}

// closing finds the bracket that closes the first one, past quotes and
// regular expressions; -1 when there is none.
func closing(s string, open, end byte) int {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '/' && strings.HasSuffix(strings.TrimRight(s[:i], " "), "=~"):
			quote = c
		case c == open:
			depth++
		case c == end:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (r *pathRun) take(t *JToken, step string) []*JToken {
	if step == "*" || step == "[*]" {
		if t.container() && t.kind != JProperty {
			return t.Items()
		}
		return nil
	}
	if step == "" || step[0] != '[' {
		return one(t.Get(step))
	}
	inner := strings.TrimSpace(step[1 : len(step)-1])
	if strings.HasPrefix(inner, "?(") && strings.HasSuffix(inner, ")") {
		return r.filter(t, inner[2:len(inner)-1])
	}
	var out []*JToken
	for _, part := range splitOutside(inner, ",") {
		out = append(out, indexed(t, strings.TrimSpace(part))...)
	}
	return out
}

func one(t *JToken) []*JToken {
	if t == nil {
		return nil
	}
	return []*JToken{t}
}

// indexed takes one part of an indexer: 'name', 1 or 1:3:1.
func indexed(t *JToken, part string) []*JToken {
	if part != "" && (part[0] == '\'' || part[0] == '"') {
		return one(t.Get(unquotePath(part)))
	}
	if strings.Contains(part, ":") {
		return sliced(t, part)
	}
	i, err := strconv.Atoi(part)
	if err != nil {
		badPath("Unexpected character while parsing path indexer: %s", part)
	}
	if t.kind == JArray && i >= 0 && i < len(t.kids()) {
		return []*JToken{t.kids()[i]}
	}
	return nil
}

func unquotePath(s string) string {
	s = strings.TrimSuffix(s[1:], s[:1])
	return strings.NewReplacer(`\\`, `\`, `\'`, "'", `\"`, `"`).Replace(s)
}

// sliced takes start:end:step of an array, as Python does.
func sliced(t *JToken, part string) []*JToken {
	if t.kind != JArray {
		return nil
	}
	bounds := [3]int{0, len(t.kids()), 1}
	given := [3]bool{}
	for i, s := range strings.SplitN(part, ":", 3) {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		n, err := strconv.Atoi(s)
		if err != nil {
			badPath("Unexpected character while parsing path indexer: %s", part)
		}
		bounds[i], given[i] = n, true
	}
	step, n := bounds[2], len(t.kids())
	if step == 0 {
		badPath("Step cannot be zero.")
	}
	start, end := bounds[0], bounds[1]
	if step < 0 && !given[0] {
		start = n - 1
	}
	if step < 0 && !given[1] {
		end = -n - 1
	}
	if start < 0 && given[0] {
		start += n
	}
	if end < 0 {
		end += n
	}
	var out []*JToken
	for i := min(max(start, 0), n); i < n && i >= 0 && (step > 0 && i < end || step < 0 && i > end); i += step {
		out = append(out, t.kids()[i])
	}
	return out
}

// splitOutside splits at a separator that stands outside quotes and brackets.
func splitOutside(s, sep string) []string {
	var out []string
	depth, quote, start := 0, byte(0), 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '/' && strings.HasSuffix(strings.TrimRight(s[:i], " "), "=~"):
			quote = c
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case depth == 0 && strings.HasPrefix(s[i:], sep):
			out = append(out, s[start:i])
			start = i + len(sep)
			i = start - 1
		}
	}
	return append(out, s[start:])
}

// filter keeps the items for which the condition holds.
func (r *pathRun) filter(t *JToken, cond string) []*JToken {
	var out []*JToken
	if t.container() {
		for _, x := range t.Items() {
			if r.holds(x, cond, 0) {
				out = append(out, x)
			}
		}
	}
	return out
}

func (r *pathRun) holds(t *JToken, cond string, depth int) bool {
	r.f.step(1)
	if depth > 16 {
		throwLimit("the filter of the path is nested too deep")
	}
	if parts := splitOutside(cond, "||"); len(parts) > 1 {
		for _, p := range parts {
			if r.holds(t, p, depth+1) {
				return true
			}
		}
		return false
	}
	if parts := splitOutside(cond, "&&"); len(parts) > 1 {
		for _, p := range parts {
			if !r.holds(t, p, depth+1) {
				return false
			}
		}
		return true
	}
	cond = strings.TrimSpace(cond)
	if strings.HasPrefix(cond, "(") && closing(cond, '(', ')') == len(cond)-1 {
		return r.holds(t, cond[1:len(cond)-1], depth+1)
	}
	for _, op := range []string{"===", "!==", "==", "!=", "<>", ">=", "<=", "=~", ">", "<"} {
		if sides := splitOutside(cond, op); len(sides) == 2 {
			return r.compare(t, sides[0], op, strings.TrimSpace(sides[1]))
		}
	}
	return len(r.side(t, cond)) > 0
}

// side evaluates one side of a comparison: a path or a literal.
func (r *pathRun) side(t *JToken, s string) []*JToken {
	s = strings.TrimSpace(s)
	switch {
	case strings.HasPrefix(s, "@"):
		return r.from(t, s[1:])
	case strings.HasPrefix(s, "$"):
		return r.from(r.root, s[1:])
	}
	return one(parseJSON(r.f.machine, s))
}

func (r *pathRun) compare(t *JToken, left, op, right string) bool {
	values := r.side(t, left)
	if op == "=~" {
		return r.matches(values, right)
	}
	for _, v := range values {
		for _, w := range r.side(t, right) {
			if compareJSON(v, op, w) {
				return true
			}
		}
	}
	return false
}

// matches tests /pattern/options.
func (r *pathRun) matches(values []*JToken, literal string) bool {
	end := strings.LastIndexByte(literal, '/')
	if len(literal) < 2 || literal[0] != '/' || end < 1 {
		badPath("Unexpected character while parsing path query: %s", literal)
	}
	options := int64(0)
	for _, c := range literal[end+1:] {
		options |= map[rune]int64{'i': regexIgnoreCase, 'm': regexMultiline, 's': regexSingleline, 'x': regexExplicit}[c]
	}
	re := mustRegex(r.f, literal[1:end], options)
	for _, v := range values {
		if s, ok := v.Value().(string); ok && re.engine(s).isMatch(re.input(r.f, s)) {
			return true
		}
	}
	return false
}

func compareJSON(a *JToken, op string, b *JToken) bool {
	x, isNum := number(a.Value())
	y, isNum2 := number(b.Value())
	c := strings.Compare(ToString(a.Value()), ToString(b.Value()))
	if isNum && isNum2 {
		c = compareValues(x, y)
	} else if isNum != isNum2 || a.container() != b.container() || a.kind == JNull != (b.kind == JNull) {
		return op == "!=" || op == "<>" || op == "!=="
	} else if a.container() {
		c = int(1 - b2i(a.deepEquals(b)))
	}
	switch op {
	case "==":
		return c == 0
	case "===":
		return c == 0 && a.kind == b.kind
	case "!=", "<>":
		return c != 0
	case "!==":
		return c != 0 || a.kind != b.kind
	case ">":
		return c > 0
	case "<":
		return c < 0
	case ">=":
		return c >= 0
	}
	return c <= 0
}
