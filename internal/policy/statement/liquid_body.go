package statement

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/liquid"
	"gatehouse/internal/policy/xmldoc"
)

// liquidBody is a set-body whose text is a Liquid template.
type liquidBody struct {
	template   *liquid.Template // nil when the template is an expression
	dynamic    policy.String
	text       policy.Value // where the template stands
	source     bodySource
	nilIsNull  bool // xsi-nil="null"
	dates      bool // parse-date
	valueNames bool // use-value-element
}

// bodySource is which message a template sees as its body.
type bodySource uint8

const (
	requestBody bodySource = iota
	responseBody
	noBody // in return-response, where the messages are given up
)

func compileLiquid(k *policy.Compiler, e *policy.Element) *liquidBody {
	b := &liquidBody{text: e.Text, source: responseBody,
		nilIsNull:  k.OneOf(e, "xsi-nil", "blank", "blank", "null") == "null",
		dates:      literalBool(k, e, "parse-date", true),
		valueNames: literalBool(k, e, "use-value-element", false)}
	k.Reads(e.Text)
	if editsRequest(k.Section()) {
		b.source = requestBody
	}
	if e.Text.Expression {
		b.dynamic = k.StringValue(e.Text)
		return b
	}
	t, problem := liquid.Parse(e.Text.Text)
	if problem != nil {
		text := problem.Text
		if e.Text.Secret {
			text = "there is an error here; it is not shown because a secret named value is part of the template"
		}
		k.Errorf(e.Text.Position(problem.Offset), "liquid template: %s", text)
		return b
	}
	if !e.Text.Secret {
		for _, w := range t.Warnings() {
			k.Warnf(e.Text.Position(w.Offset), "liquid template: %s", w.Text)
		}
	}
	b.template = t
	return b
}

func (b *liquidBody) render(c *policy.Context) ([]byte, error) {
	t := b.template
	if t == nil {
		text, err := b.dynamic.Eval(c)
		if err != nil {
			return nil, err
		}
		var problem *liquid.Problem
		if t, problem = liquid.Parse(text); problem != nil {
			return nil, invalid(c, "set-body", "The expression gave no Liquid template.")
		}
	}
	ctx := c.Std
	if ctx == nil {
		ctx = context.Background()
	}
	out, err := t.Render(ctx, map[string]any{
		"context": liquidContext(c),
		"body":    liquid.Lazy(func() (any, error) { return b.body(c) }),
	}, c.Now())
	var problem *liquid.Problem
	if errors.As(err, &problem) {
		return nil, b.failed(c, problem)
	}
	return out, err
}

// failed says where the template failed.
func (b *liquidBody) failed(c *policy.Context, p *liquid.Problem) error {
	place := ""
	if b.template != nil {
		pos := b.text.Position(p.Offset)
		place = fmt.Sprintf(" at %s:%d:%d", pos.File, pos.Line, pos.Column)
	}
	return invalid(c, "set-body", "The Liquid template failed"+place+": "+p.Text+".")
}

// body is the message's body as its content type says: JSON, XML, or text.
func (b *liquidBody) body(c *policy.Context) (any, error) {
	body, h := &c.Request.Body, c.Request.Header
	switch {
	case b.source == noBody:
		return "", nil
	case b.source == responseBody && c.Response == nil:
		return nil, nil
	case b.source == responseBody:
		body, h = &c.Response.Body, c.Response.Header
	}
	data, err := body.Bytes(true)
	if errors.Is(err, expr.ErrBodyConsumed) || err == nil && len(data) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	switch mediaOf(h.Get("Content-Type")) {
	case jsonMedia:
		read := expr.ParseJSON
		if !b.dates {
			read = expr.ParseJSONText
		}
		if t, err := read(data); err == nil {
			return t, nil
		}
		return nil, invalid(c, "set-body", "The body is not the JSON that its Content-Type says.")
	case xmlMedia:
		doc, err := xmldoc.Parse(data)
		if err == nil {
			return &liquid.Element{Node: doc, NilIsNull: b.nilIsNull, ValueNames: b.valueNames}, nil
		}
		return nil, invalid(c, "set-body", "The body is not the XML that its Content-Type says: "+err.Error()+".")
	}
	return string(data), nil
}
