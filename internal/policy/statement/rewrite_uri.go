package statement

import (
	"fmt"
	"net/url"
	"strings"

	"gatehouse/internal/policy"
)

// rewriteURIStatement replaces path and query of the request by a template
// whose {name} are parameters of the operation's URL template.
type rewriteURIStatement struct {
	dynamic policy.String
	literal *uriTemplate // nil when the template is an expression
	copy    policy.Bool
}

// uriTemplate is a parsed template.
type uriTemplate struct {
	path, query []uriPart
	queryNames  []string // of the template's own query
}

// uriPart is literal text, or a parameter.
type uriPart struct {
	text      string
	parameter string
	wildcard  bool // {*name}: slashes of the value stay
}

func rewriteURI() *policy.Definition {
	return &policy.Definition{Name: "rewrite-uri", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"template", "copy-unmatched-params"}, Compile: compileRewriteURI}
}

func compileRewriteURI(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &rewriteURIStatement{dynamic: required(k, e, "template"), copy: k.Bool(e, "copy-unmatched-params", true)}
	a := e.Attr("template")
	if a == nil || a.Value.Expression {
		return s
	}
	if a.Value.Text == "" {
		k.Warnf(a.Value.Pos, "template is empty: every request goes to the root path")
	}
	t, problem := parseURITemplate(a.Value.Text)
	if problem != "" {
		k.Errorf(a.Value.Position(strings.IndexAny(a.Value.Text, "{}")), "template: %s", problem)
	}
	s.literal = t
	if op := k.Environment().Operation; op != nil && e.Scope == policy.Operation && !a.Value.Secret {
		t.warnUnknown(k, &a.Value, op.URLTemplate)
	}
	return s
}

// warnUnknown warns of parameters that the operation's URL template does not
// have: such a request fails.
func (t *uriTemplate) warnUnknown(k *policy.Compiler, v *policy.Value, declared string) {
	for _, parts := range [][]uriPart{t.path, t.query} {
		for _, p := range parts {
			if p.parameter != "" && !declares(declared, p.parameter) {
				k.Warnf(v.Position(max(0, strings.Index(v.Text, p.parameter))), "the URL template of the operation has no parameter {%s}: requests fail", p.parameter)
			}
		}
	}
}

// declares tells whether a URL template has a parameter.
func declares(template, name string) bool {
	lower := strings.ToLower(template)
	name = strings.ToLower(name)
	return strings.Contains(lower, "{"+name+"}") || strings.Contains(lower, "{*"+name+"}")
}

// parseURITemplate reads a template. A brace that is no parameter is a problem,
// and literal text.
func parseURITemplate(text string) (t *uriTemplate, problem string) {
	path, query, _ := strings.Cut(text, "?")
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	t = &uriTemplate{}
	var inPath, inQuery string
	t.path, inPath = parseParts(path)
	t.query, inQuery = parseParts(query)
	eachParameter(query, func(name, _ string) { t.queryNames = append(t.queryNames, name) })
	if inPath != "" {
		return t, inPath
	}
	return t, inQuery
}

func parseParts(text string) (parts []uriPart, problem string) {
	literal := func(s string) {
		if s != "" {
			parts = append(parts, uriPart{text: escapeIllegal(s)})
		}
	}
	for {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			literal(text)
			return parts, problem
		}
		end := strings.IndexByte(text[open:], '}')
		if end < 0 {
			literal(text)
			return parts, "a { has no matching }"
		}
		literal(text[:open])
		name, wildcard := strings.CutPrefix(text[open+1:open+end], "*")
		if name == "" {
			problem = "{} names no parameter"
			literal(text[open : open+end+1])
		} else {
			parts = append(parts, uriPart{parameter: name, wildcard: wildcard})
		}
		text = text[open+end+1:]
	}
}

// escapeIllegal percent-encodes what must not stand in a request line.
func escapeIllegal(s string) string {
	illegal := func(c byte) bool { return c <= ' ' || c >= 0x7f }
	for i := 0; i < len(s); i++ {
		if !illegal(s[i]) {
			continue
		}
		var b strings.Builder
		for j := 0; j < len(s); j++ {
			if illegal(s[j]) {
				fmt.Fprintf(&b, "%%%02X", s[j])
			} else {
				b.WriteByte(s[j])
			}
		}
		return b.String()
	}
	return s
}

func (s *rewriteURIStatement) Run(c *policy.Context) error {
	t := s.literal
	if t == nil {
		text, err := s.dynamic.Eval(c)
		if err != nil {
			return err
		}
		t, _ = parseURITemplate(text) // braces that are no parameter stay as they are
	}
	unmatched, err := s.copy.Eval(c)
	if err != nil {
		return err
	}
	path, err := s.expand(c, t.path, false)
	if err != nil {
		return err
	}
	query, err := s.expand(c, t.query, true)
	if err != nil {
		return err
	}
	if unmatched && c.Request.URL.RawQuery != "" {
		query = withUnmatched(c, t, query)
	}
	c.Request.URL.Path, c.Request.URL.RawQuery = path, query
	return nil
}

// withUnmatched adds the parameters of the request that neither the template
// nor the operation's URL template names.
func withUnmatched(c *policy.Context, t *uriTemplate, query string) string {
	_, declared, _ := strings.Cut(operationTemplate(c), "?")
	var b strings.Builder
	b.WriteString(query)
	copyQuery(&b, c.Request.URL.RawQuery, func(name string) bool {
		for _, own := range t.queryNames {
			if strings.EqualFold(own, name) {
				return false
			}
		}
		return declared == "" || !hasParameter(declared, name)
	})
	return b.String()
}

func operationTemplate(c *policy.Context) string {
	if c.Operation == nil {
		return ""
	}
	return c.Operation.URLTemplate
}

func (s *rewriteURIStatement) expand(c *policy.Context, parts []uriPart, query bool) (string, error) {
	if len(parts) == 1 && parts[0].parameter == "" {
		return parts[0].text, nil
	}
	var b strings.Builder
	for i := range parts {
		p := &parts[i]
		if p.parameter == "" {
			b.WriteString(p.text)
			continue
		}
		value, ok := matched(c, p.parameter)
		if !ok && s.literal == nil {
			b.WriteString(escapeIllegal("{" + p.parameter + "}"))
			continue
		}
		if !ok {
			return "", invalid(c, "rewrite-uri", "The URL template of the operation has no parameter {"+p.parameter+"}.")
		}
		b.WriteString(escapeParameter(value, p.wildcard, query))
	}
	return b.String(), nil
}

func matched(c *policy.Context, name string) (string, bool) {
	for i := range c.Request.MatchedParameters {
		if p := &c.Request.MatchedParameters[i]; strings.EqualFold(p.Name, name) {
			return p.Value, true
		}
	}
	return "", false
}

// escapeParameter encodes a decoded value for its place in the URL.
func escapeParameter(value string, wildcard, query bool) string {
	if query {
		return url.QueryEscape(value)
	}
	if !wildcard {
		return url.PathEscape(value)
	}
	return (&url.URL{Path: value}).EscapedPath()
}
