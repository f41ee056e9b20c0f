package alerting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/client"
	clientalert "github.com/prometheus/alertmanager/api/v2/client/alert"
	clientsilence "github.com/prometheus/alertmanager/api/v2/client/silence"
	"github.com/prometheus/alertmanager/api/v2/models"
)

// hook receives notifications.
type hook struct {
	*httptest.Server
	messages chan message
}

type message struct {
	Status string
	Alerts []struct {
		Status string
		Labels map[string]string
	}
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{messages: make(chan message, 100)}
	h.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err == nil {
			h.messages <- m
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) next(t *testing.T) message {
	t.Helper()
	select {
	case m := <-h.messages:
		return m
	case <-time.After(30 * time.Second):
		t.Fatal("no notification")
		return message{}
	}
}

func (h *hook) config() string {
	return fmt.Sprintf(`
route: {receiver: hook, group_by: [alertname], group_wait: 10ms, group_interval: 50ms, repeat_interval: 1h,
  routes: [{matchers: ['notify="nobody"'], receiver: nobody}]}
receivers: [{name: hook, webhook_configs: [{url: %q, send_resolved: true}]}, {name: nobody}]
inhibit_rules: [{source_matchers: ['severity="page"'], target_matchers: ['severity="ticket"'], equal: [api]}]
`, h.URL)
}

// memory keeps state as the catalog does.
type memory struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (m *memory) load(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.m[name], nil
}

func (m *memory) save(name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil {
		m.m = map[string][]byte{}
	}
	m.m[name] = append([]byte(nil), data...)
	return nil
}

func startTest(t *testing.T, o Options) *Alertmanager {
	t.Helper()
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Stop() })
	return a
}

func firing(name string, more ...string) Alert {
	labels := map[string]string{"alertname": name}
	for i := 0; i+1 < len(more); i += 2 {
		labels[more[i]] = more[i+1]
	}
	return Alert{Labels: labels, StartsAt: time.Now().Add(-time.Second), EndsAt: time.Now().Add(time.Hour)}
}

func put(t *testing.T, a *Alertmanager, alerts ...Alert) {
	t.Helper()
	if err := a.Put(context.Background(), alerts...); err != nil {
		t.Fatal(err)
	}
}

func call(t *testing.T, a *Alertmanager, method, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, "/alertmanager/api/v2"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestWebhookFiresAndResolves(t *testing.T) {
	h := newHook(t)
	a := startTest(t, Options{Config: h.config()})
	alert := firing("Down", "api", "echo")
	put(t, a, alert)
	if m := h.next(t); m.Status != "firing" || m.Alerts[0].Labels["api"] != "echo" {
		t.Errorf("first notification: %+v", m)
	}
	alert.EndsAt = time.Now()
	put(t, a, alert)
	if m := h.next(t); m.Status != "resolved" {
		t.Errorf("second notification: %+v", m)
	}
}

// The inhibitor and the dispatcher learn of an alert each in its own time (what
// group_wait is for), so the test waits until the inhibitor knows the source.
func TestInhibition(t *testing.T) {
	h := newHook(t)
	a := startTest(t, Options{Config: h.config()})
	put(t, a, firing("Page", "api", "echo", "severity", "page"))
	h.next(t)
	put(t, a, firing("Probe", "api", "echo", "severity", "ticket", "notify", "nobody"))
	suppressed(t, a, "Probe")
	put(t, a, firing("Ticket", "api", "echo", "severity", "ticket"), firing("Other", "api", "other", "severity", "ticket"))
	if m := h.next(t); m.Alerts[0].Labels["alertname"] != "Other" {
		t.Errorf("the inhibited alert was notified: %+v", m)
	}
}

// suppressed waits until the API shows the alert as inhibited.
func suppressed(t *testing.T, a *Alertmanager, name string) {
	t.Helper()
	var body string
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, body = call(t, a, "GET", "/alerts?active=false&filter=alertname%3D"+name, ""); strings.Contains(body, `"suppressed"`) {
			return
		}
	}
	t.Fatalf("%s is not suppressed: %s", name, body)
}

func TestDefaultConfigShowsAlerts(t *testing.T) {
	a, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := call(t, a, "GET", "/alerts/groups", ""); status != 200 || strings.TrimSpace(body) == "" {
		t.Errorf("groups before the start: %d %s", status, body)
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	put(t, a, firing("Seen"))
	if status, body := call(t, a, "GET", "/alerts", ""); status != 200 || !strings.Contains(body, `"Seen"`) {
		t.Errorf("alerts: %d %s", status, body)
	}
	for range 2 {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
	}
	if a.Start() == nil || a.Reload(DefaultConfig) == nil {
		t.Error("a stopped one was started or reloaded")
	}
}

func TestStopWithoutStart(t *testing.T) {
	a, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
}

func TestPutNamesWhatIsWrong(t *testing.T) {
	a := startTest(t, Options{})
	bad := firing("Bad")
	bad.EndsAt = bad.StartsAt.Add(-time.Hour)
	err := a.Put(context.Background(), bad, firing("Good"))
	if err == nil || !strings.Contains(err.Error(), `"Bad"`) {
		t.Errorf("error: %v", err)
	}
	if _, body := call(t, a, "GET", "/alerts", ""); !strings.Contains(body, "Good") {
		t.Errorf("the good alert was lost: %s", body)
	}
}

func silenceJSON(name string) string {
	return fmt.Sprintf(`{"matchers":[{"name":"alertname","value":%q,"isRegex":false}],"startsAt":%q,"endsAt":%q,"createdBy":"t","comment":"c"}`,
		name, time.Now().UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

func TestSilencesSurviveACrash(t *testing.T) {
	h, state := newHook(t), &memory{}
	first := startTest(t, Options{Config: h.config(), Load: state.load, Save: state.save})
	if status, body := call(t, first, "POST", "/silences", silenceJSON("Quiet")); status != 200 {
		t.Fatalf("silence: %d %s", status, body)
	}
	// The first one is not stopped: what it acknowledged is saved already.
	again := startTest(t, Options{Config: h.config(), Load: state.load, Save: state.save})
	if status, body := call(t, again, "GET", "/silences", ""); status != 200 || !strings.Contains(body, "Quiet") {
		t.Errorf("silences after the crash: %d %s", status, body)
	}
	put(t, again, firing("Quiet"), firing("Loud"))
	if m := h.next(t); m.Alerts[0].Labels["alertname"] != "Loud" {
		t.Errorf("the silenced alert was notified: %+v", m)
	}
}

func TestSilenceThatCannotBeSaved(t *testing.T) {
	a := startTest(t, Options{Save: func(string, []byte) error { return errors.New("disk full") }})
	if status, _ := call(t, a, "POST", "/silences", silenceJSON("Quiet")); status != 500 {
		t.Errorf("status: %d, want 500", status)
	}
}

func TestNoSecondNotificationAfterARestart(t *testing.T) {
	h, state := newHook(t), &memory{}
	o := Options{Config: h.config(), Load: state.load, Save: state.save, SaveInterval: time.Millisecond}
	first := startTest(t, o)
	put(t, first, firing("Down"))
	h.next(t)
	// The notification is logged just after it was sent; wait for its save.
	waitFor(t, func() bool { b, _ := state.load(NotifiedState); return len(b) > 0 })
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	again := startTest(t, o)
	put(t, again, firing("Down"), firing("New"))
	if m := h.next(t); m.Alerts[0].Labels["alertname"] != "New" {
		t.Errorf("notified again: %+v", m)
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("waited too long")
		}
	}
}

func TestCorruptState(t *testing.T) {
	_, err := New(Options{Load: func(string) ([]byte, error) { return []byte("garbage"), nil }})
	if err == nil || !strings.Contains(err.Error(), `"silences"`) {
		t.Errorf("error: %v", err)
	}
}

func TestReload(t *testing.T) {
	first, second := newHook(t), newHook(t)
	a := startTest(t, Options{Config: first.config()})
	put(t, a, firing("One"))
	first.next(t)
	if err := a.Reload("route: {receiver: nobody}\nreceivers: [{name: hook}]"); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("a receiver that is not there: %v", err)
	}
	put(t, a, firing("Two"))
	first.next(t) // the old configuration is still in force
	if err := a.Reload(second.config()); err != nil {
		t.Fatal(err)
	}
	put(t, a, firing("Three"))
	for {
		if m := second.next(t); m.Alerts[0].Labels["alertname"] == "Three" {
			break
		}
	}
}

func TestConfigErrorsHideSecrets(t *testing.T) {
	a, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	const head = "route: {receiver: r}\nreceivers:\n- name: r\n"
	for _, c := range []struct{ config, want string }{
		{head + "  webhook_configs: hunter2\n", "line 4"},
		{head + "  webhook_configs: [{url: 'ftp://user:hunter2@host/x'}]\n", "configuration"},
		{head + "  slack_configs: [{api_url: ['hunter2']}]\n", "configuration"},
		{head + "  pagerduty_configs: [{routing_key: hunter2, unknown_field: 1}]\n", "unknown_field"},
		{head + "  webhook_configs: [{url_file: /etc/passwd}]\n", "line 4"},
		{head + "  webhook_configs: [{url: 'http://h', http_config: {tls_config: {key_file: /k}}}]\n", `"key_file"`},
		{"templates: ['/etc/*']\n" + head, `"templates"`},
		{"", "no route"},
		{"route: [", "configuration"},
		{"# " + strings.Repeat("x", maxConfig), "at most"},
	} {
		err := a.Check(c.config)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80q: %v, want %q", c.config, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
	good := "route: {receiver: r, routes: [{receiver: r, match: {key_file: x}}]}\nreceivers:\n- name: r\n  pagerduty_configs: [{routing_key: hunter2}]\n"
	if err := a.Reload(good); err != nil {
		t.Fatal(err)
	}
	if status, body := call(t, a, "GET", "/status", ""); status != 200 || strings.Contains(body, "hunter2") {
		t.Errorf("status: %d %s", status, body)
	}
}

func TestDialerDecides(t *testing.T) {
	h := newHook(t)
	refused := make(chan string, 10)
	a := startTest(t, Options{Config: h.config(), Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		select {
		case refused <- address:
		default:
		}
		return nil, errors.New("private address")
	}})
	put(t, a, firing("Down"))
	select {
	case address := <-refused:
		if "http://"+address != h.URL {
			t.Errorf("dialled %s, want %s", address, h.URL)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the dialer was not asked")
	}
	if len(h.messages) != 0 {
		t.Error("the refused receiver was notified")
	}
}

func TestBodyLimit(t *testing.T) {
	a := startTest(t, Options{MaxBody: 10})
	if status, body := call(t, a, "POST", "/silences", silenceJSON("x")); status < 400 {
		t.Errorf("status: %d %s", status, body)
	}
}

func FuzzRefuseFiles(f *testing.F) {
	f.Add("route: {receiver: r}\ntemplates: [x]")
	f.Add("a: &a [*a]")
	f.Fuzz(func(_ *testing.T, text string) { _ = refuseFiles(text) })
}

// TestOfficialClient uses the client that amtool is made of.
func TestOfficialClient(t *testing.T) {
	a := startTest(t, Options{})
	server := httptest.NewServer(a.Handler())
	t.Cleanup(server.Close)
	c := client.NewHTTPClientWithConfig(nil, &client.TransportConfig{
		Host: strings.TrimPrefix(server.URL, "http://"), BasePath: "/alertmanager/api/v2", Schemes: []string{"http"},
	})
	put(t, a, firing("Down"), firing("Quiet"))
	name, value, equal, regex, comment := "alertname", "Quiet", true, false, "c"
	from, to := strfmt.DateTime(time.Now()), strfmt.DateTime(time.Now().Add(time.Hour))
	created, err := c.Silence.PostSilences(clientsilence.NewPostSilencesParams().WithSilence(&models.PostableSilence{Silence: models.Silence{
		Matchers: models.Matchers{{Name: &name, Value: &value, IsEqual: &equal, IsRegex: &regex}},
		StartsAt: &from, EndsAt: &to, CreatedBy: &comment, Comment: &comment,
	}}))
	if err != nil {
		t.Fatal(err)
	}
	active, no := true, false
	shown, err := c.Alert.GetAlerts(clientalert.NewGetAlertsParams().WithActive(&active).WithSilenced(&no))
	if err != nil || len(shown.Payload) != 1 || shown.Payload[0].Labels["alertname"] != "Down" {
		t.Errorf("alerts that are not silenced: %v, %v", shown, err)
	}
	if _, err := c.Silence.DeleteSilence(clientsilence.NewDeleteSilenceParams().WithSilenceID(strfmt.UUID(created.Payload.SilenceID))); err != nil {
		t.Error(err)
	}
	shown, err = c.Alert.GetAlerts(clientalert.NewGetAlertsParams().WithActive(&active).WithSilenced(&no))
	if err != nil || len(shown.Payload) != 2 {
		t.Errorf("alerts after the silence: %v, %v", shown, err)
	}
}

func TestPagerDutyAndSlack(t *testing.T) {
	bodies := make(chan string, 10)
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- r.URL.Path + " " + string(body)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(sink.Close)
	a := startTest(t, Options{Config: fmt.Sprintf(`
route: {receiver: all, group_by: [alertname], group_wait: 10ms, group_interval: 50ms, repeat_interval: 1h}
receivers:
- name: all
  pagerduty_configs: [{url: '%[1]s/pagerduty', routing_key: key-1}]
  slack_configs: [{api_url: '%[1]s/slack', channel: '#ops'}]
- name: mail
  email_configs: [{to: ops@example.com, from: gw@example.com, smarthost: 'localhost:25'}]
`, sink.URL)})
	put(t, a, firing("Down"))
	got := map[string]bool{}
	for range 2 {
		select {
		case body := <-bodies:
			switch {
			case strings.HasPrefix(body, "/pagerduty") && strings.Contains(body, `"routing_key":"key-1"`) && strings.Contains(body, `"event_action":"trigger"`):
				got["pagerduty"] = true
			case strings.HasPrefix(body, "/slack") && strings.Contains(body, `"channel":"#ops"`) && strings.Contains(body, "Down"):
				got["slack"] = true
			default:
				t.Errorf("unexpected: %s", body)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no notification")
		}
	}
	if len(got) != 2 {
		t.Errorf("notified: %v", got)
	}
}
