// Package logsearch evaluates alert rules over logs: Azure's scheduledQueryRules
// resources, whose conditions are queries in KQL.
//
// What comes in: resources as JSON, and a function that answers a query. What
// goes out: alerts to a notify function, and the state of each rule. It must
// never import a query language of ours, open a file, or send a notification
// itself.
package logsearch

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/rules/azure"
)

// Type of the resource.
const Type = "Microsoft.Insights/scheduledQueryRules"

// Rule is a log search alert rule as a resource (API versions 2021-08-01 and
// later).
type Rule struct {
	ID         string            `json:"id,omitempty"`
	Type       string            `json:"type,omitempty"`
	APIVersion string            `json:"apiVersion,omitempty"`
	Kind       string            `json:"kind,omitempty"` // LogAlert
	Name       string            `json:"name"`
	Location   string            `json:"location,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Properties Properties        `json:"properties"`
}

// Properties of a rule.
type Properties struct {
	DisplayName   string   `json:"displayName,omitempty"`
	Description   string   `json:"description,omitempty"`
	Severity      *int     `json:"severity,omitempty"` // default 3
	Enabled       *bool    `json:"enabled,omitempty"`  // default true
	Scopes        []string `json:"scopes,omitempty"`   // telemetry workspaces; none: the default one
	Frequency     string   `json:"evaluationFrequency,omitempty"`
	Window        string   `json:"windowSize,omitempty"`
	OverrideRange string   `json:"overrideQueryTimeRange,omitempty"`
	Criteria      Criteria `json:"criteria"`
	Actions       Actions  `json:"actions,omitzero"`
	AutoMitigate  *bool    `json:"autoMitigate,omitempty"` // default true
	Resolve       *Resolve `json:"resolveConfiguration,omitempty"`
	Mute          string   `json:"muteActionsDuration,omitempty"`
}

// Criteria has the condition.
type Criteria struct {
	AllOf []Condition `json:"allOf"`
}

// Condition compares a number made of a query's rows with a threshold.
type Condition struct {
	CriterionType   string          `json:"criterionType,omitempty"`
	Query           string          `json:"query"`
	TimeAggregation string          `json:"timeAggregation"`
	MeasureColumn   string          `json:"metricMeasureColumn,omitempty"`
	ResourceColumn  string          `json:"resourceIdColumn,omitempty"`
	Dimensions      []Dimension     `json:"dimensions,omitempty"`
	Operator        string          `json:"operator"`
	Threshold       *float64        `json:"threshold,omitempty"`
	FailingPeriods  *FailingPeriods `json:"failingPeriods,omitempty"`
}

// Dimension splits the alert by a column's values.
type Dimension struct {
	Name     string   `json:"name"`
	Operator string   `json:"operator"` // Include, Exclude
	Values   []string `json:"values"`   // "*": all
}

// FailingPeriods is how many of the last windows must fail.
type FailingPeriods struct {
	Windows int `json:"numberOfEvaluationPeriods,omitempty"` // default 1
	Failing int `json:"minFailingPeriodsToAlert,omitempty"`  // default 1
}

// Actions are the groups that an alert calls.
type Actions struct {
	Groups     []string          `json:"actionGroups,omitempty"`
	Properties map[string]string `json:"customProperties,omitempty"`
}

// Resolve says when a fired alert is resolved.
type Resolve struct {
	AutoResolved  *bool  `json:"autoResolved,omitempty"`
	TimeToResolve string `json:"timeToResolve,omitempty"`
}

// Read gives the rules of a document: one resource, a list of them, an answer of
// the management API, or a deployment template, whose expressions are resolved
// with the parameters.
func Read(document []byte, parameters map[string]any) ([]Rule, error) {
	resources, err := azure.Resources(document, parameters, Type)
	if err != nil {
		return nil, fmt.Errorf("read log search rules: %w", err)
	}
	var out []Rule
	var errs []error
	for i, data := range resources {
		var r Rule
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, fmt.Errorf("read log search rules: resource %d: %w", i+1, err)
		}
		r.Type = Type
		errs = append(errs, r.Check())
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("read log search rules: the document has no resource of type %s", Type)
	}
	return out, errors.Join(errs...)
}

// Bounds of a rule, as the service has them.
const (
	maxQuery      = 16 << 10
	maxDimensions = 6
	maxWindows    = 6
	maxWindow     = 48 * time.Hour
	maxGroups     = 5
)

var ruleName = regexp.MustCompile(`^[^:@/#{}%&+*<>?\\]{1,260}$`)

// Check names every fault of the rule.
func (r *Rule) Check() error {
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("log search rule %q: "+format, append([]any{r.Name}, args...)...))
	}
	p := &r.Properties
	if !ruleName.MatchString(r.Name) {
		fault("the name may not be empty or hold any of :@/#{}%%&+*<>?\\")
	}
	if r.Kind != "" && !strings.EqualFold(r.Kind, "LogAlert") {
		fault("kind %q: only LogAlert is evaluated here", r.Kind)
	}
	if p.Severity != nil && (*p.Severity < 0 || *p.Severity > 4) {
		fault("severity %d: from 0 to 4", *p.Severity)
	}
	if len(p.Actions.Groups) > maxGroups {
		fault("%d action groups, at most %d", len(p.Actions.Groups), maxGroups)
	}
	for _, err := range r.checkTimes() {
		fault("%w", err)
	}
	if n := len(p.Criteria.AllOf); n != 1 {
		fault("criteria.allOf has %d conditions; it has one", n)
		return errors.Join(errs...)
	}
	for _, err := range p.Criteria.AllOf[0].check() {
		fault("condition: %w", err)
	}
	return errors.Join(errs...)
}

func (r *Rule) checkTimes() (errs []error) {
	p := &r.Properties
	every, err := azure.ParseDuration(p.Frequency)
	if err == nil && (every < time.Minute || every > 24*time.Hour) {
		err = fmt.Errorf("%s: from PT1M to P1D", p.Frequency)
	}
	if err != nil {
		errs = append(errs, fmt.Errorf("evaluationFrequency: %w", err))
	}
	window, err := azure.ParseDuration(p.Window)
	if err == nil && (window < time.Minute || window > maxWindow || window < every) {
		err = fmt.Errorf("%s: from PT1M to P2D and no shorter than evaluationFrequency", p.Window)
	}
	if err != nil {
		errs = append(errs, fmt.Errorf("windowSize: %w", err))
	}
	optional := map[string]string{"overrideQueryTimeRange": p.OverrideRange, "muteActionsDuration": p.Mute}
	if p.Resolve != nil {
		optional["resolveConfiguration.timeToResolve"] = p.Resolve.TimeToResolve
	}
	for name, text := range optional {
		if text == "" {
			continue
		}
		if _, err := azure.ParseDuration(text); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errs
}

// names that the condition may use; values are what KQL has for them.
var (
	aggregations = map[string]string{"count": "count", "average": "avg", "minimum": "min", "maximum": "max", "total": "sum"}
	operators    = []string{"equals", "equal", "greaterthan", "greaterthanorequal", "lessthan", "lessthanorequal"}
)

func (c *Condition) check() (errs []error) {
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.CriterionType != "" && !strings.EqualFold(c.CriterionType, "StaticThresholdCriterion") {
		fault("criterionType %q: only StaticThresholdCriterion is evaluated here", c.CriterionType)
	}
	if strings.TrimSpace(c.Query) == "" || len(c.Query) > maxQuery {
		fault("query: from 1 to %d bytes", maxQuery)
	}
	aggregation := strings.ToLower(c.TimeAggregation)
	switch {
	case aggregations[aggregation] == "":
		fault("timeAggregation %q: use Count, Average, Minimum, Maximum or Total", c.TimeAggregation)
	case aggregation != "count" && c.MeasureColumn == "":
		fault("timeAggregation %s needs metricMeasureColumn", c.TimeAggregation)
	}
	if !slices.Contains(operators, strings.ToLower(c.Operator)) {
		fault("operator %q: use Equals, GreaterThan, GreaterThanOrEqual, LessThan or LessThanOrEqual", c.Operator)
	}
	if c.Threshold == nil {
		fault("threshold is missing")
	}
	if len(c.Dimensions) > maxDimensions {
		fault("%d dimensions, at most %d", len(c.Dimensions), maxDimensions)
	}
	for _, d := range c.Dimensions {
		if d.Name == "" || len(d.Values) == 0 || (!strings.EqualFold(d.Operator, "Include") && !strings.EqualFold(d.Operator, "Exclude")) {
			fault("dimension %q needs a name, the operator Include or Exclude, and values (\"*\": all)", d.Name)
		}
	}
	if n := c.Periods(); n.Windows < 1 || n.Windows > maxWindows || n.Failing < 1 || n.Failing > n.Windows {
		fault("failingPeriods: %d of %d; numberOfEvaluationPeriods is from 1 to %d, minFailingPeriodsToAlert from 1 to that", n.Failing, n.Windows, maxWindows)
	}
	return errs
}

// Periods gives the failing periods with their defaults.
func (c *Condition) Periods() FailingPeriods {
	out := FailingPeriods{1, 1}
	if f := c.FailingPeriods; f != nil {
		if f.Windows != 0 {
			out.Windows = f.Windows
		}
		if f.Failing != 0 {
			out.Failing = f.Failing
		}
	}
	return out
}
