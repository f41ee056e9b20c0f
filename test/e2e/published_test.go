package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
)

// published is what a test file of test/conformance/testdata/runs says that is
// needed to send its first request to a gateway that really runs.
type published struct {
	Policy      string                            `yaml:"policy"`
	Fragments   []string                          `yaml:"fragments"`
	NamedValues map[string]struct{ Value string } `yaml:"named-values"`
	Backends    map[string]string                 `yaml:"backends"`
	Operation   struct{ ID, Method, Template string }
	Cases       []struct {
		Request publishedRequest
		Steps   []yaml.Node
	}
}

type publishedRequest struct {
	Method, URL, Body string
	Headers           map[string]any // a text, or a list of texts
	JSON              any
}

// raw is the request as it is sent to the API of that name.
func (r *publishedRequest) raw(name string) string {
	target := r.URL
	if u, err := url.Parse(r.URL); err == nil && u.Host != "" {
		target = u.RequestURI()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s /%s%s HTTP/1.1\n", cmp.Or(r.Method, "GET"), name, cmp.Or(target, "/"))
	for _, key := range slices.Sorted(maps.Keys(r.Headers)) {
		lines, ok := r.Headers[key].([]any)
		if !ok {
			lines = []any{r.Headers[key]}
		}
		for _, v := range lines {
			fmt.Fprintf(&b, "%s: %v\n", key, v)
		}
	}
	switch {
	case r.JSON != nil:
		fmt.Fprintf(&b, "Content-Type: application/json\n\n%s\n", encode(r.JSON))
	case r.Body != "":
		b.WriteString("\n" + r.Body + "\n")
	}
	return b.String()
}

// outline keeps the status and who was asked: the rest is the documents' own.
func outline(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if len(out) == 0 {
			out = append(out, line)
		} else if call, ok := strings.CutPrefix(line, "> "); ok {
			call, _, _ = strings.Cut(strings.TrimSpace(call), "?")
			out = append(out, "> "+call+"\n")
		}
	}
	if len(out) > 1 {
		slices.Sort(out[1:]) // branches ask at the same time
	}
	return strings.Join(out, "")
}

var (
	hostOf   = regexp.MustCompile(`https?://([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)`)
	hostless = regexp.MustCompile(`https://|authentication-managed-identity|get-authorization-context`)
)

// TestPublishedPolicies runs documents of the corpus in one process, with all
// hosts that they name answered here: what the client gets and who is asked is
// in testdata/published.txtar. Documents that ask hosts which only a request
// names, or for tokens, are left to the tests beside them.
func TestPublishedPolicies(t *testing.T) {
	const runs = "../conformance/testdata/runs/"
	if _, err := os.Stat("../../../shared/corpus/policies"); err != nil {
		t.Skipf("no corpus at hand: %v", err)
	}
	files, err := filepath.Glob(runs + "*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no test files", err)
	}
	w := newWorld(t)
	service := map[string]string{"policy.xml": "<policies><inbound/><backend><forward-request timeout=\"10\"/></backend><outbound/><on-error/></policies>"}
	requests := map[string]string{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".policytest.yaml")
		if raw := w.publish(t, service, runs, file, name); raw != "" {
			requests[name] = raw
		}
	}
	p := start(t, "", "--service", folder(t, service))
	out := &txtar.Archive{Comment: []byte("Status of the answer, and what was asked outside.\n")}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".policytest.yaml")
		if requests[name] == "" {
			continue
		}
		text := ask(t, w, p, &sample{name, map[string]string{"request": requests[name]}})
		out.Files = append(out.Files, txtar.File{Name: name, Data: []byte(outline(text))})
	}
	if len(out.Files) < 40 {
		t.Errorf("%d documents run, want at least 40", len(out.Files))
	}
	const golden = "testdata/published.txtar"
	got := string(txtar.Format(out))
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || string(want) != got {
		t.Errorf("%v: got\n%s", err, got)
	}
}

// publish adds the document of a test file as an API, and gives its request;
// "" when it cannot run here.
func (w *world) publish(t *testing.T, service map[string]string, runs, file, name string) string {
	t.Helper()
	read := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	var s published
	if err := yaml.Unmarshal([]byte(read(file)), &s); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	first := s.Cases[0]
	text := read(runs + s.Policy)
	if len(first.Steps) > 0 || hostless.MatchString(hostOf.ReplaceAllString(text, "")) {
		return ""
	}
	local := func(text string) string { return hostOf.ReplaceAllString(text, w.URL+"/$1") }
	for value, one := range s.NamedValues {
		own := name + "-" + value
		text = strings.ReplaceAll(text, "{{"+value+"}}", "{{"+own+"}}")
		service["named values/"+own+"/namedValueInformation.json"] = properties(map[string]any{"displayName": own, "value": local(one.Value)})
	}
	for id, address := range s.Backends {
		service["backends/"+id+"/backendInformation.json"] = properties(map[string]any{"url": local(address), "protocol": "http"})
	}
	for _, f := range s.Fragments {
		id := strings.TrimSuffix(filepath.Base(f), filepath.Ext(f))
		service["policy fragments/"+id+"/policy.xml"] = local(read(runs + f))
		service["policy fragments/"+id+"/policyFragmentInformation.json"] = "{}"
	}
	paths := map[string]any{"/*": map[string]any{}}
	for _, method := range []string{"get", "post", "put", "delete", "patch", "head", "options"} {
		paths["/*"].(map[string]any)[method] = map[string]any{"operationId": "any-" + method, "responses": map[string]any{}}
	}
	if o := s.Operation; o.Template != "" {
		paths[o.Template] = map[string]any{strings.ToLower(o.Method): map[string]any{"operationId": o.ID, "responses": map[string]any{}}}
	}
	dir := "apis/" + name + "/"
	service[dir+"policy.xml"] = local(text)
	service[dir+"apiInformation.json"] = properties(map[string]any{"displayName": name, "path": name, "protocols": []string{"http"}, "serviceUrl": w.URL + "/backend.example", "subscriptionRequired": false})
	service[dir+"specification.json"] = encode(map[string]any{"openapi": "3.0.1", "info": map[string]any{"title": name, "version": "1"}, "paths": paths})
	return first.Request.raw(name)
}

func properties(p map[string]any) string { return encode(map[string]any{"properties": p}) }

func encode(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
