package apiops

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"gatehouse/internal/apim"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func samples(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "..", "shared", "corpus", "apiops", "SampleArtifacts")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the sample artifacts are not here")
	}
	return dir
}

func noEnv(string) (string, bool) { return "", false }

func find[T any](t *testing.T, list []T, match func(T) bool) T {
	t.Helper()
	i := slices.IndexFunc(list, match)
	if i < 0 {
		t.Fatalf("not found among %d", len(list))
	}
	return list[i]
}

func TestSampleArtifacts(t *testing.T) {
	s, err := Load(samples(t), Options{LookupEnv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.APIs) != 8 || len(s.Products) != 2 || len(s.Subscriptions) != 2 || len(s.NamedValues) != 4 || len(s.Fragments) != 2 ||
		len(s.Backends) != 2 || len(s.Loggers) != 1 || len(s.Diagnostics) != 1 || len(s.VersionSets) != 1 {
		t.Errorf("counts: %d APIs, %d products, %d subscriptions, %d values, %d fragments, %d backends, %d loggers, %d diagnostics, %d sets",
			len(s.APIs), len(s.Products), len(s.Subscriptions), len(s.NamedValues), len(s.Fragments), len(s.Backends), len(s.Loggers), len(s.Diagnostics), len(s.VersionSets))
	}
	basic := find(t, s.APIs, func(a *apim.API) bool { return a.ID == "basic-api" })
	if basic.Path != "basic-api" || basic.Revision != "1" || !basic.IsCurrent || basic.Type != apim.TypeHTTP || !basic.SubscriptionRequired ||
		basic.ServiceURL != "https://httpbin.org" || !slices.Equal(basic.Tags, []string{"tag1"}) || basic.Policy.File != "apis/basic-api/policy.xml" {
		t.Errorf("basic-api: %+v", basic)
	}
	if d := basic.Diagnostics[0]; d.ID != "azuremonitor" || d.Logger != "azuremonitor" || !d.LogClientIP || d.Verbosity != "information" || d.Sampling != 100 {
		t.Errorf("diagnostic: %+v", d)
	}
	op := find(t, basic.Operations, func(o *apim.Operation) bool { return o.ID == "create-item" })
	if op.Method != "POST" || op.URLTemplate != "/items" || op.Name != "Create item" || op.Responses[0].StatusCode != 201 ||
		op.Policy == nil || op.Policy.File != "apis/basic-api/operations/create-item/policy.xml" {
		t.Errorf("create-item: %+v", op)
	}
	second := find(t, s.APIs, func(a *apim.API) bool { return a.ID == "revisioned-api" && a.Revision == "2" })
	if second.IsCurrent || len(second.Operations) != 2 {
		t.Errorf("revision 2: %+v", second)
	}
	v2 := find(t, s.APIs, func(a *apim.API) bool { return a.ID == "versioned-api-v2" })
	if v2.Version != "v2" || v2.VersionSet != "versionSet1" || v2.Path != "versioned-api/v2" || v2.Operations[0].ID != "get-version-v2" {
		t.Errorf("v2: %+v", v2)
	}
	wadl := find(t, s.APIs, func(a *apim.API) bool { return a.ID == "wadl-api" })
	if o := wadl.Operations[0]; o.ID != "get-wadl-status" || o.Method != "GET" || o.URLTemplate != "/status" || o.Responses[0].Representations[0].ContentType != "application/json" {
		t.Errorf("wadl: %+v", o)
	}
	p := s.Products[0]
	if p.ID != "product1" || !p.Published || !p.SubscriptionRequired || p.SubscriptionLimit != 10 || !slices.Equal(p.APIs, []string{"basic-api", "revisioned-api", "versioned-api-v1"}) {
		t.Errorf("product1: %+v", p)
	}
	if u := s.Subscriptions[1]; u.Scope != "/apis/basic-api" || !u.AllowTracing || u.State != apim.SubscriptionActive || u.PrimaryKey != "" {
		t.Errorf("subscription2: %+v", u)
	}
	var resources []string
	for _, w := range s.Warnings {
		resources = append(resources, w.Resource)
	}
	if !slices.Equal(resources, []string{"apis/soap-api"}) {
		t.Errorf("warnings: %v", s.Warnings)
	}
}

func TestDemoService(t *testing.T) {
	dir := filepath.Join("..", "..", "demo", "service")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the demo service is not here")
	}
	s, err := Load(dir, Options{LookupEnv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings) > 0 {
		t.Errorf("warnings: %v", s.Warnings)
	}
}

// TestGoldens loads the folders in testdata: each archive holds a service
// folder, and the files "want" (the service as JSON) or "error".
func TestGoldens(t *testing.T) {
	names, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			o := Options{LookupEnv: func(k string) (string, bool) {
				if k == "GATEHOUSE_NAMED_VALUE_FROM_ENV" {
					return "env-value", true
				}
				return "", false
			}}
			var sources []txtar.File
			for _, f := range archive.Files {
				if f.Name == "want" || f.Name == "error" {
					continue
				}
				sources = append(sources, f)
				path := filepath.Join(dir, f.Name)
				if f.Name == "configuration.test.yaml" {
					o.Overrides = path
				}
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got := result(t, dir, o)
			var want []txtar.File
			for _, f := range archive.Files {
				if f.Name == "want" || f.Name == "error" {
					want = append(want, f)
				}
			}
			if *update {
				out := txtar.Archive{Comment: archive.Comment, Files: append(sources, got)}
				if err := os.WriteFile(name, txtar.Format(&out), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(want) != 1 || want[0].Name != got.Name || string(want[0].Data) != string(got.Data) {
				t.Errorf("got %s:\n%s", got.Name, got.Data)
			}
		})
	}
}

func result(t *testing.T, dir string, o Options) txtar.File {
	t.Helper()
	s, err := Load(dir, o)
	if err != nil {
		return txtar.File{Name: "error", Data: []byte(strings.ReplaceAll(err.Error(), dir, "DIR") + "\n")}
	}
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return txtar.File{Name: "want", Data: append(b, '\n')}
}

func TestLimits(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "policy.xml"), make([]byte, 100), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, Options{MaxFile: 50}); err == nil || !strings.Contains(err.Error(), "policy.xml:1:1: cannot be read: is larger than 50 bytes") {
		t.Errorf("file limit: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other.xml"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, Options{MaxFiles: 1}); err == nil || !strings.Contains(err.Error(), "more than 1 files") {
		t.Errorf("count limit: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none"), Options{}); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("absent folder: %v", err)
	}
}

func TestLinkOutOfTheFolder(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("<policies/>"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "policy.xml")); err != nil {
		t.Skip(err)
	}
	if _, err := Load(dir, Options{}); err == nil || !strings.Contains(err.Error(), "policy.xml: the link cannot be followed") {
		t.Errorf("a link out of the folder: %v", err)
	}
}

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]string{
		"PT10S": "10s", "PT1M30S": "1m30s", "P1D": "24h0m0s", "P1DT2H": "26h0m0s", "P1W": "168h0m0s", "00:01:30": "1m30s", "1.00:00:00": "24h0m0s",
		"PT": "", "": "", "10": "", "P": "", "PT5": "", "PT99999999999S": "",
	} {
		got, err := parseDuration(in)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v; want %s", in, got, err, want)
		}
	}
}

func FuzzWADL(f *testing.F) {
	f.Add([]byte(`<application xmlns="http://wadl.dev.java.net/2009/02"><resources base="x"><resource path="/a"><param name="q" style="query" required="true"/><method name="GET"><response status="200"/></method></resource></resources></application>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		operations, err := parseWADL(data, "x.wadl")
		if err != nil && operations != nil {
			t.Error("both operations and an error")
		}
		for _, op := range operations {
			if op.ID == "" || op.Method == "" || !strings.HasPrefix(op.URLTemplate, "/") {
				t.Errorf("%+v", op)
			}
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"properties": {"a": [1, true, null, "x"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, problem := parseJSON(data, "x.json")
		if (n == nil) == (problem == nil) {
			t.Error("want a value or a problem")
		}
		if problem == nil && !json.Valid(trimBOM(data)) {
			t.Errorf("took invalid JSON %q", data)
		}
	})
}

// Extracts had another layout before 2023: folders by display name, version and revision.
func TestOlderLayout(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const description = "openapi: 3.0.1\ninfo: {title: Pet shop, version: '1'}\npaths:\n  /pets:\n    get: {operationId: list-pets, summary: All pets, responses: {'200': {description: ok}}}\n"
	for _, r := range []struct{ number, name string }{{"1", "pets;rev=1"}, {"2", "pets"}} {
		folder := "apis/Pet shop/Original/" + r.number + "/"
		write(folder+"apiInformation.json", `{"name": "`+r.name+`", "properties": {"displayName": "Pet shop", "path": "pets", "apiRevision": "`+r.number+`", "isCurrent": `+strconv.FormatBool(r.number == "2")+`}}`)
		write(folder+"specification.yaml", description)
	}
	write("apis/Pet shop/Original/2/operations/All pets/policy.xml", "<policies><inbound /></policies>")
	write("products/Everything/productInformation.json", `{"properties": {"displayName": "Everything", "state": "published"}}`)
	write("products/Everything/apis.json", `[{"name": "pets"}]`)
	s, err := Load(dir, Options{LookupEnv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.APIs) != 2 || s.APIs[0].ID != "pets" || s.APIs[0].IsCurrent || !s.APIs[1].IsCurrent || s.APIs[1].Revision != "2" {
		t.Fatalf("APIs: %+v", s.APIs)
	}
	if op := s.APIs[1].Operations[0]; op.ID != "list-pets" || op.Policy == nil {
		t.Errorf("operation: %+v", op)
	}
	if got := s.Products[0].APIs; len(got) != 1 || got[0] != "pets" {
		t.Errorf("product's APIs: %v", got)
	}
}
