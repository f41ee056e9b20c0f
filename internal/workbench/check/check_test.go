package check

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the goldens anew")

// Each golden is a folder to check with the report as its comment. A name that
// ends in -strict is checked with --strict.
func TestGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { golden(t, file) })
	}
}

func golden(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := unpack(t, archive)
	report, err := Run(dir, Options{Strict: strings.HasSuffix(file, "-strict.txtar")})
	var b bytes.Buffer
	if err != nil {
		b.WriteString("error: " + strings.ReplaceAll(err.Error(), dir, "DIR") + "\n")
	} else if err := writeText(&b, report); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(archive.Comment) {
		if !*update {
			t.Fatalf("got\n%s\nwant\n%s", got, archive.Comment)
		}
		archive.Comment = b.Bytes()
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func unpack(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
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
	return dir
}

const broken = `<policies><inbound><base/><set-headr name="a"/><trace source="a"><message>@(context.Request.Headers["Cookie"][0])</message></trace></inbound></policies>`

// The machine-readable forms say the same as the text.
func TestFormats(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.xml")
	if err := os.WriteFile(path, []byte(broken), 0o644); err != nil {
		t.Fatal(err)
	}
	write := func(format string) []byte {
		var b bytes.Buffer
		if err := Command([]string{"--format", format, path}, &b); err != ErrFindings {
			t.Fatalf("%s: %v", format, err)
		}
		return b.Bytes()
	}
	var asJSON struct {
		Findings []struct {
			Rule, Severity, File string
			Line, Column         int
		}
		Errors int
	}
	if err := json.Unmarshal(write("json"), &asJSON); err != nil || asJSON.Errors != 1 || len(asJSON.Findings) != 2 || asJSON.Findings[0].Line != 1 || asJSON.Findings[0].Column != 27 {
		t.Errorf("json: %v %+v", err, asJSON)
	}
	var sarif struct {
		Version string
		Runs    []struct{ Results []sarifResult }
	}
	if err := json.Unmarshal(write("sarif"), &sarif); err != nil || sarif.Version != "2.1.0" || len(sarif.Runs[0].Results) != 2 || sarif.Runs[0].Results[1].RuleID != ruleSecrets {
		t.Errorf("sarif: %v %+v", err, sarif)
	}
	var junit junitSuite
	if err := xml.Unmarshal(write("junit"), &junit); err != nil || junit.Failures != 1 || len(junit.Cases) != 1 || junit.Cases[0].Failure == nil {
		t.Errorf("junit: %v %+v", err, junit)
	}
}

// Reports for CI name every document, and documents may be written in UTF-16.
func TestEncodingsInAReport(t *testing.T) {
	units := utf16.Encode([]rune(`<policies><inbound><base/><set-variable name="v" value="ä"/></inbound></policies>`))
	little, big := []byte{0xff, 0xfe}, []byte{0xfe, 0xff}
	for _, u := range units {
		little, big = binary.LittleEndian.AppendUint16(little, u), binary.BigEndian.AppendUint16(big, u)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"little.xml": string(little), "big.xml": string(big), "bare.xml": string(little[2:]), "bare-big.xml": string(big[2:]),
		"mark.xml": "\ufeff" + `<policies><inbound><base/></inbound></policies>`, "half.xml": string(little[:len(little)-1]), "other.xml": "<project/>"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Run(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var errors []string
	for _, f := range r.Findings {
		if f.Severity == Error {
			errors = append(errors, f.String())
		}
	}
	want := []string{
		"bare-big.xml:1:1: error: the document is written in UTF-16 without a byte order mark; save it as UTF-8 (iconv -f UTF-16BE -t UTF-8) [compile]",
		"bare.xml:1:1: error: the document is written in UTF-16 without a byte order mark; save it as UTF-8 (iconv -f UTF-16LE -t UTF-8) [compile]",
		"half.xml:1:1: error: the document begins as UTF-16 and ends within a character: it is damaged; save it as UTF-8 [compile]"}
	if !slices.Equal(errors, want) {
		t.Errorf("got  %q\nwant %q", errors, want)
	}
	var b bytes.Buffer
	if err := Write(&b, r, "junit"); err != nil {
		t.Fatal(err)
	}
	var junit junitSuite
	if err := xml.Unmarshal(b.Bytes(), &junit); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range junit.Cases {
		names = append(names, c.Name)
	}
	if strings.Join(names, " ") != "bare-big.xml bare.xml big.xml half.xml little.xml mark.xml" || junit.Tests != 6 || junit.Failures != 3 {
		t.Errorf("%d tests, %d failures: %q", junit.Tests, junit.Failures, names)
	}
}

func TestRefusals(t *testing.T) {
	empty := t.TempDir()
	for _, args := range [][]string{nil, {"--format", "yaml", empty}, {empty}, {filepath.Join(empty, "missing.xml")}, {"--nonsense"}} {
		var b bytes.Buffer
		if err := Command(args, &b); err == nil || err == ErrFindings {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func FuzzCheckDocument(f *testing.F) {
	f.Add(broken)
	f.Add(`<fragment><choose><when condition="{{x}}"><return-response/></when></choose></fragment>`)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "policy.xml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Run(path, Options{}); err != nil && !strings.Contains(err.Error(), "read what to check") {
			t.Fatal(err)
		}
	})
}
