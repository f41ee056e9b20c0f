package statement

import (
	"net/textproto"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/schema"
)

// fieldCheck is a declared parameter or header of validate-parameters and
// validate-headers, ready to be checked.
type fieldCheck struct {
	name, kind, word string // word: header, query parameter, path parameter
	required         bool
	style            string
	spread           bool              // an object whose properties stand for themselves
	check            *schema.Parameter // nil: any text
	unusable         bool              // a schema is declared that cannot be used
	definition       string
	action           actionValue
}

// compileField prepares a declared parameter. A schema that cannot be used is
// a warning here, and a finding when the parameter occurs.
func compileField(k *policy.Compiler, e *policy.Element, p *apim.Parameter, kind, word string, action actionValue) fieldCheck {
	f := fieldCheck{name: p.Name, kind: kind, word: word, required: p.Required, style: p.Style, action: action}
	if p.In == apim.InHeader {
		f.name = textproto.CanonicalMIMEHeaderKey(p.Name)
	}
	if p.Schema == nil || action.always(actionIgnore) {
		return f
	}
	s, err := sharedSchema(k, p.Schema, schema.Options{})
	if err != nil {
		k.Warnf(e.Pos, "the schema that is declared for the %s %s cannot be used: %v; <%s> reports each message that holds it", word, p.Name, err, e.Name)
		f.unusable = true
		return f
	}
	f.definition = s.Name
	f.check = schema.NewParameter(s, schema.Writing{Explode: p.Explode, Separator: separatorOf(p.Style), JSON: p.Style == apim.StyleJSON})
	f.spread = p.Explode && f.check.Spread()
	return f
}

func separatorOf(style string) string {
	switch style {
	case apim.StyleSpace:
		return " "
	case apim.StylePipe:
		return "|"
	case apim.StyleTab:
		return "\t"
	}
	return ","
}

// run checks the texts of the field; none means that it is absent.
func (f *fieldCheck) run(c *policy.Context, v *validation, all *findings, texts []string) error {
	if len(texts) == 0 && !f.required || f.spread {
		return nil
	}
	action, err := f.action.eval(c)
	if err != nil || action == actionIgnore {
		return err
	}
	side := "Request"
	if !v.request {
		side = "Response"
	}
	switch {
	case len(texts) == 0:
		f.report(c, v, all, action, "Required "+f.word+" is missing.")
	case f.unusable:
		v.add(c, all, finding{kind: "ApiSchema", details: "API's schema does not exist or it could not be resolved.", action: action})
	case f.check == nil:
	case len(texts) > 1 && f.check.Single():
		text := side + " cannot contain multiple values for the " + f.word + " " + f.name + "."
		v.add(c, all, finding{name: f.name, kind: f.kind, rule: "IncorrectMessage", details: text, public: text, action: action})
	default:
		f.reportAll(c, v, all, action, f.check.Check(texts))
	}
	return nil
}

func (f *fieldCheck) reportAll(c *policy.Context, v *validation, all *findings, action validationAction, problems []schema.Problem) {
	for i := range problems {
		f.report(c, v, all, action, problems[i].String())
	}
}

func (f *fieldCheck) report(c *policy.Context, v *validation, all *findings, action validationAction, problem string) {
	text := "alue of the " + f.word + " " + f.name + " does not conform to the definition. " + problem
	v.add(c, all, finding{name: f.name, kind: f.kind, rule: "IncorrectMessage", details: "V" + text, public: "The v" + text, action: action})
}

// unspecified reports a field that the API does not declare.
func unspecified(c *policy.Context, v *validation, all *findings, name, kind, word string, action actionValue) error {
	a, err := action.eval(c)
	if err != nil {
		return err
	}
	text := "Unspecified " + word + " " + clipName(name) + " is not allowed."
	v.add(c, all, finding{name: clipName(name), kind: kind, rule: "Unspecified", details: text, public: text, action: a})
	return nil
}

// clipName keeps what a client calls its parameters from filling the trace.
func clipName(name string) string {
	if len(name) > 100 {
		return strings.ToValidUTF8(name[:100], "") + "..."
	}
	return strings.ToValidUTF8(name, "")
}

// fieldOverrides reads the children that name single fields.
func fieldOverrides(k *policy.Compiler, e *policy.Element, child string, header bool) map[string]actionValue {
	out := map[string]actionValue{}
	for _, c := range e.Children {
		if c.Name != child {
			continue
		}
		checkAttributes(k, c, "name", "action")
		checkChildren(k, c)
		name := requiredLiteral(k, c, "name")
		if header {
			name = textproto.CanonicalMIMEHeaderKey(name)
		}
		if _, twice := out[name]; twice && name != "" {
			k.Errorf(c.Pos, "<%s> names %q twice", e.Name, name)
		}
		out[name] = requiredAction(k, c, "action")
	}
	return out
}

// transportHeader tells headers that belong to the connection, which no API
// declares. Content-Type is declared with the bodies of the message.
func transportHeader(name string, bodies bool) bool {
	switch name {
	case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Date":
		return true
	case "Content-Type":
		return bodies
	}
	return false
}
