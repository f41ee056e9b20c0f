package logs

import (
	"strings"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/query/kql/table"
)

// eventType is a table as the events and metrics APIs name it: in an event, its
// own columns stand in a member of its singular name.
type eventType struct{ table, singular string }

func eventTypes() []eventType {
	return []eventType{
		{"traces", "trace"}, {"customEvents", "customEvent"}, {"pageViews", "pageView"}, {"browserTimings", "browserTiming"}, {"requests", "request"},
		{"dependencies", "dependency"}, {"exceptions", "exception"}, {"availabilityResults", "availabilityResult"},
		{"performanceCounters", "performanceCounter"}, {"customMetrics", "customMetric"},
	}
}

// sharedPath gives the path of a column that all types share, "" for a column of
// one type.
func sharedPath(column string) string {
	switch column {
	case "timestamp", "customDimensions", "customMeasurements":
		return column
	case "itemId":
		return "id"
	case "itemType":
		return "type"
	case "itemCount":
		return "count"
	case "appId", "appName", "iKey", "sdkVersion":
		return "ai/" + column
	case "client_OS":
		return "client/os"
	case "client_IP":
		return "client/ip"
	}
	for _, group := range []string{"operation", "session", "user", "application", "client", "cloud"} {
		if rest, ok := strings.CutPrefix(column, group+"_"); ok {
			return group + "/" + strings.ToLower(rest[:1]) + rest[1:]
		}
	}
	return ""
}

// hidden columns have no place in an event.
func hidden(column string) bool { return strings.HasPrefix(column, "_") }

// property finds the column of a path such as request/duration, operation/name
// or customDimensions/tier, or one that is named as it is in KQL. The types are those whose columns may be meant.
func property(path string, types []eventType) (string, bool) {
	head, rest, nested := strings.Cut(path, "/")
	if nested && (head == "customDimensions" || head == "customMeasurements") && rest != "" {
		member := head + "[" + kql.Quoted(rest) + "]"
		if head == "customMeasurements" {
			return "todouble(" + member + ")", true
		}
		return "tostring(" + member + ")", true
	}
	for _, byColumn := range []bool{false, true} {
		for _, t := range types {
			tab, _ := table.Lookup(t.table)
			for _, c := range tab.Columns {
				if !hidden(c.Name) && (eventPath(c.Name, t) == path || byColumn && c.Name == path) {
					return c.Name, true
				}
			}
		}
	}
	return "", false
}

// eventPath is where a column stands in an event of a type.
func eventPath(column string, t eventType) string {
	if shared := sharedPath(column); shared != "" {
		return shared
	}
	return t.singular + "/" + column
}
