package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"gatehouse/internal/apim"
)

// inputSchema is the schema of a tool's arguments: an object of its parameters
// and its body. Definitions of all of them are gathered at its root, where their
// references look for them.
type inputSchema struct {
	Type       string                     `json:"type"`
	Properties map[string]json.RawMessage `json:"properties"`
	Required   []string                   `json:"required,omitempty"`
	Defs       map[string]json.RawMessage `json:"$defs,omitempty"`
}

// add puts a declared schema under a name.
func (s *inputSchema) add(name, note string, required bool, schema json.RawMessage) error {
	value := any(map[string]any{})
	if len(schema) > 0 && string(schema) != apim.UnusableSchema {
		if err := decode(schema, &value); err != nil {
			return fmt.Errorf("the schema of %s: %w", name, err)
		}
	}
	if m, ok := value.(map[string]any); ok {
		if err := s.hoist(name, m); err != nil {
			return err
		}
		if _, described := m["description"]; note != "" && !described {
			m["description"] = note
		}
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("the schema of %s: %w", name, err)
	}
	s.Properties[name] = data
	if required {
		s.Required = append(s.Required, name)
	}
	return nil
}

// hoist moves the definitions of a schema to the root. One whose name is taken
// by another gets a new one.
func (s *inputSchema) hoist(property string, schema map[string]any) error {
	defs, _ := schema["$defs"].(map[string]any)
	delete(schema, "$defs")
	renamed := map[string]string{"#": "#/properties/" + escapePointer(property)}
	for name, def := range defs {
		data, err := json.Marshal(def)
		if err != nil {
			return fmt.Errorf("the schema of %s: %w", property, err)
		}
		to := name
		for n := 2; s.Defs[to] != nil && !bytes.Equal(s.Defs[to], data); n++ {
			to = fmt.Sprint(name, "_", n)
		}
		if to != name {
			renamed["#/$defs/"+escapePointer(name)] = "#/$defs/" + escapePointer(to)
		}
		if s.Defs == nil {
			s.Defs = map[string]json.RawMessage{}
		}
		s.Defs[to] = data
		defs[name] = to
	}
	redirect(schema, renamed)
	if len(renamed) == 1 {
		return nil
	}
	for _, to := range defs { // definitions refer to each other
		var def any
		if err := decode(s.Defs[to.(string)], &def); err != nil {
			return err
		}
		redirect(def, renamed)
		data, err := json.Marshal(def)
		if err != nil {
			return err
		}
		s.Defs[to.(string)] = data
	}
	return nil
}

// redirect changes where references point.
func redirect(value any, renamed map[string]string) {
	switch v := value.(type) {
	case map[string]any:
		if to, ok := renamed[fmt.Sprint(v["$ref"])]; ok {
			v["$ref"] = to
		}
		for _, item := range v {
			redirect(item, renamed)
		}
	case []any:
		for _, item := range v {
			redirect(item, renamed)
		}
	}
}

func escapePointer(s string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(s) }
