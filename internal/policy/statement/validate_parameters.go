package statement

import (
	"maps"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
)

// validateParametersStatement checks path, query and header parameters of
// requests against those that the operation declares.
type validateParametersStatement struct {
	validation
	path, query, headers parameterPlace
	keyHeader, keyQuery  string // carry the subscription key: they are the gateway's
	bodies               bool   // the operation declares content types
}

// parameterPlace is one kind of parameters.
type parameterPlace struct {
	kind, word  string
	fields      []fieldCheck
	names       map[string]bool
	objects     []string // "name[" of deepObject parameters
	surplus     []string // of the URL template, declared nowhere
	unspecified actionValue
	overrides   map[string]actionValue
}

func validateParameters() *policy.Definition {
	return &policy.Definition{Name: "validate-parameters", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"specified-parameter-action", "unspecified-parameter-action", "errors-variable-name"}, Compile: compileValidateParameters}
}

func compileValidateParameters(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Once(e)
	checkChildren(k, e, "headers", "query", "path")
	specified, unspecified := requiredAction(k, e, "specified-parameter-action"), requiredAction(k, e, "unspecified-parameter-action")
	s := &validateParametersStatement{validation: compileValidation(k, e, "errors-variable-name"),
		keyHeader: "Ocp-Apim-Subscription-Key", keyQuery: "subscription-key"}
	if a := k.Environment().API; a != nil {
		if a.SubscriptionKeyHeader != "" {
			s.keyHeader = textproto.CanonicalMIMEHeaderKey(a.SubscriptionKeyHeader)
		}
		if a.SubscriptionKeyQuery != "" {
			s.keyQuery = a.SubscriptionKeyQuery
		}
	}
	s.headers = compilePlace(k, e, apim.InHeader, specified, unspecified)
	s.query = compilePlace(k, e, apim.InQuery, specified, unspecified)
	s.path = compilePlace(k, e, apim.InPath, specified, unspecified)
	if op := k.Environment().Operation; op != nil {
		s.bodies = len(op.Requests) > 0
		s.path.undeclared(op.URLTemplate)
	}
	return s
}

// compilePlace compiles the section of a kind of parameters.
func compilePlace(k *policy.Compiler, e *policy.Element, in string, specified, unspecified actionValue) parameterPlace {
	p := parameterPlace{names: map[string]bool{}}
	section := in
	switch in {
	case apim.InHeader:
		p.kind, p.word, section = "RequestHeader", "header", "headers"
	case apim.InQuery:
		p.kind, p.word = "QueryParameter", "query parameter"
	case apim.InPath:
		p.kind, p.word = "PathParameter", "path parameter"
	}
	if child := only(k, e, section); child != nil {
		attributes := []string{"specified-parameter-action", "unspecified-parameter-action"}
		if in == apim.InPath {
			attributes = attributes[:1]
		}
		checkAttributes(k, child, attributes...)
		checkChildren(k, child, "parameter")
		specified = compileAction(k, child, "specified-parameter-action", specified)
		unspecified = compileAction(k, child, "unspecified-parameter-action", unspecified)
		p.overrides = fieldOverrides(k, child, "parameter", in == apim.InHeader)
	}
	p.unspecified = unspecified
	if op := k.Environment().Operation; op != nil {
		for i := range op.Parameters {
			if op.Parameters[i].In == in {
				p.declare(k, e, &op.Parameters[i], specified)
			}
		}
	}
	return p
}

func (p *parameterPlace) declare(k *policy.Compiler, e *policy.Element, declared *apim.Parameter, specified actionValue) {
	name := declared.Name
	if declared.In == apim.InHeader {
		name = textproto.CanonicalMIMEHeaderKey(name)
	}
	if action, ok := p.overrides[name]; ok {
		specified = action
	}
	f := compileField(k, e, declared, p.kind, p.word, specified)
	p.names[name] = true
	if f.style == apim.StyleObject {
		p.objects = append(p.objects, name+"[")
	}
	if f.spread {
		k.Warnf(e.Pos, "the properties of the %s %s are parameters of their own: their names are taken, their values are not checked", p.word, name)
		for _, property := range f.check.Properties() {
			p.names[property] = true
		}
	}
	p.fields = append(p.fields, f)
}

// undeclared finds the parameters of the template's path that are declared
// nowhere.
func (p *parameterPlace) undeclared(template string) {
	path, _, _ := strings.Cut(template, "?")
	for part := range strings.SplitSeq(path, "{") {
		name, _, closed := strings.Cut(part, "}")
		if closed && name != "" && !p.names[name] {
			p.surplus = append(p.surplus, name)
		}
	}
}

func (s *validateParametersStatement) Run(c *policy.Context) error {
	var all findings
	if err := s.checkHeaders(c, &all); err != nil {
		return err
	}
	if err := s.checkQuery(c, &all); err != nil {
		return err
	}
	if err := s.checkPath(c, &all); err != nil {
		return err
	}
	return s.finish(c, all)
}

func (s *validateParametersStatement) checkHeaders(c *policy.Context, all *findings) error {
	for i := range s.headers.fields {
		f := &s.headers.fields[i]
		if err := f.run(c, &s.validation, all, c.Request.Header[f.name]); err != nil {
			return err
		}
	}
	if s.headers.lax() {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(c.Request.Header)) {
		if name == s.keyHeader || transportHeader(name, s.bodies) {
			continue
		}
		if err := s.headers.unexpected(c, &s.validation, all, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *validateParametersStatement) checkQuery(c *policy.Context, all *findings) error {
	values, names := parseQuery(c.Request.URL.RawQuery)
	for i := range s.query.fields {
		f := &s.query.fields[i]
		if f.style == apim.StyleObject {
			if err := f.runObject(c, &s.validation, all, values); err != nil {
				return err
			}
			continue
		}
		if err := f.run(c, &s.validation, all, values[f.name]); err != nil {
			return err
		}
	}
	if s.query.lax() {
		return nil
	}
	for _, name := range names {
		if name == s.keyQuery {
			continue
		}
		if err := s.query.unexpected(c, &s.validation, all, name); err != nil {
			return err
		}
	}
	return nil
}

// parseQuery reads a query string; what cannot be decoded stays as it is.
func parseQuery(raw string) (values map[string][]string, names []string) {
	if raw == "" {
		return nil, nil
	}
	values = map[string][]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		if _, seen := values[name]; !seen {
			names = append(names, name)
		}
		values[name] = append(values[name], value)
	}
	return values, names
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

func (s *validateParametersStatement) checkPath(c *policy.Context, all *findings) error {
	for i := range s.path.fields {
		f := &s.path.fields[i]
		var texts []string
		for _, p := range c.Request.MatchedParameters {
			if p.Name == f.name {
				texts = append(texts, p.Value)
				break
			}
		}
		if err := f.run(c, &s.validation, all, texts); err != nil {
			return err
		}
	}
	for _, name := range s.path.surplus {
		if err := s.path.unexpected(c, &s.validation, all, name); err != nil {
			return err
		}
	}
	return nil
}

// lax tells whether parameters that are not declared are never reported.
func (p *parameterPlace) lax() bool {
	return len(p.overrides) == 0 && p.unspecified.always(actionIgnore)
}

// unexpected reports a parameter unless it is declared.
func (p *parameterPlace) unexpected(c *policy.Context, v *validation, all *findings, name string) error {
	if p.names[name] {
		return nil
	}
	for _, prefix := range p.objects {
		if strings.HasPrefix(name, prefix) {
			return nil
		}
	}
	action, ok := p.overrides[name]
	if !ok {
		action = p.unspecified
	}
	return unspecified(c, v, all, name, p.kind, p.word, action)
}

// runObject checks a parameter that is written as name[property]=value.
func (f *fieldCheck) runObject(c *policy.Context, v *validation, all *findings, values map[string][]string) error {
	properties := map[string]string{}
	for name, texts := range values {
		inner, ok := strings.CutPrefix(name, f.name+"[")
		if property, closed := strings.CutSuffix(inner, "]"); ok && closed {
			properties[property] = texts[0]
		}
	}
	if len(properties) == 0 || f.check == nil {
		return f.run(c, v, all, nil)
	}
	action, err := f.action.eval(c)
	if err != nil || action == actionIgnore {
		return err
	}
	f.reportAll(c, v, all, action, f.check.CheckObject(properties))
	return nil
}
