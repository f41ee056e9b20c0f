package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/apim"
)

// Limits of one description.
const (
	maxNodes = 1_000_000
	maxDepth = 200
)

var errTooLarge = errors.New("has too many or too deeply nested values (anchors are expanded)")

// parse gives maps, slices and scalars as encoding/json does.
func parse(data []byte, name string) (any, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if t := bytes.TrimLeft(data, " \t\r\n"); len(t) > 0 && t[0] == '{' {
		tree, err := parseJSON(data, name)
		if err == nil || json.Valid(data) || strings.HasSuffix(strings.ToLower(name), ".json") {
			return tree, err
		}
		// A YAML flow mapping also starts with a brace.
		if tree, yamlErr := parseYAML(data, name); yamlErr == nil {
			return tree, nil
		}
		return nil, err
	}
	return parseYAML(data, name)
}

func parseJSON(data []byte, name string) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var tree any
	err := d.Decode(&tree)
	if err == nil && len(bytes.TrimSpace(data[d.InputOffset():])) > 0 {
		return nil, &Error{position(data, name, d.InputOffset()), "has text behind the end of the JSON value"}
	}
	if err != nil {
		offset := int64(len(data))
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			offset = syntax.Offset
		}
		return nil, &Error{position(data, name, offset), "is not valid JSON: " + short(err)}
	}
	if err := measure(tree, new(int), 0); err != nil {
		return nil, &Error{apim.Position{File: name}, err.Error()}
	}
	return tree, nil
}

// position turns the count of bytes read into the line and column of the last one.
func position(data []byte, name string, offset int64) apim.Position {
	before := data[:min(max(offset-1, 0), int64(len(data)))]
	return apim.Position{File: name, Line: bytes.Count(before, []byte("\n")) + 1, Column: len(before) - bytes.LastIndexByte(before, '\n')}
}

func measure(v any, n *int, depth int) error {
	*n++
	if *n > maxNodes || depth > maxDepth {
		return errTooLarge
	}
	switch v := v.(type) {
	case map[string]any:
		for _, child := range v {
			if err := measure(child, n, depth+1); err != nil {
				return err
			}
		}
	case []any:
		for _, child := range v {
			if err := measure(child, n, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func parseYAML(data []byte, name string) (any, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, yamlError(err, name)
	}
	if len(doc.Content) == 0 {
		return nil, &Error{apim.Position{File: name, Line: 1, Column: 1}, "is empty"}
	}
	n := 0
	tree, bad, err := fromYAML(doc.Content[0], &n, 0)
	if err != nil {
		return nil, &Error{apim.Position{File: name, Line: bad.Line, Column: bad.Column}, err.Error()}
	}
	return tree, nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:unmarshal errors:\s*)?line (\d+): (.*)`)

func yamlError(err error, name string) error {
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ := strconv.Atoi(m[1])
		return &Error{apim.Position{File: name, Line: line, Column: 1}, "is not valid YAML: " + clip(m[2], 300)}
	}
	return &Error{apim.Position{File: name, Line: 1, Column: 1}, "is not valid YAML: " + short(err)}
}

// fromYAML keeps keys as they are written (200 and "200" are the same response)
// and dates as text. On error it gives the node that is to blame.
func fromYAML(node *yaml.Node, n *int, depth int) (any, *yaml.Node, error) {
	*n++
	if *n > maxNodes || depth > maxDepth {
		return nil, node, errTooLarge
	}
	switch node.Kind {
	case yaml.AliasNode:
		return fromYAML(node.Alias, n, depth+1)
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, child := range node.Content {
			v, bad, err := fromYAML(child, n, depth+1)
			if err != nil {
				return nil, bad, err
			}
			list = append(list, v)
		}
		return list, nil, nil
	case yaml.MappingNode:
		return fromMapping(node, n, depth)
	}
	return scalar(node), nil, nil
}

func fromMapping(node *yaml.Node, n *int, depth int) (any, *yaml.Node, error) {
	out := make(map[string]any, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		v, bad, err := fromYAML(value, n, depth+1)
		if err != nil {
			return nil, bad, err
		}
		if key.Tag == "!!merge" {
			if m, ok := v.(map[string]any); ok {
				for k, x := range m {
					if _, exists := out[k]; !exists {
						out[k] = x
					}
				}
			}
			continue
		}
		if key.Kind != yaml.ScalarNode {
			return nil, key, errors.New("has a key that is not text")
		}
		out[key.Value] = v
	}
	return out, nil, nil
}

func scalar(node *yaml.Node) any {
	switch node.Tag {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		if node.Decode(&b) == nil {
			return b
		}
	case "!!int", "!!float":
		if json.Valid([]byte(node.Value)) {
			return json.Number(node.Value)
		}
		var f float64
		// Infinities and NaN have no JSON form and stay text.
		if node.Decode(&f) == nil && f-f == 0 {
			return f
		}
	}
	return node.Value
}
