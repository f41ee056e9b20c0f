package rules

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/alerting"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/util/teststorage"
)

func testOptions(t *testing.T, store *teststorage.TestStorage) Options {
	t.Helper()
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	return Options{
		Query: QueryFunc(rules.EngineQueryFunc(engine, store)), Appendable: store, Queryable: store,
		MinInterval: 10 * time.Millisecond, ForGracePeriod: time.Millisecond, ResendDelay: 50 * time.Millisecond,
	}
}

func newStore(t *testing.T) *teststorage.TestStorage {
	t.Helper()
	store := teststorage.New(t)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func setValue(t *testing.T, store *teststorage.TestStorage, name string, v float64) {
	t.Helper()
	app := store.Appender(context.Background())
	if _, err := app.Append(0, labels.FromStrings("__name__", name, "gatehouse_api", "echo"), time.Now().UnixMilli(), v); err != nil {
		t.Fatal(err)
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, o Options, files map[string][]byte) *Rules {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	if err := r.Load(files); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited too long for %s", what)
		}
	}
}

func alertFile(hold string) map[string][]byte {
	return map[string][]byte{"test.yml": fmt.Appendf(nil, `groups:
- name: test
  interval: 100ms
  rules:
  - record: twice
    expr: errors * 2
  - alert: Errors
    expr: twice > 0
    for: %s
    labels: {severity: page}
    annotations: {summary: "{{ $labels.gatehouse_api }} has {{ $value }}"}
`, hold)}
}

func TestRuleFiresToAWebhookAndResolves(t *testing.T) {
	type message struct {
		Status string
		Alerts []struct{ Labels, Annotations map[string]string }
	}
	messages := make(chan message, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err == nil {
			messages <- m
		}
	}))
	t.Cleanup(hook.Close)
	am, err := alerting.New(alerting.Options{Config: fmt.Sprintf(`
route: {receiver: hook, group_by: [alertname], group_wait: 10ms, group_interval: 50ms, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: %q}]}]
`, hook.URL)})
	if err != nil {
		t.Fatal(err)
	}
	if err := am.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = am.Stop() })

	store := newStore(t)
	setValue(t, store, "errors", 3)
	o := testOptions(t, store)
	o.Notify, o.ExternalLabels = am.Put, map[string]string{"workspace": "default", "severity": "lost"}
	start(t, o, alertFile("0s"))

	next := func(status string) message {
		t.Helper()
		select {
		case m := <-messages:
			if m.Status != status {
				t.Fatalf("notification: %+v, want %s", m, status)
			}
			return m
		case <-time.After(20 * time.Second):
			t.Fatalf("no notification %s", status)
			return message{}
		}
	}
	m := next("firing")
	if got := fmt.Sprint(m.Alerts[0].Labels); got != "map[alertname:Errors gatehouse_api:echo severity:page workspace:default]" {
		t.Errorf("labels: %s", got)
	}
	if got := m.Alerts[0].Annotations["summary"]; got != "echo has 6" {
		t.Errorf("summary: %s", got)
	}
	setValue(t, store, "errors", 0)
	next("resolved")
}

func activeSince(r *Rules) (since time.Time, ok bool) {
	for _, rule := range r.AlertingRules() {
		if !rule.Restored() {
			return time.Time{}, false
		}
		for _, a := range rule.ActiveAlerts() {
			return a.ActiveAt, true
		}
	}
	return time.Time{}, false
}

func TestPendingAlertSurvivesARestart(t *testing.T) {
	store := newStore(t)
	setValue(t, store, "errors", 3)
	o := testOptions(t, store)
	first := start(t, o, alertFile("1h"))
	var since time.Time
	waitFor(t, "the pending alert", func() (ok bool) { since, ok = activeSince(first); return ok })
	// The state is kept in whole seconds.
	waitFor(t, "two seconds of pending", func() bool { return time.Since(since) > 2*time.Second })
	first.Stop()

	restarted := time.Now()
	again := start(t, o, alertFile("1h"))
	var restored time.Time
	waitFor(t, "the restored alert", func() (ok bool) { restored, ok = activeSince(again); return ok })
	if !restored.Before(restarted) {
		t.Errorf("active since %s, which is after the restart at %s; it was active since %s", restored, restarted, since)
	}
}

func TestLoadKeepsTheOldOnAnError(t *testing.T) {
	store := newStore(t)
	r := start(t, testOptions(t, store), alertFile("1h"))
	waitFor(t, "the group", func() bool { return len(r.RuleGroups()) == 1 })
	for _, c := range []struct{ name, text, want string }{
		{"bad.yml", "groups:\n- name: g\n  rules:\n  - record: x\n    expr: sum(\n", "bad.yml:5:11"},
		{"bad.yml", "groups:\n- name: g\n  rules:\n  - {alert: A, record: b, expr: up}\n", "bad.yml:4:"},
		{"bad.yml", "groups:\n- name: g\n  rulez: []\n", "bad.yml:3: "},
		{"bad.yml", "groups:\n- name: [", "bad.yml:"},
		{"bad.yml", "groups:\n- name: g\n  interval: 1ms\n", "at least 10ms"},
		{"bad.yml", "groups:\n- {name: g}\n- {name: g}\n", `bad.yml: groupname: "g" is repeated`},
		{"bad.yml", "groups:\n- name: g\n  rules:\n  - {alert: A, expr: up, annotations: {s: '{{ nope }}'}}\n", "bad.yml:4:5: group"},
		{"big.yml", strings.Repeat("#", maxFile+1), "big.yml: "},
	} {
		err := r.Load(map[string][]byte{c.name: []byte(c.text)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %v, want %q", c.text, err, c.want)
		}
	}
	if g := r.RuleGroups(); len(g) != 1 || g[0].File() != "test.yml" {
		t.Errorf("the rules in force changed: %v", g)
	}
	if err := r.Load(map[string][]byte{"new.yml": []byte("groups:\n- name: n\n  rules: [{record: y, expr: up}]\n")}); err != nil {
		t.Fatal(err)
	}
	if g := r.RuleGroups(); len(g) != 1 || g[0].File() != "new.yml" {
		t.Errorf("the new rules are not in force: %v", g)
	}
}

func TestOrderOfCalls(t *testing.T) {
	store := newStore(t)
	r, err := New(testOptions(t, store))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // before the start: changed groups must not block
		if err := r.Load(alertFile("1h")); err != nil {
			t.Fatal(err)
		}
		if err := r.Load(alertFile("2h")); err != nil {
			t.Fatal(err)
		}
	}
	r.Stop() // never started
	r.Stop()
	if r.Start() == nil || r.Load(nil) == nil {
		t.Error("stopped rules were started or loaded")
	}
	quick, err := New(testOptions(t, store))
	if err != nil {
		t.Fatal(err)
	}
	if err := quick.Load(alertFile("1h")); err != nil {
		t.Fatal(err)
	}
	if err := quick.Start(); err != nil {
		t.Fatal(err)
	}
	quick.Stop()
	if _, err := New(Options{}); err == nil {
		t.Error("rules without a query function were made")
	}
}

func TestLimits(t *testing.T) {
	o := testOptions(t, newStore(t))
	o.MaxGroups, o.MaxRules = 1, 1
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	err = r.Load(map[string][]byte{
		"a.yml": []byte("groups: [{name: a, rules: [{record: x, expr: up}, {record: y, expr: up}]}, {name: b}]"),
	})
	for _, want := range []string{"2 rules, at most 1", "2 rule groups, at most 1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("groups:\n- name: g\n  rules:\n  - record: x\n    expr: sum(up)\n")
	f.Add("groups: [{name: a, rules: [{alert: A, expr: up, annotations: {s: '{{ nope }}'}}]}]")
	l := newLoader(parser.NewParser(parser.Options{}), Options{}.withDefaults())
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = l.check(map[string][]byte{"fuzz.yml": []byte(text)})
	})
}
