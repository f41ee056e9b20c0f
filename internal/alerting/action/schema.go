package action

import (
	"strings"
	"time"
)

// Rule is what is known of the rule behind an alert, beside its labels.
type Rule struct {
	Group         string // resource id of the rule group, or its name
	Name          string // group/rule
	Expression    string
	Interval, For string // ISO durations
	Description   string
	Severity      int // 0 to 4
	Scopes        []string
	Cluster       string
	Actions       []Target
	StaysFired    bool          // autoResolved is false
	Log           *LogCondition // of a log search rule; nil: a metric rule
}

// LogCondition is what a log search rule compares.
type LogCondition struct {
	Window        string // ISO duration
	Query         string
	MeasureColumn string
	Operator      string
	Threshold     float64
	Aggregation   string
	Dimensions    map[string]string // name of the column -> label
	Periods       Periods
	WindowStart   string // names of the annotations with the window's ends
	WindowEnd     string
}

// Periods is how many of the last windows must fail.
type Periods struct {
	Windows int `json:"numberOfEvaluationPeriods"`
	Failing int `json:"minFailingPeriodsToAlert"`
}

// Target is an action group that a rule calls.
type Target struct {
	GroupID    string // resource id or name
	Properties map[string]string
}

// Occurrence is one alert for a payload.
type Occurrence struct {
	ID, Fingerprint     string
	Labels, Annotations map[string]string
	Link                string // to the data behind it
	Value               *float64
	Fired, Resolved     time.Time // Resolved is zero while it fires
}

// Payload is a notification in the common alert schema.
type Payload struct {
	SchemaID string `json:"schemaId"`
	Data     Data   `json:"data"`
}

// Data of a payload.
type Data struct {
	Essentials       Essentials        `json:"essentials"`
	AlertContext     any               `json:"alertContext"` // Context or LogContext
	CustomProperties map[string]string `json:"customProperties"`
}

// Essentials are the same for every kind of alert.
type Essentials struct {
	AlertID             string   `json:"alertId"`
	AlertRule           string   `json:"alertRule"`
	AlertRuleID         string   `json:"alertRuleId,omitempty"`
	TargetResourceType  string   `json:"targetResourceType,omitempty"`
	TargetResourceGroup string   `json:"targetResourceGroup,omitempty"`
	Severity            string   `json:"severity"`
	SignalType          string   `json:"signalType"`
	MonitorCondition    string   `json:"monitorCondition"`
	MonitoringService   string   `json:"monitoringService"`
	AlertTargetIDs      []string `json:"alertTargetIDs"`
	ConfigurationItems  []string `json:"configurationItems"`
	OriginAlertID       string   `json:"originAlertId"`
	FiredDateTime       string   `json:"firedDateTime"`
	ResolvedDateTime    string   `json:"resolvedDateTime,omitempty"`
	Description         string   `json:"description"`
	EssentialsVersion   string   `json:"essentialsVersion"`
	AlertContextVersion string   `json:"alertContextVersion"`
}

// Context is what a Prometheus alert says of itself.
type Context struct {
	Interval        string            `json:"interval,omitempty"`
	Expression      string            `json:"expression"`
	ExpressionValue *float64          `json:"expressionValue"`
	For             string            `json:"for,omitempty"`
	Labels          map[string]string `json:"labels"`
	Annotations     map[string]string `json:"annotations"`
	RuleGroup       string            `json:"ruleGroup"`
}

// Common makes the payload of one alert.
func Common(r Rule, o Occurrence, properties map[string]string) Payload {
	e := Essentials{
		AlertID:   AlertID(r, o.ID),
		AlertRule: r.Name, AlertRuleID: r.Group, Severity: "Sev" + string(rune('0'+r.Severity)), SignalType: "Metric",
		MonitorCondition: "Fired", MonitoringService: "Prometheus", AlertTargetIDs: []string{}, ConfigurationItems: []string{},
		OriginAlertID: o.Fingerprint, FiredDateTime: stamp(o.Fired), Description: r.Description, EssentialsVersion: "1.0", AlertContextVersion: "1.0",
	}
	if !o.Resolved.IsZero() {
		e.MonitorCondition, e.ResolvedDateTime = "Resolved", stamp(o.Resolved)
	}
	if len(r.Scopes) > 0 {
		e.AlertTargetIDs = append(e.AlertTargetIDs, r.Scopes[0])
		e.TargetResourceType, e.TargetResourceGroup = resourceType(r.Scopes[0]), segment(r.Scopes[0], "resourceGroups")
	}
	if r.Cluster != "" {
		e.ConfigurationItems = append(e.ConfigurationItems, r.Cluster)
	}
	if e.Description == "" {
		e.Description = first(o.Annotations["description"], o.Annotations["summary"])
	}
	out := Payload{SchemaID: "azureMonitorCommonAlertSchema", Data: Data{Essentials: e, CustomProperties: orEmpty(properties)}}
	if r.Log != nil {
		out.Data.Essentials.SignalType, out.Data.Essentials.MonitoringService = "Log", "Log Alerts V2"
		out.Data.AlertContext = r.Log.context(o, properties)
		return out
	}
	out.Data.AlertContext = Context{Interval: r.Interval, Expression: r.Expression, ExpressionValue: o.Value, For: r.For,
		Labels: orEmpty(o.Labels), Annotations: orEmpty(o.Annotations), RuleGroup: r.Group}
	return out
}

// AlertID is the resource id of an occurrence.
func AlertID(r Rule, id string) string {
	subscription := ""
	for _, from := range append([]string{r.Group}, r.Scopes...) {
		if subscription = segment(from, "subscriptions"); subscription != "" {
			break
		}
	}
	return "/subscriptions/" + first(subscription, "00000000-0000-0000-0000-000000000000") + "/providers/Microsoft.AlertsManagement/alerts/" + id
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }

// segment gives what follows a word in a resource id.
func segment(id, word string) string {
	parts := strings.Split(id, "/")
	for i := 0; i+1 < len(parts); i++ {
		if strings.EqualFold(parts[i], word) {
			return parts[i+1]
		}
	}
	return ""
}

func resourceType(id string) string {
	_, rest, ok := cutFold(id, "/providers/")
	if !ok {
		return ""
	}
	parts := strings.Split(rest, "/")
	if len(parts) < 2 {
		return ""
	}
	return strings.ToLower(parts[0] + "/" + parts[1])
}

func cutFold(s, sep string) (before, after string, found bool) {
	if i := strings.Index(strings.ToLower(s), sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// SeverityOf gives Azure's number for the severity label of a Prometheus rule.
func SeverityOf(label string) int {
	switch strings.ToLower(label) {
	case "critical", "sev0":
		return 0
	case "page", "error", "sev1":
		return 1
	case "warning", "ticket", "sev2":
		return 2
	case "none", "verbose", "sev4":
		return 4
	}
	return 3
}
