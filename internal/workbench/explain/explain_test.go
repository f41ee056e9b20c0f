package explain

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the goldens anew")

// The first line of a golden's comment is the command line, the rest what it
// prints.
func TestGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for _, f := range archive.Files {
			path := filepath.Join(dir, filepath.FromSlash(f.Name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		first, want, _ := strings.Cut(string(archive.Comment), "\n")
		var b bytes.Buffer
		if err := Command(append([]string{"--service", dir}, strings.Fields(first)...), &b); err != nil {
			b.WriteString("error: " + err.Error() + "\n")
		}
		if got := b.String(); got != want {
			if !*update {
				t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
				continue
			}
			archive.Comment = []byte(first + "\n" + got)
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, args := range [][]string{nil, {"--service", t.TempDir()}, {"--service", "missing", "--api", "a"}} {
		if err := Command(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}

func TestJSON(t *testing.T) {
	p := &Policy{API: "a", Sections: []Section{{Name: "inbound", Statements: []Element{{Name: "trace", File: "f", Line: 2}}}}}
	data, err := json.Marshal(p)
	if err != nil || !bytes.Contains(data, []byte(`"file":"f","line":2`)) {
		t.Errorf("%s %v", data, err)
	}
}
