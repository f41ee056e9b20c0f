package kql

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/store/lake"
	"gatehouse/internal/telemetry"
)

// many is a lake with 600 requests of ten minutes, several at each moment, a
// message for every third, and a call by a request that began long before.
func many(t *testing.T) *lake.Lake {
	t.Helper()
	o := lake.DefaultOptions(t.TempDir())
	o.Now = present
	l, err := lake.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var spans []telemetry.Span
	var logs []telemetry.LogRecord
	for n := range 600 {
		at := present().Add(-10*time.Minute + time.Duration(n/4)*4*time.Second).UnixNano()
		s := telemetry.Span{Time: at, Duration: int64(n%50) * 1e6, TraceID: fmt.Sprintf("%032d", n), SpanID: fmt.Sprintf("%016d", n), Kind: "server", Name: "r" + fmt.Sprint(n%7),
			Method: "GET", Path: "/p/" + fmt.Sprint(n), StatusCode: int32(200 + n%5*100), Source: "gateway", API: "a" + fmt.Sprint(n%3), Status: "ok", Outcome: "ok", SampleWeight: 1}
		if n == 300 {
			s.Calls = []telemetry.CallRow{{SpanID: "late", Source: "forward-request", Method: "GET", URL: "https://b/x", Target: "b", Status: 200, Offset: int64(3 * time.Minute), Outcome: "ok"}}
		}
		spans = append(spans, s)
		if n%3 == 0 {
			logs = append(logs, telemetry.LogRecord{Time: at, TraceID: s.TraceID, SpanID: s.SpanID, Severity: "information", Body: "m" + fmt.Sprint(n), Source: "track", SampleWeight: 1})
		}
	}
	if err := l.Spans(context.Background(), spans); err != nil {
		t.Fatal(err)
	}
	if err := l.Logs(context.Background(), logs); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	return l
}

// A list of the newest rows is the same whether it is read window by window or
// sorted as a whole.
func TestNewestByWindows(t *testing.T) {
	l := many(t)
	windows, whole := New(Options{Lake: l, NewestRows: 8}), New(Options{Lake: l, NewestRows: 1 << 30})
	for _, c := range []struct {
		query  string
		walked bool
	}{
		{`requests | top 4 by timestamp | project timestamp, name = ""`, true},
		{`requests | sort by timestamp desc, url asc | take 5`, true},
		{`requests | where resultCode == "600" | sort by timestamp desc, url asc | take 7`, true},
		{`requests | where name == "nothing" | top 7 by timestamp`, true},
		{`requests | sort by timestamp desc, url asc | take 40 | summarize count() by resultCode | sort by resultCode asc`, true},
		{`requests | sort by timestamp desc, url asc | extend u = strcat(url, "!") | take 12 | project u, api = tostring(customDimensions["API Name"])`, true},
		{`requests | sort by timestamp desc, url asc | take 12 | extend api = tostring(customDimensions["API Name"]) | summarize make_list(api)`, true},
		{`requests | where timestamp between (datetime(2026-03-14 09:21) .. datetime(2026-03-14 09:25)) | sort by timestamp desc, url asc | take 9 | project url, timestamp`, true},
		{`union withsource=T requests, traces | sort by timestamp desc, operation_Id asc, T asc | take 30 | project T, timestamp, operation_Id, customDimensions`, true},
		{`requests | sort by timestamp desc, url asc | take 300 | project url`, true},
		{`requests | sort by timestamp asc, url asc | take 5 | project url`, false},
		{`requests | sort by duration, url asc | take 5 | project url`, false},
		{`requests | summarize n = count() by timestamp, name | sort by timestamp desc, name asc | take 5`, false},
		{`requests | serialize n = row_number() | sort by timestamp desc, n asc | take 5 | project n`, false},
		{`dependencies | top 5 by timestamp | project id, timestamp`, true},
		{`requests | where url in ((traces | project strcat("/p/", substring(message, 1)))) | sort by timestamp desc, url asc | take 4 | project url`, false},
	} {
		want, err := ask(whole, c.query)
		if err != nil {
			t.Fatalf("%v\n%s", err, c.query)
		}
		if got, err := ask(windows, c.query); err != nil || got != want {
			t.Errorf("got %q, want %q, %v\n%s", got, want, err, c.query)
		}
		tree, _ := syntax.Read(c.query, syntax.Options{})
		b := &binder{ctx: context.Background(), engine: windows, text: c.query, request: Request{Query: c.query, Workspaces: []string{""}, Now: present(), Limits: DefaultLimits()}}
		rel, err := b.query(tree)
		if err != nil {
			t.Fatal(err)
		}
		if walked := newestOf(rel) != nil; walked != c.walked {
			t.Errorf("read by windows: %t\n%s", walked, c.query)
		}
	}
}

// A comparison of the time is what the tables read, to the tick, and also where
// the time of a row is not that of the row it is made of.
func TestTimeOfRows(t *testing.T) {
	e := New(Options{Lake: many(t)})
	for query, want := range map[string]string{
		`requests | where timestamp > datetime(2026-03-14 09:29) | count`:                                                                    "56",
		`requests | where timestamp > datetime(2026-03-14 09:29:52) | count`:                                                                 "4",
		`requests | where timestamp >= datetime(2026-03-14 09:29:52) | count`:                                                                "8",
		`requests | where timestamp >= datetime(2026-03-14 09:20:00) and timestamp < datetime(2026-03-14 09:20:04) | count`:                  "4",
		`requests | where timestamp <= datetime(2026-03-14 09:20:04) and operation_Name == "r0" | count`:                                     "2",
		`requests | where timestamp == datetime(2026-03-14 09:20:04) | count`:                                                                "4",
		`requests | where timestamp == datetime(2026-03-14 09:20:04.0000001) | count`:                                                        "0",
		`requests | where datetime(2026-03-14 09:29:52) < timestamp | count`:                                                                 "4",
		`requests | where timestamp > datetime(2026-03-14 09:29) or operation_Name == "r1" | count`:                                          "134",
		`requests | where bin(timestamp, 1m) > datetime(2026-03-14 09:28) | count`:                                                           "60",
		`requests | where timestamp > datetime(null) | count`:                                                                                "0",
		`requests | extend timestamp = timestamp - 1h | where timestamp > datetime(2026-03-14 08:29:52) | count`:                             "4",
		`dependencies | where timestamp > datetime(2026-03-14 09:27) | project id`:                                                           "late",
		`dependencies | where timestamp > datetime(2026-03-14 09:28) | count`:                                                                "0",
		`dependencies | where timestamp < datetime(2026-03-14 09:27) | count`:                                                                "0",
		`union requests, dependencies | where timestamp > datetime(2026-03-14 09:27) | summarize count() by itemType | sort by itemType asc`: "dependency,1;request,176",
	} {
		if got, err := ask(e, query); err != nil || got != want {
			t.Errorf("got %q, want %q, %v\n%s", got, want, err, query)
		}
	}
}
