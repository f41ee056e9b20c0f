package alerting

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/alerting/action"
	"gatehouse/internal/alerting/ledger"
)

// oncall is everything that an action group calls.
type oncall struct {
	*httptest.Server
	mu   sync.Mutex
	away bool
	got  map[string][]map[string]any // by path
}

func newOncall(t *testing.T) *oncall {
	t.Helper()
	o := &oncall{got: map[string][]map[string]any{}}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		var body map[string]any
		if o.away || json.NewDecoder(r.Body).Decode(&body) != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		o.got[r.URL.Path] = append(o.got[r.URL.Path], body)
		if r.URL.Path == "/slack" {
			_, _ = io.WriteString(w, "ok")
			return
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"status":"success"}`)
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *oncall) calls(path string) []map[string]any {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]map[string]any(nil), o.got[path]...)
}

func (o *oncall) setAway(away bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away = away
}

func (o *oncall) groups(t *testing.T, more string) []action.Group {
	t.Helper()
	groups, err := action.Read([]byte(strings.ReplaceAll(`{"name": "OnCall", "type": "Microsoft.Insights/actionGroups", "location": "Global", "properties": {
		"groupShortName": "oncall",
		"webhookReceivers": [{"name": "common", "serviceUri": "URL/common?code=s3cret", "useCommonAlertSchema": true}, {"name": "plain", "serviceUri": "URL/plain"}],
		"logicAppReceivers": [{"name": "flow", "callbackUrl": "URL/flow", "useCommonAlertSchema": true}],
		"pagerDutyReceivers": [{"name": "pd", "integrationKey": "k3y", "serviceUri": "URL/v2/enqueue"}],
		"slackReceivers": [{"name": "slack", "serviceUri": "URL/slack"}],
		"teamsReceivers": [{"name": "teams", "serviceUri": "URL/teams"}],
		"smsReceivers": [{"name": "sms"}]`+more+`}}`, "URL", o.URL)))
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func knownRule() action.Rule {
	return action.Rule{
		Group: "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.AlertsManagement/prometheusRuleGroups/orders", Name: "orders/TooSlow",
		Expression: "latency > 1", Interval: "PT1M", For: "PT5M", Description: "orders are slow", Severity: 1,
		Scopes:  []string{"/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Monitor/accounts/main"},
		Actions: []action.Target{{GroupID: "/subscriptions/s1/resourceGroups/rg/providers/microsoft.insights/actiongroups/oncall", Properties: map[string]string{"team": "orders"}}},
	}
}

func only(r action.Rule) RuleFunc {
	return func(workspace, rule string) (action.Rule, bool) { return r, workspace == "" && rule == r.Name }
}

func dig(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func TestActionGroupThroughTheLifeOfAnAlert(t *testing.T) {
	o := newOncall(t)
	a := startTest(t, Options{Actions: o.groups(t, "")})
	a.SetRules(only(knownRule()))
	value := 2.5
	fired := firing("TooSlow", RuleLabel, "orders/TooSlow", "api", "orders")
	fired.Value = &value
	put(t, a, fired)
	paths := []string{"/common", "/plain", "/flow", "/v2/enqueue", "/slack", "/teams"}
	for _, path := range paths {
		waitFor(t, func() bool { return len(o.calls(path)) == 1 })
	}
	var record ledger.Record
	waitFor(t, func() bool { // the outcome is noted after the receiver has answered
		open := a.Ledger().Open()
		if len(open) == 1 && len(open[0].Receivers) == len(paths) {
			record = open[0]
		}
		return record.ID != ""
	})
	common := o.calls("/common")[0]
	for path, want := range map[string]any{"monitorCondition": "Fired", "severity": "Sev1", "alertRule": "orders/TooSlow", "monitoringService": "Prometheus",
		"signalType": "Metric", "description": "orders are slow", "alertId": "/subscriptions/s1/providers/Microsoft.AlertsManagement/alerts/" + record.ID,
		"targetResourceType": "microsoft.monitor/accounts", "targetResourceGroup": "rg", "originAlertId": record.Fingerprint} {
		if got := dig(common, "data", "essentials", path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if dig(common, "schemaId") != "azureMonitorCommonAlertSchema" || dig(common, "data", "alertContext", "expressionValue") != 2.5 ||
		dig(common, "data", "customProperties", "team") != "orders" || dig(common, "data", "alertContext", "labels", "api") != "orders" || dig(common, "data", "essentials", "resolvedDateTime") != nil {
		t.Errorf("%v", common)
	}
	if _, err := a.Acknowledge(record.ID, "ada", ""); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(o.calls("/v2/enqueue")) == 2 })
	over := fired
	over.EndsAt = time.Now()
	put(t, a, over)
	for _, path := range []string{"/common", "/plain", "/flow", "/slack", "/teams"} {
		waitFor(t, func() bool { return len(o.calls(path)) == 2 })
	}
	waitFor(t, func() bool { return len(o.calls("/v2/enqueue")) == 3 })
	end := o.calls("/common")[1]
	if dig(end, "data", "essentials", "monitorCondition") != "Resolved" || dig(end, "data", "essentials", "alertId") != dig(common, "data", "essentials", "alertId") ||
		dig(end, "data", "essentials", "resolvedDateTime") == nil || dig(end, "data", "essentials", "firedDateTime") != dig(common, "data", "essentials", "firedDateTime") {
		t.Errorf("%v", end)
	}
	pages := o.calls("/v2/enqueue")
	for n, want := range []string{"trigger", "acknowledge", "resolve"} {
		if pages[n]["event_action"] != want || pages[n]["dedup_key"] != pages[0]["dedup_key"] || pages[n]["dedup_key"] == "" || pages[n]["routing_key"] != "k3y" {
			t.Errorf("page %d: %v", n, pages[n])
		}
	}
	got, err := a.Ledger().Get(record.ID)
	if err != nil || got.State != ledger.Resolved || len(got.Events) != 3 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestReceiverAwayGetsOnePage(t *testing.T) {
	o := newOncall(t)
	o.setAway(true)
	kept := &memory{}
	options := Options{Actions: o.groups(t, ""), Load: kept.load, Save: kept.save, Config: "route: {receiver: x, group_wait: 1ms, group_interval: 1ms}\nreceivers: [{name: x}]"}
	options.Delivery.MinBackoff, options.Delivery.MaxBackoff = time.Millisecond, 20*time.Millisecond
	a := startTest(t, options)
	a.SetRules(only(knownRule()))
	fired := firing("TooSlow", RuleLabel, "orders/TooSlow")
	put(t, a, fired)
	waitFor(t, func() bool { return len(a.Deliveries().View().Waiting) == 6 })
	if err := a.Stop(); err != nil { // the process is restarted while the receiver is away
		t.Fatal(err)
	}
	b, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	b.SetRules(only(knownRule()))
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Stop() })
	put(t, b, fired)
	o.setAway(false)
	waitFor(t, func() bool { return len(o.calls("/v2/enqueue")) > 0 && len(b.Deliveries().View().Waiting) == 0 })
	if n := len(o.calls("/v2/enqueue")); n != 1 {
		t.Errorf("%d pages for one alert", n)
	}
}

// An alert that was over while the process was down is over for its receivers
// too: it is restored, not reported any more, and resolved.
func TestOverWhileTheProcessWasDown(t *testing.T) {
	o := newOncall(t)
	kept := &memory{}
	options := Options{Actions: o.groups(t, ""), Load: kept.load, Save: kept.save, Config: "global: {resolve_timeout: 1s}\nroute: {receiver: x}\nreceivers: [{name: x}]"}
	a := startTest(t, options)
	a.SetRules(only(knownRule()))
	fired := firing("TooSlow", RuleLabel, "orders/TooSlow")
	fired.EndsAt = time.Now().Add(2 * time.Second)
	put(t, a, fired)
	waitFor(t, func() bool { return len(o.calls("/v2/enqueue")) == 1 })
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	b := startTest(t, options)
	b.SetRules(only(knownRule()))
	waitFor(t, func() bool { return len(o.calls("/v2/enqueue")) == 2 })
	pages := o.calls("/v2/enqueue")
	if pages[1]["event_action"] != "resolve" || pages[1]["dedup_key"] != pages[0]["dedup_key"] {
		t.Errorf("%v", pages)
	}
}

func TestRuleThatLeavesTheEndToPeople(t *testing.T) {
	o := newOncall(t)
	a := startTest(t, Options{Actions: o.groups(t, "")})
	r := knownRule()
	r.StaysFired = true
	a.SetRules(only(r))
	fired := firing("TooSlow", RuleLabel, "orders/TooSlow")
	put(t, a, fired)
	over := fired
	over.EndsAt = time.Now()
	put(t, a, over)
	waitFor(t, func() bool { return len(o.calls("/common")) == 1 })
	open := a.Ledger().Open()
	if len(open) != 1 {
		t.Fatalf("%+v", open)
	}
	if err := a.Resolve(context.Background(), open[0].ID); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(o.calls("/common")) == 2 })
	if got := dig(o.calls("/common")[1], "data", "essentials", "monitorCondition"); got != "Resolved" {
		t.Error(got)
	}
}

func TestReceiverOfTheConfigurationAsActionGroup(t *testing.T) {
	o := newOncall(t)
	hook := newHook(t)
	config := "route: {receiver: actionGroups/oncall, group_wait: 1ms}\nreceivers: [{name: actionGroups/oncall}, {name: hook, webhook_configs: [{url: '" + hook.URL + "'}]}]"
	a := startTest(t, Options{Config: config, Actions: o.groups(t, `, "alertmanagerReceivers": [{"name": "h", "receiver": "hook"}]`)})
	put(t, a, firing("Down", "severity", "page"))
	hook.next(t)
	waitFor(t, func() bool { return len(o.calls("/common")) == 1 })
	if got := dig(o.calls("/common")[0], "data", "essentials", "severity"); got != "Sev1" {
		t.Error(got)
	}
}

func TestTestFire(t *testing.T) {
	o := newOncall(t)
	a := startTest(t, Options{Actions: o.groups(t, "")})
	results, err := a.Test(context.Background(), ActionPrefix+"oncall")
	if err != nil || len(results) != 6 {
		t.Fatal(results, err)
	}
	for _, r := range results {
		if !r.OK {
			t.Errorf("%+v", r)
		}
	}
	if pages := o.calls("/v2/enqueue"); len(pages) != 2 || pages[1]["event_action"] != "resolve" {
		t.Errorf("%v", pages)
	}
	o.Close()
	results, err = a.Test(context.Background(), ActionPrefix+"oncall")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.OK || strings.Contains(r.Error, "s3cret") || strings.Contains(r.Error, "k3y") {
			t.Errorf("%+v", r)
		}
	}
	if _, err := a.Test(context.Background(), "nowhere"); err == nil {
		t.Error("a receiver that is not there was tested")
	}
}

func TestGroupIsShownWithoutSecrets(t *testing.T) {
	o := newOncall(t)
	a := startTest(t, Options{Actions: o.groups(t, "")})
	text, err := json.Marshal(a.ActionGroups())
	if err != nil || strings.Contains(string(text), "s3cret") || strings.Contains(string(text), "k3y") || !strings.Contains(string(text), `"smsReceivers"`) {
		t.Errorf("%s %v", text, err)
	}
	if u := a.ActionGroups()[0]; len(u.Unsupported()) != 1 {
		t.Error(u.Unsupported())
	}
}

// mailServer takes mails and keeps their texts.
func mailServer(t *testing.T) (address string, mails chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	mails = make(chan string, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go takeMail(c, mails)
		}
	}()
	return l.Addr().String(), mails
}

func takeMail(c net.Conn, mails chan<- string) {
	defer c.Close()
	say := func(s string) { _, _ = io.WriteString(c, s+"\r\n") }
	say("220 test")
	in := bufio.NewScanner(c)
	var text strings.Builder
	for data := false; in.Scan(); {
		line := in.Text()
		switch {
		case data && line == ".":
			data = false
			mails <- text.String()
			say("250 ok")
		case data:
			text.WriteString(line + "\n")
		case strings.HasPrefix(line, "DATA"):
			data = true
			say("354 go on")
		case strings.HasPrefix(line, "QUIT"):
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func TestActionGroupByMail(t *testing.T) {
	address, mails := mailServer(t)
	groups, err := action.Read([]byte(`{"name": "mail", "properties": {"groupShortName": "mail", "emailReceivers": [{"name": "ada", "emailAddress": "ada@example.com"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	config := "global: {smtp_smarthost: '" + address + "', smtp_from: 'gatehouse@example.com', smtp_require_tls: false}\nroute: {receiver: actionGroups/mail, group_wait: 1ms}\nreceivers: [{name: actionGroups/mail}]"
	a := startTest(t, Options{Config: config, Actions: groups})
	put(t, a, firing("Down"))
	select {
	case text := <-mails:
		if !strings.Contains(text, "To: ada@example.com") || !strings.Contains(text, "Down") {
			t.Error(text)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("no mail: %+v", a.Deliveries().View())
	}
	if _, err := New(Options{Actions: groups}); err == nil || !strings.Contains(err.Error(), "mail") {
		t.Errorf("mail without a server: %v", err)
	}
}
