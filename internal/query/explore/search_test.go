package explore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/store/lake"
	"gatehouse/internal/telemetry"
)

func explorer(t *testing.T, spans []telemetry.Span, logs []telemetry.LogRecord) *Explorer {
	t.Helper()
	o := lake.DefaultOptions(t.TempDir())
	o.Now = func() time.Time { return time.Unix(0, origin()).Add(time.Hour) }
	l, err := lake.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := l.Spans(context.Background(), spans); err != nil {
		t.Fatal(err)
	}
	if err := l.Logs(context.Background(), logs); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	e := DefaultOptions(l)
	e.Now = o.Now
	return New(e)
}

// population is 100 requests a second apart, each with a backend span; every
// tenth fails with 502, and their durations are 1 to 100 ms.
func population() []telemetry.Span {
	var rows []telemetry.Span
	for n := 1; n <= 100; n++ {
		g, b := gatewayRow(n), backendRow(n)
		g.Time += int64(n) * int64(time.Second)
		b.Time += int64(n) * int64(time.Second)
		g.Duration = int64(n) * millisecond
		if n%10 == 0 {
			g.Status, g.Outcome, g.StatusCode, g.ErrorReason, g.ErrorMessage = "error", "error", 502, "BackendConnectionFailure", "no 100% luck_here"
		}
		if n%2 == 0 {
			g.API, g.Product = "orders", ""
		}
		rows = append(rows, g, b)
	}
	return rows
}

func TestSearch(t *testing.T) {
	e := explorer(t, population(), nil)
	start := time.Unix(0, origin())
	base := Filter{Start: start, End: start.Add(time.Hour), Service: "gatehouse"}
	for _, c := range []struct {
		name   string
		change func(*Filter)
		total  int64
		first  string
	}{
		{"all", func(f *Filter) {}, 100, trace(100)},
		{"api", func(f *Filter) { f.API = "pets" }, 50, trace(99)},
		{"errors", func(f *Filter) { f.Status = "error" }, 10, trace(100)},
		{"ok", func(f *Filter) { f.Status = "ok" }, 90, trace(99)},
		{"status class", func(f *Filter) { f.HTTPStatus = "5xx" }, 10, trace(100)},
		{"status code", func(f *Filter) { f.HTTPStatus = "200" }, 90, trace(99)},
		{"slow", func(f *Filter) { f.MinDuration = 91 * time.Millisecond }, 10, trace(100)},
		{"band", func(f *Filter) { f.MinDuration, f.MaxDuration = 10*time.Millisecond, 12*time.Millisecond }, 3, trace(12)},
		{"product", func(f *Filter) { f.Product = "starter" }, 50, trace(99)},
		{"outcome", func(f *Filter) { f.Outcome = "error" }, 10, trace(100)},
		{"time", func(f *Filter) { f.End = start.Add(10 * time.Second) }, 9, trace(9)},
		{"backend", func(f *Filter) { f.Service = "pets-backend" }, 100, trace(100)},
		{"trace id", func(f *Filter) { f.Text = trace(42) }, 1, trace(42)},
		{"text", func(f *Filter) { f.Text = "100% Luck_" }, 10, trace(100)},
		{"wild card is text", func(f *Filter) { f.Text = "no%luck" }, 0, ""},
		{"span id", func(f *Filter) { f.Text = id(4201) }, 1, trace(42)},
		{"quotes", func(f *Filter) { f.API = "x' OR '1'='1" }, 0, ""},
		{"other", func(f *Filter) { f.Service = "nobody" }, 0, ""},
	} {
		f := base
		c.change(&f)
		got, err := e.Search(context.Background(), f)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if got.Total != c.total || len(got.Traces) != int(min(c.total, DefaultLimit)) || got.Partial {
			t.Errorf("%s: total %d, %d traces, partial %v", c.name, got.Total, len(got.Traces), got.Partial)
		}
		if c.first != "" && (len(got.Traces) == 0 || got.Traces[0].TraceID != c.first) {
			t.Errorf("%s: first is %+v", c.name, got.Traces)
		}
		var sum int64
		for _, n := range got.Histogram.Counts {
			sum += n
		}
		if sum != got.Total || len(got.Histogram.Counts) != len(got.Histogram.Bounds)+1 {
			t.Errorf("%s: histogram %+v", c.name, got.Histogram)
		}
	}
}

func TestSearchSummary(t *testing.T) {
	e := explorer(t, population(), nil)
	start := time.Unix(0, origin())
	got, err := e.Search(context.Background(), Filter{Start: start, End: start.Add(time.Hour), Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := got.Traces[0]
	if s.RootName != "pets - getPet" || s.API != "orders" || s.DurationMS != 100 || s.Spans != 9 || s.Errors != 1 || s.Status != "error" ||
		s.HTTPStatus != 502 || s.ErrorReason != "BackendConnectionFailure" || !s.Start.Equal(start.Add(100*time.Second)) {
		t.Errorf("%+v", s)
	}
	if got.Total != 200 {
		t.Error("entry spans of both services:", got.Total)
	}
}

func TestHistogramBounds(t *testing.T) {
	var rows []telemetry.Span
	for i, d := range []int64{0, 1, 1_000_000, 1_000_001, 2_000_000, 200_000 * millisecond} {
		rows = append(rows, telemetry.Span{Time: origin(), Duration: d, TraceID: trace(i + 1), SpanID: id(i + 1), Kind: "server", SampleWeight: 2})
	}
	e := explorer(t, rows, nil)
	start := time.Unix(0, origin())
	got, err := e.Search(context.Background(), Filter{Start: start, End: start.Add(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	h := got.Histogram
	at := func(ms float64) int64 {
		for i, b := range h.Bounds {
			if b == ms {
				return h.Counts[i]
			}
		}
		return -1
	}
	if at(0.063) != 4 || at(1) != 2 || at(1.414) != 2 || at(2) != 2 || h.Counts[len(h.Counts)-1] != 2 || got.Total != 12 {
		t.Errorf("%+v", h)
	}
}

func TestTraceAndServices(t *testing.T) {
	e := explorer(t, population(), []telemetry.LogRecord{{Time: origin(), TraceID: trace(7), SpanID: id(701), Severity: "error", Body: "failed"}})
	tr, err := e.Trace(context.Background(), trace(7))
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.Spans) != 9 || len(tr.Logs) != 1 || tr.Spans[0].Request == nil {
		t.Errorf("%+v", tr)
	}
	if _, err := e.Trace(context.Background(), trace(7777)); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	start := time.Unix(0, origin())
	c, err := e.Services(context.Background(), start, start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(c.Services, c.APIs, c.Products, c.Subscriptions)
	want := "[{gatehouse 100 10 [pets - getPet]} {pets-backend 100 0 [GET /pets/{id}]}] [{orders Pets 50 10 [getPet]} {pets Pets 50 0 [getPet]}] [starter] [alice]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEmptyLake(t *testing.T) {
	e := explorer(t, nil, nil)
	start := time.Unix(0, origin())
	got, err := e.Search(context.Background(), Filter{Start: start, End: start.Add(time.Hour)})
	if err != nil || got.Total != 0 || len(got.Traces) != 0 || len(got.Histogram.Counts) != 1 {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := e.Services(context.Background(), start, start.Add(time.Hour)); err != nil {
		t.Error(err)
	}
}

// A backend's status is not that of the request: a retry may have saved it.
func TestStatusIsThatOfTheRequest(t *testing.T) {
	rows := population()
	for i := range rows {
		if rows[i].Service == "pets-backend" {
			rows[i].StatusCode = 503
		}
	}
	e := explorer(t, rows, nil)
	start := time.Unix(0, origin())
	f := Filter{Start: start, End: start.Add(time.Hour), HTTPStatus: "503"}
	r, err := e.Search(context.Background(), f)
	if err != nil || r.Total != 0 || len(r.Traces) != 0 {
		t.Errorf("requests: %v %+v", err, r)
	}
	f.Service = "pets-backend"
	if r, err = e.Search(context.Background(), f); err != nil || r.Total != 100 {
		t.Errorf("the backend: %v %+v", err, r)
	}
}
