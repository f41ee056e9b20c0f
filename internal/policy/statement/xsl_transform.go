package statement

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/xmldoc"
	"gatehouse/internal/policy/xslt"
)

// xslTransformStatement transforms an XML body with the stylesheet that stands
// in it. The content type of the message stays as it is.
type xslTransformStatement struct {
	request    bool
	sheet      *xslt.Stylesheet
	text       policy.Value // where the stylesheet stands
	parameters []xslParameter
}

type xslParameter struct {
	name  string
	value policy.String
}

func xslTransform() *policy.Definition {
	return &policy.Definition{Name: "xsl-transform", Sections: policy.AnySection, Scopes: policy.AnyScope, Compile: compileXSLTransform}
}

func compileXSLTransform(k *policy.Compiler, e *policy.Element) policy.Statement {
	warnNarrow(k, e, policy.Inbound|policy.Outbound|policy.OnError)
	s := &xslTransformStatement{request: editsRequest(k.Section())}
	var sheet *policy.Element
	for _, c := range e.Children {
		switch {
		case c.Name == "parameter":
			s.parameter(k, c)
		case sheet != nil:
			k.Errorf(c.Pos, "<xsl-transform> takes one stylesheet; the first is in line %d", sheet.Pos.Line)
		default:
			sheet = c
		}
	}
	if sheet == nil {
		k.Errorf(e.Pos, "<xsl-transform> needs an <xsl:stylesheet>")
		return s
	}
	s.compile(k, sheet)
	return s
}

func (s *xslTransformStatement) parameter(k *policy.Compiler, e *policy.Element) {
	checkAttributes(k, e, "name")
	checkChildren(k, e)
	name := requiredLiteral(k, e, "name")
	for i := range s.parameters {
		if s.parameters[i].name == name {
			k.Errorf(e.Pos, "the parameter %s is given twice", name)
		}
	}
	s.parameters = append(s.parameters, xslParameter{name, k.StringValue(e.Text)})
}

func (s *xslTransformStatement) compile(k *policy.Compiler, e *policy.Element) {
	s.text = e.Text
	k.Reads(e.Text)
	sheet, problems := xslt.Compile(e.Text.Text)
	for _, p := range problems {
		text := p.Text
		if e.Text.Secret {
			text = "there is an error here; it is not shown because a secret named value is part of the stylesheet"
		}
		k.Errorf(e.Text.Position(p.Offset), "stylesheet: %s", text)
	}
	s.sheet = sheet
	for _, p := range s.parameters {
		if sheet != nil && !sheet.Parameter[p.name] {
			k.Warnf(e.Pos, "the stylesheet has no <xsl:param name=%q>: the parameter is not used", p.name)
		}
	}
}

func (s *xslTransformStatement) Run(c *policy.Context) error {
	body, h := &c.Request.Body, header(c, true)
	if !s.request {
		if c.Response == nil {
			return nil
		}
		body, h = &c.Response.Body, header(c, false)
	}
	if !body.Present() {
		return nil
	}
	data, err := body.Bytes(true)
	if errors.Is(err, expr.ErrBodyConsumed) || err == nil && len(data) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	doc, err := xmldoc.Parse(data)
	if err != nil {
		return invalid(c, "xsl-transform", "The body is no XML: "+err.Error()+".")
	}
	out, err := s.transform(c, doc)
	if err != nil {
		return err
	}
	replaceBody(c, body, h, []byte(out))
	return nil
}

func (s *xslTransformStatement) transform(c *policy.Context, doc *xmldoc.Node) (string, error) {
	values := make(map[string]string, len(s.parameters))
	for i := range s.parameters {
		p := &s.parameters[i]
		v, err := p.value.Eval(c)
		if err != nil {
			return "", err
		}
		values[p.name] = v
	}
	ctx := c.Std
	if ctx == nil {
		ctx = context.Background()
	}
	out, err := s.sheet.Transform(ctx, doc, values)
	var problem *xslt.Problem
	if errors.As(err, &problem) {
		pos := s.text.Position(problem.Offset)
		return "", invalid(c, "xsl-transform", fmt.Sprintf("The stylesheet failed at %s:%d:%d: %s.", pos.File, pos.Line, pos.Column, problem.Text))
	}
	return out, err
}
