package promql_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/query/promql"

	"github.com/prometheus/prometheus/promql/promqltest"
)

func reasonOf(err error) (string, time.Duration) {
	var limit *promql.LimitError
	if errors.As(err, &limit) {
		return limit.Reason, limit.RetryAfter
	}
	if err != nil {
		return err.Error(), 0
	}
	return "", 0
}

// Hours that queries ask for are bounded for an account, for a workspace and for
// all workspaces, over thirty seconds that slide.
func TestQueryHours(t *testing.T) {
	store := promqltest.LoadedStorage(t, load)
	t.Cleanup(func() { _ = store.Close() })
	clock := time.Unix(100_000, 0)
	tenant := promql.NewTenant()
	engine := func() *promql.Engine {
		return promql.New(store, promql.Options{Tenant: tenant, Now: func() time.Time { return clock }, Limits: promql.Limits{
			Hours: promql.Quota{Account: 10, Workspace: 15, Tenant: 20}, ParsedHours: promql.Quota{Account: 30}}})
	}
	a, b := engine(), engine()
	ask := func(e *promql.Engine, account, query string, hours int) string {
		t.Helper()
		end := time.Unix(200_000, 0)
		q, err := e.NewRangeQuery(promql.WithAccount(context.Background(), account), store, nil, query, end.Add(-time.Duration(hours)*time.Hour), end, time.Minute)
		if q != nil {
			q.Close()
		}
		reason, _ := reasonOf(err)
		return reason
	}
	for i, c := range []struct {
		engine  *promql.Engine
		account string
		query   string
		hours   int
		after   time.Duration
		want    string
	}{
		{a, "x", "up", 9, 0, ""},
		{a, "x", "up", 2, 0, "hours"}, // of the account
		{a, "y", "up", 6, 0, ""},
		{a, "z", "up", 1, 0, "hours"}, // of the workspace: 15
		{b, "x", "up", 5, 0, ""},      // another workspace, the same name
		{b, "y", "up", 1, 0, "hours"}, // of all: 20
		{a, "x", "up", 9, 31 * time.Second, ""},
		{a, "x", "up", 1, 15 * time.Second, ""},
		{a, "x", "up", 1, 0, "hours"},
		{a, "x", "up", 1, 16 * time.Second, ""},                                      // the nine are gone, the one is not
		{a, "x", "sum(rate(up[20h])) + sum(up)", 4, time.Minute, ""},                 // two selectors: 24 and 4
		{a, "x", "up + up", 2, 0, "parsed_hours"},                                    // 28 and 4
		{a, "x", "max_over_time(sum(up)[25h:1m])", 1, time.Minute, ""},               // 26
		{a, "x", "up", 10, -24 * time.Hour, ""},                                      // the clock went back: it begins anew
		{a, "x", "up", 1, 0, "hours"},                                                // and counts
		{a, "x", strings.Repeat("up + ", 40) + "up", 1, time.Minute, "parsed_hours"}, // 41 selectors
		{a, "x", "max_over_time(sum(up)[1h:1m] offset 1h)", 1, 31 * time.Second, ""}, // 2
		{a, "x", "up offset 30h", 1, 0, ""},                                          // an offset is not read
		{a, "x", "sum_over_time(sum(rate(up[20h]))[12h:1m])", 1, 0, "parsed_hours"},  // 33
		{a, "x", "vector(1)", 5, 31 * time.Second, ""},                               // reads nothing
		{a, "x", "max_over_time(up[24h]) + sum(up)", 2, 31 * time.Second, ""},        // 28
		{a, "x", "max_over_time(up[24h]) + sum(up)", 2, 29 * time.Second, "parsed_hours"},
	} {
		clock = clock.Add(c.after)
		if got := ask(c.engine, c.account, c.query, c.hours); got != c.want {
			t.Errorf("%d: %s over %dh by %s: %q, want %q", i, c.query, c.hours, c.account, got, c.want)
		}
	}
	u := a.Usage()
	if u.Refused["hours"] != 4 || u.Refused["parsed_hours"] != 4 || u.Hours == 0 || u.ParsedHours == 0 {
		t.Errorf("usage: %+v", u)
	}
}

// Bytes of answers and of rules' results are bounded over a time, and an error
// says when to ask again.
func TestReturnedBytes(t *testing.T) {
	store := promqltest.LoadedStorage(t, load)
	t.Cleanup(func() { _ = store.Close() })
	clock := time.Unix(100_000, 0)
	engine := promql.New(store, promql.Options{Now: func() time.Time { return clock }, Limits: promql.Limits{Returned: 1000, RuleReturned: 100, RuleCost: 0.0015}})
	engine.Returned(400)
	clock = clock.Add(10 * time.Second)
	engine.Returned(700)
	if reason, after := reasonOf(engine.MayReturn()); reason != "returned" || after != 20*time.Second {
		t.Errorf("%q, again after %s", reason, after)
	}
	clock = clock.Add(20 * time.Second)
	if err := engine.MayReturn(); err != nil || engine.Usage().Returned != 700 {
		t.Error(err, engine.Usage())
	}
	at := time.Unix(1800, 0)
	ask := func(query string) string {
		_, err := engine.Instant(context.Background(), query, at)
		reason, _ := reasonOf(err)
		return reason
	}
	for _, c := range []struct{ query, want string }{
		{`up{job="a"}`, ""},
		{`up`, "cost"}, // two series
		{`sum(up{job="b"})`, ""},
		{`up{job="a"}`, ""},
		{`up{job="a"}`, ""},
		{`up{job="a"}`, "rule_returned"},
	} {
		if got := ask(c.query); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", c.query, got, c.want)
		}
	}
	clock = clock.Add(3 * time.Minute)
	if got := ask(`up{job="a"}`); got != "" {
		t.Errorf("after three minutes: %q", got)
	}
}

// Selectors must name one metric, and look-ups of series must be small, where
// the store asks for it.
func TestOneMetric(t *testing.T) {
	store := promqltest.LoadedStorage(t, load)
	t.Cleanup(func() { _ = store.Close() })
	limits := promql.Limits{OneMetric: true, MaxFindRange: time.Hour, MaxKeyBytes: 20}
	engine := promql.New(store, promql.Options{Limits: limits})
	at := time.Unix(1800, 0)
	for query, want := range map[string]string{
		`up{job="a"}`:                   "",
		`{__name__="up",job=~"a"}`:      "",
		`{"up",job="a"}`:                "",
		`vector(1)`:                     "",
		`up`:                            "keys",
		`{job="a"}`:                     "name",
		`{__name__=~"u.*"}`:             "name",
		`sum(up) + sum({job="a"})`:      "name",
		`sum(rate({__name__!=""}[5m]))`: "name",
		`{__name__="up",__name__="up"}`: "name",
	} {
		q, err := engine.NewInstantQuery(context.Background(), store, nil, query, at)
		if err == nil {
			err = q.Exec(context.Background()).Err
			q.Close()
		}
		if got, _ := reasonOf(err); got != want {
			t.Errorf("%s: %q (%v), want %q", query, got, err, want)
		}
	}
	for selector, want := range map[string]string{`up`: "", `up{job="a"}`: "", `up{job=~"a"}`: "name", `{job="a"}`: "name"} {
		matchers, err := engine.Parser.ParseMetricSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := reasonOf(limits.CheckFind(matchers, at.Add(-time.Hour), at)); got != want {
			t.Errorf("series of %s: %q, want %q", selector, got, want)
		}
		if got, _ := reasonOf(limits.CheckFind(matchers, at.Add(-2*time.Hour), at)); got == "" {
			t.Errorf("series of %s over two hours were found", selector)
		}
	}
}
