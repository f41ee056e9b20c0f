package statement

import (
	"slices"

	"gatehouse/internal/graphql"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// publishEventStatement hands the value that a resolver gave, as it is at this
// point, to the clients that subscribed to fields of the schema.
type publishEventStatement struct{ fields []string }

func publishEvent() *policy.Definition {
	return &policy.Definition{Name: "publish-event", Sections: policy.Outbound, Scopes: policy.Resolver, Compile: compilePublishEvent}
}

func compilePublishEvent(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "targets")
	targets := only(k, e, "targets")
	if targets == nil {
		k.Errorf(e.Pos, "<publish-event> needs <targets>")
		return nil
	}
	checkAttributes(k, targets)
	checkChildren(k, targets, "graphql-subscription", "graphql-subscriptions")
	s := &publishEventStatement{}
	for _, c := range targets.Children {
		switch c.Name {
		case "graphql-subscriptions":
			k.Warnf(c.Pos, "the element is called <graphql-subscription>; this spelling is accepted here, but may be refused elsewhere")
		case "graphql-subscription":
		default:
			continue
		}
		checkAttributes(k, c, "id") // id is its name here
		checkChildren(k, c)
		if id := requiredLiteral(k, c, "id"); id != "" {
			s.add(k, c.Attr("id"), id)
		}
	}
	if len(targets.Children) == 0 {
		k.Errorf(targets.Pos, "<targets> needs at least one <graphql-subscription id=\"...\" />")
	}
	return s
}

func (s *publishEventStatement) add(k *policy.Compiler, a *policy.Attr, id string) {
	schema := k.Environment().Schema
	switch {
	case slices.Contains(s.fields, id):
		k.Errorf(a.Value.Pos, "the subscription %q is named twice", id)
	case schema != nil && !schema.HasField(schema.Root(graphql.Subscription), id):
		k.Errorf(a.Value.Pos, "the schema has no subscription %q; add it as a field of its subscription type", id)
	default:
		s.fields = append(s.fields, id)
	}
}

func (s *publishEventStatement) Run(c *policy.Context) error {
	if c.Response == nil || !c.Response.Body.Present() {
		return nil // a null event says nothing
	}
	data, err := c.Response.Body.Bytes(true)
	if err != nil {
		return err
	}
	var api expr.API
	if c.API != nil {
		api = *c.API
	}
	event := slices.Clone(data) // the body may be changed by what follows
	for _, field := range s.fields {
		c.Services.Events.Publish(policy.Topic{API: api.ID, Revision: api.Revision, Field: field}, event)
	}
	return nil
}
