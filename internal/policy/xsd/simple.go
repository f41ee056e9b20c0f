package xsd

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// simple is a simple type.
type simple struct {
	base     *simple
	check    func(text string) bool // of built-in types
	order    func(text string) *big.Rat
	collapse bool // white space at the ends does not count
	list     *simple
	union    []*simple
	facets   []facet
}

// facet limits the values of a restriction.
type facet struct {
	what  string // for the problem
	holds func(text string) bool
}

// valid gives "" or what is wrong with a text.
func (s *simple) valid(text string) string {
	if s.trims() {
		text = strings.Join(strings.Fields(text), " ")
	}
	return s.validAs(text)
}

func (s *simple) validAs(text string) string {
	switch {
	case s.list != nil:
		for _, part := range strings.Fields(text) {
			if problem := s.list.valid(part); problem != "" {
				return "an item of the list " + problem
			}
		}
	case s.union != nil:
		if !slices.ContainsFunc(s.union, func(m *simple) bool { return m.valid(text) == "" }) {
			return "fits none of the types of a union"
		}
	case s.base != nil:
		if problem := s.base.validAs(text); problem != "" {
			return problem
		}
	case s.check != nil && !s.check(text):
		return "does not fit its type"
	}
	for _, f := range s.facets {
		if !f.holds(text) {
			return f.what
		}
	}
	return ""
}

func (s *simple) trims() bool {
	for at := s; at != nil; at = at.base {
		if at.collapse || at.list != nil {
			return true
		}
	}
	return false
}

// ordered finds how values compare, nil when they do not.
func (s *simple) ordered() func(string) *big.Rat {
	for at := s; at != nil; at = at.base {
		if at.order != nil {
			return at.order
		}
	}
	return nil
}

func (s *simple) isList() bool {
	for at := s; at != nil; at = at.base {
		if at.list != nil {
			return true
		}
	}
	return false
}

// simpleType compiles <simpleType>.
func (c *compiler) simpleType(n *node, f *file) (*simple, error) {
	if c.depth++; c.depth > maxDepth {
		return nil, fmt.Errorf("line %d: simple types are nested too deeply", n.line)
	}
	defer func() { c.depth-- }()
	for _, child := range n.children {
		switch child.name.local {
		case "annotation":
		case "restriction":
			base, err := c.simpleBase(child, f)
			if err != nil {
				return nil, err
			}
			s, _, err := c.facets(base, child, f)
			return s, err
		case "list":
			item, err := c.member(child, child.attr("itemType"), f)
			return &simple{list: item}, err
		case "union":
			return c.union(child, f)
		default:
			return nil, unsupported(child)
		}
	}
	return nil, fmt.Errorf("line %d: a simple type holds a restriction, a list or a union", n.line)
}

// simpleBase is the type that a restriction names or holds.
func (c *compiler) simpleBase(n *node, f *file) (*simple, error) {
	if n.has("base") {
		return c.member(n, n.attr("base"), f)
	}
	return c.member(n, "", f)
}

// member finds a simple type by its name, or the one that stands in n.
func (c *compiler) member(n *node, named string, f *file) (*simple, error) {
	if named == "" {
		for _, child := range n.children {
			if child.name.local == "simpleType" {
				return c.simpleType(child, f)
			}
		}
		return nil, fmt.Errorf("line %d: a simple type is missing", n.line)
	}
	t, err := c.namedType(n, named)
	if err != nil {
		return nil, err
	}
	if t.text == nil {
		return nil, fmt.Errorf("line %d: %q is no simple type", n.line, named)
	}
	return t.text, nil
}

func (c *compiler) union(n *node, f *file) (*simple, error) {
	s := &simple{union: []*simple{}}
	for _, named := range strings.Fields(n.attr("memberTypes")) {
		m, err := c.member(n, named, f)
		if err != nil {
			return nil, err
		}
		s.union = append(s.union, m)
	}
	for _, child := range n.children {
		if child.name.local != "simpleType" {
			continue
		}
		m, err := c.simpleType(child, f)
		if err != nil {
			return nil, err
		}
		s.union = append(s.union, m)
	}
	return s, nil
}

// facets compiles a restriction; rest is what of it are no facets.
func (c *compiler) facets(base *simple, n *node, f *file) (s *simple, rest *node, err error) {
	s = &simple{base: base}
	rest = &node{name: n.name, line: n.line, spaces: n.spaces}
	var values, patterns []string
	for _, child := range n.children {
		v := child.attr("value")
		switch child.name.local {
		case "annotation", "simpleType":
		case "enumeration":
			values = append(values, v)
		case "pattern":
			patterns = append(patterns, v)
		case "whiteSpace":
			s.collapse = v == "collapse"
		case "length", "minLength", "maxLength", "totalDigits", "fractionDigits":
			err = s.size(child.name.local, v, child.line)
		case "minInclusive", "minExclusive", "maxInclusive", "maxExclusive":
			err = s.bound(child.name.local, v, child.line)
		case "attribute", "attributeGroup", "anyAttribute":
			rest.children = append(rest.children, child)
		default:
			err = unsupported(child)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if values != nil {
		trims := s.trims()
		s.facets = append(s.facets, facet{"is not one of the values of its type", func(text string) bool {
			return slices.ContainsFunc(values, func(v string) bool { return v == text || trims && strings.TrimSpace(v) == text })
		}})
	}
	if patterns != nil {
		err = s.patterns(patterns, n.line)
	}
	return s, rest, err
}

// patterns of one restriction are alternatives.
func (s *simple) patterns(patterns []string, line int) error {
	var all []*regexp.Regexp
	for _, p := range patterns {
		re, err := regexp.Compile(`^(?:` + xmlPattern(p) + `)$`)
		if err != nil {
			return fmt.Errorf("line %d: the pattern cannot be used: %w", line, err)
		}
		all = append(all, re)
	}
	s.facets = append(s.facets, facet{"does not match the pattern of its type", func(text string) bool {
		return slices.ContainsFunc(all, func(re *regexp.Regexp) bool { return re.MatchString(text) })
	}})
	return nil
}

// xmlPattern rewrites \i, \c and anchors, which mean themselves in XML Schema.
func xmlPattern(p string) string {
	var b strings.Builder
	class := false
	for i := 0; i < len(p); i++ {
		switch ch := p[i]; {
		case ch == '\\' && i+1 < len(p):
			i++
			b.WriteString(xmlEscape(p[i], class))
		case ch == '[':
			class = true
			b.WriteByte(ch)
		case ch == ']':
			class = false
			b.WriteByte(ch)
		case (ch == '^' || ch == '$') && !class:
			b.WriteString(`\` + string(ch))
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}

func xmlEscape(c byte, class bool) string {
	set := map[byte]string{'i': `\pL_:`, 'c': `\pL\pN\-._:`}[c]
	switch {
	case set != "" && class:
		return set
	case set != "":
		return "[" + set + "]"
	}
	return `\` + string(c)
}

func (s *simple) size(kind, value string, line int) error {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < 0 {
		return fmt.Errorf("line %d: %s is not a number", line, kind)
	}
	list := s.isList()
	measure := func(text string) int {
		if list {
			return len(strings.Fields(text))
		}
		return utf8.RuneCountInString(text)
	}
	switch kind {
	case "length":
		s.facets = append(s.facets, facet{"must have the length " + value, func(t string) bool { return measure(t) == n }})
	case "minLength":
		s.facets = append(s.facets, facet{"is shorter than " + value, func(t string) bool { return measure(t) >= n }})
	case "maxLength":
		s.facets = append(s.facets, facet{"is longer than " + value, func(t string) bool { return measure(t) <= n }})
	case "totalDigits":
		s.facets = append(s.facets, facet{"has more than " + value + " digits", func(t string) bool {
			whole, fraction := digits(t)
			return len(whole)+len(fraction) <= n
		}})
	case "fractionDigits":
		s.facets = append(s.facets, facet{"has more than " + value + " decimal places", func(t string) bool {
			_, fraction := digits(t)
			return len(fraction) <= n
		}})
	}
	return nil
}

// digits gives the digits that count of a decimal.
func digits(text string) (whole, fraction string) {
	whole, fraction, _ = strings.Cut(strings.TrimLeft(text, "+-"), ".")
	return strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
}

func (s *simple) bound(kind, value string, line int) error {
	order := s.ordered()
	if order == nil {
		return fmt.Errorf("line %d: %s is not supported for this type", line, kind)
	}
	limit := order(strings.TrimSpace(value))
	if limit == nil {
		return fmt.Errorf("line %d: the value of %s does not fit the type", line, kind)
	}
	what := map[string]string{"minInclusive": "is below ", "minExclusive": "is not above ", "maxInclusive": "is above ", "maxExclusive": "is not below "}[kind] + value
	s.facets = append(s.facets, facet{what, func(text string) bool {
		v := order(text)
		if v == nil {
			return false
		}
		cmp := v.Cmp(limit)
		switch kind {
		case "minInclusive":
			return cmp >= 0
		case "minExclusive":
			return cmp > 0
		case "maxInclusive":
			return cmp <= 0
		}
		return cmp < 0
	}})
	return nil
}
