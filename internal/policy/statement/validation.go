package statement

import (
	"errors"
	"slices"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/schema"
	"gatehouse/internal/telemetry"
)

// validation is what the policies that check messages against the API share.
type validation struct {
	policy   string // the element
	variable string // where the findings go, "" is nowhere
	request  bool   // checks the request; else the response
}

// finding is one error of a message. details are for traces and the variable,
// public for the client.
type finding struct {
	name, kind, rule, details, public string
	action                            validationAction
}

// findings of one execution.
type findings []finding

// maxFindings of one execution; the first that forbids the message is kept
// whatever their number.
const maxFindings = 100

func (all findings) prevents() bool {
	return slices.ContainsFunc(all, func(f finding) bool { return f.action == actionPrevent })
}

// internalError is what a client learns of a fault that is not its own.
const internalError = "The request could not be processed due to an internal error. Contact the API owner."

func compileValidation(k *policy.Compiler, e *policy.Element, variable string) validation {
	return validation{policy: e.Name, variable: k.Literal(e, variable, ""), request: k.Section() == policy.Inbound}
}

// add keeps a finding unless it is to be ignored, and puts it into the trace.
func (v *validation) add(c *policy.Context, all *findings, f finding) {
	if f.action == actionIgnore {
		return
	}
	if len(*all) >= maxFindings && (f.action != actionPrevent || all.prevents()) {
		return
	}
	if f.public == "" || !v.request {
		f.public = internalError
	}
	*all = append(*all, f)
	severity := telemetry.SeverityWarning
	if f.action == actionPrevent {
		severity = telemetry.SeverityError
	}
	c.Event(severity, v.policy, f.details, []telemetry.Attribute{{Key: "name", Value: f.name}, {Key: "type", Value: f.kind},
		{Key: "validationRule", Value: f.rule}, {Key: "action", Value: f.action.String()}})
}

// finish stores the findings and fails when one of them forbids the message.
func (v *validation) finish(c *policy.Context, all findings) error {
	if v.variable != "" {
		c.Variables.Set(v.variable, all.json())
	}
	for i := range all {
		if all[i].action == actionPrevent {
			return v.refuse(c, &all[i])
		}
	}
	return nil
}

// refuse answers 400 for a request and 502 for a response, as Azure does.
func (v *validation) refuse(c *policy.Context, f *finding) error {
	reason, status := "Bad request", 400
	if !v.request {
		reason, status = "Response not allowed", 502
	}
	e := c.Fail(v.policy, reason, f.details, status)
	e.Body = f.public
	return e
}

// json is the list that expressions read: objects with the documented fields.
func (all findings) json() *expr.JToken {
	list := make([]*expr.JToken, len(all))
	for i, f := range all {
		o := expr.NewJObject()
		o.Set("Name", f.name)
		o.Set("Type", f.kind)
		o.Set("ValidationRule", f.rule)
		o.Set("Details", f.details)
		o.Set("Action", f.action.String())
		list[i] = o
	}
	return expr.NewJArray(list...)
}

// validationAction is what happens on a finding.
type validationAction uint8

const (
	actionIgnore validationAction = iota
	actionDetect
	actionPrevent
)

// String is the action as policies write it.
func (a validationAction) String() string { return [...]string{"ignore", "detect", "prevent"}[a] }

func parseAction(text string) (validationAction, bool) {
	switch strings.TrimSpace(text) {
	case "ignore":
		return actionIgnore, true
	case "detect":
		return actionDetect, true
	case "prevent":
		return actionPrevent, true
	}
	return actionPrevent, false
}

// actionValue is an action known at compile time, or an expression.
type actionValue struct {
	element string
	fixed   validationAction
	text    policy.String
	broken  bool // a placeholder that nobody replaced
}

// compileAction compiles an attribute that holds an action.
func compileAction(k *policy.Compiler, e *policy.Element, name string, fallback actionValue) actionValue {
	a := e.Attr(name)
	if a == nil {
		return fallback
	}
	v := actionValue{element: e.Name, text: k.StringValue(a.Value)}
	if v.text.Dynamic() {
		return v
	}
	var ok bool
	if v.fixed, ok = parseAction(a.Value.Text); !ok {
		v.broken = true
		report(k, &a.Value, a.Value.Pos, "%s=%q: expected one of ignore, prevent, detect", name, literal(a.Value))
	}
	return v
}

// requiredAction compiles an action that must be there.
func requiredAction(k *policy.Compiler, e *policy.Element, name string) actionValue {
	k.Required(e, name)
	return compileAction(k, e, name, actionValue{fixed: actionPrevent})
}

// literal is a text for a message, unless it is secret.
func literal(v policy.Value) string {
	if v.Secret {
		return "(secret)"
	}
	return v.Text
}

// always tells whether the action is known to be this one.
func (v *actionValue) always(a validationAction) bool {
	return !v.text.Dynamic() && !v.broken && v.fixed == a
}

func (v *actionValue) eval(c *policy.Context) (validationAction, error) {
	if !v.text.Dynamic() && !v.broken {
		return v.fixed, nil
	}
	text, err := v.text.Eval(c)
	if err != nil {
		return actionPrevent, err
	}
	a, ok := parseAction(text)
	if !ok {
		return a, invalid(c, v.element, "An action must be ignore, prevent or detect.")
	}
	return a, nil
}

// schemaKey finds compiled schemas that other pipelines of the service use too.
type schemaKey struct {
	document string
	options  schema.Options
}

// sharedSchema compiles a schema once for all pipelines of a service.
func sharedSchema(k *policy.Compiler, document []byte, o schema.Options) (*schema.Schema, error) {
	type result struct {
		schema *schema.Schema
		err    error
	}
	key := schemaKey{string(document), o}
	shared := k.Environment().Shared
	if r, ok := shared[key].(result); ok {
		return r.schema, r.err
	}
	if string(document) == apim.UnusableSchema {
		return nil, errors.New("the description of the API holds none that is usable; its warnings say why")
	}
	s, err := schema.Compile(document, o)
	if shared != nil {
		shared[key] = result{s, err}
	}
	return s, err
}
