package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// jsonText is a document of the test file as JSON. A text holds the JSON itself.
func jsonText(n *yaml.Node) ([]byte, error) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && json.Valid([]byte(n.Value)) {
		return []byte(n.Value), nil
	}
	v, err := anything(n)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func parseJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the JSON document")
	}
	return v, nil
}

// normal is a value of YAML as JSON would give it.
func normal(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = normal(v[key])
		}
	}
	return v
}

// compareJSON compares by value: order of keys and notation of numbers do not
// count.
func compareJSON(path string, want *yaml.Node, got []byte) []Diff {
	data, err := jsonText(want)
	if err != nil {
		return []Diff{{path, "a JSON document", err.Error()}}
	}
	w, err := parseJSON(data)
	if err != nil {
		return []Diff{{path, "a JSON document", err.Error()}}
	}
	g, err := parseJSON(got)
	if err != nil {
		return []Diff{{path, string(data), "no JSON: " + string(got)}}
	}
	return compareValue(path, w, g)
}

func compareValue(path string, want, got any) []Diff {
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			return compareObjects(path, w, g)
		}
	case []any:
		if g, ok := got.([]any); ok && len(w) == len(g) {
			var out []Diff
			for i := range w {
				out = append(out, compareValue(fmt.Sprintf("%s[%d]", path, i), w[i], g[i])...)
			}
			return out
		}
	case string:
		if g, ok := got.(string); ok && matches(w, g) || w == wildcard {
			return nil
		}
	default:
		if want == got {
			return nil
		}
	}
	return []Diff{{path, compact(want), compact(got)}}
}

func compareObjects(path string, want, got map[string]any) []Diff {
	var out []Diff
	for _, key := range sortedKeys(want) {
		if g, ok := got[key]; ok {
			out = append(out, compareValue(path+"."+key, want[key], g)...)
		} else {
			out = append(out, Diff{path + "." + key, compact(want[key]), "(absent)"})
		}
	}
	for _, key := range sortedKeys(got) {
		if _, ok := want[key]; !ok {
			out = append(out, Diff{path + "." + key, "(absent)", compact(got[key])})
		}
	}
	return out
}

func compact(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
