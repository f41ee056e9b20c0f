package xsd

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// compiler collects the declarations of all documents, then compiles each when
// it is first needed.
type compiler struct {
	load     Load
	out      *Schema
	sources  map[symbol]source
	seen     map[string]bool // locations that were read
	open     map[symbol]bool // being compiled
	included int
	depth    int
}

// symbol names a global declaration by its kind.
type symbol struct {
	kind string
	name name
}

// source is where a global declaration stands.
type source struct {
	node *node
	file *file
}

// file is what holds for all declarations of a document.
type file struct {
	target                           string
	elementsQualified, attrQualified bool
}

// read collects the declarations of a document; one that is included without a
// namespace of its own takes the one of the includer.
func (c *compiler) read(document []byte, target string, chameleon bool) error {
	if len(document) > maxDocument {
		return fmt.Errorf("it is larger than %d MB", maxDocument>>20)
	}
	root, err := parse(document)
	if err != nil {
		return err
	}
	if root.name == (name{nsWSDL, "definitions"}) {
		return c.described(root)
	}
	if root.name != (name{nsSchema, "schema"}) {
		return errors.New("its root is not <schema> of XML Schema")
	}
	return c.gather(root, target, chameleon)
}

// described collects what the schemas within a WSDL declare. They know each
// other by their namespaces.
func (c *compiler) described(root *node) error {
	for _, types := range root.children {
		if types.name != (name{nsWSDL, "types"}) {
			continue
		}
		for _, n := range types.children {
			if n.name == (name{nsSchema, "schema"}) {
				if err := c.gather(n, "", false); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// gather collects the declarations of a schema.
func (c *compiler) gather(root *node, target string, chameleon bool) error {
	f := &file{target: root.attr("targetNamespace"), elementsQualified: root.attr("elementFormDefault") == "qualified", attrQualified: root.attr("attributeFormDefault") == "qualified"}
	if chameleon && f.target == "" {
		f.target = target
	}
	for _, n := range root.children {
		if n.name.space != nsSchema {
			continue
		}
		switch n.name.local {
		case "annotation", "notation":
		case "include", "import":
			if err := c.include(n, f.target); err != nil {
				return err
			}
		case "element", "complexType", "simpleType", "group", "attribute", "attributeGroup":
			kind := n.name.local
			if kind == "complexType" || kind == "simpleType" {
				kind = "type"
			}
			c.sources[symbol{kind, name{f.target, n.attr("name")}}] = source{n, f}
		default:
			return unsupported(n)
		}
	}
	return nil
}

func (c *compiler) include(n *node, target string) error {
	location := n.attr("schemaLocation")
	if location == "" || c.seen[location] || n.attr("namespace") == nsXML {
		return nil
	}
	c.seen[location] = true
	if c.included++; c.included > maxIncluded {
		return fmt.Errorf("it includes more than %d documents", maxIncluded)
	}
	document, ok := c.load(location)
	if !ok {
		return fmt.Errorf("line %d: <%s> names %q, which is no schema of the service; name it as /schemas/ID", n.line, n.name.local, location)
	}
	return c.read(document, target, n.name.local == "include")
}

// declare compiles one global declaration.
func (c *compiler) declare(key symbol) error {
	s := c.sources[key]
	var err error
	switch key.kind {
	case "element":
		_, err = c.globalElement(key.name)
	case "type":
		_, err = c.typeOf(key.name, s.node)
	case "attribute":
		_, err = c.globalAttribute(key.name, s.node)
	case "group":
		_, err = c.group(key.name, s.node)
	case "attributeGroup":
		_, err = c.attributeGroup(key.name, s.node)
	}
	return err
}

// find gives the source of a global declaration.
func (c *compiler) find(kind string, n name, at *node) (source, error) {
	s, ok := c.sources[symbol{kind, n}]
	if !ok {
		return s, fmt.Errorf("line %d: there is no %s %q", at.line, kind, n.local)
	}
	return s, nil
}

func (c *compiler) globalElement(n name) (*element, error) {
	if e, ok := c.out.elements[n]; ok {
		return e, nil
	}
	s := c.sources[symbol{"element", n}]
	e := &element{name: n}
	c.out.elements[n] = e // known before its type: types refer to elements
	return e, c.elementInto(e, s.node, s.file)
}

// elementInto compiles what an element declares beside its name.
func (c *compiler) elementInto(e *element, n *node, f *file) error {
	if n.has("substitutionGroup") {
		return fmt.Errorf("line %d: substitution groups are not supported", n.line)
	}
	e.nillable, e.abstract = n.attr("nillable") == "true", n.attr("abstract") == "true"
	if n.has("fixed") {
		v := n.attr("fixed")
		e.fixed = &v
	}
	var err error
	for _, child := range n.children {
		switch child.name.local {
		case "annotation", "key", "keyref", "unique": // identity is not checked
		case "complexType":
			e.typ, err = c.complexType(&definition{}, child, f)
		case "simpleType":
			e.typ, err = c.anonymousSimple(child, f)
		default:
			err = unsupported(child)
		}
		if err != nil {
			return err
		}
	}
	if e.typ == nil {
		e.typ, err = c.namedType(n, n.attr("type"))
	}
	return err
}

func (c *compiler) anonymousSimple(n *node, f *file) (*definition, error) {
	s, err := c.simpleType(n, f)
	return &definition{text: s}, err
}

// namedType finds the type that an attribute names; "" is anyType.
func (c *compiler) namedType(at *node, value string) (*definition, error) {
	if value == "" {
		return anyType, nil
	}
	n, ok := at.qname(value)
	if !ok {
		return nil, fmt.Errorf("line %d: the prefix of %q is not declared", at.line, value)
	}
	return c.typeOf(n, at)
}

var anyType = &definition{name: name{nsSchema, "anyType"}, anything: true}

func (c *compiler) typeOf(n name, at *node) (*definition, error) {
	if n.space == nsSchema {
		if n.local == "anyType" {
			return anyType, nil
		}
		if b := builtin(n.local); b != nil {
			return &definition{name: n, text: b}, nil
		}
		return nil, fmt.Errorf("line %d: there is no built-in type %q", at.line, n.local)
	}
	if t, ok := c.out.types[n]; ok {
		return t, nil
	}
	s, err := c.find("type", n, at)
	if err != nil {
		return nil, err
	}
	if c.depth++; c.depth > maxDepth {
		return nil, errors.New("types refer to each other too deeply")
	}
	defer func() { c.depth-- }()
	t := &definition{name: n}
	if s.node.name.local == "complexType" {
		c.out.types[n] = t // its content may refer to it
		_, err = c.complexType(t, s.node, s.file)
		return t, err
	}
	key := symbol{"type", n}
	if c.open[key] {
		return nil, fmt.Errorf("line %d: the type %q is made of itself", s.node.line, n.local)
	}
	c.open[key] = true
	t.text, err = c.simpleType(s.node, s.file)
	c.out.types[n] = t
	return t, err
}

func (c *compiler) complexType(t *definition, n *node, f *file) (*definition, error) {
	t.mixed, t.abstract = n.attr("mixed") == "true", n.attr("abstract") == "true"
	for _, child := range n.children {
		switch child.name.local {
		case "simpleContent", "complexContent":
			return t, c.derive(t, child, f)
		}
	}
	return t, c.members(t, n, f)
}

// members compiles content and attributes that stand directly in n.
func (c *compiler) members(t *definition, n *node, f *file) error {
	for _, child := range n.children {
		var err error
		switch child.name.local {
		case "annotation":
		case "sequence", "choice", "all", "group":
			t.content, err = c.particle(child, f)
		case "attribute":
			err = c.use(t, child, f)
		case "attributeGroup":
			var list []*attribute
			if list, err = c.attributeGroupRef(child); err == nil {
				t.attributes = append(t.attributes, list...)
			}
		case "anyAttribute":
			var w *wildcard
			if w, err = wildcardOf(child, f); err == nil {
				t.attributes = append(t.attributes, &attribute{any: w})
			}
		default:
			err = unsupported(child)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// derive compiles an extension or a restriction.
func (c *compiler) derive(t *definition, n *node, f *file) error {
	if n.attr("mixed") == "true" {
		t.mixed = true
	}
	for _, d := range n.children {
		if d.name.local == "annotation" {
			continue
		}
		if d.name.local != "extension" && d.name.local != "restriction" {
			return unsupported(d)
		}
		base, err := c.namedType(d, d.attr("base"))
		if err != nil {
			return err
		}
		t.base = base
		if n.name.local == "simpleContent" {
			return c.deriveSimple(t, base, d, f)
		}
		return c.deriveComplex(t, base, d, f)
	}
	return fmt.Errorf("line %d: <%s> holds no extension or restriction", n.line, n.name.local)
}

func (c *compiler) deriveSimple(t, base *definition, d *node, f *file) error {
	if base.text == nil {
		return fmt.Errorf("line %d: the base type has no simple content", d.line)
	}
	t.text = base.text
	if d.name.local == "restriction" {
		s, rest, err := c.facets(base.text, d, f)
		if err != nil {
			return err
		}
		t.text, d = s, rest
	}
	if err := c.members(t, d, f); err != nil {
		return err
	}
	t.attributes = inherit(base.attributes, t.attributes)
	return nil
}

func (c *compiler) deriveComplex(t, base *definition, d *node, f *file) error {
	if err := c.members(t, d, f); err != nil {
		return err
	}
	if !base.anything {
		t.attributes = inherit(base.attributes, t.attributes)
	}
	if d.name.local == "restriction" {
		return nil
	}
	t.mixed = t.mixed || base.mixed
	switch {
	case base.content == nil:
	case t.content == nil:
		t.content = base.content
	default:
		t.content = &particle{min: 1, max: 1, kind: sequence, parts: []*particle{base.content, t.content}}
	}
	return nil
}

// inherit gives the attributes of a derived type: its own replace those of the
// base with their names.
func inherit(base, own []*attribute) []*attribute {
	out := slices.Clone(own)
	for _, b := range base {
		if !slices.ContainsFunc(own, func(o *attribute) bool { return o.any == nil && b.any == nil && o.name == b.name }) {
			out = append(out, b)
		}
	}
	return out
}

// use compiles an attribute of a type.
func (c *compiler) use(t *definition, n *node, f *file) error {
	a := &attribute{}
	if n.has("ref") {
		ref, ok := n.qname(n.attr("ref"))
		if !ok {
			return fmt.Errorf("line %d: the prefix of %q is not declared", n.line, n.attr("ref"))
		}
		global, err := c.globalAttribute(ref, n)
		if err != nil {
			return err
		}
		*a = *global
	} else if err := c.attributeInto(a, n, f); err != nil {
		return err
	}
	if !n.has("ref") && (n.attr("form") == "qualified" || n.attr("form") == "" && f.attrQualified) {
		a.name.space = f.target
	}
	a.required, a.prohibited = n.attr("use") == "required", n.attr("use") == "prohibited"
	if n.has("fixed") {
		v := n.attr("fixed")
		a.fixed = &v
	}
	t.attributes = append(t.attributes, a)
	return nil
}

func (c *compiler) attributeInto(a *attribute, n *node, f *file) error {
	a.name, a.typ = name{"", n.attr("name")}, builtin("anySimpleType")
	for _, child := range n.children {
		if child.name.local == "simpleType" {
			s, err := c.simpleType(child, f)
			if err != nil {
				return err
			}
			a.typ = s
		}
	}
	if !n.has("type") {
		return nil
	}
	t, err := c.namedType(n, n.attr("type"))
	if err != nil {
		return err
	}
	if t.text == nil {
		return fmt.Errorf("line %d: an attribute needs a simple type", n.line)
	}
	a.typ = t.text
	return nil
}

func (c *compiler) globalAttribute(n name, at *node) (*attribute, error) {
	if a, ok := c.out.attributes[n]; ok {
		return a, nil
	}
	if n.space == nsXML {
		return &attribute{name: n, typ: builtin("string")}, nil
	}
	s, err := c.find("attribute", n, at)
	if err != nil {
		return nil, err
	}
	a := &attribute{}
	if err := c.attributeInto(a, s.node, s.file); err != nil {
		return nil, err
	}
	a.name = n
	c.out.attributes[n] = a
	return a, nil
}

func (c *compiler) attributeGroupRef(n *node) ([]*attribute, error) {
	ref, ok := n.qname(n.attr("ref"))
	if !ok {
		return nil, fmt.Errorf("line %d: an attribute group is named by ref", n.line)
	}
	return c.attributeGroup(ref, n)
}

func (c *compiler) attributeGroup(n name, at *node) ([]*attribute, error) {
	if list, ok := c.out.attrGroups[n]; ok {
		return list, nil
	}
	s, err := c.find("attributeGroup", n, at)
	if err != nil {
		return nil, err
	}
	key := symbol{"attributeGroup", n}
	if c.open[key] {
		return nil, fmt.Errorf("line %d: the attribute group %q holds itself", s.node.line, n.local)
	}
	c.open[key] = true
	t := &definition{}
	if err := c.members(t, s.node, s.file); err != nil {
		return nil, err
	}
	c.out.attrGroups[n] = t.attributes
	return t.attributes, nil
}

func (c *compiler) group(n name, at *node) (*particle, error) {
	if p, ok := c.out.groups[n]; ok {
		return p, nil
	}
	s, err := c.find("group", n, at)
	if err != nil {
		return nil, err
	}
	key := symbol{"group", n}
	if c.open[key] {
		return nil, fmt.Errorf("line %d: the group %q holds itself", s.node.line, n.local)
	}
	c.open[key] = true
	for _, child := range s.node.children {
		if child.name.local == "annotation" {
			continue
		}
		p, err := c.particle(child, s.file)
		if err != nil {
			return nil, err
		}
		c.out.groups[n] = p
		return p, nil
	}
	return nil, fmt.Errorf("line %d: the group %q is empty", s.node.line, n.local)
}

// particle compiles a piece of a content model.
func (c *compiler) particle(n *node, f *file) (*particle, error) {
	if c.depth++; c.depth > maxDepth {
		return nil, errors.New("content is nested too deeply")
	}
	defer func() { c.depth-- }()
	p := &particle{}
	var err error
	if p.min, p.max, err = occurs(n); err != nil {
		return nil, err
	}
	switch n.name.local {
	case "element":
		p.kind = single
		p.element, err = c.localElement(n, f)
		return p, err
	case "any":
		p.kind = wild
		p.wildcard, err = wildcardOf(n, f)
		return p, err
	case "group":
		ref, ok := n.qname(n.attr("ref"))
		if !ok {
			return nil, fmt.Errorf("line %d: a group is named by ref", n.line)
		}
		g, err := c.group(ref, n)
		p.parts = []*particle{g}
		return p, err
	case "sequence":
	case "choice":
		p.kind = choice
	case "all":
		p.kind = all
	default:
		return nil, unsupported(n)
	}
	for _, child := range n.children {
		if child.name.local == "annotation" {
			continue
		}
		part, err := c.particle(child, f)
		if err != nil {
			return nil, err
		}
		p.parts = append(p.parts, part)
	}
	return p, nil
}

func occurs(n *node) (low, high int, err error) {
	low, high = 1, 1
	if v := n.attr("minOccurs"); v != "" {
		if low, err = strconv.Atoi(v); err != nil || low < 0 {
			return 0, 0, fmt.Errorf("line %d: minOccurs is not a number", n.line)
		}
	}
	switch v := n.attr("maxOccurs"); v {
	case "":
		high = max(low, 1)
	case "unbounded":
		high = -1
	default:
		if high, err = strconv.Atoi(v); err != nil || high < low {
			return 0, 0, fmt.Errorf("line %d: maxOccurs is not a number, or below minOccurs", n.line)
		}
	}
	return low, high, nil
}

func (c *compiler) localElement(n *node, f *file) (*element, error) {
	if n.has("ref") {
		ref, ok := n.qname(n.attr("ref"))
		if !ok {
			return nil, fmt.Errorf("line %d: the prefix of %q is not declared", n.line, n.attr("ref"))
		}
		if _, err := c.find("element", ref, n); err != nil {
			return nil, err
		}
		return c.globalElement(ref)
	}
	e := &element{name: name{"", n.attr("name")}}
	if n.attr("form") == "qualified" || n.attr("form") == "" && f.elementsQualified {
		e.name.space = f.target
	}
	return e, c.elementInto(e, n, f)
}

func wildcardOf(n *node, f *file) (*wildcard, error) {
	w := &wildcard{target: f.target, process: n.attr("processContents")}
	if w.process == "" {
		w.process = "strict"
	}
	switch v := n.attr("namespace"); v {
	case "", "##any":
		w.any = true
	case "##other":
		w.other = true
	default:
		for _, s := range strings.Fields(v) {
			switch s {
			case "##targetNamespace":
				s = f.target
			case "##local":
				s = ""
			}
			w.spaces = append(w.spaces, s)
		}
	}
	return w, nil
}
