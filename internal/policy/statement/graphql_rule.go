package statement

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse/internal/graphql"
	"gatehouse/internal/policy"
)

// graphQLRule is one <rule> of validate-graphql-request. Its path is "/" (every
// field), "/Type/field", "/Type/*", "/field" (of a root type), "/Type", or ends
// with "*": "/__*" is introspection. query, mutation and subscription stand for
// the root types.
type graphQLRule struct {
	typ, field string // typ "": any; field "": any
	prefix     bool   // field is the beginning of a name
	alone      bool   // one segment: a type or a field of a root type
	rank       int    // the higher the more specific
	action     policy.String
}

const ignoreRule graphql.Action = 255

var graphQLActions = map[string]graphql.Action{"allow": graphql.Allow, "remove": graphql.Remove, "reject": graphql.Reject, "deny": graphql.Reject, "ignore": ignoreRule}

func compileGraphQLRules(k *policy.Compiler, e *policy.Element, s *graphql.Schema) []graphQLRule {
	checkChildren(k, e, "rule")
	var rules []graphQLRule
	for _, c := range e.Children {
		if c.Name != "rule" {
			continue
		}
		checkChildren(k, c)
		checkAttributes(k, c, "path", "action")
		r, ok := parseGraphQLPath(requiredLiteral(k, c, "path"))
		a := c.Attr("path")
		switch {
		case a == nil || a.Value.Expression || a.Value.Text == "":
			continue
		case !ok:
			k.Errorf(a.Value.Pos, "path=%q: expected /, /Type/field, /field or /__*", a.Value.Text)
			continue
		}
		if s != nil {
			warnGraphQLPath(k, a, &r, s)
		}
		r.action = k.String(c, "action", "allow")
		if _, known := graphQLActions[r.action.Literal]; !known && !r.action.Dynamic() && !c.Attr("action").Value.Expression {
			k.Errorf(c.Attr("action").Value.Pos, "action=%q: expected one of allow, remove, reject, ignore", r.action.Literal)
		}
		rules = append(rules, r)
	}
	slices.SortStableFunc(rules, func(a, b graphQLRule) int { return cmp.Compare(b.rank, a.rank) })
	return rules
}

// parseGraphQLPath reads a path and ranks it.
func parseGraphQLPath(path string) (r graphQLRule, ok bool) {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok || rest == "" {
		return r, ok
	}
	first, second, two := strings.Cut(rest, "/")
	name := first
	if two {
		r.typ, name, r.rank = first, second, 8
	} else {
		r.alone, r.rank = true, 6
	}
	if r.field, r.prefix = strings.CutSuffix(name, "*"); r.prefix {
		r.alone, r.rank = false, 3
		if two {
			r.rank = 5
		}
	}
	return r, (isGraphQLName(r.field) || r.prefix && r.field == "") && (!two || isGraphQLName(r.typ))
}

func isGraphQLName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9' || i == 0) {
			return false
		}
	}
	return name != ""
}

// warnGraphQLPath warns of paths that the schema does not have.
func warnGraphQLPath(k *policy.Compiler, a *policy.Attr, r *graphQLRule, s *graphql.Schema) {
	typ := r.typ
	if root := s.Root(strings.ToLower(typ)); root != "" && typ != "" {
		typ = root
	}
	switch {
	case r.typ != "" && !s.HasType(typ):
		k.Warnf(a.Value.Pos, "path=%q: the schema has no type %s; the rule never applies", a.Value.Text, r.typ)
	case r.typ != "" && !r.prefix && !s.HasField(typ, r.field):
		k.Warnf(a.Value.Pos, "path=%q: the type %s has no field %s; the rule never applies", a.Value.Text, typ, r.field)
	case s.Abstract(typ) || r.alone && s.Abstract(r.field):
		k.Warnf(a.Value.Pos, "path=%q names an interface or union: the rule counts for its types here, but not in Azure", a.Value.Text)
	}
}

// graphQLDecision applies the rules to the fields of one request.
type graphQLDecision struct {
	rules   []graphQLRule
	context *policy.Context
	actions map[int]graphql.Action // of expressions, evaluated once
}

// decide takes the strictest of what the rules say about the types that the
// field may belong to: a field that is selected on an interface must not slip
// past a rule about an object, nor the other way round.
func (d *graphQLDecision) decide(asked graphql.Asked) (graphql.Action, error) {
	strictest := graphql.Allow
	for _, typ := range asked.Objects {
		action, err := d.of(typ, asked.Kind, asked.Field, false)
		if err != nil {
			return graphql.Reject, err
		}
		strictest = max(strictest, action)
	}
	for _, typ := range asked.Abstract {
		action, err := d.of(typ, "", asked.Field, true)
		if err != nil {
			return graphql.Reject, err
		}
		strictest = max(strictest, action)
	}
	return strictest, nil
}

// of finds the action of the most specific rule that does not ignore the field.
// Of interfaces and unions only rules that name them count.
func (d *graphQLDecision) of(typ, kind, field string, named bool) (graphql.Action, error) {
	for i := range d.rules {
		r := &d.rules[i]
		if !r.matches(typ, kind, field) || named && r.typ != typ && !(r.alone && r.field == typ) {
			continue
		}
		action, err := d.action(i)
		if err != nil || action != ignoreRule {
			return action, err
		}
	}
	return graphql.Allow, nil
}

func (d *graphQLDecision) action(i int) (graphql.Action, error) {
	if action, ok := d.actions[i]; ok {
		return action, nil
	}
	text, err := d.rules[i].action.Eval(d.context)
	if err != nil {
		return graphql.Reject, err
	}
	action, ok := graphQLActions[text]
	if !ok {
		return graphql.Reject, invalid(d.context, "validate-graphql-request", "The action of a rule is none of allow, remove, reject, ignore.")
	}
	if d.actions == nil {
		d.actions = map[int]graphql.Action{}
	}
	d.actions[i] = action
	return action, nil
}

func (r *graphQLRule) matches(typ, kind, field string) bool {
	if r.alone {
		return kind != "" && r.field == field || r.ofType(r.field, typ, kind)
	}
	if r.typ != "" && !r.ofType(r.typ, typ, kind) {
		return false
	}
	if r.prefix { // what introspection gives are fields of types that begin with "__"
		return strings.HasPrefix(field, r.field) || r.typ == "" && r.field == "__" && strings.HasPrefix(typ, "__")
	}
	return r.field == "" || r.field == field
}

func (*graphQLRule) ofType(name, typ, kind string) bool {
	return name == typ || kind != "" && strings.EqualFold(name, kind)
}
