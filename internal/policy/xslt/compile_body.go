package xslt

import (
	"strings"

	"gatehouse/internal/policy/xmldoc"
	"gatehouse/internal/policy/xpath"
)

// sequence compiles instructions; variables end with it.
func (k *compiler) sequence(list []*xmldoc.Node) []instruction {
	outer := len(k.locals)
	var out []instruction
	for _, n := range list {
		if n.IsText() {
			out = append(out, &text{place: place(n.Offset), value: n.Value})
			continue
		}
		var i instruction
		if n.Space == Namespace {
			i = k.instruction(n)
		} else {
			i = k.literal(n)
		}
		if i != nil {
			out = append(out, i)
		}
		if v, ok := i.(*variable); ok {
			k.locals = append(k.locals, v.name)
		}
	}
	k.locals = k.locals[:outer]
	return out
}

func (k *compiler) body(e *xmldoc.Node) []instruction { return k.sequence(content(e)) }

func (k *compiler) empty(e *xmldoc.Node) {
	if len(content(e)) > 0 {
		k.errorf(e.Offset, "<%s> must be empty", e.Name())
	}
}

// instruction compiles an element of the XSLT namespace.
func (k *compiler) instruction(e *xmldoc.Node) instruction {
	at := place(e.Offset)
	switch e.Local {
	case "apply-templates":
		return k.applyTemplates(e)
	case "call-template":
		return k.callTemplate(e)
	case "for-each":
		return k.forEach(e)
	case "value-of":
		k.allowed(e, "select", "disable-output-escaping")
		k.empty(e)
		return &valueOf{at, k.requiredExpression(e, "select"), k.yes(e, "disable-output-escaping")}
	case "text":
		return k.text(e)
	case "copy-of":
		k.allowed(e, "select")
		k.empty(e)
		return &copyOf{at, k.requiredExpression(e, "select")}
	case "copy":
		k.allowed(e)
		return &shallowCopy{at, k.body(e)}
	case "element", "attribute":
		return k.computed(e)
	case "comment":
		k.allowed(e)
		return &remark{place: at, body: k.body(e)}
	case "processing-instruction":
		k.allowed(e, "name")
		k.required(e, "name")
		return &remark{at, k.avt(e, "name"), k.body(e)}
	case "if":
		k.allowed(e, "test")
		return &choice{at, []when{{k.requiredExpression(e, "test"), k.body(e)}}}
	case "choose":
		return k.choose(e)
	case "variable":
		return k.variable(e)
	case "message":
		k.allowed(e, "terminate")
		k.body(e)
		return &message{at, k.yes(e, "terminate")}
	case "number":
		k.allowed(e, "value")
		return &number{at, k.requiredExpression(e, "value")}
	case "fallback":
		return nil
	}
	k.misplaced(e)
	return nil
}

// misplaced explains an instruction that cannot stand in a template.
func (k *compiler) misplaced(e *xmldoc.Node) {
	switch e.Local {
	case "param":
		k.errorf(e.Offset, "<%s> stands first in a template or in the stylesheet", e.Name())
	case "sort":
		k.errorf(e.Offset, "<%s> stands first in apply-templates or for-each", e.Name())
	case "when", "otherwise":
		k.errorf(e.Offset, "<%s> stands in choose", e.Name())
	case "with-param":
		k.errorf(e.Offset, "<%s> stands in apply-templates or call-template", e.Name())
	default:
		k.errorf(e.Offset, "<%s> is not supported: this is a subset of XSLT 1.0", e.Name())
	}
}

func (k *compiler) applyTemplates(e *xmldoc.Node) instruction {
	k.allowed(e, "select", "mode")
	i := &applyTemplates{place: place(e.Offset), choose: k.expression(e, "select")}
	if v, ok := attr(e, "mode"); ok {
		i.mode = k.name(e, v)
	}
	for _, c := range content(e) {
		switch instructionName(c) {
		case "sort":
			i.sorts = append(i.sorts, k.sort(c))
		case "with-param":
			i.params = append(i.params, k.variable(c))
		default:
			k.errorf(c.Offset, "<%s> holds sort and with-param only", e.Name())
		}
	}
	return i
}

func (k *compiler) callTemplate(e *xmldoc.Node) instruction {
	k.allowed(e, "name")
	i := &callTemplate{place: place(e.Offset), name: k.name(e, k.required(e, "name"))}
	k.calls = append(k.calls, i)
	for _, c := range content(e) {
		if instructionName(c) == "with-param" {
			i.params = append(i.params, k.variable(c))
		} else {
			k.errorf(c.Offset, "<%s> holds with-param only", e.Name())
		}
	}
	return i
}

func (k *compiler) forEach(e *xmldoc.Node) instruction {
	k.allowed(e, "select")
	i := &forEach{place: place(e.Offset), choose: k.requiredExpression(e, "select")}
	list := content(e)
	for len(list) > 0 && instructionName(list[0]) == "sort" {
		i.sorts = append(i.sorts, k.sort(list[0]))
		list = list[1:]
	}
	i.body = k.sequence(list)
	return i
}

func (k *compiler) sort(e *xmldoc.Node) *sortKey {
	k.allowed(e, "select", "data-type", "order", "case-order", "lang")
	s := &sortKey{choose: k.expression(e, "select")}
	switch v, _ := attr(e, "data-type"); v {
	case "", "text":
	case "number":
		s.number = true
	default:
		k.errorf(k.where(e, "data-type"), "data-type: expected text or number")
	}
	switch v, _ := attr(e, "order"); v {
	case "", "ascending":
	case "descending":
		s.falling = true
	default:
		k.errorf(k.where(e, "order"), "order: expected ascending or descending")
	}
	return s
}

func (k *compiler) text(e *xmldoc.Node) instruction {
	k.allowed(e, "disable-output-escaping")
	for _, c := range e.Children {
		if c.Kind == xmldoc.Element {
			k.errorf(c.Offset, "<%s> holds text only", e.Name())
		}
	}
	return &text{place(e.Offset), e.Text(), k.yes(e, "disable-output-escaping")}
}

func (k *compiler) computed(e *xmldoc.Node) instruction {
	k.allowed(e, "name", "namespace")
	k.required(e, "name")
	i := &computed{place: place(e.Offset), kind: xmldoc.Element, name: k.avt(e, "name"), namespace: k.avt(e, "namespace"), scope: e}
	if e.Local == "attribute" {
		i.kind = xmldoc.Attribute
	}
	i.body = k.body(e)
	return i
}

func (k *compiler) choose(e *xmldoc.Node) instruction {
	k.allowed(e)
	i := &choice{place: place(e.Offset)}
	list := content(e)
	for n, c := range list {
		switch instructionName(c) {
		case "when":
			k.allowed(c, "test")
			i.whens = append(i.whens, when{k.requiredExpression(c, "test"), k.body(c)})
		case "otherwise":
			k.allowed(c)
			if n != len(list)-1 {
				k.errorf(c.Offset, "<%s> must be the last", c.Name())
			}
			i.whens = append(i.whens, when{nil, k.body(c)})
		default:
			k.errorf(c.Offset, "<%s> holds when and otherwise only", e.Name())
		}
	}
	if len(i.whens) == 0 || i.whens[0].test == nil && len(k.problems) == 0 {
		k.errorf(e.Offset, "<%s> needs a when", e.Name())
	}
	return i
}

func (k *compiler) literal(e *xmldoc.Node) instruction {
	i := &literal{place: place(e.Offset), element: e}
	if e.Attr(Namespace, "exclude-result-prefixes") != nil {
		k.exclude(e, "exclude-result-prefixes")
	}
	i.excluded = k.excluded
	for _, a := range e.Attrs {
		if _, declares := a.Declares(); declares {
			continue
		}
		if a.Space == Namespace {
			if a.Local != "exclude-result-prefixes" && a.Local != "version" {
				k.errorf(e.Offset, "the attribute %s is not supported", a.Name())
			}
			continue
		}
		if v := k.valueTemplate(e, a.Value, a.Name()); v != nil {
			i.attrs = append(i.attrs, literalAttr{a, v})
		}
	}
	i.body = k.body(e)
	return i
}

// valueTemplate is an attribute value template: text and {expressions}.
type valueTemplate struct{ parts []valuePart }

type valuePart struct {
	text string
	e    *xpath.Expression
}

func (v *valueTemplate) eval(c *xpath.Context) string {
	if len(v.parts) == 1 && v.parts[0].e == nil {
		return v.parts[0].text
	}
	var b strings.Builder
	for i := range v.parts {
		if p := &v.parts[i]; p.e != nil {
			b.WriteString(p.e.String(c))
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// avt compiles an attribute as a value template, nil when it is absent.
func (k *compiler) avt(e *xmldoc.Node, name string) *valueTemplate {
	v, ok := attr(e, name)
	if !ok {
		return nil
	}
	return k.valueTemplate(e, v, name)
}

func (k *compiler) valueTemplate(e *xmldoc.Node, value, name string) *valueTemplate {
	out := &valueTemplate{}
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			out.parts = append(out.parts, valuePart{text: literal.String()})
			literal.Reset()
		}
	}
	for i := 0; i < len(value); i++ {
		c := value[i]
		double := i+1 < len(value) && value[i+1] == c
		switch {
		case (c == '{' || c == '}') && double:
			literal.WriteByte(c)
			i++
		case c == '}':
			k.errorf(k.within(e, name, i), "%s: a } alone is written }}", name)
			return nil
		case c == '{':
			end := expressionEnd(value, i+1)
			if end < 0 {
				k.errorf(k.within(e, name, i), "%s: this { is never closed", name)
				return nil
			}
			x, problem := xpath.Compile(value[i+1:end], k.scope(e))
			if problem != nil {
				k.errorf(k.within(e, name, i+1+problem.Offset), "%s: %s", name, problem.Text)
				return nil
			}
			flush()
			out.parts = append(out.parts, valuePart{e: x})
			i = end
		default:
			literal.WriteByte(c)
		}
	}
	flush()
	if len(out.parts) == 0 {
		out.parts = []valuePart{{}}
	}
	return out
}

// expressionEnd finds the } behind an expression; texts in it may hold some.
func expressionEnd(value string, at int) int {
	quote := byte(0)
	for i := at; i < len(value); i++ {
		switch c := value[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '}':
			return i
		}
	}
	return -1
}
