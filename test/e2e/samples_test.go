package e2e

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write testdata/samples.txtar anew")

// samples are policies as teams write them, each an API of one service, run by
// one process. A sample is the files with one folder name in front:
//
//	policy.xml  the policy of the API; {{world}} is the address of everything outside
//	request     raw HTTP without a Host; several are separated by "---" lines
//	answers     "METHOD path status body" lines of what is outside; several for one
//	            path follow each other. The backend stands at /NAME.
//	want        what the client got, and what was asked outside, in order
//
// The first folder, "service", holds files that all share.
type sample struct {
	name  string
	files map[string]string
}

func readSamples(t *testing.T, path string) (shared map[string]string, list []*sample) {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	shared = map[string]string{}
	for _, f := range archive.Files {
		name, part, _ := strings.Cut(f.Name, "/")
		if name == "service" {
			shared[part] = string(f.Data)
			continue
		}
		if len(list) == 0 || list[len(list)-1].name != name {
			list = append(list, &sample{name, map[string]string{}})
		}
		list[len(list)-1].files[part] = string(f.Data)
	}
	return shared, list
}

// world answers for everything outside the gateway.
type world struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string][]string // by "METHOD path"
	seen    []string
}

func newWorld(t *testing.T) *world {
	w := &world{}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

// begin takes the answers of the next sample.
func (w *world) begin(s *sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers, w.seen = map[string][]string{}, nil
	for line := range strings.Lines(s.files["answers"]) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 3)
		w.answers[f[0]+" "+f[1]] = append(w.answers[f[0]+" "+f[1]], f[2])
	}
}

// ordinary headers say nothing about a policy.
var ordinary = []string{"Accept-Encoding", "User-Agent", "Content-Length", "Traceparent", "Tracestate", "Request-Id", "Request-Context", "Date", "Connection", "X-Forwarded-For"}

func headers(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if !slices.Contains(ordinary, name) {
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(h[name], " | "))
		}
	}
	return b.String()
}

func (w *world) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	text := "> " + r.Method + " " + r.RequestURI + "\n" + headers(r.Header)
	if len(body) > 0 {
		text += "\n" + strings.TrimSuffix(string(body), "\n") + "\n"
	}
	w.seen = append(w.seen, strings.ReplaceAll(text, w.URL, "WORLD"))
	answer := `200 {"ok":true}`
	for _, key := range []string{r.Method + " " + r.URL.Path, "* " + r.URL.Path} {
		if list := w.answers[key]; len(list) > 0 {
			answer = list[0]
			if len(list) > 1 {
				w.answers[key] = list[1:]
			}
			break
		}
	}
	code, content, _ := strings.Cut(strings.ReplaceAll(answer, "WORLD", w.URL), " ")
	for strings.HasPrefix(content, "[") { // [Name: value] in front of the body
		header, rest, ok := strings.Cut(content[1:], "] ")
		name, value, is := strings.Cut(header, ": ")
		if !ok || !is || strings.ContainsAny(name, "\"{ ") {
			break
		}
		out.Header().Set(name, value)
		content = rest
	}
	if out.Header().Get("Content-Type") == "" {
		out.Header().Set("Content-Type", kindOf(content))
	}
	status, _ := strconv.Atoi(code)
	out.WriteHeader(status)
	_, _ = io.WriteString(out, content)
}

func kindOf(content string) string {
	switch {
	case strings.HasPrefix(content, "{"), strings.HasPrefix(content, "["):
		return "application/json"
	case strings.HasPrefix(content, "<"):
		return "text/xml; charset=utf-8"
	}
	return "text/plain"
}

// ask sends the requests of a sample, one connection each, and describes what came of it.
func ask(t *testing.T, w *world, p *process, s *sample) string {
	t.Helper()
	w.begin(s)
	var out strings.Builder
	for _, raw := range strings.Split(s.files["request"], "---\n") {
		head, body, _ := strings.Cut(raw, "\n\n")
		body = strings.TrimSuffix(body, "\n")
		text := strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n") + "\r\nHost: api.example.com\r\nConnection: close\r\n"
		if body != "" {
			text += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
		}
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.gateway, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text+"\r\n"+body); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		data, err := io.ReadAll(resp.Body)
		conn.Close()
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		fmt.Fprintf(&out, "%s\n%s", resp.Status, headers(resp.Header))
		if len(data) > 0 {
			fmt.Fprintf(&out, "\n%s\n", strings.TrimSuffix(string(data), "\n"))
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.ReplaceAll(strings.ReplaceAll(out.String(), w.URL, "WORLD"), "\r", "") + strings.ReplaceAll(strings.Join(w.seen, ""), "\r", "")
}

// TestSamples runs every sample through one process.
func TestSamples(t *testing.T) {
	const path = "testdata/samples.txtar"
	shared, list := readSamples(t, path)
	outside := newWorld(t)
	files := maps.Clone(shared)
	for _, s := range list {
		dir := "apis/" + s.name + "/"
		files[dir+"policy.xml"] = s.files["policy.xml"]
		files[dir+"apiInformation.json"] = fmt.Sprintf(`{"properties":{"displayName":%q,"path":%q,"protocols":["http"],"serviceUrl":%q,"subscriptionRequired":false}}`, s.name, s.name, outside.URL+"/"+s.name)
		files[dir+"specification.yaml"] = shared["specification.yaml"]
	}
	delete(files, "specification.yaml")
	files["named values/world/namedValueInformation.json"] = fmt.Sprintf(`{"properties":{"displayName":"world","value":%q}}`, outside.URL)
	p := start(t, "", "--service", folder(t, files))
	out := &txtar.Archive{}
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		out.Files = append(out.Files, txtar.File{Name: "service/" + name, Data: []byte(shared[name])})
	}
	for _, s := range list {
		got := ask(t, outside, p, s)
		if got != s.files["want"] && !*update {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", s.name, got, s.files["want"])
		}
		s.files["want"] = got
		for _, part := range []string{"policy.xml", "request", "answers", "want"} {
			if text, ok := s.files[part]; ok {
				out.Files = append(out.Files, txtar.File{Name: s.name + "/" + part, Data: []byte(text)})
			}
		}
	}
	if len(list) < 55 {
		t.Errorf("only %d samples", len(list))
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
