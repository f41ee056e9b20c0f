// Package azure reads and writes Azure's prometheusRuleGroups resources and
// turns them into Prometheus rule files and back.
//
// What comes in: resources and deployment templates as JSON, rule files as YAML.
// What goes out: the other of the two. Nothing is lost on the way there and
// back: what only Azure knows stands in comments. It must never open a file,
// evaluate a rule, or guess a parameter that a template has no value for.
package azure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gatehouse/internal/apim/template"
)

// Type and Version of the resource.
const (
	Type    = "Microsoft.AlertsManagement/prometheusRuleGroups"
	Version = "2023-03-01"
)

// Group is a rule group as a resource.
type Group struct {
	ID         string            `json:"-"` // where it stands, "" in a file
	Type       string            `json:"type,omitempty"`
	APIVersion string            `json:"apiVersion,omitempty"`
	Name       string            `json:"name"`
	Location   string            `json:"location,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Properties Properties        `json:"properties"`
}

// Properties of a group.
type Properties struct {
	Description string   `json:"description,omitempty"`
	Enabled     *bool    `json:"enabled,omitempty"` // default true
	ClusterName string   `json:"clusterName,omitempty"`
	Scopes      []string `json:"scopes,omitempty"`
	Interval    string   `json:"interval,omitempty"` // default PT1M
	Rules       []Rule   `json:"rules,omitempty"`
}

// Rule is a recording or an alert rule.
type Rule struct {
	Record      string            `json:"record,omitempty"`
	Alert       string            `json:"alert,omitempty"`
	Expression  string            `json:"expression,omitempty"`
	Enabled     *bool             `json:"enabled,omitempty"`  // default true
	Severity    *int              `json:"severity,omitempty"` // default 3
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Actions     Actions           `json:"actions,omitempty"`
	Resolve     *Resolve          `json:"resolveConfiguration,omitempty"`
}

// Resolve says when a fired alert is resolved.
type Resolve struct {
	AutoResolved  *bool  `json:"autoResolved,omitempty"`  // default true
	TimeToResolve string `json:"timeToResolve,omitempty"` // default PT5M
}

// Action calls an action group.
type Action struct {
	ActionGroupID    string            `json:"actionGroupId"`
	ActionProperties map[string]string `json:"actionProperties,omitempty"`
}

// Actions of a rule. An early version of the resource had an object with the
// names of the groups; it is read too.
type Actions []Action

// UnmarshalJSON reads both forms.
func (a *Actions) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return json.Unmarshal(data, (*[]Action)(a))
	}
	var early struct {
		ActionGroups     []string          `json:"actionGroups"`
		ActionProperties map[string]string `json:"actionProperties"`
	}
	if err := json.Unmarshal(data, &early); err != nil {
		return err
	}
	for _, id := range early.ActionGroups {
		*a = append(*a, Action{ActionGroupID: id, ActionProperties: early.ActionProperties})
	}
	return nil
}

// maxDocument is the largest document, in bytes.
const maxDocument = 4 << 20

// Read gives the rule groups of a document: one resource, a list of them, an
// answer of the management API, or a deployment template, whose expressions are
// resolved with the parameters. Other resources of a template are passed over.
func Read(document []byte, parameters map[string]any) ([]Group, error) {
	resources, err := Resources(document, parameters, Type)
	if err != nil {
		return nil, fmt.Errorf("read rule groups: %w", err)
	}
	var out []Group
	for i, data := range resources {
		var g Group
		if err := json.Unmarshal(data, &g); err != nil {
			return nil, fmt.Errorf("read rule groups: resource %d: %w", i+1, err)
		}
		g.Type = Type
		if g.APIVersion == "" {
			g.APIVersion = Version
		}
		out = append(out, g)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("read rule groups: the document has no resource of type %s", Type)
	}
	var errs []error
	for i := range out {
		errs = append(errs, out[i].Check())
	}
	return out, errors.Join(errs...)
}

// Resources gives the resources of a kind, such as Type, that a document has:
// those of that type and those that name none. The document is one resource, a
// list, an answer of the management API, or a deployment template, whose
// expressions are resolved with the parameters.
func Resources(document []byte, parameters map[string]any, kind string) ([]json.RawMessage, error) {
	if len(document) > maxDocument {
		return nil, fmt.Errorf("%d bytes, at most %d", len(document), maxDocument)
	}
	var root any
	if err := json.Unmarshal(bytes.TrimPrefix(document, []byte("\xef\xbb\xbf")), &root); err != nil {
		return nil, err
	}
	list, err := resourcesOf(root, parameters, kind)
	if err != nil {
		return nil, err
	}
	var out []json.RawMessage
	for i, r := range list {
		m, isObject := r.(map[string]any)
		if !isObject {
			return nil, fmt.Errorf("resource %d: is not an object", i+1)
		}
		if named, ok := m["type"].(string); ok && !strings.EqualFold(named, kind) {
			continue
		}
		data, err := json.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("resource %d: %w", i+1, err)
		}
		out = append(out, data)
	}
	return out, nil
}

func resourcesOf(root any, parameters map[string]any, kind string) ([]any, error) {
	switch v := root.(type) {
	case []any:
		return v, nil
	case map[string]any:
		if _, ok := v["resources"]; ok {
			return ofTemplate(v, parameters, kind)
		}
		if list, ok := v["value"].([]any); ok {
			return list, nil
		}
		return []any{v}, nil
	}
	return nil, errors.New("the document is neither an object nor a list")
}

// ofTemplate gives the resources of a kind in a deployment template. Parameters called
// subscriptionId, resourceGroup and location may say where it is deployed.
func ofTemplate(root, parameters map[string]any, kind string) ([]any, error) {
	r, err := template.Resolve(root, template.Deployment{
		Name: "rules", Subscription: given(parameters, "subscriptionId", "00000000-0000-0000-0000-000000000000"), Group: given(parameters, "resourceGroup", "gatehouse"),
		Location: given(parameters, "location", "local"), Parameters: parameters, Wanted: func(named string) bool { return strings.EqualFold(named, kind) },
	})
	if err != nil {
		return nil, err
	}
	var out []any
	for _, one := range r.Resources {
		out = append(out, one.Body)
	}
	return out, nil
}

func given(values map[string]any, name, otherwise string) string {
	if v, ok := values[name].(string); ok {
		return v
	}
	return otherwise
}

var (
	groupName = regexp.MustCompile(`^[^:@/#{}%&+*<>?]{1,260}$`)
	labelName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Limits of the service.
const (
	maxRules    = 20
	minInterval = time.Minute
	maxInterval = 24 * time.Hour
)

// Check names every fault of the group.
func (g *Group) Check() error {
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("rule group %q: "+format, append([]any{g.Name}, args...)...))
	}
	if !groupName.MatchString(g.Name) {
		fault("the name may not be empty or hold any of :@/#{}%%&+*<>?")
	}
	if every, err := g.interval(); err != nil {
		fault("interval: %v", err)
	} else if every < minInterval || every > maxInterval {
		fault("interval %s: from PT1M to PT24H", g.Properties.Interval)
	}
	if n := len(g.Properties.Rules); n < 1 || n > maxRules {
		fault("%d rules, from 1 to %d", n, maxRules)
	}
	for i := range g.Properties.Rules {
		if err := g.Properties.Rules[i].check(); err != nil {
			fault("rule %d: %v", i+1, err)
		}
	}
	return errors.Join(errs...)
}

func (g *Group) interval() (time.Duration, error) {
	if g.Properties.Interval == "" {
		return time.Minute, nil
	}
	return ParseDuration(g.Properties.Interval)
}

func (r *Rule) check() error {
	switch {
	case (r.Record == "") == (r.Alert == ""):
		return errors.New("needs either record or alert")
	case strings.TrimSpace(r.Expression) == "":
		return errors.New("has no expression")
	case r.Severity != nil && (*r.Severity < 0 || *r.Severity > 4):
		return fmt.Errorf("severity %d: from 0 to 4", *r.Severity)
	}
	for name := range r.Labels {
		if !labelName.MatchString(name) {
			return fmt.Errorf("%q is not a name of a label", name)
		}
	}
	if _, err := ParseDuration(r.For); r.For != "" && err != nil {
		return fmt.Errorf("for: %w", err)
	}
	if _, err := r.timeToResolve(); err != nil {
		return fmt.Errorf("timeToResolve: %w", err)
	}
	return nil
}

// timeToResolve is how long an alert goes on after its expression holds no
// more; 0 where the resource does not say.
func (r *Rule) timeToResolve() (time.Duration, error) {
	if r.Resolve == nil || r.Resolve.TimeToResolve == "" || (r.Resolve.AutoResolved != nil && !*r.Resolve.AutoResolved) {
		return 0, nil
	}
	return ParseDuration(r.Resolve.TimeToResolve)
}

// StaysFired says that only people end an alert of the rule.
func (r *Rule) StaysFired() bool { return r.Resolve != nil && off(r.Resolve.AutoResolved) }

// ResourceID of the group, beside the workspace that it watches.
func (g *Group) ResourceID() string {
	if g.ID != "" {
		return g.ID
	}
	scope := "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/gatehouse"
	if len(g.Properties.Scopes) > 0 {
		if before, _, ok := strings.Cut(g.Properties.Scopes[0], "/providers/"); ok {
			scope = before
		}
	}
	return scope + "/providers/" + Type + "/" + g.Name
}

func off(b *bool) bool { return b != nil && !*b }

var isoDuration = regexp.MustCompile(`^P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?$`)

// ParseDuration reads durations such as PT5M and P1DT2H.
func ParseDuration(text string) (time.Duration, error) {
	upper := strings.ToUpper(text)
	m := isoDuration.FindStringSubmatch(upper)
	if m == nil || strings.HasSuffix(upper, "P") || strings.HasSuffix(upper, "T") {
		return 0, fmt.Errorf("%q is not a duration such as PT5M", text)
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n := 0
		for _, c := range m[i+1] {
			n = n*10 + int(c-'0')
		}
		total += time.Duration(n) * unit
	}
	return total, nil
}

func formatDuration(d time.Duration) string {
	switch {
	case d%time.Minute != 0:
		return fmt.Sprintf("PT%dS", d/time.Second)
	case d%time.Hour != 0 || d == 0:
		return fmt.Sprintf("PT%dM", d/time.Minute)
	}
	return fmt.Sprintf("PT%dH", d/time.Hour)
}
