package syntax

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"gatehouse/internal/query/kql/table"
)

// dynamic is dynamic(value): JSON, in which Kusto's own literals may stand.
func (p *parser) dynamic() Expr {
	start := p.next()
	p.countLiteral(start.Span)
	var b strings.Builder
	p.bracket("(", ")", func() { p.jsonValue(&b) })
	l := &Literal{Span: p.since(start.Start), Type: table.Dynamic, Value: b.String()}
	if l.Value == "null" {
		l.Value = nil
	}
	return l
}

func (p *parser) jsonValue(b *strings.Builder) {
	t := p.peek()
	switch {
	case t.is("["):
		b.WriteByte('[')
		p.bracket("[", "]", func() { p.jsonList(b, "]", func() { p.jsonValue(b) }) })
		b.WriteByte(']')
	case t.is("{"):
		b.WriteByte('{')
		p.bracket("{", "}", func() { p.jsonList(b, "}", func() { p.jsonMember(b) }) })
		b.WriteByte('}')
	case t.is("dynamic"):
		p.next()
		p.bracket("(", ")", func() { p.jsonValue(b) })
	case t.is("null") || t.kind == tokenWord && boolWord(t.text):
		p.next()
		b.WriteString(strings.ToLower(t.text))
	case t.is("-") || t.is("+"):
		p.next()
		if n := p.peek(); !n.glued || n.kind != tokenInteger && n.kind != tokenReal {
			p.expected("a number")
		}
		if t.is("-") {
			b.WriteByte('-')
		}
		p.jsonLiteral(b)
	case t.kind == tokenString || t.kind == tokenInteger || t.kind == tokenReal || t.kind == tokenTimespan || t.kind == tokenTyped:
		p.jsonLiteral(b)
	default:
		p.expected("a value of JSON")
	}
}

func (p *parser) jsonList(b *strings.Builder, closing string, f func()) {
	for first := true; !p.peek().is(closing); first = false {
		if !first {
			p.expect(",")
			b.WriteByte(',')
		}
		f()
	}
}

func (p *parser) jsonMember(b *strings.Builder) {
	if p.peek().kind != tokenString {
		p.expected("a name in quotes")
	}
	b.WriteString(jsonString(p.next().value))
	p.expect(":")
	b.WriteByte(':')
	p.jsonValue(b)
}

// jsonLiteral writes a literal; what JSON has no type for becomes text, as in Kusto.
func (p *parser) jsonLiteral(b *strings.Builder) {
	t := p.next()
	var value any
	var err error
	kind := table.Long
	switch t.kind {
	case tokenString:
		kind, value = table.String, p.joined(t.value)
	case tokenInteger:
		value, err = parseInteger(t.text, 64)
	case tokenReal:
		kind = table.Real
		value, err = parseReal(t.text)
	case tokenTimespan:
		kind = table.Timespan
		value, err = parseTimespan(t.text)
	case tokenTyped:
		kind, _ = typeByName(t.word)
		value, err = typed(kind, t.value)
	}
	if err != nil {
		p.fail(codeLiteral, t.Span, err.Error(), "")
	}
	b.WriteString(jsonText(kind, value))
}

func jsonText(kind table.Type, value any) string {
	switch v := value.(type) {
	case bool:
		return strconv.FormatBool(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return jsonString(strconv.FormatFloat(v, 'g', -1, 64))
		}
		text, _ := json.Marshal(v)
		if !strings.ContainsAny(string(text), ".e") {
			return string(text) + ".0" // stays a real
		}
		return string(text)
	case int64:
		switch kind {
		case table.Datetime:
			return jsonString(FormatDatetime(v))
		case table.Timespan:
			return jsonString(FormatTimespan(v))
		}
		return strconv.FormatInt(v, 10)
	case string:
		return jsonString(v)
	}
	return "null"
}

func jsonString(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil { // strings always encode
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
