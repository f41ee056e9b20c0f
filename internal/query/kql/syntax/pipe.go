package syntax

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tabular is a pipe, or an expression that stands alone.
func (p *parser) tabular() Expr {
	start := p.peek().Start
	var source Expr
	var operators []Operator
	if p.sourceAhead() {
		operators = append(operators, p.operator())
	} else {
		source = p.expression()
	}
	operators = append(operators, p.stagesAfter()...)
	if len(operators) == 0 {
		return source
	}
	return &Pipe{Span: p.since(start), Source: source, Operators: operators}
}

// sourceAhead tells whether an operator begins here that makes rows itself.
func (p *parser) sourceAhead() bool {
	t, second := p.peek(), p.ahead(1)
	switch t.text {
	case "union", "print", "search", "find":
		return t.kind == tokenWord
	case "range":
		return t.kind == tokenWord && second.kind == tokenWord && p.ahead(2).is("from")
	case "evaluate":
		return t.kind == tokenWord && second.kind == tokenWord
	}
	if word, _ := p.operatorWord(); word != "macro-expand" {
		if _, ok := p.stages[word]; ok && (t.is("where") || word != t.text) {
			p.fail(codeUnexpected, t.Span, word+" needs rows to work on", "begin with a table: requests | "+word+" ...")
		}
		return false
	}
	return true
}

// stagesAfter reads "| operator" as often as it comes. A stage that is wrong is
// skipped, so that the next one is checked too.
func (p *parser) stagesAfter() []Operator {
	var list []Operator
	failed := false
	for p.peek().is("|") {
		p.next()
		whole := p.guard(func() {
			op := p.operator()
			list = append(list, op)
			if t := p.peek(); !p.stageEnds(t) {
				p.stray()
			}
		}, "|", ";")
		failed = failed || !whole
	}
	if failed && p.peek().kind == tokenEnd {
		panic(bailout{})
	}
	return list
}

func (p *parser) stageEnds(t token) bool {
	return t.kind == tokenEnd || t.is("|") || t.is(";") || len(p.open) > 0 && (depthChange(t) < 0 || t.is(","))
}

// operatorsOnly reads "operator | operator" in the brackets of mv-apply and partition.
func (p *parser) operatorsOnly() []Operator {
	first := p.operator()
	return append([]Operator{first}, p.stagesAfter()...)
}

// operatorWord puts words together that are joined by dashes, and tells how
// many tokens they are.
func (p *parser) operatorWord() (string, int) {
	word, size := p.peek().text, 1
	if p.peek().kind != tokenWord {
		return "", 0
	}
	for p.ahead(size).is("-") && p.ahead(size).glued && p.ahead(size+1).kind == tokenWord && p.ahead(size+1).glued {
		word += "-" + p.ahead(size+1).text
		size += 2
	}
	return word, size
}

func (p *parser) operator() Operator {
	word, size := p.operatorWord()
	read, ok := p.stages[word]
	if !ok {
		p.unknownOperator(word, size)
	}
	p.count.stages++
	if p.count.stages > p.Stages {
		p.fail(codeLimit, p.peek().Span, fmt.Sprintf("the query has more than %d stages", p.Stages), "split it")
	}
	start := p.peek().Start
	p.at += size
	return read(p, Span{Start: start})
}

func (p *parser) unknownOperator(word string, size int) {
	t := p.peek()
	if word == "" {
		if t.is("|") {
			p.report(codeUnexpected, t.Span, "an operator is expected between two pipes", p.habit(t))
			p.next()
			panic(bailout{})
		}
		if p.at > 0 && !p.tokens[p.at-1].is("|") || depthChange(t) >= 0 && t.kind != tokenEnd {
			p.expected("an operator, such as where or summarize,")
		}
		p.fail(codeUnexpected, t.Span, "an operator is expected behind |, not "+describe(t), "remove the last |")
	}
	hint := p.habit(t)
	if hint == "" {
		if n := nearest(word, slices.Sorted(maps.Keys(p.stages))); n != "" {
			hint = "did you mean " + n + "?"
		}
	}
	p.fail(codeOperator, Span{t.Start, p.ahead(size - 1).End}, "there is no operator "+word, hint)
}

// options reads "name = value" pairs: those of names, and hints of every kind.
func (p *parser) options(names ...string) []Option {
	var list []Option
	for {
		t := p.peek()
		name, size := t.text, 1
		for p.ahead(size).is(".") && t.is("hint") {
			name += "." + p.ahead(size+1).text
			size += 2
		}
		if t.kind != tokenWord || !p.ahead(size).is("=") || !strings.HasPrefix(name, "hint.") && !slices.Contains(names, name) {
			return list
		}
		p.at += size + 1
		value := p.optionValue()
		list = append(list, Option{Span: p.since(t.Start), Name: name, Value: value})
	}
}

// optionValue is a word or a constant.
func (p *parser) optionValue() Expr {
	t := p.peek()
	if t.kind == tokenWord && !boolWord(t.text) && !t.is("dynamic") {
		p.next()
		return &Name{Span: t.Span, Name: t.text}
	}
	if t.is("[") {
		return p.quoted()
	}
	return p.constant()
}
