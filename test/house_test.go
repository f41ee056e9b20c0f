// Package test holds the house rules as tests: the floors of
// docs/architecture.md and the never-rules. It reads `go list` and names each
// arrow that breaks one.
package test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "gatehouse/"

type listed struct {
	ImportPath string
	Imports    []string
	Dir        string
	GoFiles    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Dir,GoFiles", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// floors maps a folder to its floor and to what else it may import beside the
// words (apim, telemetry). A package takes the row of its longest prefix.
var floors = []struct {
	folder string
	floor  int
	may    []string
}{
	{"internal/apim/apiops", 2, []string{"internal/apim/openapi", "internal/apim/dialect"}},
	{"internal/apim/openapi", 2, []string{"internal/apim/dialect"}},
	{"internal/apim/dialect", 1, nil},
	{"internal/apim/template", 1, nil},
	{"internal/apim", 1, nil},
	{"internal/telemetry/expand", 2, nil},
	{"internal/telemetry", 1, nil},
	{"internal/policy/expr", 1, nil},
	{"internal/gateway/quota", 1, nil},
	{"internal/gateway/cache", 1, nil},
	{"internal/gateway/subscribe", 2, []string{"internal/graphql"}},
	{"internal/gateway/token", 1, nil},
	{"internal/gateway/sqlserver", 1, nil},
	{"internal/alerting", 1, nil},
	{"internal/audit", 1, nil},
	{"internal/dashboards", 1, nil},
	{"internal/demo", 1, nil},
	{"internal/graphql", 1, nil},
	{"web", 1, nil},
	{"internal/policy/odata", 1, nil},
	{"internal/policy/xsd", 1, nil},
	{"internal/policy/schema", 2, []string{"internal/apim/dialect"}},
	{"internal/policy/xmldoc", 1, nil},
	{"internal/policy/convert", 2, []string{"internal/policy/expr", "internal/policy/xmldoc"}},
	{"internal/policy/xpath", 2, []string{"internal/policy/xmldoc"}},
	{"internal/policy/xslt", 2, []string{"internal/policy/xmldoc", "internal/policy/xpath"}},
	{"internal/policy/liquid", 2, []string{"internal/policy/expr", "internal/policy/xmldoc"}},
	{"internal/policy/statement", 3, []string{"internal/policy", "internal/policy/expr", "internal/policy/schema", "internal/graphql", "internal/policy/odata", "internal/policy/xsd", "internal/policy/xmldoc", "internal/policy/convert", "internal/policy/liquid", "internal/policy/xslt"}},
	{"internal/policy/record", 3, []string{"internal/policy", "internal/policy/expr"}},
	{"internal/policy", 2, []string{"internal/policy/expr", "internal/graphql"}},
	{"internal/gateway/mcp", 2, nil},
	{"internal/gateway/route", 2, nil},
	{"internal/gateway/backend", 2, nil},
	{"internal/ingest", 2, nil},
	{"internal/export", 2, []string{"internal/telemetry/expand"}},
	{"internal/store", 2, nil},
	{"internal/rules", 2, []string{"internal/alerting", "internal/apim/template"}},
	{"internal/identity", 2, nil},
	{"internal/query/promql", 3, []string{"internal/store/tsdb"}},
	{"internal/query/kql/syntax", 2, []string{"internal/query/kql/table"}},
	{"internal/query/kql/table", 1, nil},
	{"internal/query/kql", 3, []string{"internal/query/kql/syntax", "internal/query/kql/table", "internal/store/lake"}},
	{"internal/availability", 2, nil},
	{"internal/activity", 1, nil},
	{"internal/query/explore", 3, []string{"internal/telemetry/expand", "internal/store/lake"}},
	{"internal/api/management", 3, []string{"internal/api", "internal/api/arm", "internal/apim/template"}},
	{"internal/api/metrics", 4, []string{"internal/api", "internal/query/promql", "internal/store/tsdb", "internal/rules", "internal/alerting"}},
	{"internal/api/alerts", 4, []string{"internal/api", "internal/alerting", "internal/alerting/action", "internal/alerting/ledger"}},
	{"internal/api/logs", 4, []string{"internal/api", "internal/api/timespan", "internal/query/kql", "internal/query/kql/syntax", "internal/query/kql/table"}},
	{"internal/api/transactions", 4, []string{"internal/api", "internal/query/kql", "internal/query/kql/table"}},
	{"internal/api/traces", 4, []string{"internal/api", "internal/query/explore"}},
	{"internal/api/policies", 4, []string{"internal/api", "internal/policy/record"}},
	{"internal/api/resources", 3, []string{"internal/api", "internal/api/arm"}},
	{"internal/api/timespan", 2, nil},
	{"internal/api/azuremonitor", 4, []string{"internal/api", "internal/api/arm", "internal/api/timespan"}},
	{"internal/api/arm", 2, []string{"internal/api"}},
	{"internal/api", 2, nil},
	{"internal/gateway", 4, []string{"internal/gateway/mcp", "internal/gateway/subscribe", "internal/gateway/route", "internal/gateway/backend", "internal/gateway/quota", "internal/gateway/cache", "internal/gateway/token", "internal/gateway/sqlserver", "internal/graphql", "internal/policy", "internal/policy/expr", "internal/policy/statement"}},
	{"internal/server", 5, []string{"internal", "web"}},
	{"internal/workbench", 5, []string{"internal/gateway", "internal/policy", "internal/policy/expr", "internal/policy/record", "internal/policy/statement", "internal/apim/apiops", "internal/apim/openapi"}},
	{"cmd/gatehouse", 6, []string{"internal/server", "internal/workbench", "internal/rules/azure", "internal/dashboards", "internal/activity", "internal/identity"}},
	{"bench", 6, nil},
	{"bench/kql", 6, []string{"internal/query/kql", "internal/store/lake"}},
	{"bench/metrics", 6, []string{"test/upstream"}},
	{"test/upstream", 5, nil},
	{"test/oidc", 5, nil},
	{"test", 6, []string{"internal", "web", "test/upstream", "test/oidc"}},
}

func row(path string) int {
	best, length := -1, -1
	for i := range floors {
		f := floors[i].folder
		if (path == f || strings.HasPrefix(path, f+"/")) && len(f) > length {
			best, length = i, len(f)
		}
	}
	return best
}

func TestFloors(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		from := row(path)
		if from < 0 {
			t.Errorf("%s stands on no floor: add it to docs/architecture.md and to this test", path)
			continue
		}
		for _, imported := range p.Imports {
			if !strings.HasPrefix(imported, module) {
				continue
			}
			to := strings.TrimPrefix(imported, module)
			if !allowed(path, from, to) {
				t.Errorf("%s -> %s: a package imports only lower floors and what its room allows", path, to)
			}
		}
	}
}

func allowed(path string, from int, to string) bool {
	target := row(to)
	words := to == "internal/apim" || to == "internal/telemetry"
	sameRoom := target == from && strings.HasPrefix(to, floors[from].folder) && path != to
	switch {
	case target < 0:
		return false
	case words:
		return floors[from].floor > 1
	case sameRoom:
		return strings.HasPrefix(path, "internal/ingest") == false // a receiver knows only the words
	case floors[target].floor >= floors[from].floor && !slices.Contains(floors[from].may, floors[target].folder):
		return false
	}
	for _, m := range floors[from].may {
		if to == m || (m == "internal" && strings.HasPrefix(to, "internal/")) {
			return true
		}
	}
	return false
}

// Only store/lake links the analytical engine, only commands read flags.
func TestThirdPartyRooms(t *testing.T) {
	only := map[string][]string{
		"github.com/duckdb/duckdb-go":            {"internal/store/lake"},
		"modernc.org/sqlite":                     {"internal/store/catalog"},
		"github.com/Azure":                       {"internal/ingest/azuremonitor"},
		"github.com/coreos/go-oidc":              {"internal/identity"},
		"github.com/redis/go-redis":              {"internal/gateway/cache/redis"},
		"flag":                                   {"cmd/gatehouse", "internal/workbench", "bench"},
		"github.com/prometheus/alertmanager":     {"internal/alerting"},
		"github.com/prometheus/prometheus/web":   {"internal/api/metrics"},
		"github.com/prometheus/prometheus/rules": {"internal/rules", "internal/api/metrics"},
	}
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			for prefix, rooms := range only {
				if imported != prefix && !strings.HasPrefix(imported, prefix+"/") {
					continue
				}
				if !slices.ContainsFunc(rooms, func(r string) bool { return path == r || strings.HasPrefix(path, r+"/") }) {
					t.Errorf("%s imports %s: only %s may", path, imported, strings.Join(rooms, ", "))
				}
			}
		}
	}
}

// The request path knows no OpenTelemetry objects and no reflection.
func TestRequestPathStaysLean(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if !strings.HasPrefix(path, "internal/gateway") && !strings.HasPrefix(path, "internal/policy") && path != "internal/telemetry" {
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "go.opentelemetry.io/") || strings.HasPrefix(imported, "github.com/prometheus/") {
				t.Errorf("%s imports %s: the request path writes one flat record", path, imported)
			}
		}
	}
}

// No init functions, no package named after nothing, a paragraph in front of each package.
func TestSourceHabits(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case "node_modules", ".git", "testdata", "dist", "data":
				return filepath.SkipDir
			case "util", "utils", "common", "helpers", "manager":
				t.Errorf("%s: a package's name says what it holds", path)
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages(t) {
		if strings.HasPrefix(p.ImportPath, module+"internal/") && !documented(t, p) {
			t.Errorf("%s: no file opens with a paragraph on what comes in, what goes out and what it must never do", p.ImportPath)
		}
	}
}

func documented(t *testing.T, p listed) bool {
	t.Helper()
	if len(p.GoFiles) == 0 {
		return true
	}
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		if f.Doc != nil && strings.Contains(strings.Join(strings.Fields(f.Doc.Text()), " "), "must never") {
			return true
		}
	}
	return false
}

// docs/architecture.md names every room that exists.
func TestArchitectureIsTrue(t *testing.T) {
	doc, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(path, "internal/") && !strings.Contains(string(doc), filepath.Base(path)+"/") {
			t.Errorf("docs/architecture.md does not name %s", path)
		}
	}
}
