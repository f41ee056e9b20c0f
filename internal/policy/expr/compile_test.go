package expr

import (
	"flag"
	"fmt"
	"html"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestCompileErrors compiles the expressions of errors.txtar: each file is one
// expression, followed by the line, a caret and the message.
func TestCompileErrors(t *testing.T) {
	const file = "testdata/errors.txtar"
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Files {
		f := &a.Files[i]
		source, _, _ := strings.Cut(string(f.Data), "\n-----\n")
		source = strings.TrimSuffix(source, "\n")
		_, cerr := Compile(source, strings.HasPrefix(f.Name, "block"), String, Strict)
		if cerr == nil {
			t.Errorf("%s: %s compiled", f.Name, source)
			continue
		}
		got := source + "\n-----\n" + caret(source, cerr) + "\n"
		if !*update && got != string(f.Data) {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", f.Name, got, f.Data)
		}
		f.Data = []byte(got)
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func caret(source string, e *Error) string {
	offset := min(e.Offset, len(source))
	start := strings.LastIndexByte(source[:offset], '\n') + 1
	line, _, _ := strings.Cut(source[start:], "\n")
	return fmt.Sprintf("%s\n%s^ %s", line, strings.Repeat(" ", offset-start), e)
}

func TestProfiles(t *testing.T) {
	const text = `var x = new XmlDocument(); x.LoadXml("<a><b>1</b></a>"); return x.DocumentElement.SelectSingleNode("/a/b").InnerText;`
	if _, err := Compile(text, true, String, Strict); err == nil || !strings.Contains(err.Text, "XmlDocument") {
		t.Errorf("strict: %v", err)
	}
	p, err := Compile(text, true, String, Extended)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := p.String(testContext()); s != "1" || err != nil {
		t.Error(s, err)
	}
}

// seed adds the cases, and the expressions of published policies when they are at hand.
func seed(f *testing.F) {
	for _, c := range testCases(f) {
		f.Add(c.text, c.block)
	}
	_ = filepath.WalkDir("../../../../shared/corpus/policies", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		data, _ := os.ReadFile(path)
		for _, m := range published.FindAllStringSubmatch(string(data), -1) {
			f.Add(html.UnescapeString(m[1]+m[2]), m[2] != "")
		}
		return nil
	})
}

// published finds expressions in a document well enough for seeds.
var published = regexp.MustCompile(`(?s)"@\((.*?)\)"|@\{(.*?)\}\s*<`)

func FuzzCompile(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string, block bool) {
		if _, err := Compile(text, block, String, Extended); err != nil && (err.Offset < 0 || err.Offset > len(text) || err.Text == "" || strings.HasPrefix(err.Text, internalFault)) {
			t.Errorf("bad error %+v", err)
		}
	})
}

func FuzzRun(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string, block bool) {
		p, cerr := Compile(text, block, Any, Strict)
		if cerr != nil {
			return
		}
		v, err := p.Any(testContext())
		if err == nil {
			_ = ToString(v)
			_ = Equal(v, v)
		} else if _, ok := err.(*RuntimeError); !ok {
			t.Errorf("unexpected error %T", err)
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"a":[1,2.5,"x",null,true],'b':{c:1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := ParseJSON([]byte(text))
		if err != nil {
			return
		}
		once := tree.JSON(false)
		again, err := ParseJSON([]byte(once))
		if err != nil {
			t.Fatalf("%q does not read back: %v", once, err)
		}
		if s := again.JSON(false); s != once {
			t.Errorf("%q became %q", once, s)
		}
	})
}
