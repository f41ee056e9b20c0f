package suite

import (
	"bytes"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/demo"
)

// run runs the command on a folder and gives what it prints.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var b strings.Builder
	err := Command(args, &b)
	return b.String(), err
}

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestExamples(t *testing.T) {
	out, err := run(t, "testdata", "-v", "-coverage")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, line := range []string{"skip  testdata/more.policytest.txtar", "13 passed, 0 failed, 1 skipped",
		"testdata/plan.xml:26:15: condition of if was never false", "testdata/more.policytest.txtar/tag.xml"} {
		if !strings.Contains(out, line) {
			t.Errorf("the report lacks %q:\n%s", line, out)
		}
	}
	if _, err := run(t, "testdata", "-min-coverage", "100"); err == nil || !strings.Contains(err.Error(), "at least 100.0 %") {
		t.Errorf("min-coverage: %v", err)
	}
	if out, _ = run(t, "testdata", "-run", "nobody listens"); !strings.Contains(out, "1 passed") {
		t.Errorf("run: %s", out)
	}
}

const small = `<policies><inbound><base/><set-variable name="v" value="{{key}}"/><choose><when condition="@(context.Request.Method == "POST")">
<return-response><set-status code="201" reason="Created"/><set-header name="X-A"><value>1</value></set-header><set-body>{"a": {"b": [1, 2]}}</set-body></return-response></when></choose></inbound></policies>`

func TestFailures(t *testing.T) {
	dir := write(t, map[string]string{"p.xml": small, "p.policytest.yaml": `policy: p.xml
named-values: { key: abc }
cases:
  - name: wrong
    request: { method: POST }
    expect:
      response: { status: 200, headers: { X-A: null, X-B: two }, json: { a: { b: [1, 3], c: 1 } } }
      variables: { v: abd, w: 1 }
      backend: { method: GET }
      traces: [ { message: m } ]
      error: { reason: Any }
  - name: right
    expect: { response: { status: 200 }, variables: { v: "a***" } }
`})
	report := filepath.Join(dir, "j.xml")
	out, err := run(t, dir, "-junit", report)
	if !errors.Is(err, ErrFailed) {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{":4: wrong", "response.status\n        - 200\n        + 201", "response.headers.X-A\n        - (absent)\n        + 1",
		"response.headers.X-B\n        - two\n        + (absent)", "response.json.a.b[1]\n        - 3\n        + 2", "response.json.a.c\n        - 1\n        + (absent)",
		"variables.v\n        - \"abd\"\n        + \"abc\"", "variables.w\n        - 1\n        + (not set)", "- 1 requests\n        + 0 requests",
		"- 1 traces\n        + 0 traces", "error\n        - Any\n        + none", "1 passed, 1 failed"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %q:\n%s", want, out)
		}
	}
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var j junitSuites
	if err := xml.Unmarshal(data, &j); err != nil || len(j.Suites) != 1 || j.Suites[0].Tests != 2 || j.Suites[0].Failures != 1 || j.Suites[0].Cases[0].Failure == nil {
		t.Errorf("%v\n%s", err, data)
	}
}

// ways has seven statements of its own, of which the first case runs six;
// its ways are those of a condition of <when>, an if, a while, a ?., a switch
// with two cases and none, and a catch block.
const ways = `<policies><inbound><base/>
<set-variable name="n" value="@{ var n = 0; while (n < 2) { n++; } return n; }"/>
<set-variable name="k" value="@{ switch (context.Request.Method) { case "GET": return "g"; case "POST": return "p"; } return "other"; }"/>
<choose>
<when condition="@(context.Request.Method == "POST")"><set-variable name="a" value="1"/></when>
<otherwise><set-variable name="p" value="@(context.Product?.Name)"/></otherwise>
</choose>
<set-variable name="i" value="@{ try { if (context.Request.Headers.ContainsKey("X-N")) { return int.Parse(context.Request.Headers["X-N"][0]); } return 0; } catch (FormatException) { return -1; } }"/>
</inbound><backend><return-response/></backend></policies>`

// TestCoverageFigures counts by hand what one case reaches, and then two.
func TestCoverageFigures(t *testing.T) {
	const one, two = "policy: p.xml\ncases:\n  - name: one\n    request: { method: GET }\n", "  - name: two\n    request: { method: POST, headers: { X-N: x } }\n"
	for _, c := range []struct{ cases, want string }{
		{one, ` 63.2 %       6 of 7         6 of 12    p.xml
    p.xml:3:34: switch was never without a case that fits
    p.xml:3:92: case of switch was never taken
    p.xml:5:20: condition was never true
    p.xml:5:55: <set-variable> never ran
    p.xml:6:52: left side of ?. was never not null
    p.xml:8:79: condition of if was never true
    p.xml:8:157: catch was never taken
 63.2 %       6 of 7         6 of 12    all documents
`},
		{one + two, ` 89.5 %       7 of 7        10 of 12    p.xml
    p.xml:3:34: switch was never without a case that fits
    p.xml:6:52: left side of ?. was never not null
 89.5 %       7 of 7        10 of 12    all documents
`},
	} {
		dir := write(t, map[string]string{"p.xml": ways, "p.policytest.yaml": c.cases})
		out, err := run(t, dir, "-coverage")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		_, got, _ := strings.Cut(strings.ReplaceAll(out, dir+string(filepath.Separator), ""), "branches\n")
		if got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

func TestUpdate(t *testing.T) {
	dir := write(t, map[string]string{"p.xml": small, "p.policytest.yaml": `# kept
policy: p.xml
named-values: { key: abc }
cases:
  - name: stale # kept, too
    request: { method: POST }
    expect:
      response: { status: 200, headers: { X-A: "2" } }
      variables: { v: abc }
  - name: new
    request: { url: /x }
`})
	path := filepath.Join(dir, "p.policytest.yaml")
	if out, err := run(t, "-update", dir); err != nil || !strings.Contains(out, "wrote "+path) {
		t.Fatalf("%v\n%s", err, out)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# kept\n", "# kept, too", "status: 201", `X-A: "1"`, "https://backend.example/x", "v: abc"} {
		if !strings.Contains(string(first), want) {
			t.Errorf("the file lacks %q:\n%s", want, first)
		}
	}
	if out, err := run(t, dir); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := run(t, "-update", dir); err != nil || strings.Contains(out, "wrote") {
		t.Errorf("a second update changes the file: %v\n%s", err, out)
	}
}

// Secrets of a service folder do not get into test files.
func TestUpdateHidesSecrets(t *testing.T) {
	dir := t.TempDir()
	if err := demo.WriteService(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "feedback.policytest.yaml")
	text := "service: .\ncases:\n  - name: send\n    subscription: mobile-app\n    request: { method: POST, url: /feedback/sessions/3, headers: { X-Client: a }, json: { session: 1, rating: 5 } }\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, "-update", path); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte("demo-feedback-token")) || !bytes.Contains(data, []byte("X-Feedback-Token: '***'")) {
		t.Errorf("%s", data)
	}
	if out, err := run(t, path); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestBadFiles(t *testing.T) {
	head := "policy: p.xml\nnamed-values: { key: abc }\n"
	for text, want := range map[string]string{
		"":                       "the file is empty",
		"policy: p.xml":          "there are no cases",
		"cases: [ { name: a } ]": "name either service",
		head + "cases: [ {} ]":   "each case needs a name",
		head + "cases: [ { name: a, request: { path: /x } } ]":                 `there is no key "path" here`,
		head + "cases: [ { name: a, expect: { respons: {} } } ]":               `there is no key "respons" here`,
		head + "cases: [ { name: a, expect: { response: { x: 1 } } } ]":        `there is no key "x" here`,
		head + "cases: [ { name: a }, { name: a } ]":                           "each case needs a name of its own",
		head + "cases: [ { name: a, advance: soon } ]":                         `"soon" is no duration`,
		head + "cases: [ { name: a, request: nonsense } ]":                     "no HTTP message",
		head + "cases: [ { name: a, subscription: x, product: y, scope: z } ]": `there is no key "scope" here`,
		"policy: none.xml\ncases: [ { name: a } ]":                             "none.xml",
		"policy: p.xml\ncases: [ { name: a } ]":                                `there is no named value "key"`,
		"service: nowhere\ncases: [ { name: a } ]":                             "nowhere",
	} {
		dir := write(t, map[string]string{"p.xml": small, "p.policytest.yaml": text})
		if out, err := run(t, dir); err == nil || !strings.Contains(out, want) {
			t.Errorf("%q: want %q, got %v\n%s", text, want, err, out)
		}
	}
	if _, err := run(t, t.TempDir()); err == nil || !strings.Contains(err.Error(), "no test files") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := run(t); err == nil {
		t.Error("no folder is no success")
	}
}

// Branches of wait make their requests in no order of their own.
func TestRequestsInAnyOrder(t *testing.T) {
	want := messages{{URL: "https://a/1"}, {URL: "https://a/2"}}
	one, two, three := call{url: "https://a/1"}, call{url: "https://a/2"}, call{url: "https://a/3"}
	for name, c := range map[string]struct {
		got   []call
		diffs int
	}{
		"as written": {[]call{one, two}, 0}, "turned": {[]call{two, one}, 0},
		"another": {[]call{three, one}, 2}, "twice the same": {[]call{one, one}, 1}, "too few": {[]call{two}, 1},
	} {
		if diffs := compareRequests(&expect{Requests: &want}, &observed{requests: c.got}); len(diffs) != c.diffs {
			t.Errorf("%s: %v", name, diffs)
		}
	}
}
