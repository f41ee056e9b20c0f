// Package explain shows the policy that really runs for an operation: the
// documents of all scopes with <base/>, fragments and named values put in, and
// for each statement the file and line that it comes from.
//
// What comes in: a service folder and the names of an API, an operation and a
// product. What goes out: the effective policy as text or JSON. It must never
// run a policy or show the value of a secret named value.
package explain

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/apim/apiops"
	"gatehouse/internal/gateway"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/statement"
)

// Query names what to explain. Names are resource ids; letter case does not
// count.
type Query struct {
	API, Revision      string // Revision "": the current one
	Operation, Product string // "": without
	Resolver           string // "Type/field" of a GraphQL API; "": all
}

// Policy is an effective policy.
type Policy struct {
	API       string    `json:"api"`
	Operation string    `json:"operation,omitempty"`
	Product   string    `json:"product,omitempty"`
	Sections  []Section `json:"sections"`
	// Resolvers of a GraphQL API, which inherit from no other document. They run
	// between inbound and outbound, one for each field that has one.
	Resolvers []Section `json:"resolvers,omitempty"`
}

// Section is one section in the order of execution, or one resolver, named
// Type/field.
type Section struct {
	Name       string    `json:"name"`
	Statements []Element `json:"statements"`
}

// Element is a statement or a part of one.
type Element struct {
	Name       string      `json:"name"`
	Attributes []Attribute `json:"attributes,omitempty"`
	Text       string      `json:"text,omitempty"`
	Scope      string      `json:"scope"`
	File       string      `json:"file"`
	Line       int         `json:"line"`
	Column     int         `json:"column"`
	Fragment   string      `json:"fragment,omitempty"`
	Children   []Element   `json:"children,omitempty"`
}

// Attribute is a name with its text; expressions stand in @( ) or @{ }.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Explain finds an effective policy of a service.
func Explain(s *apim.Service, q Query) (*Policy, error) {
	o := gateway.DefaultOptions()
	o.Log, o.Definitions = slog.New(slog.DiscardHandler), statement.Table()
	effectives, messages := gateway.New(o).Effectives(s)
	if messages.Failed() {
		return nil, messages
	}
	var near []string
	for i := range effectives {
		e := &effectives[i]
		if e.API == nil || !strings.EqualFold(e.API.ID, q.API) || !revision(e.API, q.Revision) {
			continue
		}
		if matches(e, q) {
			return describe(e).only(q.Resolver)
		}
		near = append(near, name(e))
	}
	if near == nil {
		return nil, fmt.Errorf("there is no API %q; the service has %s", q.API, strings.Join(apis(s), ", "))
	}
	return nil, fmt.Errorf("the API %s has no such operation and product; it has %s", q.API, strings.Join(near, "; "))
}

func revision(a *apim.API, wanted string) bool {
	if wanted == "" {
		return a.IsCurrent
	}
	return a.Revision == wanted
}

func apis(s *apim.Service) []string {
	var out []string
	for _, a := range s.APIs {
		out = append(out, a.ID)
	}
	return out
}

func matches(e *gateway.Effective, q Query) bool {
	operation, product := "", ""
	if e.Operation != nil {
		operation = e.Operation.ID
	}
	if e.Product != nil {
		product = e.Product.ID
	}
	return strings.EqualFold(operation, q.Operation) && strings.EqualFold(product, q.Product)
}

func name(e *gateway.Effective) string {
	text := "(no operation)"
	if e.Operation != nil {
		text = e.Operation.ID
	}
	if e.Product != nil {
		text += " with product " + e.Product.ID
	}
	return text
}

func describe(e *gateway.Effective) *Policy {
	out := &Policy{API: e.API.ID}
	if e.Operation != nil {
		out.Operation = e.Operation.ID
	}
	if e.Product != nil {
		out.Product = e.Product.ID
	}
	for _, s := range []struct {
		section policy.Section
		list    []*policy.Element
	}{{policy.Inbound, e.Policy.Inbound}, {policy.Backend, e.Policy.Backend}, {policy.Outbound, e.Policy.Outbound}, {policy.OnError, e.Policy.OnError}} {
		out.Sections = append(out.Sections, Section{s.section.String(), elements(s.list)})
	}
	for _, r := range e.Policy.Resolvers {
		if r.Root != nil {
			out.Resolvers = append(out.Resolvers, Section{r.Type + "/" + r.Field, elements([]*policy.Element{r.Root})})
		}
	}
	return out
}

// only leaves the wanted resolver; "" leaves all.
func (p *Policy) only(resolver string) (*Policy, error) {
	if resolver == "" {
		return p, nil
	}
	wanted := strings.NewReplacer(".", "/", "-", "/").Replace(resolver)
	var names []string
	for _, r := range p.Resolvers {
		if strings.EqualFold(r.Name, wanted) {
			p.Sections, p.Resolvers = []Section{}, []Section{r}
			return p, nil
		}
		names = append(names, r.Name)
	}
	if names == nil {
		return nil, fmt.Errorf("the API %s has no resolvers", p.API)
	}
	return nil, fmt.Errorf("the API %s has no resolver %q; it has %s", p.API, resolver, strings.Join(names, ", "))
}

func elements(list []*policy.Element) []Element {
	out := make([]Element, 0, len(list))
	for _, e := range list {
		one := Element{Name: e.Name, Text: text(e.Text), Scope: e.Scope.String(), File: e.Pos.File, Line: e.Pos.Line, Column: e.Pos.Column,
			Fragment: e.Fragment, Children: elements(e.Children)}
		for _, a := range e.Attrs {
			one.Attributes = append(one.Attributes, Attribute{a.Name, text(a.Value)})
		}
		out = append(out, one)
	}
	return out
}

// text is a value as it is written, or stars when a secret is part of it.
func text(v policy.Value) string {
	switch {
	case v.Secret:
		return "***"
	case v.Block:
		return "@{" + v.Text + "}"
	case v.Expression:
		return "@(" + v.Text + ")"
	}
	return v.Text
}

// Command runs "gatehouse policy explain".
func Command(args []string, out io.Writer) error {
	set := flag.NewFlagSet("policy explain", flag.ContinueOnError)
	set.SetOutput(out)
	set.Usage = func() {
		fmt.Fprint(out, "gatehouse policy explain --service DIR --api A [--operation O] [--product P] [--resolver Type/field]\n\nShows the policy that runs, after <base/>, fragments and named values were put in; of a GraphQL API the policies of its resolvers, too.\n\n")
		set.PrintDefaults()
	}
	var q Query
	service := set.String("service", "", "service folder")
	overrides := set.String("overrides", "", "APIOps configuration file laid over the folder")
	set.StringVar(&q.API, "api", "", "id of the API")
	set.StringVar(&q.Revision, "revision", "", "revision of the API; the current one when empty")
	set.StringVar(&q.Operation, "operation", "", "id of the operation; empty: requests that match none")
	set.StringVar(&q.Product, "product", "", "id of the product whose key the caller has; empty: none")
	set.StringVar(&q.Resolver, "resolver", "", "field of a GraphQL API, as Type/field, to see its policy alone")
	asJSON := set.Bool("json", false, "as JSON")
	if err := set.Parse(args); err != nil {
		return err
	}
	if *service == "" || q.API == "" {
		return errors.New("policy explain: name a service folder and an API (--service DIR --api A)")
	}
	s, err := apiops.Load(*service, apiops.Options{Overrides: *overrides})
	if err != nil {
		return err
	}
	p, err := Explain(s, q)
	if err != nil {
		return err
	}
	if *asJSON {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(p)
	}
	_, err = io.WriteString(out, p.Text())
	return err
}
