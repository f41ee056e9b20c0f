package openapi

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// TestGoldens reads descriptions; "want" is the document as JSON or the error.
func TestGoldens(t *testing.T) {
	names, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			in := archive.Files[0]
			var got []byte
			if doc, err := Load(in.Data, in.Name); err != nil {
				got = []byte(err.Error() + "\n")
			} else if got, err = json.MarshalIndent(readable(doc), "", " "); err != nil {
				t.Fatal(err)
			} else {
				got = append(got, '\n')
			}
			if *update {
				out := txtar.Archive{Comment: archive.Comment, Files: []txtar.File{in, {Name: "want", Data: got}}}
				if err := os.WriteFile(name, txtar.Format(&out), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if string(archive.Files[1].Data) != string(got) {
				t.Errorf("got:\n%s", got)
			}
		})
	}
}

// readable shows the schemas as JSON.
func readable(d *Document) any {
	type plain Document
	out := struct {
		*plain
		Schemas map[string]json.RawMessage
	}{(*plain)(d), map[string]json.RawMessage{}}
	for _, s := range d.Schemas {
		out.Schemas[s.ID+" "+s.ContentType] = s.Document
	}
	return out
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"empty":       {"", "x:1:1: is empty"},
		"text":        {"hello", "x:1:1: is not an OpenAPI description: the top level must be an object"},
		"no version":  {"{}", `x:1:1: is not an OpenAPI description: it has neither "openapi" nor "swagger"`},
		"x.json":      {"{\n  \"openapi\": \"3.0.0\",\n  oops\n}", "x.json:3:3: is not valid JSON"},
		"yaml":        {"openapi: 3.0.0\npaths:\n\t/a: {}\n", "x:3:1: is not valid YAML"},
		"version":     {"openapi: 4.0.0", `x: declares openapi "4.0.0"; 2.0 and 3.x can be read`},
		"old swagger": {"swagger: '1.2'", `x: declares swagger "1.2"`},
		"deep":        {strings.Repeat("[", 300) + strings.Repeat("]", 300), "nested"},
		"laughs":      {laughs(), "too many or too deeply nested"},
	} {
		file := "x"
		if name == "x.json" {
			file = name
		}
		_, err := Load([]byte(c.in), file)
		var at *Error
		if !errors.As(err, &at) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %s", name, err, c.want)
		}
	}
}

// laughs is the exponential expansion of aliases.
func laughs() string {
	var b strings.Builder
	b.WriteString("openapi: 3.0.0\nx-a: &a0 [1,2,3,4,5,6,7,8,9,0]\n")
	for i := 1; i < 9; i++ {
		n, m := string(rune('0'+i)), string(rune('0'+i-1))
		b.WriteString("x-" + n + ": &a" + n + " [" + strings.TrimSuffix(strings.Repeat("*a"+m+",", 10), ",") + "]\n")
	}
	return b.String()
}

func TestService(t *testing.T) {
	doc, err := Load([]byte("openapi: 3.0.0\ninfo: {title: My API!, version: '1'}\nservers: [{url: 'https://{h}/v1/base/', variables: {h: {default: example.com}}}]\npaths: {/a: {get: {}}}\n"), "x")
	if err != nil {
		t.Fatal(err)
	}
	s := Service(doc, "http://127.0.0.1:9/x/")
	a := s.APIs[0]
	if a.ID != "my-api" || a.Name != "My API!" || a.Path != "v1/base" || a.ServiceURL != "http://127.0.0.1:9/x" || a.SubscriptionRequired || !a.IsCurrent || len(a.Operations) != 1 || a.Operations[0].ID != "get-a" {
		t.Errorf("%+v", a)
	}
}

func FuzzOpenAPI(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range names {
		if archive, err := txtar.ParseFile(name); err == nil {
			f.Add(archive.Files[0].Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Load(data, "x")
		if (doc == nil) == (err == nil) {
			t.Fatal("want a document or an error")
		}
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, op := range doc.Operations {
			if op.ID == "" || op.Method == "" || !strings.HasPrefix(op.URLTemplate, "/") || seen[strings.ToLower(op.ID)] {
				t.Errorf("%+v", op)
			}
			seen[strings.ToLower(op.ID)] = true
		}
	})
}

// TestCircles reads descriptions that lead back to themselves: a stack that
// overflows cannot be recovered from.
func TestCircles(t *testing.T) {
	const head = "openapi: 3.1.0\ninfo: {title: x, version: '1'}\n"
	for name, in := range map[string]string{
		"path":      head + "paths: {/a: {$ref: '#/paths/~1a'}}",
		"two paths": head + "paths: {/a: {$ref: '#/paths/~1b'}, /b: {$ref: '#/paths/~1a'}}",
		"responses": head + "paths: {/a: {get: {responses: {'200': {$ref: '#/components/responses/A'}}}}}\ncomponents: {responses: {A: {$ref: '#/components/responses/B'}, B: {$ref: '#/components/responses/A'}}}",
		"all of":    head + "paths: {/a: {get: {responses: {'200': {description: x, content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}}}}}}\ncomponents: {schemas: {A: {allOf: [{$ref: '#/components/schemas/A'}], properties: {b: {$ref: '#/components/schemas/A'}}}}}",
		"siblings":  head + "paths: {/a: {get: {responses: {'200': {description: x, content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}}}}}}\ncomponents: {schemas: {A: {$ref: '#/components/schemas/B', title: t}, B: {type: array, items: {$ref: '#/components/schemas/A', title: u}}}}",
		"callback":  head + "paths: {/a: {post: {callbacks: {c: {$ref: '#/components/callbacks/C'}}}}}\ncomponents: {callbacks: {C: {'{$url}': {post: {callbacks: {c: {$ref: '#/components/callbacks/C'}}}}}}}",
		"whole":     head + "paths: {/a: {$ref: '#/'}, /b: {$ref: '#'}, /c: {$ref: '#/paths'}}",
		"anchor":    head + "paths: {/a: &p {get: {}, x-self: *p}}",
		"swagger":   "swagger: '2.0'\ninfo: {title: x, version: '1'}\npaths: {/a: {get: {responses: {'200': {description: x, schema: {$ref: '#/definitions/A'}}}}}}\ndefinitions: {A: {type: object, properties: {a: {$ref: '#/definitions/A'}}, allOf: [{$ref: '#/definitions/A'}]}}",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Load([]byte(in), "x"); err != nil {
				t.Log(err)
			}
		})
	}
}

// Overloads behind # are one operation; one that is alone is served at its path.
func TestOverloads(t *testing.T) {
	doc, err := Load([]byte(`{"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {
		"/#X-Target=a": {"post": {"operationId": "a", "responses": {}}},
		"/#X-Target=b": {"post": {"operationId": "b", "responses": {}}},
		"/tags/{id}": {"get": {"operationId": "get", "responses": {}}},
		"/tags/{id}#names": {"delete": {"operationId": "delete", "parameters": [{"name": "names", "in": "query", "required": true, "schema": {"type": "string"}}], "responses": {}}}}}`), "x.json")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range doc.Operations {
		got = append(got, o.ID+" "+o.Method+" "+o.URLTemplate)
	}
	if want := "a POST /; get GET /tags/{id}; delete DELETE /tags/{id}?names={names}"; strings.Join(got, "; ") != want {
		t.Errorf("operations: %s, want %s", strings.Join(got, "; "), want)
	}
	if w := strings.Join(doc.Warnings, "; "); !strings.Contains(w, "POST /#X-Target=b") {
		t.Errorf("warnings: %s", w)
	}
}
