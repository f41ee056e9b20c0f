package transactions

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/query/kql"
	"gatehouse/internal/telemetry"
)

// Limits of a search.
const (
	defaultRange  = 24 * time.Hour
	defaultLimit  = 100
	maxLimit      = 1000
	maxDimensions = 20
)

// filter is what a search asks for. Empty fields match everything.
type filter struct {
	workspace   string
	start, end  time.Time
	kinds       []kind
	id          string // of an item, an operation, a span or a request of the gateway
	operation   string
	text        string
	role        string
	result      string
	success     string // "true", "false"
	severity    int    // at least; -1: any
	minDuration time.Duration
	dimensions  [][2]string
	limit       int
	afterTicks  int64 // the page starts behind this item; 0: at the newest
	afterItem   string
}

func readFilter(p *api.Parameters) *filter {
	f := &filter{workspace: p.Get("workspace"), id: p.Get("id"), operation: p.Get("operation_id"), text: p.Get("q"), role: p.Get("role"), result: p.Get("result"),
		success: p.OneOf("success", "true", "false"), minDuration: p.Milliseconds("min_duration_ms"), limit: p.Limit("limit", defaultLimit, maxLimit),
		dimensions: p.Prefixed("dimension.")}
	f.start, f.end = p.TimeRange(defaultRange)
	f.kinds = readKinds(p)
	f.severity = slices.Index(severities(), p.OneOf("severity", severities()...))
	f.readAfter(p)
	if len(f.dimensions) > maxDimensions {
		p.Wrong["dimension"] = fmt.Sprintf("is given %d times; at most %d", len(f.dimensions), maxDimensions)
	}
	p.RefuseUnknown()
	return f
}

// severities in the order of severityLevel.
func severities() []string {
	return []string{"verbose", "information", "warning", "error", "critical"}
}

// readKinds reads the parameter type: names divided by commas. A filter that
// only some types can answer leaves the others out.
func readKinds(p *api.Parameters) []kind {
	all := kinds()
	text := p.Get("type")
	if text == "" {
		return all
	}
	var out []kind
	for _, name := range strings.Split(text, ",") {
		at := slices.IndexFunc(all, func(k kind) bool { return strings.EqualFold(k.name, strings.TrimSpace(name)) })
		if at < 0 {
			p.Wrong["type"] = "has " + strconv.Quote(name) + "; the types are request, dependency, exception, trace, customEvent, pageView and availabilityResult"
			return nil
		}
		if !slices.ContainsFunc(out, func(k kind) bool { return k.name == all[at].name }) {
			out = append(out, all[at])
		}
	}
	return out
}

// readAfter reads where the page before this one ended: ticks and item id.
func (f *filter) readAfter(p *api.Parameters) {
	text := p.Get("after")
	if text == "" {
		return
	}
	ticks, id, ok := strings.Cut(text, "~")
	n, err := strconv.ParseInt(ticks, 10, 64)
	if !ok || err != nil || n <= 0 || id == "" {
		p.Wrong["after"] = "is not the \"next\" of an earlier page"
		return
	}
	f.afterTicks, f.afterItem = n, id
}

// keep leaves out what the workspace no longer shows.
func (f *filter) keep(now time.Time, w *telemetry.Workspace) {
	if w.Retention <= 0 {
		return
	}
	if oldest := now.Add(-w.Retention); f.start.Before(oldest) {
		f.start = oldest
	}
	if f.end.Before(f.start) {
		f.end = f.start
	}
}

// page is the query for the items of one page and one more.
func (f *filter) page() string {
	after := ""
	if f.afterTicks > 0 {
		at := fmt.Sprintf("datetime(0001-01-01) + %dtick", f.afterTicks)
		after = fmt.Sprintf("\n| where timestamp < %s or (timestamp == %s and strcmp(itemId, %s) < 0)", at, at, kql.Quoted(f.afterItem))
	}
	return f.union(true) + after + fmt.Sprintf("\n| order by timestamp desc, itemId desc\n| take %d", f.limit+1)
}

// counts is the query for how many items there are of each type.
func (f *filter) counts() string {
	return f.union(false) + "\n| summarize count() by kind"
}

// union gives the matching items of all types in the columns of the list.
func (f *filter) union(whole bool) string {
	var legs []string
	for _, k := range f.kinds {
		if (f.severity >= 0 && k.severity == "") || (f.success != "" && k.success == "") || (f.result != "" && k.result == "") || (f.minDuration > 0 && k.duration == "") {
			continue
		}
		leg := "(" + k.table
		for _, condition := range f.conditions(k) {
			leg += " | where " + condition
		}
		if whole {
			leg += " | project " + projection(k)
		} else {
			leg += " | project kind = " + kql.Quoted(k.name)
		}
		legs = append(legs, leg+")")
	}
	if len(legs) == 0 { // no type has all that is asked for
		legs = []string{"(" + f.kinds[0].table + " | where false | project " + projection(f.kinds[0]) + ")"}
	}
	return "union " + strings.Join(legs, ",\n ")
}

func projection(k kind) string {
	or := func(expression, otherwise string) string {
		if expression == "" {
			return otherwise
		}
		return expression
	}
	success := "bool(null)"
	if k.success != "" {
		success = "tobool(" + k.success + ")" // a text in the classic tables
	}
	return "kind = " + kql.Quoted(k.name) + ", timestamp, itemId, operation_Id, operation_ParentId, id = " + or(k.id, `""`) + ", title = " + k.title + ", text = " + k.text +
		", result = " + or(k.result, `""`) + ", success = " + success + ", duration = " + or(k.duration, "real(null)") +
		", severity = " + or(k.severity, "int(null)") + ", itemCount, operation_Name, cloud_RoleName, cloud_RoleInstance, customDimensions"
}

// conditions of one type.
func (f *filter) conditions(k kind) (out []string) {
	equal := func(column, value string) {
		if value != "" {
			out = append(out, column+" == "+kql.Quoted(value))
		}
	}
	equal("operation_Id", f.operation)
	equal("cloud_RoleName", f.role)
	equal(k.result, f.result)
	if f.id != "" {
		out = append(out, anyOf(k.mayBeTexts, " == ", f.id, `tostring(customDimensions["Request Id"])`))
	}
	if f.text != "" {
		out = append(out, anyOf(append(append(slices.Clone(k.searched), common()...), k.mayBeTexts...), " contains ", f.text))
	}
	if f.success != "" {
		out = append(out, "tobool("+k.success+") == "+f.success)
	}
	if f.severity >= 0 {
		out = append(out, fmt.Sprintf("%s >= %d", k.severity, f.severity))
	}
	if f.minDuration > 0 {
		out = append(out, fmt.Sprintf("%s >= %g", k.duration, float64(f.minDuration)/1e6))
	}
	for _, d := range f.dimensions {
		out = append(out, "tostring(customDimensions["+kql.Quoted(d[0])+"]) == "+kql.Quoted(d[1]))
	}
	return out
}

func anyOf(columns []string, operator, value string, more ...string) string {
	list := make([]string, 0, len(columns)+len(more))
	for _, c := range append(slices.Clone(columns), more...) {
		list = append(list, c+operator+kql.Quoted(value))
	}
	return strings.Join(list, " or ")
}
