package promql_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/rules/azure"
	"gatehouse/internal/server"
	"gatehouse/test/upstream"
)

// score counts what a tool of the Prometheus project does with us.
type score struct {
	t             *testing.T
	tool          string
	passed, total int
}

// run calls the tool; it passes when it ends well and says every word.
func (s *score) run(input string, words []string, args ...string) string {
	s.t.Helper()
	s.total++
	cmd := exec.Command(s.tool, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	text := string(out)
	ok := err == nil
	for _, w := range words {
		ok = ok && strings.Contains(text, w)
	}
	if !ok {
		s.t.Errorf("%s %s: %v, want %q\n%.2000s", filepath.Base(s.tool), strings.Join(args, " "), err, words, text)
		return text
	}
	s.passed++
	return text
}

func (s *score) print() {
	fmt.Printf("prometheus/%s %d/%d\n", filepath.Base(s.tool), s.passed, s.total)
}

// TestPromtool uses promtool on us as people do: queries, checks, pushing,
// rules, and the folder of samples before and after a run.
func TestPromtool(t *testing.T) {
	t.Parallel()
	s := &score{t: t, tool: filepath.Join(build(t), "promtool")}
	defer s.print()
	data, now := t.TempDir(), time.Now()
	samples := filepath.Join(data, "tsdb", "default")
	old := now.Add(-24 * time.Hour).Truncate(time.Minute)
	s.run(fmt.Sprintf("# TYPE backfilled gauge\nbackfilled{a=\"b\"} 7 %d\n# EOF\n", old.Unix()), nil, "tsdb", "create-blocks-from", "openmetrics", "/dev/stdin", samples)
	base, stop := runGatehouse(t, func(c *server.Config) { c.Data.Folder, c.Rules.NoShipped = data, false })
	ours := base + "/prometheus"
	ready(t, base+"/readyz")
	at := func(t time.Time) string { return fmt.Sprint(t.Unix()) }
	s.run("", []string{`backfilled{a="b"} => 7`}, "query", "instant", "--time", at(old), ours, "backfilled")
	s.run("# HELP pushed_total What is pushed.\n# TYPE pushed_total counter\npushed_total{a=\"b\"} 42\n", []string{"SUCCESS"}, "push", "metrics", ours)
	s.run("", []string{`pushed_total{a="b"`, "=> 42"}, "query", "instant", ours, "pushed_total")
	s.run("", []string{"=>", "42 @"}, "query", "range", "--start", at(now.Add(-time.Minute)), "--end", at(time.Now().Add(time.Second)), "--step", "1s", ours, `pushed_total`)
	s.run("", []string{`__name__="pushed_total"`, `a="b"`}, "query", "series", "--match", "pushed_total", ours)
	s.run("", []string{"promtool"}, "query", "labels", "--match", "pushed_total", ours, "job")
	s.run("", []string{`"value":[`}, "query", "instant", "-o", "json", ours, "vector(1)")
	s.run("", []string{"SUCCESS"}, "check", "healthy", "--url", ours)
	s.run("", []string{"SUCCESS"}, "check", "ready", "--url", ours)
	// Three histograms of Prometheus's own libraries bear names that promtool dislikes.
	s.run(regexp.MustCompile(`(?m)^.*\bprometheus_.*\n`).ReplaceAllString(page(t, base+"/metrics"), ""), nil, "check", "metrics")
	s.run("", nil, "query", "analyze", "--server", ours, "--type", "histogram", "--match", "http_server_request_duration_seconds_bucket")
	stop()
	s.run("", []string{"BLOCK ULID"}, "tsdb", "list", samples)
	s.run("", []string{"backfilled", "Total Series: 1"}, "tsdb", "analyze", samples)
	s.run("", []string{`__name__="pushed_total"`, " 42 "}, "tsdb", "dump", "--match", `{__name__="pushed_total"}`, samples)
	s.run("", []string{`backfilled{a="b"} 7`}, "tsdb", "dump-openmetrics", "--match", `{__name__="backfilled"}`, samples)
	promtoolRules(t, s)
}

// promtoolRules checks the rules that come along, those that are converted from
// Azure's, and runs their unit tests.
func promtoolRules(t *testing.T, s *score) {
	for _, pattern := range []string{"shipped/*.yml", "packs/*.yml"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "..", "internal", "rules", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		s.run("", []string{"SUCCESS"}, append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, files...)...)
	}
	tests, _ := filepath.Glob(filepath.Join("..", "..", "..", "internal", "rules", "testdata", "*_test.yml"))
	s.run("", []string{"SUCCESS"}, append([]string{"test", "rules"}, tests...)...)
	group := azure.Group{Name: "cluster", Properties: azure.Properties{Interval: "PT1M", Rules: []azure.Rule{{Alert: "Down", Expression: "up == 0", For: "PT5M"}, {Record: "a:b", Expression: "sum(up)"}}}}
	text, err := azure.ToPrometheus([]azure.Group{group})
	if err != nil {
		t.Fatal(err)
	}
	s.run(string(text), []string{"SUCCESS: 2 rules found"}, "check", "rules")
}

func page(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", url, resp.StatusCode, err)
	}
	return string(text)
}

const alertmanagerFile = `route:
  receiver: nobody
  routes: [{matchers: [severity="page"], receiver: pager}]
receivers:
- name: nobody
- name: pager
  webhook_configs: [{url: "http://127.0.0.1:1/hook"}]
`

// alertmanagerTools gives the folder of Alertmanager's own commands.
func alertmanagerTools(t *testing.T) string {
	t.Helper()
	folder, err := upstream.Alertmanager(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Skipf("Alertmanager cannot be built here: %v", err)
	}
	return folder
}

// TestAmtool uses amtool on our Alertmanager API as people do.
func TestAmtool(t *testing.T) {
	t.Parallel()
	s := &score{t: t, tool: filepath.Join(alertmanagerTools(t), "amtool")}
	defer s.print()
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, []byte(alertmanagerFile), 0o600); err != nil {
		t.Fatal(err)
	}
	base := startGatehouse(t, func(c *server.Config) { c.Alerting.File = file })
	at := "--alertmanager.url=" + base + "/alertmanager"
	s.run("", []string{"SUCCESS"}, "check-config", file)
	s.run("", []string{"receiver: nobody"}, at, "config", "show")
	s.run("", []string{"pager"}, at, "config", "routes", "show")
	s.run("", []string{"pager"}, at, "config", "routes", "test", "severity=page")
	s.run("", nil, at, "alert", "add", "alertname=Added", "severity=page", "--annotation=summary=by hand")
	s.run("", []string{"Added", "by hand"}, at, "alert", "query", "alertname=Added")
	s.run("", []string{`"alertname":"Added"`}, at, "-o", "json", "alert", "query")
	id := strings.TrimSpace(s.run("", nil, at, "silence", "add", "alertname=Added", "--comment=quiet", "--author=ada", "--duration=1h"))
	s.run("", []string{id, "quiet", "ada"}, at, "silence", "query", "alertname=Added")
	s.total++
	if out := s.run("", nil, at, "alert", "query"); !strings.Contains(out, "Added") {
		s.passed++ // silenced alerts are not shown
	} else {
		t.Errorf("a silenced alert is shown:\n%s", out)
	}
	s.run("", []string{"Added"}, at, "alert", "query", "--silenced")
	s.run("", []string{id}, at, "silence", "update", id, "--duration=2h", "--comment=longer")
	exported := s.run("", []string{"longer"}, at, "-o", "json", "silence", "query")
	s.run("", nil, at, "silence", "expire", id)
	s.run("", []string{id}, at, "silence", "query", "--expired")
	s.run(exported, nil, at, "silence", "import", "--force")
	s.run("", nil, at, "cluster", "show")
}

const outsideRules = `groups:
- name: outside
  interval: 1s
  rules:
  - alert: Outside
    expr: vector(1)
    labels: {severity: page}
    annotations: {summary: "value {{ $value }}"}
`

// TestAlertmanagerOutside lets our rules' alerts arrive at a real Alertmanager.
func TestAlertmanagerOutside(t *testing.T) {
	t.Parallel()
	folder, dir, address := alertmanagerTools(t), t.TempDir(), freePort(t)
	config, rules := filepath.Join(dir, "alertmanager.yml"), filepath.Join(dir, "rules.yml")
	for path, text := range map[string]string{config: alertmanagerFile, rules: outsideRules} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(folder, "alertmanager"), "--config.file", config, "--storage.path", filepath.Join(dir, "data"), "--web.listen-address", address, "--cluster.listen-address", "")
	log := &text{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Alertmanager's log:\n%s", log)
		}
	})
	outside := "http://" + address
	ready(t, outside+"/-/ready")
	base := startGatehouse(t, func(c *server.Config) {
		c.Alerting.Alertmanagers, c.Rules.Files = []string{outside}, []string{rules}
	})
	var alerts []struct {
		Labels, Annotations map[string]string
		GeneratorURL        string
		StartsAt, EndsAt    time.Time
	}
	eventually(t, "the alert arrives", func() error {
		if err := fetch(outside+"/api/v2/alerts", &alerts); err != nil || len(alerts) != 1 {
			return fmt.Errorf("%d alerts, %v", len(alerts), err)
		}
		return nil
	})
	a := alerts[0]
	if fmt.Sprint(a.Labels) != "map[alertname:Outside severity:page]" || a.Annotations["summary"] != "value 1" || !strings.HasPrefix(a.GeneratorURL, base+"/prometheus/graph?g0.expr=vector") || a.EndsAt.Sub(a.StartsAt) < 4*time.Minute {
		t.Errorf("%+v", a)
	}
	var known struct {
		Data struct {
			ActiveAlertmanagers []struct{ URL string }
		}
	}
	if err := fetch(base+"/prometheus/api/v1/alertmanagers", &known); err != nil || len(known.Data.ActiveAlertmanagers) != 1 || known.Data.ActiveAlertmanagers[0].URL != outside+"/api/v2/alerts" {
		t.Errorf("%+v %v", known, err)
	}
}
