package syntax

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"gatehouse/internal/query/kql/table"
)

var update = flag.Bool("update", false, "write the goldens anew")

// tree writes a node without its positions, one field a line.
func tree(q *Query) string {
	var b strings.Builder
	for _, s := range q.Statements {
		writeTree(&b, reflect.ValueOf(s), "")
	}
	return b.String()
}

func writeTree(b *strings.Builder, v reflect.Value, indent string) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			b.WriteString("nil\n")
			return
		}
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Slice:
		b.WriteString("\n")
		for i := range v.Len() {
			b.WriteString(indent + "- ")
			writeTree(b, v.Index(i), indent+"  ")
		}
	case v.Kind() == reflect.Struct:
		b.WriteString(v.Type().Name() + "\n")
		writeFields(b, v, indent+"  ")
	default:
		fmt.Fprintf(b, "%#v\n", v.Interface())
	}
}

func writeFields(b *strings.Builder, v reflect.Value, indent string) {
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		if f.Type == reflect.TypeFor[Span]() || value.IsZero() && f.Name != "Value" {
			continue
		}
		if f.Anonymous {
			writeFields(b, value, indent)
			continue
		}
		b.WriteString(indent + f.Name + ": ")
		if t, ok := value.Interface().(table.Type); ok {
			b.WriteString(t.String() + "\n")
			continue
		}
		writeTree(b, value, indent+"  ")
	}
}

// Goldens hold queries with the tree, or the errors, that they give, and the printed form.
func TestGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { golden(t, file) })
	}
}

func golden(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		if !strings.HasSuffix(f.Name, ".kql") {
			continue
		}
		name := strings.TrimSuffix(f.Name, ".kql")
		out.Files = append(out.Files, f)
		q, errs := Read(string(f.Data), Options{})
		if len(errs) > 0 {
			out.Files = append(out.Files, txtar.File{Name: name + ".errors", Data: []byte(errorText(errs))})
			continue
		}
		out.Files = append(out.Files, txtar.File{Name: name + ".printed", Data: []byte(q.String() + "\n")}, txtar.File{Name: name + ".tree", Data: []byte(tree(q))})
	}
	text := txtar.Format(out)
	if *update {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, _ := os.ReadFile(file); string(want) != string(text) {
		t.Errorf("%s differs; run with -update and read the difference:\n%s", file, text)
	}
}

func errorText(errs []Error) string {
	var b strings.Builder
	for _, e := range errs {
		fmt.Fprintf(&b, "%d:%d %s %q: %s", e.Line, e.Column, e.Code, e.Token, e.Message)
		if e.Hint != "" {
			fmt.Fprintf(&b, " [%s]", e.Hint)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// samePrinted reads a query, prints it and reads that again.
func samePrinted(t *testing.T, text string) {
	q, errs := Read(text, Options{})
	if len(errs) > 0 {
		return
	}
	printed := q.String()
	again, errs := Read(printed, Options{Size: 1 << 20, Depth: 1000})
	if len(errs) > 0 {
		t.Fatalf("%q prints as\n%s\nwhich is not read: %+v", text, printed, errs)
	}
	if a, b := tree(q), tree(again); a != b {
		t.Fatalf("%q prints as\n%s\nwhose tree differs:\n%s\n---\n%s", text, printed, a, b)
	}
}

func TestPrintedIsTheSame(t *testing.T) {
	for name, text := range corpus(t) {
		t.Run(name, func(t *testing.T) { samePrinted(t, text) })
	}
}

func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		if archive, err := txtar.ParseFile(file); err == nil {
			for _, a := range archive.Files {
				if strings.HasSuffix(a.Name, ".kql") {
					f.Add(string(a.Data))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, errs := Read(text, Options{})
		for _, e := range errs {
			if e.Line < 1 || e.Column < 1 || e.Span.Start < 0 || e.Span.End > len(text) || e.Span.Start > e.Span.End || e.Message == "" {
				t.Errorf("%+v", e)
			}
		}
		samePrinted(t, text)
	})
}
