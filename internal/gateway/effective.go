package gateway

import (
	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
)

// Effective is the policy of one (API, operation, product) after fragments and
// <base/> were put in, for tools that explain or check it.
type Effective struct {
	API       *apim.API          // nil: the policy of requests that match no API
	Operation *apim.Operation    // nil: of requests that match no operation
	Product   *apim.Product      // nil: without product context
	Documents []*policy.Document // that it is made of, the narrowest first
	Policy    *policy.Effective
}

func newEffective(a *apim.API, op *apim.Operation, p *compiledProduct, documents []*policy.Document, e *policy.Effective) Effective {
	out := Effective{API: a, Operation: op, Policy: e}
	if p != nil {
		out.Product = p.product
	}
	for _, d := range documents {
		if d != nil {
			out.Documents = append(out.Documents, d)
		}
	}
	return out
}

// Effectives compiles the policies of a service as Compile does, and gives all
// effective policies and all messages, warnings among them.
func (g *Gateway) Effectives(s *apim.Service) ([]Effective, policy.Messages) {
	k := g.compilation(s)
	var out []Effective
	k.visit = func(e Effective) { out = append(out, e) }
	k.documents()
	for _, a := range k.servedAPIs() {
		k.api(a)
	}
	k.variant(nil, nil, nil, nil)
	return out, k.messages
}
