package conformance

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"gatehouse/internal/query/promql"
	"gatehouse/internal/rules"
	"gatehouse/internal/rules/azure"
	"gatehouse/internal/store/tsdb"
)

// TestAzureRules takes the published rule groups: each is read, becomes a
// Prometheus rule file, comes back the same, and is evaluated.
func TestAzureRules(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "corpus", "rules")
	passed, total := 0, 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		total += strings.Count(strings.ToLower(string(data)), strings.ToLower(`"`+azure.Type+`"`))
		for _, g := range readGroups(t, path, data) {
			if thereAndBack(t, path, g) {
				passed++
			}
		}
		return nil
	})
	if err != nil {
		t.Skip("the published rule groups are not at hand")
	}
	fmt.Printf("rules/azure %d/%d\n", passed, total)
}

func readGroups(t *testing.T, path string, data []byte) []azure.Group {
	t.Helper()
	const resource = "/subscriptions/0/resourceGroups/g/providers/Microsoft.Example/things/thing"
	parameters := map[string]any{}
	for _, name := range []string{"clusterResourceId", "actionGroupResourceId", "actionGroupId", "azureMonitorWorkspaceResourceId", "azureMonitorWorkspace"} {
		parameters[name] = resource
	}
	parameters["clusterName"], parameters["location"] = "east", "north"
	groups, err := azure.Read(data, parameters)
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return groups
}

func thereAndBack(t *testing.T, path string, g azure.Group) bool {
	t.Helper()
	text, err := azure.ToPrometheus([]azure.Group{g})
	if err != nil {
		t.Errorf("%s: %s: %v", path, g.Name, err)
		return false
	}
	if _, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler)); len(errs) > 0 {
		t.Errorf("%s: %s: %v", path, g.Name, errs)
		return false
	}
	back, err := azure.FromPrometheus(text, azure.Defaults{})
	if err != nil {
		t.Errorf("%s: %s: %v", path, g.Name, err)
		return false
	}
	want, _ := json.Marshal([]azure.Group{g})
	got, _ := json.Marshal(back)
	if string(want) != string(got) {
		t.Errorf("%s: %s comes back as\n%s\nwant\n%s", path, g.Name, got, want)
		return false
	}
	return evaluates(t, g.Name, text)
}

// evaluates runs every rule once: an expression that does not fit Prometheus
// gives an error.
func evaluates(t *testing.T, name string, text []byte) bool {
	t.Helper()
	db, err := tsdb.Open(tsdb.Options{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	set, err := rules.New(rules.Options{Query: promql.New(db, promql.Options{}).Instant, Appendable: db, Queryable: db})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Stop()
	if err := set.Start(); err != nil {
		t.Fatal(err)
	}
	if err := set.Load(map[string][]byte{"azure.yml": text}); err != nil {
		t.Errorf("%s: %v", name, err)
		return false
	}
	ok := true
	for _, g := range set.RuleGroups() {
		g.Eval(t.Context(), time.Now())
		for _, r := range g.Rules() {
			if r.LastError() != nil {
				ok = false
				t.Errorf("%s: %s: %v", name, r.Name(), r.LastError())
			}
		}
	}
	return ok
}
