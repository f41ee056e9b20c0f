package statement

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/schema"
	"gatehouse/internal/policy/xsd"
)

// contentRule is one <content>.
type contentRule struct {
	media  string // "" is every content type that the API declares
	action actionValue
	named  bool            // it names its schema
	own    *contentCheck   // with the schema it names
	checks []*contentCheck // for what the API declares, in its order
}

// contentCheck checks a body by one engine.
type contentCheck struct {
	engine   string
	schema   *schema.Schema // of the engine json
	xml      *xsd.Schema    // of the others; nil: well-formed is enough
	unusable bool
}

// declaredContent is a content type that the operation declares.
type declaredContent struct {
	status int // of a response
	media  string
	schema json.RawMessage
}

func declaredContents(env *policy.Environment, request bool) []declaredContent {
	op := env.Operation
	if op == nil {
		return nil
	}
	var out []declaredContent
	if request {
		for _, r := range op.Requests {
			out = append(out, declaredContent{media: baseType(r.ContentType), schema: r.Schema})
		}
		return out
	}
	for _, response := range op.Responses {
		for _, r := range response.Representations {
			out = append(out, declaredContent{status: response.StatusCode, media: baseType(r.ContentType), schema: r.Schema})
		}
	}
	return out
}

// covers tells whether a message is of this declaration; descriptions may
// declare ranges such as application/*.
func (d *declaredContent) covers(status int, media string) bool {
	if d.status != status {
		return false
	}
	if prefix, ok := strings.CutSuffix(d.media, "*"); ok {
		return d.media == "*/*" || strings.HasSuffix(prefix, "/") && strings.HasPrefix(media, prefix)
	}
	return d.media == media
}

func compileContentRule(k *policy.Compiler, e *policy.Element, declared []declaredContent) contentRule {
	checkAttributes(k, e, "type", "validate-as", "schema-id", "schema-ref", "action", "allow-additional-properties", "case-insensitive-property-names")
	checkChildren(k, e)
	k.Required(e, "validate-as")
	engine := k.OneOf(e, "validate-as", "json", "json", "xml", "soap")
	r := contentRule{media: baseType(k.Literal(e, "type", "")), action: requiredAction(k, e, "action"), named: e.Attr("schema-id") != nil}
	if engine == "soap" && r.media != "" && r.media != "text/xml" && r.media != "application/soap+xml" {
		k.Errorf(e.Attr("type").Value.Pos, "type=%q: SOAP has the types application/soap+xml (1.2) and text/xml (1.1)", literal(e.Attr("type").Value))
	}
	o := contentOptions(k, e, engine)
	if r.named {
		r.own = namedCheck(k, e, engine, o)
		return r
	}
	if a := e.Attr("schema-ref"); a != nil {
		k.Errorf(a.Pos, "schema-ref is a place in the schema that schema-id names; there is no schema-id")
	}
	for i := range declared {
		r.checks = append(r.checks, declaredCheck(k, e, &r, &declared[i], engine, o))
	}
	return r
}

// contentOptions reads what only JSON schemas know.
func contentOptions(k *policy.Compiler, e *policy.Element, engine string) schema.Options {
	o := schema.Options{FoldNames: literalBool(k, e, "case-insensitive-property-names", false)}
	if e.Attr("allow-additional-properties") != nil {
		o.Additional = schema.Forbidden
		if literalBool(k, e, "allow-additional-properties", false) {
			o.Additional = schema.Allowed
		}
	}
	for _, name := range []string{"allow-additional-properties", "case-insensitive-property-names", "schema-ref"} {
		if a := e.Attr(name); a != nil && engine != "json" {
			k.Errorf(a.Pos, "%s has no effect on %s: it is for validate-as=\"json\"", name, engine)
		}
	}
	return o
}

// namedCheck finds the schema that a rule names.
func namedCheck(k *policy.Compiler, e *policy.Element, engine string, o schema.Options) *contentCheck {
	check := &contentCheck{engine: engine}
	id, at := requiredLiteral(k, e, "schema-id"), e.Attr("schema-id")
	s := findSchema(k.Environment(), id)
	switch {
	case id == "":
	case s == nil && k.Environment().Service == nil:
		k.Warnf(at.Value.Pos, "schema-id=%q: no service is given, so there is no such schema to check against", literal(at.Value))
		check.unusable = true
	case s == nil:
		report(k, &at.Value, at.Value.Pos, "schema-id=%q: neither the service nor the API has a schema of that name; put one into schemas/%s/schemaInformation.json", literal(at.Value), literal(at.Value))
		check.unusable = true
	case engine != "json":
		var err error
		if check.xml, err = sharedXML(k, s.Document); err != nil {
			k.Warnf(at.Value.Pos, "schema-id=%q cannot be used: %v; bodies are checked to be well-formed %s, but not against it", literal(at.Value), err, strings.ToUpper(engine))
		}
	case !strings.Contains(s.ContentType, "json"):
		k.Errorf(at.Value.Pos, "schema-id=%q is no JSON schema, but one of the type %s", literal(at.Value), s.ContentType)
	default:
		o.Ref = k.Literal(e, "schema-ref", "")
		var err error
		if check.schema, err = sharedSchema(k, s.Document, o); err != nil {
			k.Errorf(at.Value.Pos, "schema-id=%q cannot be used: %v", literal(at.Value), err)
		}
	}
	return check
}

// sharedXML compiles an XML schema once for all pipelines of a service. What it
// includes are other schemas of the service.
func sharedXML(k *policy.Compiler, document []byte) (*xsd.Schema, error) {
	type key string
	type result struct {
		schema *xsd.Schema
		err    error
	}
	env := k.Environment()
	if r, ok := env.Shared[key(document)].(result); ok {
		return r.schema, r.err
	}
	s, err := xsd.Compile(document, func(location string) ([]byte, bool) {
		id, named := strings.CutPrefix(location, "/schemas/")
		if other := findSchema(env, id); named && other != nil {
			return other.Document, true
		}
		return nil, false
	})
	if env.Shared != nil {
		env.Shared[key(document)] = result{s, err}
	}
	return s, err
}

// describedXML gives the schemas within the WSDL of a SOAP API, nil when they say
// nothing of the operation's messages, as with those in RPC style.
func describedXML(k *policy.Compiler, e *policy.Element) *xsd.Schema {
	env := k.Environment()
	if env.API == nil || env.Operation == nil {
		return nil
	}
	i := slices.IndexFunc(env.API.Schemas, func(s *apim.Schema) bool { return s.ContentType == apim.SchemaWSDL })
	space, local, qualified := strings.Cut(strings.TrimPrefix(env.Operation.SOAPElement, "{"), "}")
	if i < 0 || !qualified {
		return nil
	}
	s, err := sharedXML(k, env.API.Schemas[i].Document)
	if err != nil && !errors.Is(err, xsd.ErrNoElement) {
		k.Warnf(e.Pos, "the schemas in the WSDL of the API cannot be used: %v; messages are checked to be SOAP, but not against them", err)
	}
	if s == nil || !s.Declares(space, local) {
		return nil
	}
	return s
}

func findSchema(env *policy.Environment, id string) *apim.Schema {
	var lists [][]*apim.Schema
	if env.Service != nil {
		lists = append(lists, env.Service.Schemas)
	}
	if env.API != nil {
		lists = append(lists, env.API.Schemas)
	}
	for _, list := range lists {
		for _, s := range list {
			if strings.EqualFold(s.ID, id) {
				return s
			}
		}
	}
	return nil
}

// declaredCheck makes the check of a rule for one declared content type, nil
// when the rule is for another.
func declaredCheck(k *policy.Compiler, e *policy.Element, r *contentRule, d *declaredContent, engine string, o schema.Options) *contentCheck {
	if r.media != "" && !(&declaredContent{media: d.media}).covers(0, r.media) {
		return nil
	}
	check := &contentCheck{engine: engine}
	if r.action.always(actionIgnore) {
		return check
	}
	if engine != "json" {
		if engine == "soap" {
			check.xml = describedXML(k, e)
		}
		return check
	}
	document := []byte(d.schema)
	if document == nil {
		document = []byte("true") // declared without a schema: any JSON
	}
	var err error
	if check.schema, err = sharedSchema(k, document, o); err != nil {
		k.Warnf(e.Pos, "the schema that is declared for the content type %s cannot be used: %v; <content> reports each message of that type", d.media, err)
		check.unusable = true
	}
	return check
}

// checkOf finds the check for a message, nil when there is nothing to check it
// against.
func (r *contentRule) checkOf(declared []declaredContent, status int, media string) *contentCheck {
	if r.named {
		return r.own
	}
	for i := range declared {
		if declared[i].covers(status, media) {
			return r.checks[i]
		}
	}
	return nil
}

func (k *contentCheck) definition() string {
	if k.schema == nil {
		return ""
	}
	return k.schema.Name
}

func (k *contentCheck) run(data []byte) []schema.Problem {
	var problems []schema.Problem
	var found []xsd.Problem
	switch k.engine {
	case "xml":
		if problems = schema.ValidateXML(data); problems == nil && k.xml != nil {
			found = k.xml.Validate(data)
		}
	case "soap":
		if problems = schema.ValidateSOAP(data); problems == nil && k.xml != nil {
			found = k.xml.ValidateSOAP(data)
		}
	default:
		return k.schema.Validate(data)
	}
	for _, p := range found {
		problems = append(problems, schema.Problem{Text: p.Text, Line: p.Line, Position: p.Position})
	}
	return problems
}
