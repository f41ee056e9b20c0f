package statement

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// inputs are the files of a case that a person writes; all others are what the
// case gives.
//
//	policy.xml    the document, of API scope unless context says otherwise;
//	              a missing section is that of the default global document
//	resolver.xml  in place of policy.xml: a resolver, see runResolver
//	schema        GraphQL schema of the API
//	request       raw HTTP; without it the document is only compiled
//	context       "key: value" lines, see newCase
//	backend       raw responses of forward-request, separated by "---" lines;
//	              "!timeout" and "!connect" are failures
//	requester     the same for send-request
//	named-values  "name=value" lines; "name!=value" is secret
//	openapi       the description of the API; context names the operation
//	edmx          the metadata document of an OData API
//	schemas       named schemas of the service, each after "--- id content-type"
var inputs = []string{"policy.xml", "resolver.xml", "schema", "request", "context", "backend", "requester", "named-values", "openapi", "edmx", "schemas"}

// TestGolden runs every case of every archive of testdata. A case is the
// files with one folder name in front: happy/policy.xml, happy/request, ...
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runArchive(t, file) })
	}
}

func runArchive(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	cases := map[string]map[string]string{}
	for _, f := range archive.Files {
		name, part, ok := strings.Cut(f.Name, "/")
		if !ok {
			t.Fatalf("%s: the file %s stands in no case", file, f.Name)
		}
		if cases[name] == nil {
			cases[name] = map[string]string{}
			names = append(names, name)
		}
		cases[name][part] = string(f.Data)
	}
	out := &txtar.Archive{Comment: archive.Comment}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			want := cases[name]
			got := newCase(t, want).run()
			if *update {
				return
			}
			compare(t, want, got)
		})
		if *update {
			appendCase(t, out, name, cases[name])
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func appendCase(t *testing.T, out *txtar.Archive, name string, files map[string]string) {
	add := func(part, text string) {
		out.Files = append(out.Files, txtar.File{Name: name + "/" + part, Data: []byte(text)})
	}
	for _, part := range inputs {
		if text, ok := files[part]; ok {
			add(part, text)
		}
	}
	got := newCase(t, files).run()
	for _, part := range sorted(got) {
		add(part, got[part])
	}
}

func sorted(m map[string]string) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func compare(t *testing.T, want, got map[string]string) {
	t.Helper()
	for _, part := range sorted(got) {
		if want[part] != got[part] {
			t.Errorf("%s:\n--- want\n%s--- got\n%s", part, want[part], got[part])
		}
	}
	for _, part := range sorted(want) {
		if _, ok := got[part]; !ok && !slices.Contains(inputs, part) {
			t.Errorf("%s: want\n%sgot none", part, want[part])
		}
	}
}

// TestEveryStatementHasGolden keeps the table and testdata together.
func TestEveryStatementHasGolden(t *testing.T) {
	for name := range Table() {
		if _, err := os.Stat(fmt.Sprintf("testdata/%s.txtar", name)); err != nil {
			t.Errorf("<%s> has no golden file: %v", name, err)
		}
	}
}
