package policy

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"gatehouse/internal/apim"
)

var update = flag.Bool("update", false, "rewrite the expected parts of testdata")

// archive is a txtar file with inputs and expected outputs.
type archive struct {
	*txtar.Archive
	path string
}

func archives(t *testing.T, folder string) []archive {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives in testdata/%s: %v", folder, err)
	}
	var out []archive
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, archive{a, path})
	}
	return out
}

func (a archive) file(name string) (string, bool) {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data), true
		}
	}
	return "", false
}

// expect compares one expected part, or rewrites it with -update.
func (a archive) expect(t *testing.T, name, got string) {
	t.Helper()
	if got != "" && !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	want, there := a.file(name)
	if got == want {
		return
	}
	if !*update {
		t.Errorf("%s: %s differs\n--- got\n%s--- want\n%s", a.path, name, got, want)
		return
	}
	if !there {
		a.Files = append(a.Files, txtar.File{Name: name})
	}
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(got)
		}
	}
	if err := os.WriteFile(a.path, txtar.Format(a.Archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// set makes a Set of the parts "values" (name=value, !name=secret) and
// "fragments/ID".
func (a archive) set() (*Set, Messages) {
	var values []*apim.NamedValue
	var fragments []*apim.PolicyFragment
	for _, f := range a.Files {
		if id, ok := strings.CutPrefix(f.Name, "fragments/"); ok {
			fragments = append(fragments, &apim.PolicyFragment{ID: id, Document: apim.Document{File: f.Name, Text: string(f.Data)}})
		}
	}
	text, _ := a.file("values")
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		name, secret := strings.CutPrefix(name, "!")
		values = append(values, &apim.NamedValue{ID: strings.ToLower(name), Name: name, Value: value, Secret: secret})
	}
	set, messages := NewSet(values, fragments)
	_, set.Lenient = a.file("lenient")
	return set, messages
}

func TestDocuments(t *testing.T) {
	for _, a := range archives(t, "document") {
		t.Run(filepath.Base(a.path), func(t *testing.T) {
			set, messages := a.set()
			text, _ := a.file("policy.xml")
			d, more := set.Parse(apim.Document{File: "policy.xml", Text: text}, API)
			a.expect(t, "messages", list(append(messages, more...)))
			a.expect(t, "tree", dump(d))
		})
	}
}

func TestBrokenDocuments(t *testing.T) {
	for _, a := range archives(t, "broken") {
		set, messages := a.set()
		a.expect(t, "set.messages", list(messages))
		for _, f := range a.Files {
			if !strings.HasSuffix(f.Name, ".xml") {
				continue
			}
			d, got := set.Parse(apim.Document{File: f.Name, Text: string(f.Data)}, API)
			if d != nil || !got.Failed() {
				t.Errorf("%s: %s parses", a.path, f.Name)
			}
			a.expect(t, strings.TrimSuffix(f.Name, ".xml")+".messages", list(got))
			if strings.Contains(list(got), "hunter2") {
				t.Errorf("%s: %s: a message tells a secret:\n%s", a.path, f.Name, list(got))
			}
		}
	}
}

func TestMerges(t *testing.T) {
	for _, a := range archives(t, "merge") {
		set, messages := a.set()
		var documents []*Document
		for _, scope := range []Scope{Operation, API, Product, Workspace, Global} {
			text, ok := a.file(scope.String() + ".xml")
			if !ok {
				documents = append(documents, nil)
				continue
			}
			d, more := set.Parse(apim.Document{File: scope.String() + ".xml", Text: text}, scope)
			messages = append(messages, more...)
			documents = append(documents, d)
		}
		var before strings.Builder
		for _, d := range documents {
			before.WriteString(dump(d))
		}
		e := Merge(documents...)
		a.expect(t, "messages", list(append(messages, e.Messages...)))
		a.expect(t, "effective", dump(&Document{Inbound: e.Inbound, Backend: e.Backend, Outbound: e.Outbound, OnError: e.OnError}))
		var after strings.Builder
		for _, d := range documents {
			after.WriteString(dump(d))
		}
		if before.String() != after.String() {
			t.Errorf("%s: Merge changed a document", a.path)
		}
	}
}

func list(m Messages) string {
	var b strings.Builder
	for _, one := range m {
		fmt.Fprintln(&b, one)
	}
	return b.String()
}

// dump prints a document: elements with their places, attributes and texts.
func dump(d *Document) string {
	if d == nil {
		return ""
	}
	var b strings.Builder
	for _, s := range []Section{Inbound, Backend, Outbound, OnError} {
		fmt.Fprint(&b, s)
		if d.Missing&s != 0 {
			fmt.Fprint(&b, " missing")
		}
		fmt.Fprintln(&b)
		for _, e := range *d.section(s) {
			dumpElement(&b, e, "  ")
		}
	}
	return b.String()
}

func dumpElement(b *strings.Builder, e *Element, indent string) {
	fmt.Fprintf(b, "%s%s %s (%s %s %s)", indent, e.Name, where(e.Pos), e.Scope, e.Section, e.Path)
	if e.Fragment != "" {
		fmt.Fprintf(b, " fragment %s at %s", e.Fragment, where(*e.Included))
	}
	fmt.Fprintln(b)
	for _, a := range e.Attrs {
		fmt.Fprintf(b, "%s  @%s %d:%d = %s\n", indent, a.Name, a.Pos.Line, a.Pos.Column, dumpValue(a.Value))
	}
	if e.Text.Text != "" || e.Text.Expression {
		fmt.Fprintf(b, "%s  %s\n", indent, dumpValue(e.Text))
	}
	for _, c := range e.Children {
		dumpElement(b, c, indent+"  ")
	}
}

func dumpValue(v Value) string {
	kind := "text"
	if v.Expression {
		kind = "expression"
	}
	if v.Block {
		kind = "block"
	}
	if v.Secret {
		kind = "secret " + kind
	}
	end := v.Position(len(v.Text))
	return fmt.Sprintf("%s %d:%d-%d:%d %q", kind, v.Pos.Line, v.Pos.Column, end.Line, end.Column, v.Text)
}

func where(p apim.Position) string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }
