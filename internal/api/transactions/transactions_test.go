package transactions

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/store/lake"
	"gatehouse/internal/telemetry"
)

func now() time.Time { return time.Date(2026, 3, 14, 9, 30, 0, 0, time.UTC) }

const operation = "4bf92f3577b34da6a3ce929d0e0e4736"

// console has a request that failed with its backend call, what was logged
// beside it, an event of a browser, and a request of another workspace.
func console(t testing.TB) http.Handler {
	t.Helper()
	lo := lake.DefaultOptions(t.TempDir())
	lo.Now = now
	l, err := lake.Open(lo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	at := func(d time.Duration) int64 { return now().Add(-d).UnixNano() }
	failed := telemetry.Span{Time: at(time.Minute), Duration: int64(120 * time.Millisecond), TraceID: operation, SpanID: "00f067aa0ba902b7", Name: "pets;rev=1 - getPet", Kind: "server",
		Status: "error", Service: "gatehouse", Source: "gateway", RequestID: "req-1", API: "pets", Operation: "getPet", Product: "gold", StatusCode: 502, Outcome: "error",
		Scheme: "https", Host: "api.example", Path: "/pets/7", Method: "GET", SampleWeight: 1,
		Calls: []telemetry.CallRow{{SpanID: "00f067aa0ba902b8", Source: "forward-request", Method: "GET", URL: "http://stable/pets/7", Target: "stable", Status: 502, Attempt: 1, Outcome: "ok", Duration: int64(time.Millisecond)}}}
	other := failed
	other.Workspace, other.TraceID, other.Calls = "orders", strings.Repeat("a", 32), nil
	old := failed
	old.TraceID, old.Time, old.Calls, old.StatusCode, old.Status, old.Outcome = strings.Repeat("b", 32), at(30*time.Hour), nil, 200, "ok", "ok"
	old.Duration = int64(5 * time.Millisecond)
	err = l.Spans(context.Background(), []telemetry.Span{old, failed, other})
	if err == nil {
		err = l.Logs(context.Background(), []telemetry.LogRecord{
			{Time: at(59 * time.Second), TraceID: operation, SpanID: "00f067aa0ba902b7", Severity: "warning", Body: `no "hay" left`, Attributes: `{"tenant":"acme"}`, Service: "stable"},
			{Time: at(58 * time.Second), TraceID: operation, Type: telemetry.TypeEvent, EventName: "pet bought", Attributes: `{"tenant":"acme"}`, Service: "shop"},
		})
	}
	if err == nil {
		err = l.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	spaces, err := telemetry.NewWorkspaces([]telemetry.Workspace{{InstrumentationKey: "k1", ApplicationID: "a1", ResourceID: "/r/1"},
		{Name: "orders", InstrumentationKey: "k2", ApplicationID: "a2", ResourceID: "/r/2", Retention: 30 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	Register(mux, Options{Query: kql.New(kql.Options{Lake: l}).Query, Workspaces: spaces, Now: now})
	return mux
}

type page struct {
	Items []struct {
		Type     string
		Title    string
		Text     string
		Result   string
		Success  *bool
		Severity string
		Duration float64 `json:"duration_ms"`
		Time     time.Time
		Item     string         `json:"item_id"`
		Op       string         `json:"operation_id"`
		Custom   map[string]any `json:"custom_dimensions"`
	}
	Counts map[string]int64
	Next   string
	Error  struct {
		Code, Message string
		Fields        map[string]string
	}
}

func (p *page) kinds() string {
	var out []string
	for _, i := range p.Items {
		out = append(out, i.Type)
	}
	return strings.Join(out, " ")
}

func get(t testing.TB, h http.Handler, query string) (int, page) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/api/transactions?"+query, nil))
	var p page
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(query, err, w.Body)
	}
	return w.Code, p
}

func TestFilters(t *testing.T) {
	h := console(t)
	for _, c := range []struct{ query, kinds string }{
		{"", "customEvent trace exception dependency request"},
		{"start=2026-03-12T00:00:00Z&type=request", "request request"},
		{"operation_id=" + operation, "customEvent trace exception dependency request"},
		{"id=" + operation, "customEvent trace exception dependency request"},
		{"id=00f067aa0ba902b7", "trace exception dependency request"},
		{"id=req-1", "exception dependency request"},
		{"q=HAY", "trace"},
		{"q=" + url.QueryEscape(`no "hay"`), "trace"},
		{"q=bought", "customEvent"},
		{"q=/pets/7", "dependency request"},
		{"q=nothing+such", ""},
		{"type=trace,customEvent", "customEvent trace"},
		{"type=REQUEST,request", "request"},
		{"dimension.tenant=acme", "customEvent trace"},
		{"dimension.tenant=acme&severity=warning", "trace"},
		{"severity=error", "exception"},
		{"severity=critical", ""},
		{url.QueryEscape("dimension.Product Name") + "=gold&type=request", "request"},
		{"result=502", "dependency request"},
		{"success=false&type=request", "request"},
		{"success=true&type=request", ""},
		{"success=true&type=trace", ""},
		{"min_duration_ms=100", "request"},
		{"role=shop", "customEvent"},
		{"workspace=orders", ""},
		{`q=%22+or+1%3D%3D1+or+name%3D%3D%22`, ""},
		{`q=%5C%22+%7C+take+0`, ""},
	} {
		status, p := get(t, h, c.query)
		if status != 200 || p.kinds() != c.kinds {
			t.Errorf("%s: %d, %q, want %q %v", c.query, status, p.kinds(), c.kinds, p.Error)
		}
		counted := map[string]int64{}
		for _, i := range p.Items {
			counted[i.Type]++
		}
		if status == 200 && fmt.Sprint(counted) != fmt.Sprint(p.Counts) {
			t.Errorf("%s: listed %v, counted %v", c.query, counted, p.Counts)
		}
	}
}

func TestFields(t *testing.T) {
	_, p := get(t, console(t), "type=request")
	i := p.Items[0]
	if i.Title != "GET /pets/7" || i.Text != "https://api.example/pets/7" || i.Result != "502" || i.Success == nil || *i.Success || i.Duration != 120 || i.Op != operation ||
		!i.Time.Equal(now().Add(-time.Minute)) || i.Custom["API Name"] != "pets" {
		t.Errorf("%+v", i)
	}
	_, p = get(t, console(t), "type=trace")
	if i = p.Items[0]; i.Severity != "warning" || i.Text != `no "hay" left` || i.Success != nil {
		t.Errorf("%+v", i)
	}
}

// Pages of one item each give every item once, also where times are equal.
func TestPages(t *testing.T) {
	h := console(t)
	_, whole := get(t, h, "")
	var seen []string
	for after := ""; ; {
		status, p := get(t, h, "limit=1&after="+url.QueryEscape(after))
		if status != 200 || len(p.Items) != 1 || len(seen) > 10 {
			t.Fatal(status, p, seen)
		}
		seen = append(seen, p.Items[0].Item)
		if after = p.Next; after == "" {
			break
		}
	}
	var want []string
	for _, i := range whole.Items {
		want = append(want, i.Item)
	}
	if !slices.Equal(seen, want) || len(want) != 5 {
		t.Errorf("pages give %v, the whole is %v", seen, want)
	}
}

func TestWrongParameters(t *testing.T) {
	h := console(t)
	for _, c := range []struct{ query, field string }{
		{"type=requests", "type"}, {"workspace=nowhere", "workspace"}, {"after=x", "after"}, {"after=-1~x", "after"}, {"limit=0", "limit"}, {"limit=1001", "limit"},
		{"operation=1", "operation"}, {"success=maybe", "success"}, {"start=yesterday", "start"}, {"severity=loud", "severity"}, {"q=" + strings.Repeat("x", 300), "q"},
		{"q=%ff", "q"}, {manyDimensions(), "dimension"},
	} {
		if status, p := get(t, h, c.query); status != 400 || p.Error.Fields[c.field] == "" {
			t.Errorf("%.60s: %d %v", c.query, status, p.Error)
		}
	}
}

func manyDimensions() string {
	var out []string
	for n := range maxDimensions + 1 {
		out = append(out, fmt.Sprintf("dimension.d%d=1", n))
	}
	return strings.Join(out, "&")
}

// Whatever a parameter holds, the query is one that the engine reads.
func FuzzSearch(f *testing.F) {
	h := console(f)
	f.Add("a\"b\\", "x] | take 1", "y'")
	f.Add("\n//", "\x00", "é\u2028")
	f.Fuzz(func(t *testing.T, text, name, value string) {
		q := url.Values{"q": {text}, "dimension." + name: {value}, "id": {value}}
		if status, p := get(t, h, q.Encode()); status != 200 && status != 400 {
			t.Errorf("%d %v", status, p.Error)
		}
	})
}
