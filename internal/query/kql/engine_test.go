package kql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
	"gatehouse/internal/store/lake"
	"gatehouse/internal/telemetry"
)

// present is the moment at which the tests' queries run.
func present() time.Time { return time.Date(2026, 3, 14, 9, 30, 0, 0, time.UTC) }

// engine has three requests of the default workspace, one of another.
func engine(t testing.TB) *Engine {
	t.Helper()
	o := lake.DefaultOptions(t.TempDir())
	o.Now = present
	l, err := lake.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var spans []telemetry.Span
	for n, status := range []int32{200, 404, 500, 200} {
		s := telemetry.Span{Time: present().Add(-time.Duration(n+1) * time.Minute).UnixNano(), Duration: int64(n+1) * int64(time.Millisecond),
			TraceID: fmt.Sprintf("%032d", n+1), SpanID: fmt.Sprintf("%016d", n+1), Kind: "server", Name: "pets;rev=1 - get", Method: "GET", Path: "/pets",
			StatusCode: status, Source: "gateway", API: "pets", Operation: "get", Outcome: "ok", SampleWeight: 10, Status: "ok"}
		if n == 3 {
			s.Workspace = "other"
		}
		spans = append(spans, s)
	}
	if err := l.Spans(context.Background(), spans); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	return New(Options{Lake: l})
}

// ask runs a query and writes its rows: cells with commas, rows with semicolons.
func ask(e *Engine, query string, workspaces ...string) (string, error) {
	if len(workspaces) == 0 {
		workspaces = []string{""}
	}
	r, err := e.Query(context.Background(), Request{Query: query, Workspaces: workspaces, Now: present(), Named: map[string]string{"other": "other"}})
	if err != nil {
		return "", err
	}
	var rows []string
	for _, row := range r.Tables[0].Rows {
		var cells []string
		for i, v := range row {
			cells = append(cells, shown(r.Tables[0].Columns[i].Type, v))
		}
		rows = append(rows, strings.Join(cells, ","))
	}
	return strings.Join(rows, ";"), nil
}

// In a workspace * stands for the tables of a workspace.
func TestAllTablesOfAWorkspace(t *testing.T) {
	e := engine(t)
	for _, c := range []struct {
		workspace bool
		query     string
		want      any
	}{
		{true, `union withsource=T * | where TimeGenerated > ago(1h) | summarize make_set(T) | project tostring(array_sort_asc(set_T))`, `["ApiManagementGatewayLogs","AppExceptions","AppRequests"]`},
		{false, `search "pets" | where timestamp > ago(1h) | summarize t = make_set($table) | project tostring(array_sort_asc(t))`, `["exceptions","requests"]`},
	} {
		r, err := e.Query(context.Background(), Request{Query: c.query, Workspaces: []string{""}, Workspace: c.workspace, Now: present()})
		if err != nil {
			t.Fatalf("%s: %v", c.query, err)
		}
		if rows := r.Tables[0].Rows; len(rows) != 1 || rows[0][0] != c.want {
			t.Errorf("%s: %v, want %v", c.query, rows, c.want)
		}
	}
}

func shown(t table.Type, v any) string {
	n, whole := v.(int64)
	switch {
	case v == nil:
		return "null"
	case t == table.Datetime && whole:
		return syntax.FormatDatetime(n)
	case t == table.Timespan && whole:
		return syntax.FormatTimespan(n)
	}
	return fmt.Sprint(v)
}

// Rows are worked out by hand from Kusto's documentation.
func TestQueries(t *testing.T) {
	e := engine(t)
	const people = `datatable(name:string, age:long, team:string)["Ann", 31, "red", "bob", 25, "blue", "Cid", long(null), "red", "", 40, "blue"] `
	for _, c := range []struct{ name, query, want string }{
		{"a missing text is not null", `datatable(d:dynamic)[dynamic({"a":"x"}), dynamic({})] | where tostring(d.a) != "x" | count`, "1"},
		{"null compares to nothing", people + `| where age > 30 or age <= 30 | count`, "3"},
		{"null is not equal to a value", people + `| where age != 31 | count`, "3"},
		{"== looks at letter case", people + `| where name == "BOB" | count`, "0"},
		{"=~ does not", people + `| where name =~ "BOB" | project name`, "bob"},
		{"in looks at letter case", people + `| where name in ("BOB", "Ann") | project name`, "Ann"},
		{"in~ does not", people + `| where name in~ ("BOB", "ann") | count`, "2"},
		{"contains does not look at case", people + `| where team contains "RE" | count`, "2"},
		{"contains_cs does", people + `| where team contains_cs "RE" | count`, "0"},
		{"has is a whole term", `print a = "KustoExplorerQueryRun" has "Explorer", b = "a Explorer-b" has "explorer", c = "KustoExplorer" contains "explorer", d = "a.b-c" has "b-c"`, "false,true,true,true"},
		{"bin goes down, also below zero", `print bin(-7, 5), bin(7.5, 2), bin(1h + 59m, 1h)`, "-10,6,01:00:00"},
		{"bin of a time counts from year one", `print bin(datetime(2024-01-12), 3d), bin(datetime(2024-01-10 12:34:56), 1h)`, "2024-01-10T00:00:00Z,2024-01-10T12:00:00Z"},
		{"by bin keeps the name", `requests | summarize count() by bin(timestamp, 1h) | getschema | project ColumnName`, "timestamp;count_"},
		{"names of results", people + `| summarize count(), avg(age), dcount(name), percentile(age, 95), countif(age > 30) | getschema | summarize make_list(ColumnName)`,
			`["count_","avg_age","dcount_name","percentile_age_95","countif_"]`},
		{"empty input without by", people + `| where age > 99 | summarize count(), sum(age), dcount(name), max(age), make_list(name)`, "0,0,0,null,[]"},
		{"empty input with by", people + `| where age > 99 | summarize count() by team`, ""},
		{"percentile is a value", `range x from 1 to 4 step 1 | summarize percentile(x, 50)`, "2"},
		{"default join removes doubles on the left", `datatable(k:long, a:string)[1,"x",1,"y"] | join (datatable(k:long, b:string)[1,"p",1,"q"]) on k | count`, "2"},
		{"inner join does not", `datatable(k:long, a:string)[1,"x",1,"y"] | join kind=inner (datatable(k:long, b:string)[1,"p",1,"q"]) on k | count`, "4"},
		{"both keys stay", `datatable(k:long)[1] | join kind=inner (datatable(k:long)[1]) on k | getschema | summarize make_list(ColumnName)`, `["k","k1"]`},
		{"leftanti", `datatable(k:long)[1,2] | join kind=leftanti (datatable(k:long)[1]) on k`, "2"},
		{"sort goes down, nulls last", people + `| sort by age | project age`, "40;31;25;null"},
		{"ascending, nulls first", people + `| sort by age asc | project age`, "null;25;31;40"},
		{"top", people + `| top 1 by age | project age`, "40"},
		{"whole numbers divide whole", `print 7/2, 7.0/2, -7 % 5`, "3,3.5,-2"},
		{"texts become whole numbers only whole", `print toint("12"), toint("12.7"), tolong("x"), toint(12.7)`, "12,null,null,12"},
		{"make-series fills gaps, end not included", `datatable(t:datetime, v:long)[datetime(2024-01-01), 1, datetime(2024-01-03), 2] | make-series sum(v) on t from datetime(2024-01-01) to datetime(2024-01-04) step 1d | project sum_v`, "[1,0,2]"},
		{"a negative index counts from the end", `print d = dynamic([1,2,3]) | project d[-1]`, "3"},
		{"times have 100 ns", `print datetime(2024-01-01 00:00:00.1234567), datetime(0001-01-01), datetime(9999-12-31)`, "2024-01-01T00:00:00.1234567Z,0001-01-01T00:00:00Z,9999-12-31T00:00:00Z"},
		{"now is one moment", `print now() == now(), ago(1h), now(-1d)`, "true,2026-03-14T08:30:00Z,2026-03-13T09:30:00Z"},
		{"timespans", `print 1.5h, time(1.02:03:04), 1d / 6h, 2 * 90m, tostring(36h)`, "01:30:00,1.02:03:04,4,03:00:00,1.12:00:00"},
		{"search finds terms in any column, not across two", `datatable(a:string, b:string, d:dynamic)["one", "two", dynamic({"k":"three"}), "oneness", "x", dynamic(null)] | extend h1 = 1 | search "one" or "three" | count`, "1"},
		{"names that functions had before", `datatable(d:dynamic)[dynamic([1,2])] | project arraylength(d), iscolumnexists("d"), iscolumnexists("x"), datepart("year", datetime(2024-05-06)), tostring(totime("01:00:00")), extractall("([a-z])", "a1b")`, `2,true,false,2024,01:00:00,["a","b"]`},
		{"sets, and texts in regular expressions", `print set_equals(dynamic([1,2,2]), dynamic([2,1])), set_equals(dynamic([1]), dynamic([1,3])), regex_quote("a.b"), "xa.by" matches regex regex_quote("a.b")`, `true,false,a\.b,true`},
		{"parse_user_agent", `print a = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0" | extend b = parse_user_agent(a, "browser"), o = parse_user_agent(a, dynamic(["os", "device"])) | project tostring(b.Browser.Family), tostring(b.Browser.MajorVersion), tostring(o.OperatingSystem.Family), isnull(o.Browser), tostring(o.Device.Family)`, "Firefox,128,Windows,true,Other"},
		{"extractjson with a type", `print d = '{"a":{"b":"7"}}' | project extractjson("$.a.b", d, typeof(long)) + 1, extract_json("$.a.b", d)`, "8,7"},
		{"search does not find parts", `datatable(a:string)["oneness", "ONE.two"] | search "one" | project a`, "ONE.two"},
		{"search does not find what two columns make together", `datatable(a:string, b:string)["one", "two"] | search "one two" | count`, "0"},
		{"any column contains", `datatable(a:string, b:string)["x", "oneness"] | where * contains "NES" | count`, "1"},
		{"any column contains, by case", `datatable(a:string, b:string)["x", "oneness"] | where * contains_cs "NES" | count`, "0"},
		{"any column has", `datatable(a:string, b:string)["x", "a one.b"] | where * has "ONE" and * !has "nothing" | count`, "1"},
		{"union adds columns", `union (print a = 1), (print b = "x") | count`, "2"},
		{"union names its source", `union withsource=T requests, traces | distinct T`, "requests"},
		{"a missing table is tolerated on request", `union isfuzzy=true requests, NoSuchTable | count`, "3"},
		{"let with a function and a default", `let f = (x:long, y:long = 10) { x + y }; print f(1), f(1, 2)`, "11,3"},
		{"a table as a function", `let t = (n:long) { range x from 1 to n step 1 }; t(3) | summarize sum(x)`, "6"},
		{"toscalar", `let m = toscalar(requests | count); print m`, "3"},
		{"extend sees columns, not siblings", `print a = 1 | extend b = a + 1 | extend a = b * 10 | project a, b`, "20,2"},
		{"wildcards", `print ab = 1, ac = 2, d = 3 | project-away a*`, "3"},
		{"mv-expand of arrays and bags", `print d = dynamic([1,{"k":2}]) | mv-expand d`, `1;{"k":2}`},
		{"mv-expand to a type", `print d = dynamic(["1","2"]) | mv-expand d to typeof(long) | summarize sum(d)`, "3"},
		{"older names", `datatable(x:long)[2,1] | summarize makeset(x), any("v")`, "[1,2],v"},
		{"regular expressions", `print extract("a(b+)", 1, "xabbb"), "abc" matches regex "^a.c$", replace_regex("a1b2", "[0-9]", "#")`, "bbb,true,a#b#"},
		{"weighted truth", `requests | summarize count(), sum(itemCount)`, "3,30"},
		{"success is a text that is compared as a truth", `requests | where success == false | summarize count() by success`, "False,2"},
		{"and as a text", `requests | where success == "False" | count`, "2"},
		{"a result code is a text", `requests | where resultCode startswith "4" or toint(resultCode) >= 500 | summarize make_set(resultCode)`, `["404","500"]`},
		{"API dimensions", `requests | summarize count() by tostring(customDimensions["API Name"])`, "pets,3"},
		{"the gateway's own log", `ApiManagementGatewayLogs | summarize n = count(), ms = max(TotalTime) by ApiId, ok = IsRequestSuccess | sort by ok asc`, "pets,false,2,3;pets,true,1,1"},
		{"a trace in the gateway's own log", `ApiManagementGatewayLogs | where TraceId == "00000000000000000000000000000002" | project ResponseCode, OperationId`, "404,get"},
		{"workspace names", `AppRequests | summarize count() by Success | sort by Success asc`, "false,2;true,1"},
		{"parse is strict in its simple kind", `datatable(t:string)["id=7, who=ann, left=1.5", "id=x, who=bob, left=2"] | parse t with "id=" id:long ", who=" who ", left=" left:real | project id, who, left`, "7,ann,1.5;null,,null"},
		{"parse-where drops what does not match", `datatable(t:string)["a/b: c", "none"] | parse-where t with * "/" x ":" * | project x`, "b"},
		{"parse by regular expressions", `print t = "ab12cd" | parse kind=regex t with "[a-z]+" n:long "[a-z]+" | project n`, "12"},
		{"each use of a named table has its own range", `requests | as T | where timestamp > ago(90s) | union T | count`, "4"},
		{"also of a table that is an argument", `let f = (T:(*)) { T | where timestamp > ago(90s) | union (T | where timestamp < ago(150s)) }; f(requests) | count`, "2"},
		{"also of a materialized one", `let T = materialize(requests); T | where timestamp > ago(90s) | union T | count`, "4"},
		{"and its own trace", `requests | as T | where operation_Id == "00000000000000000000000000000001" | union T | count`, "4"},
		{"a time filter above row numbers leaves them alone", `requests | sort by timestamp asc | serialize n = row_number() | where timestamp > ago(90s) | project n`, "3"},
		{"what a call makes is bounded", `print a = isnull(repeat(strrep("x", 1000), 1000000)), b = strlen(strrep(strrep("x", 1000), 1024)), c = strlen(strrep(strrep(strrep("x", 1000), 1000), 1000))`, "true,1024000,0"},
		{"prev and row_number", `range x from 1 to 3 step 1 | serialize p = prev(x), n = row_number() | project p, n`, "null,1;1,2;2,3"},
		{"format_datetime", `print format_datetime(datetime(2024-02-03 14:05:06.789), "yy-M-d hh:mm:ss.fff tt")`, "24-2-3 02:05:06.789 PM"},
		{"calendar", `print startofmonth(datetime(2024-02-29 10:00)), endofmonth(datetime(2024-02-01)), startofweek(datetime(2024-02-29)), dayofweek(datetime(2024-02-29))`,
			"2024-02-01T00:00:00Z,2024-02-29T23:59:59.9999999Z,2024-02-25T00:00:00Z,4.00:00:00"},
		{"datetime_diff counts boundaries", `print datetime_diff("month", datetime(2024-03-01), datetime(2024-02-29)), datetime_add("month", 1, datetime(2024-01-31))`, "1,2024-02-29T00:00:00Z"},
		{"sets and bags", `print set_union(dynamic([1,2]), dynamic([2,3])), bag_keys(dynamic({"a":1})), array_length(dynamic([1,2])), strcat_array(dynamic(["a","b"]), "-")`, `[1,2,3],["a"],2,a-b`},
		{"hll merges", `range x from 1 to 100 step 1 | summarize h = hll(x) by bin(x, 50) | summarize dcount_hll(hll_merge(h))`, "100"},
		{"coalesce of texts takes the first that is not empty", `print coalesce("", tostring(dynamic(null)), strcat("a", "b"), "c")`, "ab"},
		{"another workspace by name", `app("other").requests | count`, "1"},
	} {
		got, err := ask(e, c.query)
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, c.query)
		} else if got != c.want {
			t.Errorf("%s: got %q, want %q\n%s", c.name, got, c.want, c.query)
		}
	}
}

// No query reads a workspace that it was not given.
func TestWorkspacesStayApart(t *testing.T) {
	e := engine(t)
	for workspaces, want := range map[string]string{"": "3", "other": "1", "nobody": "0"} {
		for _, query := range []string{"requests | count", "union requests, AppRequests | summarize count() / 2", "search * | where itemType == 'request' | count"} {
			if got, err := ask(e, query, workspaces); err != nil || got != want && !strings.HasPrefix(query, "search") {
				t.Errorf("%q of %q: %q, %v", query, workspaces, got, err)
			}
		}
	}
	if got, err := ask(e, `app("secret").requests | count`); err == nil {
		t.Errorf("an unknown application gave %q", got)
	}
}

func TestQueryErrors(t *testing.T) {
	e := engine(t)
	for query, want := range map[string]string{
		"requests | where duratoin > 1":              "duration",
		"reqests | count":                            "requests",
		"requests | where TimeGenerated > ago(1h)":   "timestamp",
		"AppRequests | project customDimensions":     "Properties",
		"requests | summarize coun()":                "count",
		"requests | where":                           "",
		"requests | join traces on customDimensions": "",
		"requests | scan with (step s: true;)":       "",
		`print toscalar('; DROP TABLE x; --')`:       "ok",
	} {
		_, err := ask(e, query)
		var q *QueryError
		switch {
		case want == "ok":
			if err != nil {
				t.Errorf("%s: %v", query, err)
			}
		case !errors.As(err, &q) || q.Errors[0].Code == "" || q.Errors[0].Line != 1 || q.Errors[0].Column < 1:
			t.Errorf("%s: %v", query, err)
		case want != "" && !strings.Contains(q.Errors[0].Hint, want):
			t.Errorf("%s: the hint is %q, not %q", query, q.Errors[0].Hint, want)
		}
	}
}

func TestLimits(t *testing.T) {
	e := engine(t)
	r, err := e.Query(context.Background(), Request{Query: "range x from 1 to 100 step 1", Workspaces: []string{""}, Now: present(), Limits: Limits{Rows: 10}})
	if err != nil || len(r.Tables[0].Rows) != 10 || r.Partial == "" {
		t.Errorf("rows: %+v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Query(ctx, Request{Query: "requests | count", Workspaces: []string{""}}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	r, err = e.Query(context.Background(), Request{Query: "requests | render timechart with (title='T')", Workspaces: []string{""}, Now: present()})
	if err != nil || r.Render == nil || r.Render.Visualization != "timechart" || len(r.Notes) == 0 {
		t.Errorf("render, and the note on the default time range: %+v, %v", r, err)
	}
}

// A query that needs too much memory is the query's fault, told as a limit.
func TestMemoryLimit(t *testing.T) {
	o := lake.DefaultOptions(t.TempDir())
	o.MemoryLimit = 4 << 20
	l, err := lake.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, err = ask(New(Options{Lake: l}), "range x from 1 to 3000000 step 1 | extend t = strcat('a long text that takes room ', tostring(x)) | summarize count() by t | count")
	var limit *LimitError
	if !errors.As(err, &limit) || limit.Limit != "memory" {
		t.Errorf("got %v", err)
	}
}
