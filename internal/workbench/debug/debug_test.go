package debug

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/demo"
	"gatehouse/internal/policy/record"
)

// folder is the demo's service with a response of its backend.
func folder(t *testing.T) (service, response string) {
	t.Helper()
	dir := t.TempDir()
	service, response = filepath.Join(dir, "service"), filepath.Join(dir, "response.http")
	if err := demo.WriteService(service); err != nil {
		t.Fatal(err)
	}
	text := "HTTP/1.1 200 OK\nContent-Type: application/json\nX-Powered-By: it\n\n{\"id\": 3}\n"
	if err := os.WriteFile(response, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return service, response
}

func debug(t *testing.T, input string, args ...string) string {
	t.Helper()
	var b strings.Builder
	if err := run(args, strings.NewReader(input), &b, input != ""); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	return b.String()
}

func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
}

func TestPrint(t *testing.T) {
	service, response := folder(t)
	out := debug(t, "", "--service", service, "--api", "conference", "--operation", "get-speaker", "--param", "id=3", "--subscription", "mobile-app",
		"--backend-response", response, "-H", "X-Debug: true", "-H", "Authorization: Bearer abcdefghijklmnop")
	contains(t, out, "GET https://gateway.example/conference/speakers/3\napi conference, operation get-speaker, product unlimited, subscription mobile-app",
		"<set-variable>", "apis/conference/policy.xml:4:9 (api)\n                 variable plan\n                   + Unlimited",
		"policy.xml:2:5, fragment correlation (global)", "information conference: debug call by Mobile app",
		"target\n                   - http://sessions.demo.internal\n                   + backend speakers",
		"call GET http://speakers.demo.internal/speakers/3: 200", "response header X-Powered-By\n                   - it", `{"id": 3}`)
	if strings.Contains(out, "abcdefghij") || strings.Contains(out, "demo-mobile-app-key") {
		t.Errorf("a secret shows:\n%s", out)
	}
}

func TestFailure(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p.xml")
	if err := os.WriteFile(path, []byte(`<policies><inbound><base/><set-variable name="n" value="@(int.Parse(context.Request.Body.As<string>(preserveContent: true)))"/></inbound></policies>`), 0o644); err != nil {
		t.Fatal(err)
	}
	request := filepath.Join(dir, "r.http")
	if err := os.WriteFile(request, []byte("POST /a?b=c HTTP/1.1\nHost: api.example\n\nnot a number\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	contains(t, debug(t, "", "--policy", path, "--request", request), "POST https://api.example/a?b=c", "failed: ExpressionValueEvaluationFailure",
		"failure  set-variable", "500 Internal Server Error")
	contains(t, debug(t, "", "--policy", path, "-d", "12", "/x", "--json"), `"name": "n"`, `"type": "System.Int32"`, `"traceEntries"`)
}

func TestInteractive(t *testing.T) {
	service, response := folder(t)
	out := debug(t, "n\nn\n\np\np plan\nb\np\nr\ns\nc\ns\nl\ng 1\nb\nb\nwhat\nq\nn\n", "--service", service, "--subscription", "mobile-app",
		"--backend-response", response, "/conference/speakers/3")
	contains(t, out, "n, next", "   3  inbound  <set-variable>", "plan = Unlimited (System.String)", "no variables", "no response yet", "end\n", "  200 OK",
		"before the first statement")
	if strings.Count(out, "   1  inbound  <cors>") < 2 {
		t.Errorf("going back shows the statement again:\n%s", out)
	}
}

func TestReplay(t *testing.T) {
	service, response := folder(t)
	var recorded record.Trace
	if err := json.Unmarshal([]byte(debug(t, "", "--service", service, "--subscription", "mobile-app", "--backend-response", response, "-H", "X-Debug: true",
		"-H", "Cookie: session=abcdefgh", "/conference/speakers/4", "--json")), &recorded); err != nil {
		t.Fatal(err)
	}
	monitor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/policy-traces/the-id" || r.Header.Get("Authorization") != "Bearer admin" {
			http.Error(w, "no", http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(recorded)
	}))
	defer monitor.Close()
	contains(t, debug(t, "", "--trace", "the-id", "--monitor", monitor.URL, "--token", "admin"), "GET https://gateway.example/conference/speakers/4", "debug call by Mobile app")
	contains(t, debug(t, "", "--trace", "the-id", "--monitor", monitor.URL, "--token", "admin", "--service", service, "--backend-response", response, "--subscription", "trial-user"),
		"not replayed, as the recording does not hold it: Cookie, Ocp-Apim-Subscription-Key", "debug call by Trial user", "product starter")
	if err := run([]string{"--trace", "other", "--monitor", monitor.URL}, nil, &strings.Builder{}, false); err == nil {
		t.Error("a trace that is not there is no success")
	}
}

func TestArguments(t *testing.T) {
	service, response := folder(t)
	for want, args := range map[string][]string{
		"name --service DIR":            {"/x"},
		"name a URL":                    {"--service", service},
		`there is no API "nope"`:        {"--service", service, "--api", "nope"},
		`has no operation "nope"`:       {"--service", service, "--api", "conference", "--operation", "nope"},
		"needs --param id=":             {"--service", service, "--api", "conference", "--operation", "get-speaker"},
		`there is no subscription "no"`: {"--service", service, "--subscription", "no", "/x"},
		"is no HTTP request":            {"--service", service, "--request", response},
		"is no HTTP response":           {"--service", service, "/x", "--backend-response", filepath.Join(service, "policy.xml")},
		"unexpected argument":           {"--service", service, "GET", "again", "/x"},
	} {
		if err := run(args, nil, &strings.Builder{}, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", want, err)
		}
	}
}
