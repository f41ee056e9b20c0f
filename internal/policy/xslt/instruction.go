package xslt

import (
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/policy/xmldoc"
	"gatehouse/internal/policy/xpath"
)

// place is where an instruction stands.
type place int

func (p place) here(t *transformer) { t.at = int(p) }

// variable is xsl:variable, xsl:param and xsl:with-param.
type variable struct {
	place
	name   xpath.Name
	param  bool
	choose *xpath.Expression
	body   []instruction
}

func (v *variable) value(t *transformer, c *xpath.Context) xpath.Value {
	v.here(t)
	switch {
	case v.choose != nil:
		return v.choose.Value(c)
	case len(v.body) > 0:
		return xpath.NodeSet{t.fragment(c, v.body)}
	}
	return ""
}

func (v *variable) run(t *transformer, c *xpath.Context) {
	t.vars = &binding{v.name, v.value(t, c), t.vars}
}

// bind evaluates with-params.
func bind(t *transformer, c *xpath.Context, list []*variable) *binding {
	var out *binding
	for _, p := range list {
		out = &binding{p.name, p.value(t, c), out}
	}
	return out
}

type applyTemplates struct {
	place
	choose *xpath.Expression // nil: the child nodes
	mode   xpath.Name
	sorts  []*sortKey
	params []*variable
}

func (i *applyTemplates) run(t *transformer, c *xpath.Context) {
	i.here(t)
	set := children(c.Node)
	if i.choose != nil {
		set = i.nodes(t, c, i.choose)
	}
	set = sorted(t, c, set, i.sorts)
	t.apply(c, set, i.mode, bind(t, c, i.params))
}

func (p place) nodes(t *transformer, c *xpath.Context, e *xpath.Expression) xpath.NodeSet {
	set, ok := e.Nodes(c)
	if !ok {
		p.here(t)
		t.fail("select gives no node set")
	}
	return set
}

type callTemplate struct {
	place
	name   xpath.Name
	params []*variable
}

func (i *callTemplate) run(t *transformer, c *xpath.Context) {
	i.here(t)
	if t.depth++; t.depth > maxDepth {
		t.fail("templates are called more than %d deep: look for an endless recursion", maxDepth)
	}
	t.enter(c, t.sheet.named[i.name], bind(t, c, i.params))
	t.depth--
}

type forEach struct {
	place
	choose *xpath.Expression
	sorts  []*sortKey
	body   []instruction
}

func (i *forEach) run(t *transformer, c *xpath.Context) {
	i.here(t)
	set := sorted(t, c, i.nodes(t, c, i.choose), i.sorts)
	inner := *c
	inner.Size = len(set)
	for n, node := range set {
		inner.Node, inner.Current, inner.Position = node, node, n+1
		t.sequence(&inner, i.body)
	}
}

type valueOf struct {
	place
	choose *xpath.Expression
	raw    bool
}

func (i *valueOf) run(t *transformer, c *xpath.Context) {
	i.here(t)
	t.text(i.choose.String(c), i.raw)
}

type text struct {
	place
	value string
	raw   bool
}

func (i *text) run(t *transformer, _ *xpath.Context) {
	i.here(t)
	t.text(i.value, i.raw)
}

type copyOf struct {
	place
	choose *xpath.Expression
}

func (i *copyOf) run(t *transformer, c *xpath.Context) {
	i.here(t)
	v := i.choose.Value(c)
	set, ok := v.(xpath.NodeSet)
	if !ok {
		t.text(xpath.String(v), false)
	}
	for _, n := range set {
		t.copyNode(n)
	}
}

type shallowCopy struct {
	place
	body []instruction
}

func (i *shallowCopy) run(t *transformer, c *xpath.Context) {
	i.here(t)
	switch n := c.Node; n.Kind {
	case xmldoc.Document:
		t.sequence(c, i.body)
	case xmldoc.Element:
		shut := t.open(n.Prefix, n.Local, n.Space)
		t.namespaces(n, nil)
		t.sequence(c, i.body)
		shut()
	default:
		t.copyNode(n)
	}
}

// literal is an element of the stylesheet that is not an instruction.
type literal struct {
	place
	element  *xmldoc.Node
	attrs    []literalAttr
	excluded map[string]bool
	body     []instruction
}

type literalAttr struct {
	node  *xmldoc.Node
	value *valueTemplate
}

func (i *literal) run(t *transformer, c *xpath.Context) {
	i.here(t)
	e := i.element
	shut := t.open(e.Prefix, e.Local, e.Space)
	t.namespaces(e, i.excluded)
	for _, a := range i.attrs {
		t.attribute(a.node.Prefix, a.node.Local, a.node.Space, a.value.eval(c))
	}
	t.sequence(c, i.body)
	shut()
}

// computed is xsl:element and xsl:attribute.
type computed struct {
	place
	kind      xmldoc.Kind
	name      *valueTemplate
	namespace *valueTemplate
	scope     *xmldoc.Node // for prefixes of the name
	body      []instruction
}

func (i *computed) run(t *transformer, c *xpath.Context) {
	i.here(t)
	prefix, local, ok := strings.Cut(i.name.eval(c), ":")
	if !ok {
		prefix, local = "", prefix
	}
	if !isName(local) || ok && !isName(prefix) || i.kind == xmldoc.Attribute && local == "xmlns" && prefix == "" {
		t.fail("the name of an element or attribute is not valid")
	}
	space := ""
	if i.namespace != nil {
		space = i.namespace.eval(c)
	} else if prefix != "" || i.kind == xmldoc.Element {
		if space, ok = i.scope.Namespace(prefix); !ok {
			t.fail("the prefix of a name is not declared in the stylesheet")
		}
	}
	if space == "" {
		prefix = ""
	}
	if i.kind == xmldoc.Attribute {
		value := t.fragment(c, i.body).Text()
		i.here(t)
		t.attribute(prefix, local, space, value)
		return
	}
	shut := t.open(prefix, local, space)
	t.sequence(c, i.body)
	shut()
}

func isName(s string) bool {
	for n, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80
		if !letter && (n == 0 || r != '-' && r != '.' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}

// remark is xsl:comment and xsl:processing-instruction.
type remark struct {
	place
	name *valueTemplate // nil: a comment
	body []instruction
}

func (i *remark) run(t *transformer, c *xpath.Context) {
	i.here(t)
	value := t.fragment(c, i.body).Text()
	n := &xmldoc.Node{Kind: xmldoc.Comment, Order: t.number()}
	if i.name != nil {
		n.Kind, n.Local = xmldoc.Instruction, i.name.eval(c)
		if !isName(n.Local) || strings.EqualFold(n.Local, "xml") {
			t.fail("the name of a processing instruction is not valid")
		}
		value = strings.ReplaceAll(value, "?>", "? >")
	} else {
		for strings.Contains(value, "--") {
			value = strings.ReplaceAll(value, "--", "- -")
		}
		if strings.HasSuffix(value, "-") {
			value += " "
		}
	}
	t.size(len(value) + len(n.Local) + 7)
	n.Value = value
	t.out.Append(n)
}

type when struct {
	test *xpath.Expression // nil: otherwise
	body []instruction
}

// choice is xsl:if and xsl:choose.
type choice struct {
	place
	whens []when
}

func (i *choice) run(t *transformer, c *xpath.Context) {
	for n := range i.whens {
		i.here(t)
		if w := &i.whens[n]; w.test == nil || w.test.Bool(c) {
			t.sequence(c, w.body)
			return
		}
	}
}

// message ends the transformation when it says so; its text goes nowhere.
type message struct {
	place
	terminate bool
}

func (i *message) run(t *transformer, _ *xpath.Context) {
	if i.terminate {
		i.here(t)
		t.fail("xsl:message ended the transformation")
	}
}

// number is xsl:number with a value.
type number struct {
	place
	value *xpath.Expression
}

func (i *number) run(t *transformer, c *xpath.Context) {
	i.here(t)
	t.text(strconv.FormatFloat(i.value.Number(c), 'f', 0, 64), false)
}

// sortKey is xsl:sort.
type sortKey struct {
	choose          *xpath.Expression // nil: the text of the node
	number, falling bool
}

func sorted(t *transformer, c *xpath.Context, set xpath.NodeSet, keys []*sortKey) xpath.NodeSet {
	if len(keys) == 0 || len(set) < 2 {
		return set
	}
	type entry struct {
		node    *xmldoc.Node
		texts   []string
		numbers []float64
	}
	list := make([]entry, len(set))
	inner := *c
	inner.Size = len(set)
	for n, node := range set {
		inner.Node, inner.Current, inner.Position = node, node, n+1
		e := entry{node, make([]string, len(keys)), make([]float64, len(keys))}
		for k, key := range keys {
			if e.texts[k] = node.Text(); key.choose != nil {
				e.texts[k] = key.choose.String(&inner)
			}
			e.numbers[k] = xpath.Number(e.texts[k])
		}
		list[n] = e
	}
	slices.SortStableFunc(list, func(a, b entry) int {
		t.step(1)
		for k, key := range keys {
			order := compareText(a.texts[k], b.texts[k])
			if key.number {
				order = compareNumber(a.numbers[k], b.numbers[k])
			}
			if key.falling {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
	out := make(xpath.NodeSet, len(list))
	for n := range list {
		out[n] = list[n].node
	}
	return out
}

// compareText orders without letter case first; small letters come before
// capitals.
func compareText(a, b string) int {
	if order := strings.Compare(strings.ToLower(a), strings.ToLower(b)); order != 0 {
		return order
	}
	return -strings.Compare(a, b)
}

// compareNumber puts what is no number first.
func compareNumber(a, b float64) int {
	switch {
	case a != a && b != b, a == b:
		return 0
	case a != a, a < b:
		return -1
	}
	return 1
}
