package statement

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// validateContentStatement checks size, content type and content of a body.
type validateContentStatement struct {
	validation
	maxSize                 policy.Int
	sizeAction, unspecified actionValue
	types                   contentTypeMap
	rules                   []contentRule
	declared                []declaredContent
}

// maxContentSize is the largest max-size in Azure. Published policies ask for
// more: bodies are then read as far as policies may read them.
const maxContentSize = 4 << 20

func validateContent() *policy.Definition {
	return &policy.Definition{Name: "validate-content", Sections: policy.Inbound | policy.Outbound | policy.OnError, Scopes: policy.AnyScope,
		Attributes: []string{"unspecified-content-type-action", "max-size", "size-exceeded-action", "errors-variable-name"}, Compile: compileValidateContent}
}

func compileValidateContent(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "content-type-map", "content")
	k.Required(e, "max-size")
	s := &validateContentStatement{validation: compileValidation(k, e, "errors-variable-name"), maxSize: k.Int(e, "max-size", maxContentSize),
		sizeAction: requiredAction(k, e, "size-exceeded-action"), unspecified: requiredAction(k, e, "unspecified-content-type-action")}
	if a := e.Attr("max-size"); a != nil && s.maxSize.Known() {
		switch {
		case s.maxSize.Literal < 0:
			k.Errorf(a.Value.Pos, "max-size=%q: expected a number of bytes that is not negative", literal(a.Value))
		case s.maxSize.Literal > maxContentSize:
			k.Warnf(a.Value.Pos, "max-size=%d is more than the %d bytes that Azure allows; it is accepted here", s.maxSize.Literal, maxContentSize)
		}
	}
	if m := only(k, e, "content-type-map"); m != nil {
		s.types = compileContentTypeMap(k, m)
	}
	s.declared = declaredContents(k.Environment(), s.request)
	for _, child := range e.Children {
		if child.Name == "content" {
			s.rules = append(s.rules, compileContentRule(k, child, s.declared))
		}
	}
	return s
}

func (s *validateContentStatement) Run(c *policy.Context) error {
	m := content{c: c, header: c.Request.Header, body: &c.Request.Body}
	if !s.request {
		if c.Response == nil {
			return s.finish(c, nil)
		}
		m.header, m.body, m.status = c.Response.Header, &c.Response.Body, c.Response.StatusCode
	}
	var all findings
	if err := s.checkSize(&m, &all); err != nil {
		return err
	}
	if !all.prevents() && !s.idle() {
		if err := s.checkContent(&m, &all); err != nil {
			return err
		}
	}
	return s.finish(c, all)
}

// idle tells whether nothing but the size matters.
func (s *validateContentStatement) idle() bool {
	for i := range s.rules {
		if !s.rules[i].action.always(actionIgnore) {
			return false
		}
	}
	return s.unspecified.always(actionIgnore)
}

// checkSize compares the body with max-size. A body of unknown size is read as
// far as it takes to know.
func (s *validateContentStatement) checkSize(m *content, all *findings) error {
	limit, err := s.maxSize.Eval(m.c)
	if err != nil {
		return err
	}
	if limit < 0 {
		return invalid(m.c, s.policy, "max-size must not be negative.")
	}
	action, err := s.sizeAction.eval(m.c)
	if err != nil || action == actionIgnore || !m.body.Present() {
		return err
	}
	size := m.size(limit)
	if size <= limit {
		return nil
	}
	side := "Request's"
	if !s.request {
		side = "Response's"
	}
	text := fmt.Sprintf("%s body is %d bytes long and it exceeds the configured limit of %d bytes.", side, size, limit)
	if m.body.Size() < 0 {
		text = fmt.Sprintf("%s body is more than %d bytes long and it exceeds the configured limit of %d bytes.", side, limit, limit)
	}
	s.add(m.c, all, finding{kind: s.bodyKind(), rule: "SizeLimit", details: text, public: strings.Replace(text, "configured ", "", 1), action: action})
	return nil
}

func (s *validateContentStatement) bodyKind() string {
	if s.request {
		return "RequestBody"
	}
	return "ResponseBody"
}

// checkContent finds the rules for the content type and applies them.
func (s *validateContentStatement) checkContent(m *content, all *findings) error {
	// Several lines are one type that nobody declares: backends differ in which they take.
	own := baseType(strings.Join(m.header.Values("Content-Type"), ","))
	if m.empty() && (own == "" || !s.declares(m.status)) {
		return nil // a message without content, such as most GET requests
	}
	media, err := s.types.apply(m.c, own)
	if err != nil {
		return err
	}
	if !s.specified(m, media) {
		action, err := s.unspecified.eval(m.c)
		if err != nil || action != actionIgnore {
			text := "Unspecified content type " + clipName(media) + " is not allowed."
			s.add(m.c, all, finding{name: clipName(media), kind: s.bodyKind(), rule: "Unspecified", details: text, public: text, action: action})
			return err
		}
	}
	for i := range s.rules {
		r := &s.rules[i]
		if r.media != "" && r.media != media {
			continue
		}
		action, err := r.action.eval(m.c)
		if err != nil {
			return err
		}
		if action != actionIgnore {
			s.apply(m, all, r, media, action)
		}
	}
	return nil
}

// declares tells whether the API declares content for such messages at all.
func (s *validateContentStatement) declares(status int) bool {
	return slices.ContainsFunc(s.declared, func(d declaredContent) bool { return d.status == status })
}

// specified tells whether the API declares the content type, or a rule has a
// schema of its own for it.
func (s *validateContentStatement) specified(m *content, media string) bool {
	for i := range s.declared {
		if s.declared[i].covers(m.status, media) {
			return true
		}
	}
	for i := range s.rules {
		if s.rules[i].media == media && s.rules[i].named {
			return true
		}
	}
	return false
}

// apply checks the body by one rule.
func (s *validateContentStatement) apply(m *content, all *findings, r *contentRule, media string, action validationAction) {
	check := r.checkOf(s.declared, m.status, media)
	if check == nil || check.unusable {
		if r.media == "" && check == nil {
			return // it is for what the API declares, and this is not
		}
		s.add(m.c, all, finding{kind: "ApiSchema", details: "API's schema does not exist or it could not be resolved.", action: action})
		return
	}
	data, err := m.read()
	if err != nil {
		text := "Body of the " + s.side() + " cannot be validated for the content type " + clipName(media) + ": " + err.Error() + "."
		s.add(m.c, all, finding{kind: s.bodyKind(), rule: "ValidationException", details: text, action: action})
		return
	}
	for _, p := range check.run(data) {
		text := "Body of the " + s.side() + " does not conform to the definition " + check.definition() + ", which is associated with the content type " +
			clipName(media) + ". " + p.String()
		text = strings.Replace(text, "definition ,", "definition,", 1)
		s.add(m.c, all, finding{name: clipName(media), kind: s.bodyKind(), rule: "IncorrectMessage", details: text, public: text, action: action})
	}
}

func (s *validateContentStatement) side() string {
	if s.request {
		return "request"
	}
	return "response"
}

// baseType is a content type without its parameters, in lower case.
func baseType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// contentTypeMap says as what a content type is validated.
type contentTypeMap struct {
	any, missing string
	types        []mappedType
}

type mappedType struct {
	from string
	when *policy.Bool
	to   string
}

func compileContentTypeMap(k *policy.Compiler, e *policy.Element) contentTypeMap {
	checkAttributes(k, e, "any-content-type-value", "missing-content-type-value")
	checkChildren(k, e, "type")
	m := contentTypeMap{any: baseType(k.Literal(e, "any-content-type-value", "")), missing: baseType(k.Literal(e, "missing-content-type-value", ""))}
	for _, c := range e.Children {
		if c.Name != "type" {
			continue
		}
		checkAttributes(k, c, "from", "when", "to")
		checkChildren(k, c)
		t := mappedType{from: baseType(k.Literal(c, "from", "")), to: baseType(requiredLiteral(k, c, "to"))}
		if c.Attr("when") != nil {
			when := k.Bool(c, "when", false)
			t.when = &when
		}
		if (c.Attr("from") == nil) == (c.Attr("when") == nil) {
			k.Errorf(c.Pos, "<type> needs one of from and when: the content type that comes in, or a condition")
		}
		m.types = append(m.types, t)
	}
	return m
}

func (t *contentTypeMap) apply(c *policy.Context, media string) (string, error) {
	for i := range t.types {
		matches := t.types[i].when == nil && t.types[i].from == media
		if t.types[i].when != nil {
			var err error
			if matches, err = t.types[i].when.Eval(c); err != nil {
				return "", err
			}
		}
		if matches {
			return t.types[i].to, nil
		}
	}
	switch {
	case media == "" && t.missing != "":
		return t.missing, nil
	case t.any != "":
		return t.any, nil
	}
	return media, nil
}

// content is the body under validation.
type content struct {
	c      *policy.Context
	header expr.Header
	body   *expr.Body
	status int // of a response
	data   []byte
	err    error
	loaded bool
}
