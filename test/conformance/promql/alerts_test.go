package promql_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/server"
)

// generatorRules are alerts that both evaluate over the same series: with and
// without a waiting time, with a long end, chained, with templates, with an error.
const generatorRules = `groups:
- name: life
  interval: 1s
  rules:
  - alert: AtOnce
    expr: signal > 10
    labels: {foo: bar, empty: "", from: "{{ $labels.variant }}", b_first: "1", a_second: "2"}
    annotations:
      value: "{{ $value }} {{ .Value }} {{ $value | printf \"%.2f\" }}"
      words: '{{ title "this part" }} {{ toUpper "up" }} {{ toLower "DOWN" }} {{ stripPort "[::1]:6006" }} {{ parseDuration "2h10m15s" }} {{ reReplaceAll "r.*d" "replaced" "rpld text" }} {{ if match "[0-9]+$" "1234a" }}WRONG{{ end }}'
      numbers: '{{ humanize 1048576 }} {{ humanize1024 1048576 }} {{ humanizeDuration 135.3563 }} {{ humanizePercentage 0.959 }} {{ humanizeTimestamp 1643114203 }}'
      query: '{{ define "t" }}{{ .arg0 }} {{ .arg1 }}{{ end }}{{ template "t" (args "foo" 99) }} {{ with query "sort_desc(signal)" }}{{ . | first | label "variant" }}:{{ . | first | value }}{{ end }}'
      nothing: ""
  - alert: Waits
    expr: signal{variant="one"} > 10
    for: 3s
    labels: {severity: page}
    annotations: {summary: "waited {{ $labels.variant }}"}
  - alert: GoesOn
    expr: signal{variant="two"} > 10
    keep_firing_for: 4s
  - alert: Chained
    expr: sum without (variant) (ALERTS{alertname="AtOnce",alertstate="firing"}) >= 1
    labels: {old: "{{ $labels.alertname }}"}
    annotations: {old: "{{ .Labels.foo }}"}
  - alert: Never
    expr: signal > 1000
  - alert: TwiceTheSame
    expr: signal > 10
    labels: {variant: same}
  - alert: BadTemplate
    expr: signal{variant="one"} > 10
    annotations: {broken: "{{ .Nothing.At.All }}"}
  - record: signal:sum
    expr: sum(signal)
    labels: {empty: ""}
`

// posted keeps what was posted to an Alertmanager.
type posted struct {
	*httptest.Server
	mu     sync.Mutex
	alerts []postedAlert
	kinds  map[string]bool // of requests
}

type postedAlert struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	GeneratorURL        string
	at                  time.Time
}

func newPosted(t *testing.T) *posted {
	p := &posted{kinds: map[string]bool{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var list []postedAlert
		_ = json.Unmarshal(body, &list)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.kinds[r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")] = true
		for _, a := range list {
			a.at = time.Now()
			p.alerts = append(p.alerts, a)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// resend of both, in seconds.
const resend = 2

// summary is what must not depend on the moment of an evaluation: which alerts
// came firing and resolved, with what texts, and how their times stand to each
// other.
func (p *posted) summary() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[string]bool{}
	for kind := range p.kinds {
		seen[kind] = true
	}
	for _, a := range p.alerts {
		state := "resolved"
		if a.EndsAt.After(a.at) {
			// A firing alert ends four times the delay after its evaluation.
			ahead := a.EndsAt.Sub(a.at).Seconds()
			state = fmt.Sprintf("firing, ends ahead: %t", ahead > 2*resend && ahead <= 4*resend+0.1)
		}
		u, _ := url.Parse(a.GeneratorURL)
		link := ""
		if u != nil {
			link = u.Path[strings.LastIndexByte(u.Path, '/')+1:] + "?" + u.RawQuery
		}
		seen[fmt.Sprintf("%s %v %v %s", state, a.Labels, a.Annotations, link)] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// sent counts the requests' alerts by name and state.
func (p *posted) sent(name string, resolved bool) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.alerts {
		if a.Labels["alertname"] == name && a.EndsAt.After(a.at) != resolved {
			n++
		}
	}
	return n
}

var moments = regexp.MustCompile(`"(lastEvaluation|evaluationTime|activeAt|file|keepFiringSince|updatedAt)":("[^"]*"|[0-9.e-]+),?`)

// shape is an answer without what depends on the moment.
func shape(t *testing.T, path string) string {
	t.Helper()
	return strings.ReplaceAll(moments.ReplaceAllString(page(t, path), ""), ",}", "}")
}

// same waits until both answer alike at path, and the answer has the word.
func (g *generators) same(t *testing.T, path, word string) {
	t.Helper()
	g.total++
	var a, b string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		a, b = shape(t, g.reference+path), shape(t, g.ours+path)
		if a == b && strings.Contains(a, word) {
			g.passed++
			return
		}
	}
	t.Errorf("%s with %q:\n%s\nPrometheus:\n%s", path, word, b, a)
}

// generators are a real Prometheus and Gatehouse with the same rules.
type generators struct {
	reference, ours string
	passed, total   int
}

func (g *generators) check(t *testing.T, what string, got, want any) {
	t.Helper()
	g.total++
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s:\n%v\nPrometheus:\n%v", what, got, want)
		return
	}
	g.passed++
}

func startGenerators(t *testing.T, stock, own *posted) *generators {
	t.Helper()
	folder, dir := build(t), t.TempDir()
	rules, config := filepath.Join(dir, "rules.yml"), filepath.Join(dir, "prometheus.yml")
	files := map[string]string{rules: generatorRules, config: fmt.Sprintf("global: {scrape_interval: 1h}\nrule_files: [%q]\nalerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}\n", rules, strings.TrimPrefix(stock.URL, "http://"))}
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := freePort(t)
	cmd := exec.Command(filepath.Join(folder, "prometheus"), "--config.file", config, "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", address,
		"--web.enable-remote-write-receiver", fmt.Sprintf("--rules.alert.resend-delay=%ds", resend))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	ready(t, "http://"+address+"/-/ready")
	ours := startGatehouse(t, func(c *server.Config) {
		c.Rules.Files, c.Rules.ResendDelay, c.Alerting.Alertmanagers = []string{rules}, server.Duration(resend*time.Second), []string{own.URL}
	})
	return &generators{reference: "http://" + address, ours: ours + "/prometheus"}
}

// feed sends the signal to both every 300 ms until stop.
func (g *generators) feed(t *testing.T, level func() float64) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			now := map[time.Duration]float64{0: level()}
			at := time.Now()
			c := writeCase{header: map[string]string{"Content-Type": version1, "Content-Encoding": "snappy"},
				body: writeV1(one(at, now, "__name__", "signal", "variant", "one"), one(at, now, "__name__", "signal", "variant", "two"))}
			for _, base := range []string{g.reference, g.ours} {
				if a, err := c.send(base); err != nil || a.status/100 != 2 {
					t.Errorf("feed %s: %+v %v", base, a, err)
				}
			}
			select {
			case <-done:
				return
			case <-time.After(300 * time.Millisecond):
			}
		}
	}()
	return func() { close(done); <-ended }
}

// TestAlertGenerator lets a real Prometheus and us evaluate the same rules over
// the same series: what the APIs show in each state, the series that are made and
// what is posted to an Alertmanager must be the same.
func TestAlertGenerator(t *testing.T) {
	t.Parallel()
	stock, own := newPosted(t), newPosted(t)
	g := startGenerators(t, stock, own)
	defer func() { fmt.Printf("prometheus/alert-generator %d/%d\n", g.passed, g.total) }()
	var mu sync.Mutex
	value := 5.0
	set := func(v float64) { mu.Lock(); value = v; mu.Unlock() }
	stop := g.feed(t, func() float64 { mu.Lock(); defer mu.Unlock(); return value })
	defer stop()
	const all = `/api/v1/query?query=`
	g.same(t, "/api/v1/rules", `"name":"AtOnce","query":"signal \u003e 10"`)
	g.same(t, "/api/v1/alerts", `"alerts":[]`)
	g.same(t, "/api/v1/rules?type=record", `signal:sum`)
	set(12)
	g.same(t, "/api/v1/rules", `"state":"pending"`)
	g.same(t, "/api/v1/rules", `"health":"err"`)
	for _, name := range []string{"AtOnce", "Waits", "GoesOn", "Chained"} {
		g.same(t, "/api/v1/alerts", `"alertname":"`+name+`"`)
	}
	g.same(t, "/api/v1/alerts", `"summary":"waited one"},"state":"firing"`)
	series := func(base string) string {
		return seriesNames(t, base+all+url.QueryEscape(`{__name__=~"ALERTS.*|signal:sum"}`))
	}
	eventually(t, "both have sent twice", func() error {
		if stock.sent("Waits", false) > 1 && own.sent("Waits", false) > 1 {
			return nil
		}
		return fmt.Errorf("%d and %d", stock.sent("Waits", false), own.sent("Waits", false))
	})
	g.check(t, "series", series(g.ours), series(g.reference))
	set(5)
	g.same(t, "/api/v1/alerts", `"alertname":"GoesOn"`)
	g.same(t, "/api/v1/alerts", `"alerts":[]`)
	g.same(t, "/api/v1/rules", `"state":"inactive"`)
	eventually(t, "both have told the end twice", func() error {
		if stock.sent("GoesOn", true) > 1 && own.sent("GoesOn", true) > 1 {
			return nil
		}
		return fmt.Errorf("%d and %d", stock.sent("GoesOn", true), own.sent("GoesOn", true))
	})
	g.check(t, "series after the end", series(g.ours), series(g.reference))
	g.check(t, "what was posted", strings.Join(own.summary(), "\n"), strings.Join(stock.summary(), "\n"))
}

// seriesNames are the label sets of an answer, in one order.
func seriesNames(t *testing.T, path string) string {
	t.Helper()
	var out struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	if err := fetch(path, &out); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range out.Data.Result {
		names = append(names, fmt.Sprint(r.Metric))
	}
	slices.Sort(names)
	return strings.Join(names, "\n")
}
