package statement

import (
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// bodyEdit is one compiled set-body, of a message or inside return-response
// and send-request.
type bodyEdit struct {
	content policy.Bytes
	liquid  *liquidBody // of template="liquid"
}

var bodyAttributes = []string{"template", "xsi-nil", "parse-date", "use-value-element"}

func compileBodyEdit(k *policy.Compiler, e *policy.Element) *bodyEdit {
	checkChildren(k, e)
	switch template := k.Literal(e, "template", "none"); template {
	case "none", "":
	case "liquid":
		return &bodyEdit{liquid: compileLiquid(k, e)}
	default:
		k.Errorf(e.Attr("template").Value.Pos, "template=%q: expected liquid or none", template)
	}
	for _, name := range bodyAttributes[1:] {
		if a := e.Attr(name); a != nil {
			k.Warnf(a.Pos, "%s does nothing without template=\"liquid\"", name)
		}
	}
	k.OneOf(e, "xsi-nil", "blank", "blank", "null")
	return &bodyEdit{content: k.BytesValue(e.Text)}
}

// nestedBody compiles the set-body child of return-response and send-request,
// nil when there is none.
func nestedBody(k *policy.Compiler, e *policy.Element) *bodyEdit {
	c := only(k, e, "set-body")
	if c == nil {
		return nil
	}
	checkAttributes(k, c, bodyAttributes...)
	b := compileBodyEdit(k, c)
	if b.liquid != nil && e.Name == "return-response" {
		b.liquid.source = noBody
	}
	return b
}

// bytes gives the new body.
func (b *bodyEdit) bytes(c *policy.Context) ([]byte, error) {
	if b.liquid != nil {
		return b.liquid.render(c)
	}
	return b.content.Eval(c)
}

// replaceBody drops what is left of a body and puts the new one in its place.
func replaceBody(c *policy.Context, body *expr.Body, h expr.Header, data []byte) {
	if err := body.Close(); err != nil {
		c.Event(telemetry.SeverityVerbose, "gateway", "closing the replaced body: "+err.Error(), nil)
	}
	*body = expr.BytesBody(data)
	delete(h, "Content-Length")
	delete(h, "Transfer-Encoding")
}
