package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/rules"
	"gatehouse/internal/store/tsdb"

	"gatehouse/internal/query/promql"
)

func TestMetricWorkspaceSettings(t *testing.T) {
	for name, c := range map[string]struct {
		list []MetricWorkspaceConfig
		want string
	}{
		"none":     {nil, ""},
		"two":      {[]MetricWorkspaceConfig{{Name: "a"}, {Name: "Default", MaxSeries: 5}}, ""},
		"twice":    {[]MetricWorkspaceConfig{{Name: "a"}, {Name: "A"}}, "stands twice"},
		"name":     {[]MetricWorkspaceConfig{{Name: "../x"}}, "not a name"},
		"personal": {[]MetricWorkspaceConfig{{Name: "a", PersonalData: "drop"}}, "use hash, refuse or nothing"},
		"negative": {[]MetricWorkspaceConfig{{Name: "a", SamplesPerMinute: -2}}, "negative"},
	} {
		config := MetricsConfig{Workspaces: c.list}
		out, err := config.check()
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err == nil && out[0].Name != "default" {
			t.Errorf("%s: the first is %q", name, out[0].Name)
		}
	}
}

func TestRuleFiles(t *testing.T) {
	db, err := tsdb.Open(tsdb.Options{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	engine := promql.New(db, promql.Options{})
	set, err := rules.New(rules.Options{Query: engine.Instant, Appendable: db, Queryable: db})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Stop()
	if err := set.Start(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "r.yml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := &ruleFiles{paths: []string{path}}
	write("groups: [{name: one, rules: [{record: a, expr: vector(1)}]}]")
	if changed, err := f.load(set); !changed || err != nil {
		t.Fatalf("first: %t %v", changed, err)
	}
	if changed, err := f.load(set); changed || err != nil {
		t.Fatalf("unchanged: %t %v", changed, err)
	}
	write("groups: [{name: two, rules: [{record: a, expr: 'vector('}]}]")
	if changed, err := f.load(set); changed || err == nil || f.fault() == "" {
		t.Fatalf("faulty: %t %v", changed, err)
	}
	if g := set.RuleGroups(); len(g) != 1 || g[0].Name() != "one" {
		t.Errorf("the old rules are not in force: %v", g)
	}
	write("groups: [{name: three, rules: [{record: a, expr: vector(1)}]}]")
	if changed, err := f.load(set); !changed || err != nil || f.fault() != "" {
		t.Fatalf("mended: %t %v", changed, err)
	}
	if g := set.RuleGroups(); len(g) != 1 || g[0].Name() != "three" {
		t.Errorf("the new rules are not in force: %v", g)
	}
}
