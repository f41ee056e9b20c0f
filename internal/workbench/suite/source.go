package suite

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/workbench/stage"
)

// source is where the policies of a case come from.
func (f *file) source(c *caseSpec) (stage.Source, error) {
	s := &f.spec
	out := stage.Source{Scope: s.Scope, ServiceURL: s.ServiceURL}
	for name, v := range s.NamedValues {
		out.NamedValues = append(out.NamedValues, apim.NamedValue{ID: name, Name: name, Value: v.Value, Secret: v.Secret})
	}
	slices.SortFunc(out.NamedValues, func(a, b apim.NamedValue) int { return strings.Compare(a.Name, b.Name) })
	if s.Service != "" {
		out.Folder, out.Overrides = f.beside(s.Service), f.beside(s.Overrides)
		return out, nil
	}
	var err error
	if out.Policy, err = f.document(s.Policy); err != nil {
		return out, err
	}
	for _, name := range s.Fragments {
		d, err := f.document(name)
		if err != nil {
			return out, err
		}
		out.Fragments = append(out.Fragments, *d)
	}
	for id, url := range s.Backends {
		out.Backends = append(out.Backends, &apim.Backend{ID: id, URL: url, Protocol: "http", TLS: apim.BackendTLS{ValidateChain: true, ValidateName: true}})
	}
	slices.SortFunc(out.Backends, func(a, b *apim.Backend) int { return strings.Compare(a.ID, b.ID) })
	out.Operation = apim.Operation{ID: s.Operation.ID, Name: s.Operation.ID, Method: s.Operation.Method, URLTemplate: s.Operation.Template}
	if sub := c.Subscription; sub.ID != "" {
		out.Subscription = &apim.Subscription{ID: sub.ID, Name: cmp.Or(sub.Name, sub.ID), Scope: "/apis", State: apim.SubscriptionActive,
			PrimaryKey: cmp.Or(sub.Key, "key-of-"+sub.ID), AllowTracing: true}
	}
	if p := c.Product; p.ID != "" {
		out.Product = &apim.Product{ID: p.ID, Name: cmp.Or(p.Name, p.ID)}
	}
	return out, nil
}

func (f *file) document(name string) (*apim.Document, error) {
	data, err := f.read(name)
	return &apim.Document{File: name, Text: string(data)}, err
}
