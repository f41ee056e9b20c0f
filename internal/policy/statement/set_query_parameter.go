package statement

import (
	"net/url"
	"strings"

	"gatehouse/internal/policy"
)

// setQueryParameterStatement edits the query string of the request. Parameters
// that it does not name keep their order and their encoding.
type setQueryParameterStatement struct {
	name   policy.String
	exists exists
	values []policy.String
}

func setQueryParameter() *policy.Definition {
	return &policy.Definition{Name: "set-query-parameter", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"name", "exists-action"}, Compile: compileSetQueryParameter}
}

func compileSetQueryParameter(k *policy.Compiler, e *policy.Element) policy.Statement {
	warnNarrow(k, e, policy.Inbound|policy.Backend)
	checkChildren(k, e, "value")
	s := &setQueryParameterStatement{name: required(k, e, "name"), exists: compileExists(k, e), values: texts(k, e, "value")}
	if a := e.Attr("name"); a != nil && !a.Value.Expression && a.Value.Text == "" {
		k.Errorf(a.Value.Pos, "name must not be empty")
	}
	if len(s.values) == 0 && !s.exists.dynamic.Dynamic() && s.exists.action != remove {
		k.Errorf(e.Pos, "<set-query-parameter> needs at least one <value>, or exists-action=\"delete\"")
	}
	return s
}

func (s *setQueryParameterStatement) Run(c *policy.Context) error {
	name, err := s.name.Eval(c)
	if err != nil {
		return err
	}
	action, err := s.exists.eval(c, "set-query-parameter")
	if err != nil {
		return err
	}
	query := &c.Request.URL.RawQuery
	if action == skip && hasParameter(*query, name) {
		return nil
	}
	var b strings.Builder
	if action == remove || action == override {
		copyQuery(&b, *query, func(n string) bool { return !strings.EqualFold(n, name) })
	} else {
		b.WriteString(*query)
	}
	if action != remove {
		if err := s.add(c, &b, name); err != nil {
			return err
		}
	}
	*query = b.String()
	return nil
}

func (s *setQueryParameterStatement) add(c *policy.Context, b *strings.Builder, name string) error {
	for i := range s.values {
		v, err := s.values[i].Eval(c)
		if err != nil {
			return err
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(v))
	}
	return nil
}

// hasParameter tells whether a query string holds a parameter; letter case
// does not count.
func hasParameter(query, name string) bool {
	found := false
	eachParameter(query, func(n, _ string) { found = found || strings.EqualFold(n, name) })
	return found
}

// copyQuery appends the parameters that keep wants, as they are written.
func copyQuery(b *strings.Builder, query string, keep func(name string) bool) {
	eachParameter(query, func(name, raw string) {
		if !keep(name) {
			return
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(raw)
	})
}

// eachParameter calls f with the decoded name and the written form of each
// parameter.
func eachParameter(query string, f func(name, raw string)) {
	for query != "" {
		var raw string
		raw, query, _ = strings.Cut(query, "&")
		if raw == "" {
			continue
		}
		name, _, _ := strings.Cut(raw, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		f(name, raw)
	}
}

// parameter gives the decoded value of the first parameter of that name.
func parameter(query, name string) (value string, found bool) {
	eachParameter(query, func(n, raw string) {
		if found || !strings.EqualFold(n, name) {
			return
		}
		_, value, _ = strings.Cut(raw, "=")
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
		found = true
	})
	return value, found
}
