package azure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// mark begins the comments that hold what only Azure knows.
const mark = "# azure: "

// aside is what a comment of a group holds: the group without its rules, and
// the rules that are off, each with its place.
type aside struct {
	Group Group        `json:"group"`
	Off   map[int]Rule `json:"off,omitempty"`
}

// ToPrometheus gives the groups as a Prometheus rule file. Rules and groups
// that are off are in comments alone, so that nothing evaluates them.
func ToPrometheus(groups []Group) ([]byte, error) {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range groups {
		n, err := groupNode(&groups[i])
		if err != nil {
			return nil, fmt.Errorf("rule group %q: %w", groups[i].Name, err)
		}
		list.Content = append(list.Content, n)
	}
	root := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{scalar("groups"), list}}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(root); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

func groupNode(g *Group) (*yaml.Node, error) {
	every, err := g.interval()
	if err != nil {
		return nil, err
	}
	rest := aside{Group: *g, Off: map[int]Rule{}}
	rest.Group.Properties.Rules = nil
	rules := &yaml.Node{Kind: yaml.SequenceNode}
	for i, r := range g.Properties.Rules {
		if off(r.Enabled) || off(g.Properties.Enabled) {
			rest.Off[i] = r
			continue
		}
		n, err := ruleNode(r)
		if err != nil {
			return nil, err
		}
		rules.Content = append(rules.Content, n)
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
		scalar("name"), scalar(g.Name), scalar("interval"), scalar(model.Duration(every).String()), scalar("rules"), rules}}
	return n, comment(n, rest)
}

func ruleNode(r Rule) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	add := func(name, value string) {
		if value != "" {
			n.Content = append(n.Content, scalar(name), scalar(value))
		}
	}
	add("record", r.Record)
	add("alert", r.Alert)
	add("expr", r.Expression)
	if r.For != "" {
		d, err := ParseDuration(r.For)
		if err != nil {
			return nil, err
		}
		add("for", model.Duration(d).String())
	}
	if r.Alert != "" {
		d, err := r.timeToResolve()
		if err != nil {
			return nil, err
		}
		if d > 0 {
			add("keep_firing_for", model.Duration(d).String())
		}
	}
	pairs(n, "labels", r.Labels)
	pairs(n, "annotations", r.Annotations)
	r.Record, r.Alert, r.Expression, r.Labels, r.Annotations = "", "", "", nil, nil
	return n, comment(n, r)
}

func scalar(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

func pairs(n *yaml.Node, name string, values map[string]string) {
	if len(values) == 0 {
		return
	}
	m := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		m.Content = append(m.Content, scalar(k), scalar(values[k]))
	}
	n.Content = append(n.Content, scalar(name), m)
}

func comment(n *yaml.Node, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if string(data) != "{}" {
		n.HeadComment = mark + string(data)
	}
	return nil
}

// uncomment finds the comment of a node; the library hands it to the node or to
// its first key.
func uncomment(n *yaml.Node, into any) error {
	text := n.HeadComment
	if len(n.Content) > 0 {
		text += "\n" + n.Content[0].HeadComment
	}
	for line := range strings.Lines(text) {
		if data, ok := strings.CutPrefix(strings.TrimSpace(line), strings.TrimSpace(mark)+" "); ok {
			if err := json.Unmarshal([]byte(data), into); err != nil {
				return fmt.Errorf("line %d: the comment %q is damaged: %w", n.Line, strings.TrimSpace(mark), err)
			}
		}
	}
	return nil
}

// Defaults are for what a Prometheus rule file does not say.
type Defaults struct {
	Scopes      []string // the workspace's resource id, and perhaps a cluster's
	ClusterName string
	Location    string
	ActionGroup string // resource id, for alerts
}

type fileGroup struct {
	Name     string      `yaml:"name"`
	Interval string      `yaml:"interval"`
	Rules    []yaml.Node `yaml:"rules"`
}

type fileRule struct {
	Record      string            `yaml:"record"`
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	KeepFiring  string            `yaml:"keep_firing_for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// FromPrometheus gives the groups of a Prometheus rule file as resources.
func FromPrometheus(file []byte, d Defaults) ([]Group, error) {
	if len(file) > maxDocument {
		return nil, fmt.Errorf("read the rule file: %d bytes, at most %d", len(file), maxDocument)
	}
	var root struct {
		Groups []yaml.Node `yaml:"groups"`
	}
	if err := yaml.Unmarshal(file, &root); err != nil {
		return nil, fmt.Errorf("read the rule file: %w", err)
	}
	var out []Group
	var errs []error
	for i := range root.Groups {
		g, err := fromGroup(&root.Groups[i], d)
		if err != nil {
			errs = append(errs, fmt.Errorf("read the rule file: %w", err))
			continue
		}
		errs = append(errs, g.Check())
		out = append(out, g)
	}
	return out, errors.Join(errs...)
}

func fromGroup(n *yaml.Node, d Defaults) (Group, error) {
	var in fileGroup
	var rest aside
	if err := errors.Join(n.Decode(&in), uncomment(n, &rest)); err != nil {
		return Group{}, err
	}
	g := rest.Group
	if g.Name == "" { // no comment of ours
		g = Group{Type: Type, APIVersion: Version, Location: d.Location, Properties: Properties{Scopes: d.Scopes, ClusterName: d.ClusterName}}
	}
	g.Name = in.Name
	var err error
	if g.Properties.Interval, err = duration(in.Interval, g.Properties.Interval, time.Minute); err != nil {
		return g, fmt.Errorf("group %q: interval: %w", in.Name, err)
	}
	next := 0
	for i := 0; next < len(in.Rules) || rest.Off[i].Expression != ""; i++ {
		if r, ok := rest.Off[i]; ok {
			g.Properties.Rules = append(g.Properties.Rules, r)
			continue
		}
		r, err := fromRule(&in.Rules[next], d)
		if err != nil {
			return g, fmt.Errorf("group %q: rule %d: %w", in.Name, next+1, err)
		}
		g.Properties.Rules = append(g.Properties.Rules, r)
		next++
	}
	return g, nil
}

func fromRule(n *yaml.Node, d Defaults) (Rule, error) {
	var in fileRule
	var r Rule
	if err := errors.Join(n.Decode(&in), uncomment(n, &r)); err != nil {
		return r, err
	}
	if in.Alert != "" && r.Actions == nil && d.ActionGroup != "" {
		r.Actions = Actions{{ActionGroupID: d.ActionGroup}}
	}
	r.Record, r.Alert, r.Expression, r.Labels, r.Annotations = in.Record, in.Alert, in.Expr, in.Labels, in.Annotations
	var err error
	if r.For, err = duration(in.For, r.For, 0); err != nil {
		return r, fmt.Errorf("for: %w", err)
	}
	if in.KeepFiring == "" {
		return r, nil
	}
	if r.Resolve == nil {
		r.Resolve = &Resolve{}
	}
	r.Resolve.TimeToResolve, err = duration(in.KeepFiring, r.Resolve.TimeToResolve, 0)
	return r, err
}

// duration gives a Prometheus duration as an ISO one; the text that it was made
// of is taken when it still says the same. usual is what no text means.
func duration(text, before string, usual time.Duration) (string, error) {
	d := usual
	if text != "" {
		parsed, err := model.ParseDuration(text)
		if err != nil {
			return "", err
		}
		d = time.Duration(parsed)
	}
	if was, err := ParseDuration(before); before != "" && err == nil && was == d {
		return before, nil
	}
	if before == "" && (text == "" || (usual > 0 && d == usual)) {
		return "", nil
	}
	return formatDuration(d), nil
}

// Template gives the groups as a deployment template without parameters.
func Template(groups []Group) ([]byte, error) {
	data, err := json.Marshal(groups)
	if err != nil {
		return nil, err
	}
	var resources any
	if err := json.Unmarshal(data, &resources); err != nil {
		return nil, err
	}
	return json.MarshalIndent(map[string]any{
		"$schema":        "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
		"contentVersion": "1.0.0.0",
		"resources":      escape(resources),
	}, "", "  ")
}

// escape keeps texts in brackets from being taken for expressions.
func escape(v any) any {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "[[") || (strings.HasPrefix(v, "[") && strings.HasSuffix(v, "]")) {
			return "[" + v
		}
	case []any:
		for i := range v {
			v[i] = escape(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = escape(v[k])
		}
	}
	return v
}
