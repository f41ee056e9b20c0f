package syntax

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Codes of the parser's errors. SYN0002 is the one that Azure's clients know.
const (
	codeEmpty       = "SYN0001" // there is no query
	codeUnexpected  = "SYN0002" // this text cannot stand here
	codeUnclosed    = "SYN0003" // a string or bracket has no end
	codeOperator    = "SYN0004" // no operator of this name
	codeLiteral     = "SYN0005" // a constant is written wrongly
	codeLimit       = "SYN0006" // a limit of Options
	codeCharacter   = "SYN0007" // a character without meaning
	codeUnsupported = "SYN0008" // KQL has this statement, this product has not
)

// bailout ends the reading of one stage or statement after an error; the
// parser goes on behind it.
type bailout struct{}

func (p *parser) report(code string, at Span, message, hint string) {
	at.Start, at.End = min(at.Start, len(p.text)), min(at.End, len(p.text))
	if len(p.errors) >= p.Errors {
		return
	}
	for _, e := range p.errors {
		if e.Span.Start == at.Start { // what follows from the first error at a place is noise
			return
		}
		if e.Code == codeCharacter && code == codeUnexpected && e.Span.End <= at.Start && strings.TrimSpace(p.text[e.Span.End:at.Start]) == "" {
			return
		}
	}
	before := p.text[:at.Start]
	p.errors = append(p.errors, Error{
		Code: code, Message: message, Hint: hint, Token: p.text[at.Start:at.End], Span: at,
		Line:   strings.Count(before, "\n") + 1,
		Column: utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1,
	})
}

func (p *parser) fail(code string, at Span, message, hint string) {
	p.report(code, at, message, hint)
	panic(bailout{})
}

// expected ends the stage with "X is expected, not Y".
func (p *parser) expected(what string) {
	t := p.peek()
	hint := p.habit(t)
	if p.unclosed(t) {
		return
	}
	if t.kind == tokenWord && hint == "" && (listed(reservedEverywhere, t.text) || listed(reservedInExpressions, t.text)) && strings.Contains(what, "expression") {
		hint = "a name that is a word of the language is written in brackets: ['" + t.text + "']"
	}
	p.fail(codeUnexpected, t.Span, fmt.Sprintf("%s is expected here, not %s", what, describe(t)), hint)
}

// unclosed reports a bracket that is still open where the text, the statement or the
// next stage begins.
func (p *parser) unclosed(t token) bool {
	if t.kind != tokenEnd && !t.is(";") && !t.is("|") {
		return false
	}
	if len(p.open) == 0 {
		return false
	}
	open := p.open[len(p.open)-1]
	if t.is("|") && p.closes(open) {
		p.fail(codeUnexpected, t.Span, "a pipe cannot stand here", "put it into brackets of its own: (requests | take 1)")
	}
	closing := map[string]string{"(": ")", "[": "]", "{": "}"}[open.text]
	p.fail(codeUnclosed, open.Span, fmt.Sprintf("this %s has no closing %s", open.text, closing), "add "+closing)
	return true
}

// closes tells whether an opening bracket has its closing one.
func (p *parser) closes(open token) bool {
	depth := 0
	for _, t := range p.tokens {
		if t.Start < open.Start {
			continue
		}
		if depth += depthChange(t); depth == 0 {
			return true
		}
	}
	return false
}

func describe(t token) string {
	switch {
	case t.kind == tokenEnd:
		return "the end of the query"
	case t.kind == tokenString:
		return "a string"
	case len(t.text) > 40:
		return "\"" + strings.ToValidUTF8(t.text[:40], "") + "...\""
	}
	return "\"" + t.text + "\""
}

// habit gives advice for what people write who come from other languages.
func (p *parser) habit(t token) string {
	before := token{}
	if p.at > 0 {
		before = p.tokens[p.at-1]
	}
	switch lower := strings.ToLower(t.text); {
	case t.is("="):
		return "to compare, write =="
	case t.is("|") && (before.is("|") || p.tokens[min(p.at+1, len(p.tokens)-1)].is("|")):
		return "write: or"
	case t.is("!"):
		return "write not(...)"
	case t.kind == tokenWord && lower != t.text && slices.Contains([]string{"and", "or", "in", "by", "asc", "desc", "contains", "has", "between", "startswith", "endswith"}, lower):
		return "words of the language are in lower case: " + lower
	case before.is("not") && t.kind != tokenEnd:
		return "write not(...)"
	case lower == "is":
		return "write isnull(x), isnotnull(x), isempty(x) or isnotempty(x)"
	case t.is("*") && before.is("/") || t.is("/") && before.is("*"):
		return "a comment begins with // and ends with the line"
	case t.kind == tokenWord:
		return sqlHabit(lower)
	}
	return ""
}

func sqlHabit(lower string) string {
	switch lower {
	case "select":
		return "choose columns with: | project a, b"
	case "from":
		return "a query begins with its table: requests | where ... | project ..."
	case "group":
		return "group with: | summarize count() by a"
	case "having":
		return "filter groups with another | where behind | summarize"
	case "insert", "update", "delete", "drop", "alter":
		return "a query only reads"
	case "case", "when", "then", "else":
		return "write iff(condition, a, b) or case(condition1, a, condition2, b, c)"
	}
	return ""
}

// stray reports a token behind a whole stage or statement: a pipe or comma is missing.
func (p *parser) stray() {
	t := p.peek()
	if p.unclosed(t) {
		return
	}
	word, _ := p.operatorWord()
	hint := p.habit(t)
	if _, ok := p.stages[word]; ok {
		hint = "put | before " + word
	}
	message := fmt.Sprintf("%s is not expected here; a |, or ; and another statement, may follow", describe(t))
	if t.is(")") || t.is("]") || t.is("}") {
		message, hint = fmt.Sprintf("this %s closes nothing", t.text), "remove it, or add the opening bracket"
	}
	p.fail(codeUnexpected, t.Span, message, hint)
}
