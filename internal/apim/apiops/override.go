package apiops

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/apim"
)

// override holds the properties that replace those of one resource.
type override struct {
	properties *node
	at         apim.Position
	used       bool
}

// overridden are the sections of a configuration file that are applied. Other
// sections serve the publisher of APIOps.
var overridden = []string{"namedValues", "loggers", "diagnostics", "backends", "certificates", "apis", "products", "subscriptions", "versionSets", "policyFragments", "tags"}

func (l *loader) readOverrides() error {
	if l.options.Overrides == "" {
		return nil
	}
	f, err := os.Open(l.options.Overrides)
	if err != nil {
		return fmt.Errorf("read overrides: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, l.options.MaxFile+1))
	if err != nil {
		return fmt.Errorf("read overrides: %w", err)
	}
	file := filepath.Base(l.options.Overrides)
	if int64(len(data)) > l.options.MaxFile {
		return fmt.Errorf("read overrides: %s is larger than %d bytes", file, l.options.MaxFile)
	}
	root, problem := parseYAML(data, file)
	if problem != nil {
		return Problems{*problem}
	}
	l.overrides = map[string]map[string]*override{}
	if l.service.Name == "" {
		l.service.Name = root.get("apimServiceName").text
	}
	for _, kind := range overridden {
		l.addOverrides(kind, "", root.get(kind))
	}
	return nil
}

func (l *loader) addOverrides(kind, parent string, list *node) {
	if list.kind != array && list.kind != null {
		l.fail(list.at, "%s must be a list of items with name and properties", kind)
	}
	for _, item := range list.list {
		name := l.str(item, "name")
		if name == "" {
			l.fail(item.at, "an item of %s has no name", kind)
			continue
		}
		if l.overrides[kind] == nil {
			l.overrides[kind] = map[string]*override{}
		}
		if properties := item.get("properties"); properties.kind == object {
			l.overrides[kind][fold(parent+name)] = &override{properties: properties, at: item.at}
		}
		if kind == "apis" {
			l.addOverrides("diagnostics", name+"/", item.get("diagnostics"))
		}
	}
}

// unusedOverrides warns of overrides of resources that the folder does not have.
func (l *loader) unusedOverrides() {
	for _, kind := range overridden {
		var names []string
		for name, o := range l.overrides[kind] {
			if !o.used {
				names = append(names, fmt.Sprintf("%s:%d", o.at.File, o.at.Line)+": overrides "+name+", which the folder does not have")
			}
		}
		slices.Sort(names)
		for _, text := range names {
			l.warn(kind, "%s", text)
		}
	}
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): (.*)`)

func parseYAML(data []byte, file string) (*node, *Problem) {
	var doc yaml.Node
	if err := yaml.Unmarshal(trimBOM(data), &doc); err != nil {
		at, text := apim.Position{File: file, Line: 1, Column: 1}, err.Error()
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			at.Line, _ = strconv.Atoi(m[1])
			text = m[2]
		}
		return nil, &Problem{at, "is not valid YAML: " + strings.TrimPrefix(text, "yaml: ")}
	}
	if len(doc.Content) == 0 {
		return &node{at: apim.Position{File: file, Line: 1, Column: 1}}, nil
	}
	budget := 100_000
	n := fromYAML(doc.Content[0], file, 0, &budget)
	if budget <= 0 {
		return nil, &Problem{apim.Position{File: file, Line: 1, Column: 1}, "has too many or too deeply nested values (anchors are expanded)"}
	}
	return n, nil
}

func fromYAML(y *yaml.Node, file string, depth int, budget *int) *node {
	n := &node{at: apim.Position{File: file, Line: y.Line, Column: y.Column}}
	*budget--
	if depth > maxDepth {
		*budget = 0
	}
	if *budget <= 0 {
		return n
	}
	switch y.Kind {
	case yaml.AliasNode:
		return fromYAML(y.Alias, file, depth+1, budget)
	case yaml.SequenceNode:
		n.kind = array
		for _, child := range y.Content {
			n.list = append(n.list, fromYAML(child, file, depth+1, budget))
		}
	case yaml.MappingNode:
		n.kind = object
		for i := 0; i+1 < len(y.Content); i += 2 {
			n.members = append(n.members, member{y.Content[i].Value, fromYAML(y.Content[i+1], file, depth+1, budget)})
		}
	case yaml.ScalarNode:
		n.kind, n.text = text, y.Value
		switch y.Tag {
		case "!!null":
			n.kind, n.text = null, ""
		case "!!bool":
			n.kind = boolean
		case "!!int", "!!float":
			n.kind = number
		}
	}
	return n
}
