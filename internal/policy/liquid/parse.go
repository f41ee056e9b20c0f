package liquid

import (
	"slices"
	"strings"
)

// parser makes nodes of tokens.
type parser struct {
	text     string
	tokens   []token
	i        int
	depth    int
	loops    int
	warnings []Problem
}

func (p *parser) warn(offset int, text string) {
	if len(p.warnings) < 50 {
		p.warnings = append(p.warnings, Problem{offset, text})
	}
}

// node is one part of a template.
type node interface{ render(r *run) }

// block reads nodes up to one of the tags that end or divide it, and leaves
// that tag as the current one. Without ends it reads to the end of the text.
func (p *parser) block(opened *token, ends ...string) []node {
	if p.depth++; p.depth > maxDepth {
		fail(p.tokens[p.i].offset, "tags are nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	var out []node
	for ; p.i < len(p.tokens); p.i++ {
		t := &p.tokens[p.i]
		switch t.kind {
		case textToken:
			out = append(out, &textNode{t.text, t.offset})
		case outputToken:
			out = append(out, p.output(t))
		case tagToken:
			if slices.ContainsFunc(ends, func(e string) bool { return strings.EqualFold(e, t.name) }) {
				return out
			}
			p.i++
			if n := p.tag(t); n != nil {
				out = append(out, n)
			}
			p.i--
		}
	}
	if opened != nil {
		fail(opened.offset, "{%% %s %%} is never closed: expected {%% %s %%}", opened.name, ends[len(ends)-1])
	}
	return out
}

func (p *parser) output(t *token) node {
	if strings.Trim(t.text, blanks) == "" {
		return &textNode{"", t.offset}
	}
	w := p.words(t.text, t.offset)
	e := w.condition()
	w.end()
	return &outputNode{e, t.offset}
}

// close moves behind the end tag of a block.
func (p *parser) close() { p.i++ }

// current is the tag that ended a block.
func (p *parser) current() *token { return &p.tokens[p.i] }

// tag reads what one tag begins; the current token is the one after it.
func (p *parser) tag(t *token) node {
	switch strings.ToLower(t.name) {
	case "if":
		return p.conditional(t, "endif", false)
	case "unless":
		return p.conditional(t, "endunless", true)
	case "case":
		return p.choice(t)
	case "for":
		return p.loop(t, "endfor")
	case "jsonarrayfor":
		return p.loop(t, "endJSONArrayFor")
	case "tablerow":
		return p.loop(t, "endtablerow")
	case "ifchanged":
		body := p.block(t, "endifchanged")
		p.close()
		return &changedNode{body}
	case "capture":
		return p.captured(t)
	}
	return p.simple(t)
}

// simple reads the tags without a body.
func (p *parser) simple(t *token) node {
	w := p.words(t.args, t.argsAt)
	switch strings.ToLower(t.name) {
	case "assign":
		name := w.name("a variable")
		w.expect("=")
		e := w.condition()
		w.end()
		return &assignNode{name, e, t.offset}
	case "cycle":
		return p.cycle(t, w)
	case "increment", "decrement":
		name := w.name("a variable")
		w.end()
		return &counterNode{name, strings.EqualFold(t.name, "increment"), t.offset}
	case "break", "continue":
		w.end()
		if p.loops == 0 {
			fail(t.offset, "{%% %s %%} stands in no loop", t.name)
		}
		if strings.EqualFold(t.name, "break") {
			return interruptNode(breakLoop)
		}
		return interruptNode(continueLoop)
	case "include", "render", "extends", "block", "import":
		fail(t.offset, "{%% %s %%} is not possible: a policy has no files to include", t.name)
	}
	if strings.HasPrefix(t.name, "#") { // a comment of one line
		return nil
	}
	if strings.HasPrefix(strings.ToLower(t.name), "end") || t.name == "else" || t.name == "elsif" || t.name == "when" {
		fail(t.offset, "{%% %s %%} has nothing that it belongs to", t.name)
	}
	fail(t.offset, "unknown tag %q: expected assign, capture, case, comment, cycle, for, if, ifchanged, increment, decrement, JSONArrayFor, raw, tablerow or unless", t.name)
	return nil
}

func (p *parser) conditional(t *token, end string, negate bool) node {
	n := &ifNode{}
	w := p.words(t.args, t.argsAt)
	test := w.condition()
	w.end()
	if negate {
		inner := test
		test = func(r *run) any { return !truthy(inner(r)) }
	}
	opened := t
	for {
		body := p.block(opened, "elsif", "else", end)
		n.branches = append(n.branches, branch{test, body})
		c := p.current()
		p.close()
		switch strings.ToLower(c.name) {
		case "elsif":
			w := p.words(c.args, c.argsAt)
			test = w.condition()
			w.end()
		case "else":
			n.otherwise = p.block(opened, end)
			p.close()
			return n
		default:
			return n
		}
	}
}

func (p *parser) choice(t *token) node {
	w := p.words(t.args, t.argsAt)
	n := &caseNode{value: w.filtered()}
	w.end()
	for _, x := range p.block(t, "when", "else", "endcase") {
		if text, ok := x.(*textNode); !ok || strings.Trim(text.text, blanks) != "" {
			fail(t.offset, "between {%% case %%} and the first {%% when %%} there can be nothing")
		}
	}
	for {
		c := p.current()
		p.close()
		switch strings.ToLower(c.name) {
		case "when":
			w := p.words(c.args, c.argsAt)
			values := []expression{w.filtered()}
			for w.is(",") || w.keyword("or") {
				values = append(values, w.filtered())
			}
			w.end()
			n.whens = append(n.whens, when{values, p.block(t, "when", "else", "endcase")})
		case "else":
			n.otherwise = p.block(t, "endcase")
			p.close()
			return n
		default:
			return n
		}
	}
}

func (p *parser) captured(t *token) node {
	w := p.words(t.args, t.argsAt)
	name := w.word
	if w.kind != 's' {
		name = w.name("a variable")
	} else {
		w.next()
	}
	w.end()
	body := p.block(t, "endcapture")
	p.close()
	return &captureNode{name, body, t.offset}
}

func (p *parser) cycle(t *token, w *words) node {
	n := &cycleNode{offset: t.offset, group: t.args}
	first := w.value()
	if w.is(":") {
		n.groupOf = first
		first = w.value()
	}
	n.values = append(n.values, first)
	for w.is(",") {
		n.values = append(n.values, w.value())
	}
	w.end()
	return n
}
