package statement

import (
	"slices"
	"strings"
	"unicode"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// checkChildren reports child elements that the element does not have.
func checkChildren(k *policy.Compiler, e *policy.Element, allowed ...string) {
	for _, c := range e.Children {
		if slices.Contains(allowed, c.Name) {
			continue
		}
		if len(allowed) == 0 {
			k.Errorf(c.Pos, "<%s> takes no child elements", e.Name)
			return
		}
		k.Errorf(c.Pos, "<%s> has no child <%s>; it takes <%s>", e.Name, c.Name, strings.Join(allowed, ">, <"))
	}
}

// checkAttributes reports attributes that a child element does not have; the
// compiler itself checks those of statements.
func checkAttributes(k *policy.Compiler, e *policy.Element, allowed ...string) {
	for i := range e.Attrs {
		a := &e.Attrs[i]
		if slices.Contains(allowed, a.Name) || a.Name == "id" {
			continue
		}
		if len(allowed) == 0 {
			k.Errorf(a.Pos, "<%s> takes no attribute %q", e.Name, a.Name)
			continue
		}
		k.Errorf(a.Pos, "<%s> has no attribute %q; it takes %s", e.Name, a.Name, strings.Join(allowed, ", "))
	}
}

// only returns the child of that name and reports a second one.
func only(k *policy.Compiler, e *policy.Element, name string) *policy.Element {
	var found *policy.Element
	for _, c := range e.Children {
		if c.Name != name {
			continue
		}
		if found != nil {
			k.Errorf(c.Pos, "<%s> takes one <%s>; the first is in line %d", e.Name, name, found.Pos.Line)
			break
		}
		found = c
	}
	return found
}

// texts compiles the texts of all children of a name.
func texts(k *policy.Compiler, e *policy.Element, name string) []policy.String {
	var out []policy.String
	for _, c := range e.Children {
		if c.Name == name {
			checkAttributes(k, c)
			checkChildren(k, c)
			out = append(out, k.StringValue(c.Text))
		}
	}
	return out
}

// anyDynamic tells whether one of the values is an expression.
func anyDynamic(values []policy.String) bool {
	for i := range values {
		if values[i].Dynamic() {
			return true
		}
	}
	return false
}

// required compiles an attribute that must be there.
func required(k *policy.Compiler, e *policy.Element, name string) policy.String {
	k.Required(e, name)
	return k.String(e, name, "")
}

// requiredLiteral gives an attribute that must be there and must not be empty
// or an expression.
func requiredLiteral(k *policy.Compiler, e *policy.Element, name string) string {
	a := k.Required(e, name)
	v := k.Literal(e, name, "")
	if a != nil && !a.Value.Expression && v == "" {
		k.Errorf(a.Value.Pos, "%s must not be empty", name)
	}
	return v
}

// report reports a literal that is wrong: a warning when a deployment script
// should have replaced a {placeholder} in it, as the statement then fails only
// when it runs.
func report(k *policy.Compiler, v *policy.Value, pos apim.Position, format string, args ...any) {
	if v.Secret || !hasPlaceholder(v.Text) {
		k.Errorf(pos, format, args...)
		return
	}
	k.Warnf(pos, format+"; it holds a placeholder, the statement fails when it runs", args...)
}

// hasPlaceholder tells whether a text holds a {name}.
func hasPlaceholder(text string) bool {
	for {
		_, rest, open := strings.Cut(text, "{")
		if !open {
			return false
		}
		name, _, closed := strings.Cut(rest, "}")
		word := strings.IndexFunc(name, func(r rune) bool {
			return r != '-' && r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
		}) < 0
		if closed && word && name != "" {
			return true
		}
		text = rest
	}
}

// warnNarrow warns where documentation allows a statement in fewer sections
// than the gateway is known to accept.
func warnNarrow(k *policy.Compiler, e *policy.Element, documented policy.Section) {
	if k.Section()&documented == 0 {
		k.Warnf(e.Pos, "<%s> is not documented for section %s; it is accepted here, but may be refused elsewhere", e.Name, k.Section())
	}
}

// editsRequest tells whether message statements of a section change the
// request; in the others they change the response.
func editsRequest(s policy.Section) bool { return s&(policy.Inbound|policy.Backend) != 0 }

// response is context.Response, made when there is none yet.
func response(c *policy.Context) *expr.Response {
	if c.Response == nil {
		c.Response = &expr.Response{StatusCode: 200, StatusReason: "OK"}
	}
	if c.Response.Header == nil {
		c.Response.Header = expr.Header{}
	}
	return c.Response
}

// answer makes r the response and ends the pipeline.
func answer(c *policy.Context, r *expr.Response) error {
	if old := c.Response; old != nil && old != r {
		if err := old.Body.Close(); err != nil {
			c.Event(telemetry.SeverityVerbose, "gateway", "closing the replaced response: "+err.Error(), nil)
		}
	}
	c.Response = r
	c.End()
	return nil
}

// header is the header of the message that the statement edits.
func header(c *policy.Context, request bool) expr.Header {
	if !request {
		return response(c).Header
	}
	if c.Request.Header == nil {
		c.Request.Header = expr.Header{}
	}
	return c.Request.Header
}

// invalid is the failure of a value that an expression gave.
func invalid(c *policy.Context, source, message string) error {
	e := c.Fail(source, "ExpressionValueEvaluationFailure", message, 500)
	e.Body = "Internal server error"
	return e
}
