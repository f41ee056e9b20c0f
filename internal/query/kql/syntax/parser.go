package syntax

import (
	"fmt"
	"slices"
)

type parser struct {
	Options
	text      string
	tokens    []token
	at        int
	open      []token // brackets around the place
	errors    []Error
	stages    map[string]func(*parser, Span) Operator
	count     struct{ stages, literals int }
	searching bool // in a predicate of search, where : is an operator
}

// Read parses a query. With errors there is no query.
func Read(text string, o Options) (*Query, []Error) {
	p := &parser{Options: o.filled(), text: text, stages: stages()}
	if len(text) > p.Size {
		p.report(codeLimit, Span{p.Size, p.Size}, fmt.Sprintf("the query has %d bytes; at most %d are read", len(text), p.Size), "split it, or move lists of values into a table")
		return nil, p.errors
	}
	p.tokens = (&lexer{text: text, fail: p.report}).lex()
	q := &Query{Text: text}
	if p.peek().kind == tokenEnd {
		p.report(codeEmpty, p.peek().Span, "the query is empty", "begin with a table, e.g. requests")
	}
	q.Statements = p.statements()
	if len(p.errors) > 0 {
		slices.SortStableFunc(p.errors, func(a, b Error) int { return a.Span.Start - b.Span.Start })
		return nil, p.errors
	}
	return q, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

// ahead looks n tokens further.
func (p *parser) ahead(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if p.at < len(p.tokens)-1 {
		p.at++
	}
	return t
}

func (p *parser) accept(text string) bool {
	if p.peek().is(text) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(text string) token {
	if !p.peek().is(text) {
		p.expected("\"" + text + "\"")
	}
	return p.next()
}

// since gives the span from a start to the last token read.
func (p *parser) since(start int) Span {
	if p.at == 0 {
		return Span{start, start}
	}
	return Span{start, max(start, p.tokens[p.at-1].End)}
}

// bracket reads open, what f reads, and close.
func (p *parser) bracket(open, closing string, f func()) {
	if !p.peek().is(open) {
		p.expected("\"" + open + "\"")
	}
	p.open = append(p.open, p.peek())
	if len(p.open) > p.Depth {
		p.fail(codeLimit, p.peek().Span, fmt.Sprintf("more than %d brackets stand within each other", p.Depth), "name a part of the query with let")
	}
	p.next()
	f()
	p.expect(closing)
	p.open = p.open[:len(p.open)-1]
}

// list reads one or more of what f reads, with commas between.
func (p *parser) list(f func()) {
	for f(); p.accept(","); {
		f()
	}
}

// guard runs f; when it bails out, what is left of its stage is skipped. It
// tells whether f came through.
func (p *parser) guard(f func(), stops ...string) (ok bool) {
	start, depth, searching := p.at, len(p.open), p.searching
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
			return
		case bailout:
		default:
			panic(r)
		}
		p.open, p.searching = p.open[:depth], searching
		if len(p.errors) >= p.Errors {
			p.at = len(p.tokens) - 1
			return
		}
		p.skip(start, stops)
	}()
	f()
	return true
}

// skip goes to the next of stops that stands outside of the brackets opened
// since start, or before the bracket that closes around start.
func (p *parser) skip(start int, stops []string) {
	depth := 0
	for i := start; i < p.at; i++ {
		depth += depthChange(p.tokens[i])
	}
	for depth = max(depth, 0); p.peek().kind != tokenEnd; p.next() {
		t := p.peek()
		if depth == 0 && (slices.ContainsFunc(stops, t.is) || depthChange(t) < 0) {
			return
		}
		depth = max(0, depth+depthChange(t))
	}
}

func depthChange(t token) int {
	if t.kind != tokenMark {
		return 0
	}
	switch t.text {
	case "(", "[", "{":
		return 1
	case ")", "]", "}":
		return -1
	}
	return 0
}
