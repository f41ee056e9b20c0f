package logs

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
	"gatehouse/internal/telemetry"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	appID   = "11111111-2222-3333-4444-555555555555"
	ordersA = "/subscriptions/0000/resourcegroups/shop/providers/microsoft.insights/components/orders"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// ask is one query as the engine would get it.
type asked struct{ requests []kql.Request }

// handler answers each query with f, and remembers it.
func handler(t *testing.T, change func(*Options), f func(context.Context, kql.Request) (*kql.Result, error)) (*Handler, *asked) {
	t.Helper()
	all, err := telemetry.NewWorkspaces([]telemetry.Workspace{
		{ApplicationID: appID, InstrumentationKey: "aaaaaaaa-0000-0000-0000-000000000000", ResourceID: "/subscriptions/0000/resourcegroups/gatehouse/providers/microsoft.insights/components/default"},
		{Name: "orders", ApplicationID: "66666666-2222-3333-4444-555555555555", InstrumentationKey: "bbbbbbbb-0000-0000-0000-000000000000", ResourceID: ordersA, Retention: 48 * time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultOptions()
	seen := &asked{}
	o.Workspaces, o.Now = all, func() time.Time { return noon }
	o.Query = func(ctx context.Context, r kql.Request) (*kql.Result, error) {
		seen.requests = append(seen.requests, r)
		return f(ctx, r)
	}
	if change != nil {
		change(&o)
	}
	return New(o), seen
}

func empty(context.Context, kql.Request) (*kql.Result, error) {
	return &kql.Result{Tables: []kql.ResultTable{{Name: "PrimaryResult", Columns: []table.Column{{Name: "x", Type: table.String}}}}}, nil
}

func call(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://gatehouse"+path, strings.NewReader(body))
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPaths(t *testing.T) {
	const query = `{"query":"requests"}`
	for _, c := range []struct {
		method, path, body string
		status             int
		workspaces         string
	}{
		{"POST", "/v1/apps/" + appID + "/query", query, 200, ""},
		{"POST", "/v1/apps/default/query", query, 200, ""},
		{"POST", "/V1/Apps/Orders/Query/", query, 200, "orders"},
		{"GET", "/v1/apps/" + appID + "/query?query=requests", "", 200, ""},
		{"POST", "/workspaces/orders/query", query, 200, "orders"},
		{"POST", "/v1/workspaces/orders/query", query, 200, "orders"},
		{"POST", "//subscriptions/0000/resourceGroups/shop/providers/Microsoft.Insights/components/orders/query", query, 200, "orders"},
		{"POST", "/v1/subscriptions/0000/resourceGroups/shop/providers/microsoft.operationalinsights/workspaces/orders/query", query, 200, "orders"},
		{"POST", "/subscriptions/0000/query", query, 200, ",orders"},
		{"POST", "/subscriptions/0000/resourceGroups/shop/query", query, 200, "orders"},
		{"POST", "/subscriptions/0000/resourceGroups/sho/query", query, 404, ""},
		{"POST", "/subscriptions/0000/resourceGroups/shop/providers/microsoft.insights/components/none/query", query, 404, ""},
		{"POST", "/v1/apps/none/query", query, 404, ""},
		{"PUT", "/v1/apps/default/query", query, 405, ""},
		{"POST", "/v1/apps/default/other", query, 404, ""},
		{"POST", "/v1/apps/default/query", `{"query":" "}`, 400, ""},
		{"POST", "/v1/apps/default/query", `{"query":`, 400, ""},
		{"POST", "/v1/apps/default/query", query + "x", 400, ""},
		{"POST", "/v1/apps/default/query", `{"query":"requests","timespan":"yesterday"}`, 400, ""},
		{"POST", "/v1/apps/default/query", `{"query":"requests","workspaces":["orders"]}`, 200, ",orders"},
		{"POST", "/v1/apps/default/query", `{"query":"requests","applications":["66666666-2222-3333-4444-555555555555"]}`, 200, ",orders"},
		{"POST", "/v1/apps/default/query", `{"query":"requests","workspaces":["none"]}`, 400, ""},
		{"POST", "/v1/apps/default/query", `{"query":"` + strings.Repeat("x", 2<<20) + `"}`, 413, ""},
		{"GET", "/v1/workspaces/default/metadata", "", 200, ""},
		{"GET", "/v1/apps/default/events/$metadata", "", 200, ""},
		{"GET", "/v1/apps/default/events/nothing", "", 400, ""},
		{"GET", "/v1/apps/default/metrics/metadata", "", 200, ""},
		{"GET", "/v1/apps/default/metrics/no/such", "", 400, ""},
		{"GET", "/subscriptions/0000/resourceGroups/shop/providers/Microsoft.Insights/components/orders/providers/Microsoft.Insights/metricDefinitions", "", 200, ""},
		{"GET", "/subscriptions/0000/resourceGroups/shop/providers/Microsoft.Insights/components/orders/providers/microsoft.insights/metricNamespaces", "", 200, ""},
		{"GET", "/subscriptions/0000/resourceGroups/shop/providers/Microsoft.ApiManagement/service/x/loggers", "", 404, ""},
	} {
		h, seen := handler(t, nil, empty)
		w := call(h, c.method, c.path, c.body)
		if w.Code != c.status {
			t.Errorf("%s %s %.60s: %d %s, want %d", c.method, c.path, c.body, w.Code, w.Body, c.status)
			continue
		}
		if c.status == 200 && len(seen.requests) > 0 {
			if got := strings.Join(seen.requests[0].Workspaces, ","); got != c.workspaces {
				t.Errorf("%s %s reads %q, want %q", c.method, c.path, got, c.workspaces)
			}
		}
		if c.status >= 400 && !strings.Contains(w.Body.String(), `"correlationId":"`) {
			t.Errorf("%s %s: the error has no id: %s", c.method, c.path, w.Body)
		}
	}
}

func TestNextGetsOtherResources(t *testing.T) {
	h, _ := handler(t, func(o *Options) {
		o.Next = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	}, empty)
	if w := call(h, "PUT", "/subscriptions/0000/resourceGroups/shop/providers/Microsoft.ApiManagement/service/x/loggers/y", "{}"); w.Code != http.StatusTeapot {
		t.Errorf("%d", w.Code)
	}
}

func TestRequestBounds(t *testing.T) {
	h, seen := handler(t, nil, empty)
	call(h, "POST", "/v1/apps/orders/query", `{"query":"requests","timespan":"P30D"}`, "Prefer", "wait=30, include-render=true")
	call(h, "POST", "/v1/apps/default/query", `{"query":"requests"}`, "Prefer", "wait=6000")
	first, second := seen.requests[0], seen.requests[1]
	if !first.Start.Equal(noon.Add(-48*time.Hour)) || !first.End.Equal(noon) || first.Timeout != 30*time.Second {
		t.Errorf("retention, end and time: %v %v %v", first.Start, first.End, first.Timeout)
	}
	if !second.Start.IsZero() || !second.End.IsZero() || second.Timeout != 10*time.Minute || second.Named["orders"] != "orders" || second.Named[ordersA] != "orders" {
		t.Errorf("%+v", second)
	}
}

// TestAnswers compares whole answers with golden files.
func TestAnswers(t *testing.T) {
	every := kql.ResultTable{Name: "PrimaryResult", Columns: []table.Column{{Name: "b", Type: table.Bool}, {Name: "i", Type: table.Int}, {Name: "l", Type: table.Long}, {Name: "r", Type: table.Real},
		{Name: "m", Type: table.Decimal}, {Name: `s"`, Type: table.String}, {Name: "t", Type: table.Datetime}, {Name: "d", Type: table.Timespan}, {Name: "g", Type: table.GUID}, {Name: "o", Type: table.Dynamic}},
		Rows: [][]any{
			{true, int32(-7), int64(math.MaxInt64), 0.1, 12.50, "a\"\n<é", int64(table.UnixTicks + 1), int64(-1), "74be27de-1e4e-49d9-b579-fe0b331d3642", `{"a":[1,"x"]}`},
			{nil, nil, nil, math.NaN(), nil, "", int64(0), int64(864_000_000_000 + 37_230_000_000 + 5), nil, nil},
			{false, int32(0), int64(0), math.Inf(-1), 1e30, "\x80", int64(3155378975999999999), int64(math.MinInt64), nil, `"text"`},
			{false, int32(0), int64(0), 1e-9, 0.0, "", int64(table.UnixTicks - 1), int64(36_000_000_000), nil, `null`},
		}}
	results := map[string]struct {
		result *kql.Result
		err    error
	}{
		"values":   {&kql.Result{Tables: []kql.ResultTable{every}}, nil},
		"render":   {&kql.Result{Tables: []kql.ResultTable{{Name: "PrimaryResult"}}, Render: &kql.Render{Visualization: "timechart", Properties: map[string]any{"title": "T"}}, Stats: kql.Stats{Elapsed: 1500 * time.Millisecond, Rows: 3, Bytes: 40}}, nil},
		"partial":  {&kql.Result{Tables: []kql.ResultTable{{Name: "PrimaryResult"}}, Partial: "the result has more than 10 rows", Notes: []syntax.Error{{Code: "NOTE0001", Message: "the last 24 hours were read"}}}, nil},
		"syntax":   {nil, &kql.QueryError{Errors: []syntax.Error{{Code: "SYN0002", Message: "an operator is missing", Token: "tke", Line: 2, Column: 3}, {Code: "SYN0001", Message: "more", Line: 3, Column: 1}}}},
		"semantic": {nil, &kql.QueryError{Errors: []syntax.Error{{Code: "SEM0100", Message: "there is no column durations", Hint: "did you mean duration?", Token: "durations", Line: 1, Column: 18}}}},
		"limit":    {nil, &kql.LimitError{Limit: "stages", Message: "the query has more than 100 stages"}},
		"timeout":  {nil, context.DeadlineExceeded},
		"internal": {nil, errors.New("secret text of the store")},
	}
	for name, c := range results {
		h, _ := handler(t, nil, func(context.Context, kql.Request) (*kql.Result, error) { return c.result, c.err })
		w := call(h, "POST", "/v1/apps/default/query", `{"query":"x"}`, "Prefer", "include-statistics=true,include-render=true")
		golden(t, name, w)
		if strings.Contains(w.Body.String(), "secret") {
			t.Error("an internal error is shown")
		}
	}
}

func golden(t *testing.T, name string, w *httptest.ResponseRecorder) {
	t.Helper()
	got := http.StatusText(w.Code) + "\n" + strings.ReplaceAll(w.Body.String(), w.Header().Get("X-Ms-Request-Id"), "ID")
	path := "testdata/" + name + ".json.txt"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
	if body := w.Body.Bytes(); !json.Valid(body) {
		t.Errorf("%s is not JSON", name)
	}
}

func TestLargeAnswerIsWhole(t *testing.T) {
	big := kql.ResultTable{Name: "PrimaryResult", Columns: []table.Column{{Name: "s", Type: table.String}}}
	for range 5000 {
		big.Rows = append(big.Rows, []any{strings.Repeat("x", 100)})
	}
	h, _ := handler(t, nil, func(context.Context, kql.Request) (*kql.Result, error) {
		return &kql.Result{Tables: []kql.ResultTable{big}}, nil
	})
	server := httptest.NewServer(h)
	defer server.Close()
	response, err := http.Post(server.URL+"/v1/apps/default/query", "application/json", strings.NewReader(`{"query":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	var answer struct {
		Tables []struct{ Rows [][]any }
	}
	if err != nil || json.Unmarshal(data, &answer) != nil || len(answer.Tables[0].Rows) != 5000 {
		t.Errorf("%v, %d bytes", err, len(data))
	}
}

func TestBatch(t *testing.T) {
	h, seen := handler(t, nil, func(ctx context.Context, r kql.Request) (*kql.Result, error) {
		if r.Query == "bad" {
			return nil, &kql.QueryError{Errors: []syntax.Error{{Code: "SYN0002", Message: "no", Line: 1, Column: 1, Token: "bad"}}}
		}
		return empty(ctx, r)
	})
	w := call(h, "POST", "/$batch", `{"requests":[{"id":"q-1","body":{"query":"good","timespan":"PT1H"},"path":"/query","method":"POST","workspace":"orders","headers":{"prefer":"include-statistics=true,wait=9"}},
		{"id":"q-2","body":{"query":"bad"},"workspace":"default"},{"id":"q-3","body":{"query":"good"},"workspace":"none"}]}`)
	golden(t, "batch", w)
	if len(seen.requests) != 2 || seen.requests[0].Timeout != 9*time.Second || !seen.requests[0].Start.Equal(noon.Add(-time.Hour)) {
		t.Errorf("%+v", seen.requests)
	}
	if w := call(h, "POST", "/v1/$batch", `{"requests":[]}`); w.Code != 400 {
		t.Errorf("an empty batch: %d", w.Code)
	}
}

func TestRateIsLimited(t *testing.T) {
	now := noon
	h, _ := handler(t, func(o *Options) { o.Rate, o.Now = 3, func() time.Time { return now } }, empty)
	ask := func(key string) *httptest.ResponseRecorder {
		return call(h, "POST", "/v1/apps/default/query", `{"query":"x"}`, "X-Api-Key", key)
	}
	for range 3 {
		if w := ask("one"); w.Code != 200 {
			t.Fatal(w.Code)
		}
	}
	now = now.Add(10 * time.Second)
	w := ask("one")
	if w.Code != 429 || w.Header().Get("Retry-After") != "21" || !strings.Contains(w.Body.String(), "ThrottledError") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := ask("two"); w.Code != 200 {
		t.Errorf("another user is limited: %d", w.Code)
	}
	now = now.Add(20 * time.Second)
	if w := ask("one"); w.Code != 200 {
		t.Errorf("the next window is closed: %d", w.Code)
	}
}

func TestConcurrencyIsLimited(t *testing.T) {
	started, finish := make(chan struct{}, 10), make(chan struct{})
	h, _ := handler(t, func(o *Options) { o.Concurrent, o.Waiting = 2, 1 }, empty)
	h.o.Query = func(ctx context.Context, r kql.Request) (*kql.Result, error) {
		started <- struct{}{}
		<-finish
		return empty(ctx, r)
	}
	codes := make(chan int, 10)
	ask := func() { codes <- call(h, "POST", "/v1/apps/default/query", `{"query":"x"}`).Code }
	go ask()
	go ask()
	<-started
	<-started
	go ask() // waits
	id := userOf(httptest.NewRequest("GET", "/", nil))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		h.limits.mu.Lock()
		waiting := h.limits.users[id].waiting
		h.limits.mu.Unlock()
		if waiting == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the third query does not wait")
		}
	}
	if w := call(h, "POST", "/v1/apps/default/query", `{"query":"x"}`); w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("the fourth query: %d", w.Code)
	}
	close(finish)
	for range 3 {
		if code := <-codes; code != 200 {
			t.Errorf("%d", code)
		}
	}
	if u := h.limits.users[id]; u.uses != 0 || u.waiting != 0 || len(u.slots) != 0 {
		t.Errorf("places are left taken: %+v", u)
	}
}

func TestWaitingEndsWithTheClient(t *testing.T) {
	h, _ := handler(t, func(o *Options) { o.Concurrent = 1 }, empty)
	id := [32]byte{1}
	release, f := h.limits.enter(context.Background(), id, 1)
	if f != nil {
		t.Fatal(f)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, f := h.limits.enter(ctx, id, 1); f == nil || f.status != 499 {
		t.Errorf("%+v", f)
	}
	release()
	if u := h.limits.users[id]; u.uses != 0 || u.waiting != 0 {
		t.Errorf("%+v", u)
	}
}

func TestUsersAreBounded(t *testing.T) {
	now := noon
	h, _ := handler(t, func(o *Options) { o.Now = func() time.Time { return now } }, empty)
	enter := func(n int) *fault {
		release, f := h.limits.enter(context.Background(), [32]byte{byte(n), byte(n >> 8), byte(n >> 16)}, 1)
		if f == nil {
			release()
		}
		return f
	}
	for n := range maxUsers {
		if f := enter(n); f != nil {
			t.Fatal(n, f)
		}
	}
	if f := enter(maxUsers); f == nil || f.status != 429 {
		t.Errorf("one user too many: %+v", f)
	}
	now = now.Add(time.Minute)
	if f := enter(maxUsers); f != nil || len(h.limits.users) != 1 {
		t.Errorf("idle users are remembered: %+v, %d", f, len(h.limits.users))
	}
}
