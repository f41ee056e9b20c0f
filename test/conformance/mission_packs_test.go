package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/dashboards"
	"gatehouse/test/upstream"
)

// unitTest is one test of promtool's format.
type unitTest struct {
	Interval string              `yaml:"interval"`
	Series   []map[string]string `yaml:"input_series"`
	Queries  []unitQuery         `yaml:"promql_expr_test"`
}

type unitQuery struct {
	Expr    string           `yaml:"expr"`
	At      string           `yaml:"eval_time"`
	Samples []map[string]any `yaml:"exp_samples"`
}

func (u *unitTest) input(line string) {
	line = strings.TrimSpace(line)
	cut := strings.LastIndex(line, "} ") + 1
	if cut == 0 {
		cut = strings.Index(line, " ")
	}
	u.Series = append(u.Series, map[string]string{"series": line[:cut], "values": strings.TrimSpace(line[cut:])})
}

// promtoolTests lets a real promtool evaluate rules over the tests' series.
func promtoolTests(t *testing.T, interval string, patterns []string, tests []unitTest) {
	t.Helper()
	folder, err := upstream.Prometheus(filepath.Join("..", ".."))
	if err != nil {
		t.Fatalf("promtool cannot be built here: %v", err)
	}
	var files []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(rulesFolder(t), pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	text, err := yaml.Marshal(map[string]any{"rule_files": files, "evaluation_interval": interval, "tests": tests})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tests.yml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(folder, "promtool"), "test", "rules", path).CombinedOutput(); err != nil {
		t.Errorf("promtool test rules: %v\n%.4000s", err, out)
	}
}

func rulesFolder(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "internal", "rules"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// caseLines are the lines of a file of series, without comments.
func caseLines(t *testing.T, name string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rulesFolder(t), "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\n"); strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// packTests are a test for each alert of a pack: it fires while something is
// broken and ends when it is mended.
func packTests(t *testing.T, pack string) (tests []unitTest, alerts []string) {
	t.Helper()
	mine := false
	for _, line := range caseLines(t, "pack_cases.txt") {
		if strings.HasPrefix(line, "  ") {
			if mine {
				tests[len(tests)-1].input(line)
			}
			continue
		}
		f := strings.Fields(line)
		if mine = f[0] == pack; !mine {
			continue
		}
		alerts = append(alerts, f[1])
		count := fmt.Sprintf(`count(ALERTS{alertname=%q,alertstate="firing"}) > 0`, f[1])
		one := []map[string]any{{"labels": "{}", "value": 1}}
		tests = append(tests, unitTest{Interval: "1m", Queries: []unitQuery{{count, "2m", nil}, {count, f[2], one}, {count, f[3], nil}}})
	}
	return tests, alerts
}

// M19: the predefined alerts and recording rules for AKS are there by their
// published names; promtool sees each alert fire and end.
func missionAKSRules(t *testing.T, h *house) {
	tests, alerts := packTests(t, "aks")
	promtoolTests(t, "1m", []string{"packs/aks.yml"}, tests)
	loaded := h.loadedRules(t, "packs/aks.yml")
	for _, name := range alerts {
		if !loaded[name] {
			t.Errorf("%s is not loaded", name)
		}
	}
	if len(alerts) < 16 {
		t.Errorf("%d alerts", len(alerts))
	}
	published := publishedNames(t, "GeneratedMonitoringArtifacts/Default/recommendedMetricAlerts.json", "GeneratedMonitoringArtifacts/Default/DefaultRecordingRules.json")
	windows := h.loadedRules(t, "packs/windows.yml")
	for _, name := range published {
		if !loaded[name] && !windows[name] {
			t.Errorf("%s is published and not shipped", name)
		}
	}
}

// serviceFile is the text of a file of the service.
func (h *house) serviceFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.service, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// packFiles are the packs for clusters and Windows, as files of a workspace.
func (h *house) packFiles(t *testing.T) []string {
	t.Helper()
	return []string{filepath.Join(rulesFolder(t), "packs", "aks.yml"), filepath.Join(rulesFolder(t), "packs", "windows.yml"), filepath.Join(rulesFolder(t), "packs", "nodes.yml")}
}

// loadedRules are the names of a file's rules in force, all healthy.
func (h *house) loadedRules(t *testing.T, file string) map[string]bool {
	t.Helper()
	var out ruleList
	h.get(t, "/workspaces/packs/prometheus/api/v1/rules", &out)
	names := map[string]bool{}
	for _, g := range out.Data.Groups {
		if !strings.HasSuffix(g.File, filepath.Base(file)) {
			continue
		}
		for _, r := range g.Rules {
			names[r.Name] = true
			if r.Health == "err" {
				t.Errorf("%s: %s", r.Name, r.Error)
			}
		}
	}
	if len(names) == 0 {
		t.Errorf("%s is not loaded", file)
	}
	return names
}

// publishedNames are those of Azure's templates, where they are at hand.
func publishedNames(t *testing.T, files ...string) []string {
	t.Helper()
	names := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "corpus", "rules", "azure-prometheus-collector", file))
		if err != nil {
			t.Log("the published templates are not at hand")
			return nil
		}
		var template struct {
			Resources []struct {
				Properties struct {
					Rules []struct{ Alert, Record string }
				}
			}
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(string(data), "\ufeff")), &template); err != nil {
			t.Fatal(err)
		}
		for _, r := range template.Resources {
			for _, rule := range r.Properties.Rules {
				names[rule.Alert+rule.Record] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// M26: rules and a dashboard for Windows nodes and pods; what windows_exporter
// exposes, scraped by the job of the guide, is recorded.
func missionWindows(t *testing.T, h *house) {
	tests, _ := packTests(t, "windows")
	promtoolTests(t, "1m", []string{"packs/windows.yml"}, tests)
	h.loadedRules(t, "packs/windows.yml")
	if _, ok := dashboards.Find("gatehouse-windows"); !ok {
		t.Error("no dashboard")
	}
	var read map[string]any
	if status := h.get(t, "/api/dashboards/gatehouse-windows", &read); status != 200 {
		t.Errorf("the dashboard: %d", status)
	}
	names := publishedNames(t, "AddonArmTemplate/WindowsRecordingRuleGroupTemplate/WindowsRecordingRules.json")
	loaded := h.loadedRules(t, "packs/windows.yml")
	for _, name := range names {
		if !loaded[name] {
			t.Errorf("%s is published and not shipped", name)
		}
	}
}

var everyRule = []string{"shipped/*.yml", "packs/*.yml", "testdata/objectives/*.yml"}

// quietly is a test in which no alert fires in the minutes around what happens.
func quietly() unitTest {
	u := unitTest{Interval: "30s"}
	for _, at := range []string{"45m", "50m", "51m", "52m", "53m", "55m", "60m", "70m", "85m"} {
		u.Queries = append(u.Queries, unitQuery{`ALERTS{alertstate="firing"}`, at, nil})
	}
	return u
}

// healthySeries adds the series of a system in which nothing is wrong, with gap
// samples missing after fifty minutes.
func (u *unitTest) healthySeries(t *testing.T, gap int) {
	t.Helper()
	missing := ""
	if gap > 0 {
		missing = fmt.Sprintf(" stale _x%d", gap-1)
	}
	for _, line := range caseLines(t, "healthy.txt") {
		cut := strings.LastIndex(line, " ")
		if h := strings.Index(line, " {{"); h > 0 {
			cut = h
		}
		series, value := line[:cut], strings.TrimSpace(line[cut:])
		step, grows := strings.CutPrefix(value, "+")
		switch {
		case strings.HasPrefix(value, "{{"):
			value = value + "+" + value
		case grows:
			value = "0+" + step
		}
		u.Series = append(u.Series, map[string]string{"series": series, "values": fmt.Sprintf("%sx100%s %sx%d", value, missing, value, 80-gap)})
	}
}

// M32: what a platform does of its own accord fires none of them either, and a
// change of the service under load is a change alone.
func missionExpectedActions(t *testing.T, h *house) {
	u := quietly()
	u.healthySeries(t, 0)
	for _, line := range caseLines(t, "expected_actions.txt") {
		u.input(line)
	}
	promtoolTests(t, "30s", everyRule, []unitTest{u})
	const api = "apis/plain/apiInformation.json"
	text := h.serviceFile(t, api)
	for range 3 {
		h.load(t, 100, "/plain/items/1", 200)
		h.write(t, map[string]string{api: text + "\n"})
		h.load(t, 100, "/plain/items/1", 200)
	}
	var list struct {
		Alerts []struct {
			Labels map[string]string `json:"labels"`
		} `json:"alerts"`
	}
	if h.get(t, "/api/alerts?label=gatehouse_api=plain", &list); len(list.Alerts) > 0 {
		t.Errorf("%+v", list.Alerts)
	}
}
