package xslt

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/policy/xmldoc"
	"gatehouse/internal/policy/xpath"
)

// compiler makes a Stylesheet of a tree.
type compiler struct {
	source   string
	sheet    *Stylesheet
	problems []Problem
	excluded map[string]bool
	globals  []xpath.Name
	locals   []xpath.Name
	calls    []*callTemplate
	order    int
}

const maxProblems = 30

// Compile compiles a stylesheet.
func Compile(source string) (*Stylesheet, []Problem) {
	doc, err := xmldoc.Parse([]byte(source))
	var broken *xmldoc.Error
	if errors.As(err, &broken) {
		return nil, []Problem{{broken.Offset, broken.Text}}
	}
	k := &compiler{source: source, excluded: map[string]bool{Namespace: true}, sheet: &Stylesheet{
		rules: map[xpath.Name][]rule{}, named: map[xpath.Name]*template{}, Parameter: map[string]bool{}}}
	k.stylesheet(doc.Root())
	if len(k.problems) > 0 {
		return nil, k.problems
	}
	for _, list := range k.sheet.rules {
		slices.SortStableFunc(list, func(a, b rule) int {
			switch {
			case a.priority > b.priority:
				return -1
			case a.priority < b.priority:
				return 1
			}
			return b.template.order - a.template.order
		})
	}
	return k.sheet, nil
}

func (k *compiler) errorf(offset int, format string, args ...any) {
	if len(k.problems) < maxProblems {
		k.problems = append(k.problems, Problem{offset, fmt.Sprintf(format, args...)})
	}
}

// attr gives an attribute without a namespace.
func attr(e *xmldoc.Node, name string) (string, bool) {
	if a := e.Attr("", name); a != nil {
		return a.Value, true
	}
	return "", false
}

// where is the place of an attribute's value, of the tag when it is written
// with entities.
func (k *compiler) where(e *xmldoc.Node, name string) int {
	end := len(k.source)
	if i := strings.IndexByte(k.source[e.Offset:], '>'); i >= 0 {
		end = e.Offset + i
	}
	tag := k.source[e.Offset:end]
	for at := 0; ; {
		i := strings.Index(tag[at:], name)
		if i < 0 {
			return e.Offset
		}
		at += i + len(name)
		rest := strings.TrimLeft(tag[at:], " \t\r\n")
		if !strings.HasPrefix(rest, "=") || strings.IndexByte(" \t\r\n", tag[at-len(name)-1]) < 0 {
			continue
		}
		rest = strings.TrimLeft(rest[1:], " \t\r\n")
		value, _ := attr(e, name)
		if len(rest) > 0 && strings.HasPrefix(rest[1:], value) {
			return end - len(rest) + 1
		}
		return e.Offset
	}
}

// allowed reports attributes that an instruction does not have.
func (k *compiler) allowed(e *xmldoc.Node, names ...string) {
	for _, a := range e.Attrs {
		if _, declares := a.Declares(); declares || a.Space != "" {
			continue
		}
		if !slices.Contains(names, a.Local) {
			k.errorf(e.Offset, "<%s> takes no attribute %s here", e.Name(), a.Local)
		}
	}
}

func (k *compiler) required(e *xmldoc.Node, name string) string {
	v, ok := attr(e, name)
	if !ok {
		k.errorf(e.Offset, "<%s> needs the attribute %s", e.Name(), name)
	}
	return v
}

func (k *compiler) yes(e *xmldoc.Node, name string) bool {
	v, ok := attr(e, name)
	if ok && v != "yes" && v != "no" {
		k.errorf(k.where(e, name), "%s: expected yes or no", name)
	}
	return v == "yes"
}

// name expands a qualified name.
func (k *compiler) name(e *xmldoc.Node, text string) xpath.Name {
	prefix, local, ok := strings.Cut(text, ":")
	if !ok {
		prefix, local = "", text
	}
	if local != "*" && !isName(local) || ok && !isName(prefix) {
		k.errorf(e.Offset, "%q is no name", text)
		return xpath.Name{Local: text}
	}
	if !ok {
		return xpath.Name{Local: local}
	}
	uri, known := e.Namespace(prefix)
	if !known {
		k.errorf(e.Offset, "the prefix %s is not declared", prefix)
	}
	return xpath.Name{Space: uri, Local: local}
}

func (k *compiler) names(e *xmldoc.Node, attribute string) []xpath.Name {
	v, _ := attr(e, attribute)
	var out []xpath.Name
	for _, n := range strings.Fields(v) {
		out = append(out, k.name(e, n))
	}
	return out
}

func (k *compiler) scope(e *xmldoc.Node) xpath.Scope {
	return xpath.Scope{
		Namespace: func(prefix string) (string, bool) { return e.Namespace(prefix) },
		Variable: func(n xpath.Name) bool {
			return slices.Contains(k.locals, n) || slices.Contains(k.globals, n)
		},
	}
}

// expression compiles an attribute; nil when it is absent or wrong.
func (k *compiler) expression(e *xmldoc.Node, name string) *xpath.Expression {
	v, ok := attr(e, name)
	if !ok {
		return nil
	}
	out, problem := xpath.Compile(v, k.scope(e))
	if problem != nil {
		k.errorf(k.within(e, name, problem.Offset), "%s: %s", name, problem.Text)
	}
	return out
}

// within is the place of a byte of an attribute's value.
func (k *compiler) within(e *xmldoc.Node, name string, offset int) int {
	at := k.where(e, name)
	if at == e.Offset {
		return at
	}
	return at + offset
}

func (k *compiler) requiredExpression(e *xmldoc.Node, name string) *xpath.Expression {
	k.required(e, name)
	return k.expression(e, name)
}

// content gives the children that mean something: elements and text that is
// not only white space.
func content(e *xmldoc.Node) []*xmldoc.Node {
	var out []*xmldoc.Node
	for _, c := range e.Children {
		blank := c.IsText() && c.Kind == xmldoc.Text && strings.Trim(c.Value, " \t\r\n") == "" && !preserved(e)
		if c.Kind == xmldoc.Element || c.IsText() && !blank {
			out = append(out, c)
		}
	}
	return out
}

func instructionName(n *xmldoc.Node) string {
	if n.Kind == xmldoc.Element && n.Space == Namespace {
		return n.Local
	}
	return ""
}

func (k *compiler) stylesheet(root *xmldoc.Node) {
	if name := instructionName(root); name != "stylesheet" && name != "transform" {
		k.errorf(root.Offset, "expected <xsl:stylesheet> of the namespace %s, found <%s>", Namespace, root.Name())
		return
	}
	k.allowed(root, "version", "id", "exclude-result-prefixes", "extension-element-prefixes")
	if v := k.required(root, "version"); v != "" && v != "1.0" {
		k.errorf(k.where(root, "version"), "version %s is not supported: expected 1.0", v)
	}
	k.exclude(root, "exclude-result-prefixes")
	for _, c := range content(root) {
		switch instructionName(c) {
		case "variable", "param":
			k.globals = append(k.globals, k.name(c, k.required(c, "name")))
		}
	}
	for _, c := range content(root) {
		k.declaration(c)
	}
	for _, c := range k.calls {
		if k.sheet.named[c.name] == nil {
			k.errorf(int(c.place), "there is no template named %s", c.name.Local)
		}
	}
}

// exclude reads prefixes whose namespaces do not go to the result.
func (k *compiler) exclude(e *xmldoc.Node, name string) {
	v, _ := attr(e, name)
	if a := e.Attr(Namespace, name); a != nil {
		v = a.Value
	}
	for _, prefix := range strings.Fields(v) {
		if prefix == "#default" {
			prefix = ""
		}
		uri, ok := e.Namespace(prefix)
		if !ok {
			k.errorf(e.Offset, "the prefix %s is not declared", prefix)
		}
		k.excluded[uri] = true
	}
}

// declaration compiles a child of the stylesheet.
func (k *compiler) declaration(c *xmldoc.Node) {
	switch name := instructionName(c); name {
	case "template":
		k.template(c)
	case "variable", "param":
		v := k.variable(c)
		v.param = name == "param"
		if slices.ContainsFunc(k.sheet.globals, func(o *variable) bool { return o.name == v.name }) {
			k.errorf(c.Offset, "$%s is declared twice", v.name.Local)
		}
		k.sheet.globals = append(k.sheet.globals, v)
		if v.param {
			k.sheet.Parameter[v.name.Local] = true
		}
	case "output":
		k.output(c)
	case "strip-space":
		k.sheet.strip = append(k.sheet.strip, k.names(c, "elements")...)
	case "preserve-space":
		k.sheet.preserve = append(k.sheet.preserve, k.names(c, "elements")...)
	case "import", "include":
		k.errorf(c.Offset, "<%s> is not possible: a policy has no files to include", c.Name())
	case "":
		if c.IsText() {
			k.errorf(c.Offset, "there can be no text in <xsl:stylesheet>")
		} else if c.Space == "" {
			k.errorf(c.Offset, "<%s> stands in no template", c.Name())
		}
	default:
		k.errorf(c.Offset, "<%s> is not supported in <xsl:stylesheet>: expected template, variable, param, output, strip-space or preserve-space", c.Name())
	}
}

func (k *compiler) output(e *xmldoc.Node) {
	k.allowed(e, "method", "version", "encoding", "omit-xml-declaration", "standalone", "doctype-public", "doctype-system", "cdata-section-elements", "indent", "media-type")
	o := &k.sheet.output
	if m, ok := attr(e, "method"); ok {
		if o.method = m; m != "xml" && m != "html" && m != "text" {
			k.errorf(k.where(e, "method"), "method %s is not supported: expected xml, html or text", m)
		}
	}
	if enc, ok := attr(e, "encoding"); ok && !strings.EqualFold(enc, "utf-8") {
		k.errorf(k.where(e, "encoding"), "encoding %s is not supported: bodies are UTF-8", enc)
	}
	o.omit, o.indent = k.yes(e, "omit-xml-declaration"), k.yes(e, "indent")
	k.yes(e, "standalone")
	o.standalone, _ = attr(e, "standalone")
	o.public, _ = attr(e, "doctype-public")
	o.system, _ = attr(e, "doctype-system")
	if strings.ContainsAny(o.public+o.system, `"<>`) {
		k.errorf(e.Offset, "the document type holds a character that it cannot hold")
	}
	o.cdata = k.names(e, "cdata-section-elements")
}

func (k *compiler) template(e *xmldoc.Node) {
	k.allowed(e, "match", "name", "mode", "priority")
	k.order++
	tpl := &template{order: k.order}
	if v, ok := attr(e, "name"); ok {
		name := k.name(e, v)
		if k.sheet.named[name] != nil {
			k.errorf(k.where(e, "name"), "there are two templates named %s", v)
		}
		k.sheet.named[name] = tpl
	}
	k.match(e, tpl)
	k.locals = nil
	list := content(e)
	for len(list) > 0 && instructionName(list[0]) == "param" {
		v := k.variable(list[0])
		tpl.params = append(tpl.params, v)
		k.locals = append(k.locals, v.name)
		list = list[1:]
	}
	tpl.body = k.sequence(list)
}

func (k *compiler) match(e *xmldoc.Node, tpl *template) {
	text, ok := attr(e, "match")
	if !ok {
		if _, named := attr(e, "name"); !named {
			k.errorf(e.Offset, "<%s> needs match or name", e.Name())
		}
		return
	}
	scope := k.scope(e)
	scope.Variable = func(xpath.Name) bool { return false }
	p, problem := xpath.CompilePattern(text, scope)
	if problem != nil {
		k.errorf(k.within(e, "match", problem.Offset), "match: %s", problem.Text)
		return
	}
	mode := xpath.Name{}
	if v, ok := attr(e, "mode"); ok {
		mode = k.name(e, v)
	}
	for _, a := range p.Alternatives {
		r := rule{a, a.Priority, tpl}
		if v, ok := attr(e, "priority"); ok {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil || f != f {
				k.errorf(k.where(e, "priority"), "priority: expected a number")
			}
			r.priority = f
		}
		k.sheet.rules[mode] = append(k.sheet.rules[mode], r)
	}
}

// variable compiles a variable or parameter; its name is in scope behind it.
func (k *compiler) variable(e *xmldoc.Node) *variable {
	k.allowed(e, "name", "select")
	v := &variable{place: place(e.Offset), name: k.name(e, k.required(e, "name")), choose: k.expression(e, "select")}
	body := content(e)
	if _, ok := attr(e, "select"); ok && len(body) > 0 {
		k.errorf(e.Offset, "<%s> has both select and content", e.Name())
	}
	v.body = k.sequence(body)
	return v
}
