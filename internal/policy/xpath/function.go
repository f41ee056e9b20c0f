package xpath

import (
	"fmt"
	"math"
	"strings"

	"gatehouse/internal/policy/xmldoc"
)

// function is one function of XPath or XSLT.
type function struct {
	min, max int
	nodes    bool // the first argument is a node set
	apply    func(c *Context, a []Value) Value
}

type call struct {
	function
	name   string
	args   []evaluator
	offset int
}

func (p *parser) call(w word) evaluator {
	f, ok := functions()[w.text]
	if !ok {
		fail(w.offset, "unknown function %s(): expected one of XPath 1.0 but id, or current, format-number, generate-id, system-property", w.text)
	}
	e := &call{function: f, name: w.text, offset: w.offset}
	p.expect("(")
	if !p.is(")") {
		e.args = append(e.args, p.expression())
		for p.is(",") {
			e.args = append(e.args, p.expression())
		}
		p.expect(")")
	}
	if len(e.args) < f.min || len(e.args) > f.max {
		fail(w.offset, "%s() takes %s, this has %d", w.text, arguments(f.min, f.max), len(e.args))
	}
	if f.nodes && len(e.args) > 0 && !mayBeNodes(e.args[0]) {
		fail(w.offset, "%s() takes a node set", w.text)
	}
	return e
}

func mayBeNodes(e evaluator) bool {
	switch e.(type) {
	case constant, *binary, *negative:
		return false
	}
	return true
}

func arguments(low, high int) string {
	switch {
	case high > 100:
		return fmt.Sprintf("at least %d arguments", low)
	case low == high && low == 1:
		return "1 argument"
	case low == high:
		return fmt.Sprintf("%d arguments", low)
	}
	return fmt.Sprintf("%d to %d arguments", low, high)
}

func (e *call) eval(c *Context) Value {
	c.Step(1)
	args := make([]Value, len(e.args))
	for i, a := range e.args {
		args[i] = a.eval(c)
		if s, ok := args[i].(string); ok {
			c.Step(len(s) / 256)
		}
	}
	if e.nodes {
		if len(args) == 0 {
			args = []Value{NodeSet{c.Node}}
		} else if _, ok := args[0].(NodeSet); !ok {
			fail(e.offset, "%s() takes a node set", e.name)
		}
	}
	return e.apply(c, args)
}

// texts makes a function of functions on texts; without arguments the first is
// the context node.
func texts(low, high int, f func(s []string) Value) function {
	return function{min: low, max: high, apply: func(c *Context, a []Value) Value {
		s := make([]string, 0, 3)
		if len(a) == 0 && low == 0 {
			s = append(s, c.Node.Text())
		}
		size := 0
		for _, v := range a {
			s = append(s, String(v))
			size += len(s[len(s)-1])
		}
		c.Step(size / 256)
		return f(s)
	}}
}

func numbers(f func(float64) float64) function {
	return function{min: 1, max: 1, apply: func(_ *Context, a []Value) Value { return f(Number(a[0])) }}
}

func first(a []Value) *xmldoc.Node {
	if set := a[0].(NodeSet); len(set) > 0 {
		return set[0]
	}
	return &xmldoc.Node{}
}

func functions() map[string]function {
	return map[string]function{
		"last":     {apply: func(c *Context, _ []Value) Value { return float64(c.Size) }},
		"position": {apply: func(c *Context, _ []Value) Value { return float64(c.Position) }},
		"current":  {apply: func(c *Context, _ []Value) Value { return NodeSet{c.Current} }},
		"count":    {1, 1, true, func(_ *Context, a []Value) Value { return float64(len(a[0].(NodeSet))) }},
		"sum":      {1, 1, true, sum},
		"name": {0, 1, true, func(_ *Context, a []Value) Value {
			return first(a).Name()
		}},
		"local-name":    {0, 1, true, func(_ *Context, a []Value) Value { return first(a).Local }},
		"namespace-uri": {0, 1, true, func(_ *Context, a []Value) Value { return first(a).Space }},
		"generate-id":   {0, 1, true, generateID},

		"string":           texts(0, 1, func(s []string) Value { return s[0] }),
		"concat":           texts(2, 1000, func(s []string) Value { return strings.Join(s, "") }),
		"starts-with":      texts(2, 2, func(s []string) Value { return strings.HasPrefix(s[0], s[1]) }),
		"contains":         texts(2, 2, func(s []string) Value { return strings.Contains(s[0], s[1]) }),
		"substring-before": texts(2, 2, func(s []string) Value { return part(s, 0) }),
		"substring-after":  texts(2, 2, func(s []string) Value { return part(s, 1) }),
		"string-length":    texts(0, 1, func(s []string) Value { return float64(len([]rune(s[0]))) }),
		"normalize-space": texts(0, 1, func(s []string) Value {
			return strings.Join(strings.FieldsFunc(s[0], func(r rune) bool { return r < 0x80 && isSpace(byte(r)) }), " ")
		}),
		"translate":       texts(3, 3, translate),
		"system-property": texts(1, 1, systemProperty),
		"substring":       {2, 3, false, substring},
		"format-number":   {2, 2, false, formatNumber},

		"boolean": {1, 1, false, func(_ *Context, a []Value) Value { return Bool(a[0]) }},
		"not":     {1, 1, false, func(_ *Context, a []Value) Value { return !Bool(a[0]) }},
		"true":    {apply: func(*Context, []Value) Value { return true }},
		"false":   {apply: func(*Context, []Value) Value { return false }},
		"lang":    {1, 1, false, lang},

		"number": {0, 1, false, func(c *Context, a []Value) Value {
			if len(a) == 0 {
				return Number(NodeSet{c.Node})
			}
			return Number(a[0])
		}},
		"floor":   numbers(math.Floor),
		"ceiling": numbers(math.Ceil),
		"round":   numbers(func(f float64) float64 { return math.Floor(f + 0.5) }),
	}
}

func sum(c *Context, a []Value) Value {
	total := 0.0
	for _, n := range a[0].(NodeSet) {
		c.Step(1)
		total += parseNumber(n.Text())
	}
	return total
}

func generateID(_ *Context, a []Value) Value {
	if len(a[0].(NodeSet)) == 0 {
		return ""
	}
	return fmt.Sprintf("id%d", first(a).Order)
}

// part is what stands before (0) or after (1) the second text.
func part(s []string, i int) string {
	before, after, found := strings.Cut(s[0], s[1])
	if !found {
		return ""
	}
	return [...]string{before, after}[i]
}

func translate(s []string) Value {
	from, to := []rune(s[1]), []rune(s[2])
	with := make(map[rune]rune, len(from))
	for i, r := range from {
		if _, seen := with[r]; seen {
			continue
		}
		with[r] = -1
		if i < len(to) {
			with[r] = to[i]
		}
	}
	return strings.Map(func(r rune) rune {
		if out, ok := with[r]; ok {
			return out
		}
		return r
	}, s[0])
}

func systemProperty(s []string) Value {
	switch _, local, _ := strings.Cut(s[0], ":"); local {
	case "version":
		return 1.0
	case "vendor":
		return "Gatehouse"
	}
	return ""
}

// substring counts characters from 1 and rounds its numbers.
func substring(c *Context, a []Value) Value {
	runes := []rune(String(a[0]))
	c.Step(len(runes) / 256)
	round := func(f float64) float64 { return math.Floor(f + 0.5) }
	start := round(Number(a[1]))
	end := math.Inf(1)
	if len(a) == 3 {
		end = start + round(Number(a[2]))
	}
	if math.IsNaN(start) || math.IsNaN(end) {
		return ""
	}
	from := int(min(max(start, 1), float64(len(runes)+1)))
	to := int(max(min(end, float64(len(runes)+1)), float64(from)))
	return string(runes[from-1 : to-1])
}

func lang(c *Context, a []Value) Value {
	want := strings.ToLower(String(a[0]))
	for n := c.Node; n != nil; n = n.Parent {
		if l := n.Attr(xmldoc.XML, "lang"); l != nil {
			have := strings.ToLower(l.Value)
			return have == want || strings.HasPrefix(have, want+"-")
		}
	}
	return false
}
