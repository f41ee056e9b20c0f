package logs

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/query/kql/table"
)

func requestProperty(path string) (string, bool) { return property(path, typesNamed("requests")) }

func TestFilters(t *testing.T) {
	for odata, want := range map[string]string{
		"request/duration gt 250.5":                                      "(duration > 250.5)",
		"request/success eq 'False' and operation/name ne 'it''s'":       `((success == "False") and (operation_Name != "it's"))`,
		"not contains(request/name, 'GET') or user/id eq null":           `(not((name contains_cs "GET")) or isempty(user_Id))`,
		"startswith(tolower(request/url), 'https')":                      `(tolower(url) startswith_cs "https")`,
		"timestamp ge 2026-03-14T09:00:00Z":                              "(timestamp >= datetime(2026-03-14T09:00:00Z))",
		"(count eq 1) and (client/city in ('Ghent','Lille'))":            `(((itemCount == 1)) and ((client_City in ("Ghent", "Lille"))))`,
		"customDimensions/tier eq 'a\"b\\c'":                             `(tostring(customDimensions["tier"]) == "a\"b\\c")`,
		"customMeasurements/items gt -3":                                 `(todouble(customMeasurements["items"]) > -3)`,
		"length(request/name) lt 10":                                     "(strlen(name) < 10)",
		"substringof('x', request/name) eq true":                         `((name contains_cs "x") == true)`,
		"type eq 'request' and id eq 'a' and ai/sdkVersion ne null":      `(((itemType == "request") and (itemId == "a")) and isnotempty(sdkVersion))`,
		"contains(request/name, '%2') and startswith(request/url, '%1')": `((name contains_cs "%2") and (url startswith_cs "%1"))`,
	} {
		got, err := filterExpression(odata, requestProperty)
		if err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", odata, got, err, want)
		}
	}
	for odata, part := range map[string]string{
		"request/durations gt 1": "no property", "request/name eq": "value is missing", "request/name eq 'x": "not closed", "dependency/name eq 'x'": "no property",
		"drop(request/name)": "not known", "contains(request/name)": "takes 2", "(request/name eq 'x'": ") is missing", "request/name eq 'x') or (1 eq 1": "not expected",
		strings.Repeat("(", 100) + "1": "nested deeper", "request/name eq 'x' | take 1": "not expected", "_ResourceId eq 'x'": "no property", strings.Repeat("x", 20000): "longer",
		strings.Repeat("not ", 100) + "true": "nested deeper",
	} {
		if got, err := filterExpression(odata, requestProperty); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%.40s: %s, %v; want an error with %q", odata, got, err, part)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add("contains(request/name, 'x') and timestamp ge 2026-03-14T09:00:00Z or not (count in (1,2))")
	f.Add("customDimensions/a eq 'b''c\"' or ((((1 eq 2))))")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := filterExpression(text, requestProperty)
		if err == nil && (strings.Count(got, "(") != strings.Count(got, ")") && !strings.ContainsAny(text, "'")) {
			t.Errorf("%q gives %q", text, got)
		}
	})
}

// TestQueries compares the KQL of the events and metrics APIs with a golden file.
func TestQueries(t *testing.T) {
	h, _ := handler(t, nil, empty)
	var b strings.Builder
	for _, query := range []string{
		"requests?$filter=request/success eq 'False'&$top=5&$skip=2&$orderby=request/duration desc,timestamp",
		"$all?$search=\"not found\" OR ghent NOT bot",
		"exceptions?$apply=filter(exception/type ne 'x')/groupby((exception/type,cloud/roleName),aggregate($count as n,exception/severityLevel with max as worst))&$orderby=exception/type",
		"dependencies?$apply=aggregate(dependency/duration with average as mean)&$count=true",
	} {
		kind, values, _ := strings.Cut(query, "?")
		v := url.Values{}
		for _, pair := range strings.Split(values, "&") {
			name, value, _ := strings.Cut(pair, "=")
			v.Set(name, value)
		}
		q, f := readEventQuery(v, typesNamed(kind))
		if f != nil {
			t.Fatalf("%s: %+v", query, f.inner)
		}
		text := q.text(false)
		if len(text) > 2000 {
			text = text[:400] + "\n...\n" + text[len(text)-400:]
		}
		b.WriteString("-- events/" + query + " --\n" + text + "\n\n")
	}
	for _, p := range []metricParameters{
		{MetricID: "requests/count"},
		{MetricID: "requests/duration", Aggregation: []string{"avg", "max"}, Interval: "PT1H", Segment: []string{"request/resultCode", "cloudRoleName"}, Top: 3, OrderBy: "max asc", Filter: "operation/name eq 'x'"},
		{MetricID: "availabilityResults/availabilityPercentage", Interval: "P1D"},
		{MetricID: "users/count"}, {MetricID: "customMetrics/queue \"length\""}, {MetricID: "performanceCounters/processCpuPercentage"},
	} {
		q, f := h.readMetric(p, noon)
		if f != nil {
			t.Fatalf("%s: %+v", p.MetricID, f.inner)
		}
		b.WriteString("-- metrics/" + p.MetricID + " --\n" + q.text(false) + "\n")
		if q.every > 0 {
			b.WriteString("and\n" + q.text(true) + "\n")
		}
		b.WriteString("\n")
	}
	if *update {
		if err := os.WriteFile("testdata/queries.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile("testdata/queries.txt"); err != nil || string(want) != b.String() {
		t.Errorf("%v: got\n%s", err, b.String())
	}
}

func TestMetricRefusals(t *testing.T) {
	h, _ := handler(t, nil, empty)
	for name, p := range map[string]metricParameters{
		"MetricInvalid": {MetricID: "no/such"}, "AggregationInvalid": {MetricID: "requests/count", Aggregation: []string{"avg"}},
		"IntervalInvalid": {MetricID: "requests/count", Interval: "PT1S", Timespan: "P30D"}, "SegmentInvalid": {MetricID: "requests/count", Segment: []string{"dependency/type"}},
		"TopInvalid": {MetricID: "requests/count", Top: 5000}, "OrderInvalid": {MetricID: "requests/count", OrderBy: "avg"}, "FilterInvalid": {MetricID: "requests/count", Filter: "x eq"},
		"TimespanInvalid": {MetricID: "requests/count", Timespan: "x"},
	} {
		if _, f := h.readMetric(p, noon); f == nil || f.inner.Code != name {
			t.Errorf("%+v: %+v, want %s", p, f, name)
		}
	}
}

// TestEventShape: shared columns stand in groups, those of the type under its
// name, and dynamic values are objects.
func TestEventShape(t *testing.T) {
	columns := []table.Column{{Name: "timestamp", Type: table.Datetime}, {Name: "id", Type: table.String}, {Name: "duration", Type: table.Real}, {Name: "itemType", Type: table.String},
		{Name: "itemId", Type: table.String}, {Name: "itemCount", Type: table.Int}, {Name: "operation_Name", Type: table.String}, {Name: "client_CountryOrRegion", Type: table.String},
		{Name: "customDimensions", Type: table.Dynamic}, {Name: "message", Type: table.String}, {Name: "_BilledSize", Type: table.Real}}
	row := []any{int64(table.UnixTicks), "s1", 2.5, "request", "i1", int32(3), "op", "Belgium", `{"a":"b"}`, "of another type", 1.0}
	h, _ := handler(t, nil, func(context.Context, kql.Request) (*kql.Result, error) {
		return &kql.Result{Tables: []kql.ResultTable{{Name: "PrimaryResult", Columns: columns, Rows: [][]any{row}}}}, nil
	})
	golden(t, "event", call(h, "GET", "/v1/apps/default/events/$all/i1", ""))
	golden(t, "event-selected", call(h, "GET", "/v1/apps/default/events/requests?$select=request/duration,id,nothing&$count=true", ""))
	golden(t, "metric", call(h, "GET", "/v1/apps/default/metrics/requests/count?timespan=PT1H", ""))
}
