package xsd

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Namespaces of SOAP envelopes.
const (
	soap11 = "http://schemas.xmlsoap.org/soap/envelope/"
	soap12 = "http://www.w3.org/2003/05/soap-envelope"
)

// Validate checks a document; nil means that it conforms.
func (s *Schema) Validate(data []byte) []Problem {
	root, err := parse(data)
	if err != nil {
		return []Problem{{"Body cannot be checked: " + err.Error() + ".", 1, 1}}
	}
	v := &validator{schema: s}
	v.root(root)
	return v.problems
}

// ValidateSOAP checks what the body of an envelope holds. Faults are SOAP's own.
func (s *Schema) ValidateSOAP(data []byte) []Problem {
	root, err := parse(data)
	if err != nil {
		return []Problem{{"Body cannot be checked: " + err.Error() + ".", 1, 1}}
	}
	v := &validator{schema: s}
	for _, part := range root.children {
		if part.name != (name{root.name.space, "Body"}) || root.name.space != soap11 && root.name.space != soap12 {
			continue
		}
		for _, payload := range part.children {
			if payload.name != (name{root.name.space, "Fault"}) {
				v.root(payload)
			}
		}
	}
	return v.problems
}

type validator struct {
	schema   *Schema
	problems []Problem
}

func (v *validator) report(n *node, format string, args ...any) {
	if len(v.problems) < maxProblems {
		v.problems = append(v.problems, Problem{fmt.Sprintf(format, args...), n.line, n.position})
	}
}

func (v *validator) root(n *node) {
	e, ok := v.schema.elements[n.name]
	if !ok {
		v.report(n, "The element '%s' is not declared.", short(n.name))
		return
	}
	v.element(n, e)
}

// element checks an element against its declaration.
func (v *validator) element(n *node, e *element) {
	if e.abstract {
		v.report(n, "The element '%s' is abstract and must not occur.", short(n.name))
		return
	}
	t := v.typeOf(n, e.typ)
	if t == nil || t.anything {
		return
	}
	if t.abstract {
		v.report(n, "The type of the element '%s' is abstract.", short(n.name))
		return
	}
	v.attributes(n, t)
	if instance(n, "nil") == "true" || instance(n, "nil") == "1" {
		if !e.nillable || len(n.children) > 0 || len(bytes.TrimSpace(n.text)) > 0 {
			v.report(n, "The element '%s' must not be nil.", short(n.name))
		}
		return
	}
	if t.text != nil {
		v.simpleContent(n, t.text, e.fixed)
		return
	}
	if !t.mixed && len(bytes.TrimSpace(n.text)) > 0 {
		v.report(n, "The element '%s' must not contain text.", short(n.name))
	}
	v.content(n, t)
}

// typeOf is the declared type, or the one derived from it that xsi:type names.
func (v *validator) typeOf(n *node, declared *definition) *definition {
	value := instance(n, "type")
	if value == "" {
		return declared
	}
	named, ok := n.qname(value)
	t := v.schema.types[named]
	if ok && named.space == nsSchema {
		if b := builtin(named.local); b != nil {
			t = &definition{name: named, text: b}
		}
	}
	if t == nil || !t.derives(declared) {
		v.report(n, "The xsi:type of the element '%s' is not derived from its type.", short(n.name))
		return nil
	}
	return t
}

func (t *definition) derives(from *definition) bool {
	if from.anything {
		return true
	}
	for at, hops := t, 0; at != nil && hops < maxDepth; at, hops = at.base, hops+1 {
		if at == from || at.name.local != "" && at.name == from.name {
			return true
		}
	}
	return false
}

// instance reads an attribute of the xsi namespace.
func instance(n *node, local string) string {
	for _, a := range n.attrs {
		if a.Name.Space == nsInstance && a.Name.Local == local {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

func (v *validator) simpleContent(n *node, s *simple, fixed *string) {
	if len(n.children) > 0 {
		v.report(n.children[0], "The element '%s' must not contain child elements.", short(n.name))
		return
	}
	if problem := s.valid(string(n.text)); problem != "" {
		v.report(n, "The value of the element '%s' %s.", short(n.name), problem)
	}
	if fixed != nil && string(n.text) != *fixed {
		v.report(n, "The value of the element '%s' is not the fixed one.", short(n.name))
	}
}

func (v *validator) attributes(n *node, t *definition) {
	for _, a := range n.attrs {
		if a.Name.Space == nsInstance || a.Name.Space == nsXML {
			continue
		}
		v.attribute(n, t, name{a.Name.Space, a.Name.Local}, a.Value)
	}
	for _, declared := range t.attributes {
		if !declared.required {
			continue
		}
		present := slices.ContainsFunc(n.attrs, func(a xmlAttr) bool { return (name{a.Name.Space, a.Name.Local}) == declared.name })
		if !present {
			v.report(n, "The required attribute '%s' is missing at the element '%s'.", declared.name, short(n.name))
		}
	}
}

func (v *validator) attribute(n *node, t *definition, an name, value string) {
	for _, declared := range t.attributes {
		if declared.any == nil && declared.name == an && !declared.prohibited {
			problem := declared.typ.valid(value)
			if problem == "" && declared.fixed != nil && value != *declared.fixed {
				problem = "is not the fixed one"
			}
			if problem != "" {
				v.report(n, "The value of the attribute '%s' %s.", short(an), problem)
			}
			return
		}
	}
	for _, declared := range t.attributes {
		if declared.any == nil || !declared.any.takes(an.space) {
			continue
		}
		global := v.schema.attributes[an]
		if global == nil && declared.any.process == "strict" {
			break
		}
		if global != nil && declared.any.process != "skip" {
			if problem := global.typ.valid(value); problem != "" {
				v.report(n, "The value of the attribute '%s' %s.", short(an), problem)
			}
		}
		return
	}
	v.report(n, "The attribute '%s' is not declared at the element '%s'.", short(an), short(n.name))
}

// content checks the child elements against the content model.
func (v *validator) content(n *node, t *definition) {
	m := &matcher{items: n.children, found: make([]*particle, len(n.children))}
	ends := []int{0}
	if t.content != nil {
		ends = m.match(t.content, ends)
	}
	switch {
	case m.steps > maxSteps:
		v.report(n, "The content of the element '%s' cannot be checked in time.", short(n.name))
	case !slices.Contains(ends, len(n.children)):
		v.misfit(n, m)
	}
	for i, child := range n.children {
		if p := m.found[i]; p != nil {
			v.child(child, p)
		}
	}
}

// misfit says where the children leave the content model.
func (v *validator) misfit(n *node, m *matcher) {
	expected := strings.Join(m.expected, ", ")
	if m.far < len(n.children) {
		child := n.children[m.far]
		m.found[m.far] = nil
		if expected == "" {
			v.report(child, "The element '%s' has invalid child element '%s'. None is expected.", short(n.name), short(child.name))
			return
		}
		v.report(child, "The element '%s' has invalid child element '%s'. Expected: %s.", short(n.name), short(child.name), expected)
		return
	}
	v.report(n, "The element '%s' has incomplete content. Expected: %s.", short(n.name), expected)
}

func (v *validator) child(n *node, p *particle) {
	if p.kind == single {
		v.element(n, p.element)
		return
	}
	e, ok := v.schema.elements[n.name]
	switch {
	case p.wildcard.process == "skip":
	case ok:
		v.element(n, e)
	case p.wildcard.process == "strict":
		v.report(n, "The element '%s' is not declared.", short(n.name))
	}
}

func short(n name) string {
	if len(n.local) > 100 {
		return strings.ToValidUTF8(n.local[:100], "") + "..."
	}
	return n.local
}
