package expr

import (
	"strconv"
	"strings"
)

func selectToken(f *frame, a []any) any {
	list := jsonPath(f, a[0].(*JToken), text(a, 1))
	if len(list) == 0 {
		if len(a) > 2 && unboxBool(a[2]) {
			throw("Newtonsoft.Json.JsonException", "Path '%s' does not exist.", text(a, 1))
		}
		return nil
	}
	if len(list) > 1 {
		throw("Newtonsoft.Json.JsonException", "Path returned multiple tokens.")
	}
	return list[0]
}

// jsonPath evaluates the common part of JSONPath: names, indexes, *, .. and [?(@.x == value)].
func jsonPath(f *frame, t *JToken, path string) []*JToken {
	s := strings.TrimPrefix(strings.TrimSpace(path), "$")
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
				all = x.descendants(f, append(all, x))
			}
			now = all
		}
		var step string
		step, s = pathStep(s)
		var next []*JToken
		for _, x := range now {
			f.step(1)
			next = append(next, pathSelect(f, x, step)...)
		}
		now = next
	}
	return now
}

// pathStep cuts one step: a name, or what stands in [ ].
func pathStep(s string) (string, string) {
	if s != "" && s[0] == '[' {
		depth, quote := 0, byte(0)
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '\'' || c == '"':
				quote = c
			case c == '[':
				depth++
			case c == ']':
				if depth--; depth == 0 {
					return s[:i+1], s[i+1:]
				}
			}
		}
		throw("Newtonsoft.Json.JsonException", "Path ended with open indexer.")
	}
	i := strings.IndexAny(s, ".[")
	if i < 0 {
		return s, ""
	}
	if i == 0 {
		throw("Newtonsoft.Json.JsonException", "Unexpected character while parsing path.")
	}
	return s[:i], s[i:]
}

func pathSelect(f *frame, t *JToken, step string) []*JToken {
	if step == "*" || step == "[*]" {
		if t.container() && t.kind != JProperty {
			return t.Items()
		}
		return nil
	}
	if step == "" || step[0] != '[' {
		if v := t.Get(step); v != nil {
			return []*JToken{v}
		}
		return nil
	}
	inner := strings.TrimSpace(step[1 : len(step)-1])
	switch {
	case strings.HasPrefix(inner, "?("):
		return pathFilter(f, t, strings.TrimSuffix(inner[2:], ")"))
	case inner != "" && (inner[0] == '\'' || inner[0] == '"'):
		if v := t.Get(strings.Trim(inner, "'\"")); v != nil {
			return []*JToken{v}
		}
		return nil
	}
	i, err := strconv.Atoi(inner)
	if err != nil {
		throw("Newtonsoft.Json.JsonException", "Unexpected character while parsing path indexer: %s", inner)
	}
	if t.kind == JArray && i >= 0 && i < len(t.items) {
		return []*JToken{t.items[i]}
	}
	return nil
}

// pathFilter keeps the items for which "@.path op value" holds.
func pathFilter(f *frame, t *JToken, cond string) []*JToken {
	left, op, right := cond, "", ""
	for _, o := range []string{"==", "!=", ">=", "<=", ">", "<"} {
		if l, r, ok := strings.Cut(cond, o); ok {
			left, op, right = strings.TrimSpace(l), o, strings.TrimSpace(r)
			break
		}
	}
	var out []*JToken
	for _, x := range t.Items() {
		found := jsonPath(f, x, strings.TrimPrefix(strings.TrimSpace(left), "@"))
		if len(found) == 0 {
			continue
		}
		if op == "" || compareJSON(found[0], op, parseJSON(f.machine, right)) {
			out = append(out, x)
		}
	}
	return out
}

func compareJSON(a *JToken, op string, b *JToken) bool {
	x, isNum := number(a.value)
	y, isNum2 := number(b.value)
	c := strings.Compare(ToString(a.value), ToString(b.value))
	if isNum && isNum2 {
		c = compareValues(x, y)
	} else if isNum != isNum2 {
		return op == "!="
	}
	switch op {
	case "==":
		return c == 0
	case "!=":
		return c != 0
	case ">":
		return c > 0
	case "<":
		return c < 0
	case ">=":
		return c >= 0
	}
	return c <= 0
}
