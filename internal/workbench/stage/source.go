package stage

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/apim/apiops"
)

// Source says where the policies are: a service folder, or one document.
type Source struct {
	Folder, Overrides string          // APIOps folder and configuration file
	Policy            *apim.Document  // or one document
	Scope             string          // of Policy: global, product, api (the default) or operation
	Fragments         []apim.Document // of Policy; the file's name without folder and ending is the id
	NamedValues       []apim.NamedValue
	Backends          []*apim.Backend
	Subscription      *apim.Subscription // of Policy; nil: no key is needed
	Product           *apim.Product      // of Policy
	Operation         apim.Operation     // of Policy; method "*" and template "/*" when empty
	ServiceURL        string             // of Policy's API
}

// DefaultServiceURL is the backend of a single document.
const DefaultServiceURL = "https://backend.example"

// Load reads the source.
func (s Source) Load() (*apim.Service, error) {
	if s.Policy != nil {
		return s.single(), nil
	}
	service, err := apiops.Load(s.Folder, apiops.Options{Overrides: s.Overrides, LookupEnv: s.lookup})
	if err != nil {
		return nil, err
	}
	for i := range s.NamedValues {
		setNamedValue(service, &s.NamedValues[i])
	}
	for _, sub := range service.Subscriptions {
		if sub.PrimaryKey == "" && sub.SecondaryKey == "" {
			sub.PrimaryKey = "key-of-" + sub.ID
		}
	}
	return service, nil
}

// lookup gives named values that stand in for those which the folder has not.
func (s Source) lookup(name string) (string, bool) {
	for _, v := range s.NamedValues {
		if name == "GATEHOUSE_NAMED_VALUE_"+environmentName(v.Name) {
			return v.Value, true
		}
	}
	return os.LookupEnv(name)
}

func environmentName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
}

func setNamedValue(s *apim.Service, v *apim.NamedValue) {
	for _, old := range s.NamedValues {
		if old.Name == v.Name {
			old.Value, old.Secret = v.Value, old.Secret || v.Secret
			return
		}
	}
	s.NamedValues = append(s.NamedValues, v)
}

// single makes a service of one document: an API at the root with one
// operation.
func (s Source) single() *apim.Service {
	op := s.Operation
	op.ID, op.Name = cmp.Or(op.ID, "operation"), cmp.Or(op.Name, "operation")
	op.Method, op.URLTemplate = cmp.Or(op.Method, "*"), cmp.Or(op.URLTemplate, "/*")
	api := &apim.API{ID: "api", Name: "API", Revision: "1", IsCurrent: true, Type: apim.TypeHTTP, Protocols: []string{"http", "https"},
		ServiceURL: cmp.Or(s.ServiceURL, DefaultServiceURL), Operations: []*apim.Operation{&op}}
	out := &apim.Service{Name: "test", Region: "West Europe", APIs: []*apim.API{api}, Backends: s.Backends}
	for i := range s.NamedValues {
		out.NamedValues = append(out.NamedValues, &s.NamedValues[i])
	}
	for _, f := range s.Fragments {
		id := strings.TrimSuffix(filepath.Base(f.File), filepath.Ext(f.File))
		out.Fragments = append(out.Fragments, &apim.PolicyFragment{ID: id, Document: f})
	}
	if s.Subscription != nil {
		out.Subscriptions = append(out.Subscriptions, s.Subscription)
	}
	if p := s.product(); p != nil {
		p.APIs = append(p.APIs, api.ID)
		out.Products = append(out.Products, p)
	}
	switch s.Scope {
	case "global":
		out.Policy = s.Policy
	case "product":
		out.Products[0].Policy = s.Policy
	case "operation":
		op.Policy = s.Policy
	default:
		api.Policy = s.Policy
	}
	return out
}

// product is the one that is given, or one that the scope needs. It is open
// unless the subscription is for it.
func (s Source) product() *apim.Product {
	p := s.Product
	if p == nil && s.Scope == "product" {
		p = &apim.Product{ID: "product", Name: "Product"}
	}
	if p == nil {
		return nil
	}
	p.Published = true
	if s.Subscription != nil {
		p.SubscriptionRequired = true
		s.Subscription.Scope = "/products/" + p.ID
	}
	return p
}

// Key gives the key of a subscription of a service.
func Key(s *apim.Service, id string) (string, error) {
	var known []string
	for _, sub := range s.Subscriptions {
		if sub.ID == id {
			return cmp.Or(sub.PrimaryKey, sub.SecondaryKey), nil
		}
		known = append(known, sub.ID)
	}
	slices.Sort(known)
	return "", fmt.Errorf("there is no subscription %q; there are %s", id, strings.Join(known, ", "))
}

// KeyHeader is the header that carries subscription keys for a path.
func KeyHeader(s *apim.Service, path string) string {
	name, length := "", -1
	for _, a := range s.APIs {
		prefix := "/" + a.Path
		if (a.Path == "" || path == prefix || strings.HasPrefix(path, prefix+"/")) && len(a.Path) > length {
			name, length = a.SubscriptionKeyHeader, len(a.Path)
		}
	}
	return cmp.Or(name, "Ocp-Apim-Subscription-Key")
}
