package action

import (
	"maps"
	"slices"
	"strconv"
)

// LogContext is what a log search alert says of itself, in version 2 of its
// schema.
type LogContext struct {
	Properties    map[string]string `json:"properties"`
	ConditionType string            `json:"conditionType"`
	Condition     LogCriteria       `json:"condition"`
}

// LogCriteria is the condition of a LogContext.
type LogCriteria struct {
	WindowSize      string         `json:"windowSize"`
	AllOf           []LogCriterion `json:"allOf"`
	WindowStartTime string         `json:"windowStartTime"`
	WindowEndTime   string         `json:"windowEndTime"`
}

// LogCriterion is what was compared.
type LogCriterion struct {
	SearchQuery         string         `json:"searchQuery"`
	MetricMeasureColumn *string        `json:"metricMeasureColumn"`
	Operator            string         `json:"operator"`
	Threshold           string         `json:"threshold"`
	TimeAggregation     string         `json:"timeAggregation"`
	Dimensions          []LogDimension `json:"dimensions"`
	MetricValue         *float64       `json:"metricValue"`
	FailingPeriods      Periods        `json:"failingPeriods"`
	LinkToResults       string         `json:"linkToSearchResultsAPI,omitempty"`
}

// LogDimension is a dimension of the alert.
type LogDimension struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (c *LogCondition) context(o Occurrence, properties map[string]string) LogContext {
	one := LogCriterion{SearchQuery: c.Query, Operator: c.Operator, Threshold: strconv.FormatFloat(c.Threshold, 'f', -1, 64), TimeAggregation: c.Aggregation,
		Dimensions: []LogDimension{}, MetricValue: o.Value, FailingPeriods: c.Periods, LinkToResults: o.Link}
	if c.MeasureColumn != "" {
		one.MetricMeasureColumn = &c.MeasureColumn
	}
	for _, name := range slices.Sorted(maps.Keys(c.Dimensions)) {
		one.Dimensions = append(one.Dimensions, LogDimension{name, o.Labels[c.Dimensions[name]]})
	}
	return LogContext{Properties: orEmpty(properties), ConditionType: "LogQueryCriteria", Condition: LogCriteria{WindowSize: c.Window,
		AllOf: []LogCriterion{one}, WindowStartTime: o.Annotations[c.WindowStart], WindowEndTime: o.Annotations[c.WindowEnd]}}
}
