package statement

import (
	"encoding/json"
	"net/url"

	"gatehouse/internal/policy"
)

// invokeDaprBindingStatement triggers an output binding.
type invokeDaprBindingStatement struct {
	dapr
	name      policy.String
	operation string
	metadata  []messageProperty
	data      *bodyEdit // nil without <data>
}

func invokeDaprBinding() *policy.Definition { return bindingDefinition("invoke-dapr-binding") }

// invokeDarpBinding is how the policy toolkit writes it.
func invokeDarpBinding() *policy.Definition { return bindingDefinition("invoke-darp-binding") }

func bindingDefinition(name string) *policy.Definition {
	return &policy.Definition{Name: name, Sections: policy.Inbound | policy.Outbound | policy.OnError, Scopes: daprScopes,
		Attributes: append([]string{"name", "operation"}, daprAttributes...), Compile: compileInvokeDaprBinding}
}

func compileInvokeDaprBinding(k *policy.Compiler, e *policy.Element) policy.Statement {
	warnMisspelt(k, e)
	checkChildren(k, e, "metadata", "data")
	s := &invokeDaprBindingStatement{dapr: compileDapr(k, e), name: required(k, e, "name"), operation: k.Literal(e, "operation", "")}
	if c := only(k, e, "metadata"); c != nil {
		checkAttributes(k, c)
		checkChildren(k, c, "item")
		for _, item := range c.Children {
			if item.Name == "item" {
				checkAttributes(k, item, "key")
				checkChildren(k, item)
				s.metadata = append(s.metadata, messageProperty{required(k, item, "key"), k.StringValue(item.Text)})
			}
		}
	}
	if c := only(k, e, "data"); c != nil {
		checkAttributes(k, c)
		checkChildren(k, c)
		s.data = daprBody(k, e, c)
	}
	return s
}

func (s *invokeDaprBindingStatement) Run(c *policy.Context) error {
	name, err := s.name.Eval(c)
	if err != nil {
		return err
	}
	if name == "" || name == "." || name == ".." {
		return invalid(c, s.source, "name must be the name of a binding.")
	}
	body, err := s.body(c)
	if err != nil {
		return err
	}
	return s.send(c, "/v1.0/bindings/"+url.PathEscape(name), body)
}

// body is the request of the binding's API. Data that is JSON stays JSON, all
// else becomes a text.
func (s *invokeDaprBindingStatement) body(c *policy.Context) ([]byte, error) {
	var out struct {
		Data      json.RawMessage   `json:"data,omitempty"`
		Metadata  map[string]string `json:"metadata,omitempty"`
		Operation string            `json:"operation,omitempty"`
	}
	out.Operation = s.operation
	for i := range s.metadata {
		key, err := s.metadata[i].name.Eval(c)
		if err != nil {
			return nil, err
		}
		value, err := s.metadata[i].value.Eval(c)
		if err != nil {
			return nil, err
		}
		if out.Metadata == nil {
			out.Metadata = map[string]string{}
		}
		out.Metadata[key] = value
	}
	if s.data != nil {
		data, err := s.data.bytes(c)
		if err != nil {
			return nil, err
		}
		if out.Data = data; !json.Valid(data) {
			if out.Data, err = json.Marshal(string(data)); err != nil {
				return nil, err
			}
		}
	}
	return json.Marshal(out)
}
