package kql

import (
	"fmt"
	"strings"
	"time"
)

func dim(key string) func(item) string { return func(i item) string { return i.dims[key] } }

// ai are calls of a model.
func ai(i item) bool { return i.dims["gen_ai.system"] != "" }

// otherRows are expectations over dependencies, traces, exceptions and metrics.
func otherRows() []expectation {
	plugin := func(i item) bool { return i.kind == "Plugin" }
	return []expectation{
		{query: "089", rows: func(h happened) []string { return []string{fmt.Sprint(h.of(day, "dependencies").count(plugin))} }},
		{query: "018", rows: func(h happened) []string {
			return h.of(day, "dependencies").keep(plugin).by(name, func(k string, g happened) string {
				return fmt.Sprintf("%s|%d", k, g.count(func(i item) bool { return i.failed }))
			})
		}},
		{query: "022", down: "Failing Dependencies", rows: func(h happened) []string {
			return h.of(7*day, "dependencies").keep(func(i item) bool { return i.failed }).by(name, counted)
		}},
		{query: "077", rows: func(h happened) []string {
			return h.of(day, "dependencies").keep(ai).keep(func(i item) bool { return i.dims["gen_ai.response.model"] != "" }).distinct(func(i item) string { return i.role })
		}},
		{query: "072", rows: func(h happened) []string {
			return h.of(day, "dependencies").keep(ai).keep(func(i item) bool { return i.dims["gen_ai.response.model"] != "" }).distinct(dim("gen_ai.response.model"))
		}},
		{query: "082", rows: func(h happened) []string {
			in := map[string]bool{}
			for _, i := range h.of(day, "dependencies") {
				in[i.op] = in[i.op] || i.dims["session.id"] == "{Session}"
			}
			return []string{fmt.Sprint(h.of(day, "dependencies").keep(ai).count(func(i item) bool { return in[i.op] }))}
		}},
		{query: "034", columns: []string{"timestamp", "name"}, rows: func(happened) []string { return nil }}, // no dependency has the operation
		{query: "081", rows: func(happened) []string { return []string{"1"} }},
		{query: "079", rows: func(h happened) []string {
			return h.of(day, "traces").keep(func(i item) bool { return i.dims["event.name"] == "gen_ai.evaluation.groundedness" }).by(dim("gen_ai.evaluation.score"), counted)
		}},
		{query: "061", rows: func(h happened) []string {
			return h.of(day, "traces").keep(func(i item) bool { return i.dims["event.name"] == "gen_ai.evaluation.user_feedback" }).by(func(i item) string {
				switch i.dims["gen_ai.evaluation.score"] {
				case "-1":
					return "Positive"
				case "1":
					return "Negative"
				}
				return "Unknown"
			}, counted)
		}},
		{query: "025", rows: func(h happened) []string {
			return h.of(day, "traces").keep(func(i item) bool {
				return strings.EqualFold(i.role, "{LogicApp:name}") && i.dims["Category"] == "Workflow.Operations.Runs"
			}).distinct(func(i item) string { return i.opName })
		}},
		{query: "065", rows: func(h happened) []string {
			return h.of(day, "traces").keep(func(i item) bool { return strings.Contains(i.message, "personCountEvent") }).each(func(i item) string {
				_, rest, _ := strings.Cut(i.message, `"personCount":`)
				count, _, _ := strings.Cut(rest, "}")
				return i.at.Format("[3:4:5 PM] 06-1-2") + "|" + count
			})
		}},
		{query: "007", rows: func(h happened) []string {
			return h.of(day, "traces").keep(func(i item) bool {
				return !strings.Contains(i.message, "perceptConfiguration") && strings.Contains(i.message, `"type":"LineCrossing"`)
			}).by(func(i item) string { return i.at.Format("06-1-2") }, func(k string, g happened) string { return fmt.Sprintf("%d|[12:0:0 AM] %s", len(g), k) })
		}},
		{query: "037", rows: func(h happened) []string {
			return h.of(day, "exceptions").keep(timedOut).each(func(i item) string {
				return strings.Join([]string{moment(i.at), i.user, i.dims["entityName"], i.dims["correlationId"]}, "|")
			})
		}},
		{query: "056", rows: func(h happened) []string {
			return h.of(14*day, "exceptions").keep(timedOut).by(binned(time.Hour), counted)
		}},
		{query: "016", columns: []string{"timestamp", "problemId", "type", "outerMessage"}, rows: func(h happened) []string {
			return h.of(30*day, "exceptions").keep(func(i item) bool { // one operation is looked for at all times
				return strings.EqualFold(i.role, "{LogicApp:name}") && i.op == "{RunId}" && i.parent == "{requestId}"
			}).each(func(i item) string { return strings.Join([]string{moment(i.at), "Boom", "Boom", i.message}, "|") })
		}},
		{query: "031", rows: func(h happened) []string {
			return []string{fmt.Sprintf("/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/gatehouse/providers/microsoft.insights/components/default|gatehouse|%d", len(h.of(day, "customMetrics")))}
		}},
		{query: "062", rows: func(h happened) []string {
			return append(h.of(day, "customMetrics").keep(dropped).distinct(func(i item) string { return i.sdk }), "All")
		}},
		{query: "050", rows: func(h happened) []string {
			return append(h.of(day, "customMetrics").keep(dropped).keep(func(i item) bool { return i.dims["dropCode"] != "" }).distinct(dim("dropCode")), "All")
		}},
		{query: "012", down: "Requests", rows: func(h happened) []string {
			return h.of(day, "customMetrics").named("caller-requests").keep(func(i item) bool { return i.dims["CallerId"] != "" }).by(dim("CallerId"), func(k string, g happened) string {
				total := 0.0
				for _, i := range g {
					total += i.value
				}
				return fmt.Sprintf("%s|%v", k, total)
			})
		}},
		{query: "001", rows: func(happened) []string {
			return []string{"union pageViews, requests, dependencies|Page Views, Requests and Dependencies", "union pageViews, requests|Page Views and Requests", "pageViews|Page Views", "requests|Requests", "dependencies|Dependencies"}
		}},
	}
}

func timedOut(i item) bool { return strings.Contains(strings.ToLower(i.message), "timeout ") }

func dropped(i item) bool {
	return strings.HasSuffix(strings.ToLower(i.name), "dropped.count") || i.name == "Item_Dropped_Count"
}
