package statement

import (
	"errors"
	"slices"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// conversion is what xml-to-json and json-to-xml have in common: when they
// apply, and to which message.
type conversion struct {
	source   string
	request  bool
	apply    policy.String // always, or only for messages of that content type
	onlyType string
	accept   policy.Bool // consider-accept-header
	from, to media
}

func compileConversion(k *policy.Compiler, e *policy.Element, from, to media, onlyType string) conversion {
	warnNarrow(k, e, policy.Inbound|policy.Outbound|policy.OnError)
	checkChildren(k, e)
	return conversion{source: e.Name, request: editsRequest(k.Section()), from: from, to: to, onlyType: onlyType,
		apply: choice(k, e, "apply", "always", onlyType), accept: k.Bool(e, "consider-accept-header", true)}
}

// choice compiles a required attribute that is one of the choices or an
// expression.
func choice(k *policy.Compiler, e *policy.Element, name string, choices ...string) policy.String {
	v := required(k, e, name)
	if a := e.Attr(name); a != nil && !a.Value.Expression && !slices.Contains(choices, a.Value.Text) {
		report(k, &a.Value, a.Value.Pos, "%s: expected one of %s", name, strings.Join(choices, ", "))
	}
	return v
}

// message gives body and header to convert; nil when there is nothing to do.
func (s *conversion) message(c *policy.Context) (*expr.Body, expr.Header, error) {
	body, h := &c.Request.Body, header(c, true)
	if !s.request {
		if c.Response == nil {
			return nil, nil, nil
		}
		body, h = &c.Response.Body, header(c, false)
	}
	if !body.Present() {
		return nil, nil, nil
	}
	apply, err := s.apply.Eval(c)
	if err != nil {
		return nil, nil, err
	}
	considered, err := s.accept.Eval(c)
	switch {
	case err != nil:
		return nil, nil, err
	case apply == s.onlyType && mediaOf(h.Get("Content-Type")) != s.from:
		return nil, nil, nil
	case apply != s.onlyType && apply != "always":
		return nil, nil, invalid(c, s.source, "The expression for apply gave neither always nor "+s.onlyType+".")
	case considered && !accepts(c.Request.Header.Values("Accept"), s.to):
		return nil, nil, nil
	}
	return body, h, nil
}

// run converts the body with a function.
func (s *conversion) run(c *policy.Context, convert func(data []byte) (string, error)) error {
	body, h, err := s.message(c)
	if err != nil || body == nil {
		return err
	}
	data, err := body.Bytes(true)
	if errors.Is(err, expr.ErrBodyConsumed) || err == nil && len(data) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	out, err := convert(data)
	if err != nil {
		return invalid(c, s.source, "The body cannot be converted: "+err.Error()+".")
	}
	replaceBody(c, body, h, []byte(out))
	contentType := "application/json"
	if s.to == xmlMedia {
		contentType = "application/xml"
	}
	h.Set("Content-Type", contentType)
	return nil
}
