package statement

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/graphql"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// runResolver runs the document resolver.xml as the resolver of Query.field.
// Lines of context: arguments and parent, both JSON. What it gives is in value,
// its failure in error.
func (g *goldenCase) runResolver() map[string]string {
	set, messages := policy.NewSet(g.namedValues(), nil)
	root, more := set.ParseResolver(apim.Document{File: "resolver.xml", Text: g.files["resolver.xml"]})
	messages = append(messages, more...)
	var pipeline *policy.Pipeline
	if root != nil {
		effective := &policy.Effective{Resolvers: []policy.FieldResolver{{Type: "Query", Field: "field", Root: root}}}
		pipeline, more = policy.Compile(effective, g.environment())
		messages = append(messages, more...)
	}
	for _, m := range messages {
		fmt.Fprintln(g.writer("messages"), m.String())
	}
	if pipeline != nil && g.settings["arguments"] != "" {
		g.resolve(pipeline)
	}
	got := map[string]string{}
	for part, b := range g.out {
		got[part] = b.String()
	}
	return got
}

func (g *goldenCase) resolve(p *policy.Pipeline) {
	g.files = maps.Clone(g.files) // what is added here is no input
	g.files["request"] = "POST /graphql HTTP/1.1\nHost: gateway.example\nContent-Type: application/json\nX-Caller: me\n"
	c := g.context()
	c.Pipeline = p
	arguments, err := expr.ParseJSON([]byte(g.settings["arguments"]))
	if err != nil {
		g.t.Fatal(err)
	}
	c.GraphQL = &expr.GraphQL{Arguments: arguments}
	if text := g.settings["parent"]; text != "" {
		if c.GraphQL.Parent, err = expr.ParseJSON([]byte(text)); err != nil {
			g.t.Fatal(err)
		}
	}
	body, _ := json.Marshal(map[string]json.RawMessage{"arguments": json.RawMessage(g.settings["arguments"])})
	c.Request.Body = expr.BytesBody(body)
	if err := p.Resolver("Query", "field").Run(c); err != nil {
		e := policy.AsError(err, "resolver")
		fmt.Fprintf(g.writer("error"), "source: %s\nreason: %s\nmessage: %s\nplace: %s %s %s\n", e.Source, e.Reason, e.Message, e.Scope, e.Section, e.Path)
		return
	}
	if c.Response != nil {
		data, err := c.Response.Body.Bytes(true)
		writeBody(g.writer("value"), data, err)
	}
	for _, s := range c.Exchange.Steps {
		info := p.Info.Steps[s.Index]
		fmt.Fprintf(g.writer("steps"), "%s %s %s\n", strings.Repeat(">", info.Parent+2), info.Section, info.Name)
	}
}

// schemaFile compiles the file schema of a case, nil without one.
func (g *goldenCase) schemaFile() *graphql.Schema {
	text, ok := g.files["schema"]
	if !ok {
		return nil
	}
	s, err := graphql.Load("schema", []byte(text))
	if err != nil {
		g.t.Fatal(err)
	}
	return s
}

// fakeDatabases writes down what a database is asked; the line rows of context
// is a list of what it answers.
type fakeDatabases struct{ g *goldenCase }

func (d fakeDatabases) Rows(_ *policy.Context, s *policy.DatabaseStatement) ([]json.RawMessage, error) {
	w := d.g.writer("asked")
	certificate := "no certificate"
	if s.Certificate != nil {
		certificate = "certificate " + s.Certificate.Key
	}
	fmt.Fprintf(w, "%s\n%s\nidentity %v %s, %s\n", s.Connection, s.Text, s.Identity, s.ClientID, certificate)
	for _, p := range s.Parameters {
		fmt.Fprintf(w, "%s %s = %#v\n", p.Name, p.Type, p.Value)
	}
	var rows []json.RawMessage
	if text := d.g.settings["rows"]; text != "" {
		if err := json.Unmarshal([]byte(text), &rows); err != nil {
			d.g.t.Fatal(err)
		}
		return rows, nil
	}
	return nil, &policy.Error{Source: s.Source, Reason: "DataSourceError", Message: "The database answered with error 208.", Status: 500}
}

// publishedEvents writes down what is published.
type publishedEvents struct{ g *goldenCase }

func (p publishedEvents) Publish(t policy.Topic, event []byte) {
	fmt.Fprintf(p.g.writer("published"), "%s;%s %s: %s\n", t.API, t.Revision, t.Field, event)
}
