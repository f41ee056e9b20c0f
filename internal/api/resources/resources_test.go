package resources

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/api/arm"
)

// kept is a catalog, and what is in force.
type kept struct {
	documents map[string][]byte
	inForce   []string
	refuse    error
	full      error
}

func (k *kept) options() Options {
	return Options{Type: "Microsoft.Insights/actionGroups",
		Apply: func(all []Resource) error {
			var names []string
			for _, one := range all {
				if strings.Contains(string(one.Properties), "bad") {
					return errors.New("it is bad")
				}
				names = append(names, one.Name)
			}
			if k.refuse == nil {
				k.inForce = names
			}
			return k.refuse
		},
		Files: func() []Resource {
			return []Resource{{ID: "/subscriptions/F/resourceGroups/G/providers/Microsoft.Insights/actionGroups/filed", Name: "filed", Properties: []byte(`{}`)}}
		},
		Hide:          func(r Resource) (Resource, error) { r.Properties = []byte(`{"hidden":true}`); return r, nil },
		MaySeeSecrets: func(r *http.Request) bool { return r.Header.Get("Authorization") != "" },
		Load:          func(name string) ([]byte, error) { return k.documents[name], nil },
		Save: func(name string, data []byte) error {
			if k.full == nil {
				k.documents[name] = data
			}
			return k.full
		}}
}

func (k *kept) open(t *testing.T) *arm.Mux {
	t.Helper()
	c, err := New(k.options())
	if err != nil {
		t.Fatal(err)
	}
	m := arm.NewMux(slog.New(slog.DiscardHandler))
	m.Handle("Microsoft.Insights/actionGroups", c.Serve)
	return m
}

const at = "/subscriptions/S/resourceGroups/G/providers/microsoft.insights/actionGroups"

func ask(t *testing.T, m *arm.Mux, method, path, body string, want int) string {
	t.Helper()
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(method, path+"?api-version=2023-01-01", strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer x")
	m.ServeHTTP(rec, req)
	if rec.Code != want {
		t.Errorf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
	return rec.Body.String()
}

func TestLife(t *testing.T) {
	k := &kept{documents: map[string][]byte{}}
	m := k.open(t)
	ask(t, m, "GET", at+"/one", "", 404)
	ask(t, m, "PUT", at+"/One", `{"location": "Global", "tags": {"a": "b"}, "properties": {"x": 1, "y": {"z": 2}}}`, 201)
	var got Resource
	if err := json.Unmarshal([]byte(ask(t, m, "GET", strings.ToUpper(at)+"/ONE", "", 200)), &got); err != nil || got.Name != "One" ||
		got.Type != "Microsoft.Insights/actionGroups" || got.Tags["a"] != "b" || got.Location != "Global" || !strings.HasSuffix(got.ID, "/actionGroups/One") {
		t.Errorf("%+v %v", got, err)
	}
	ask(t, m, "PATCH", at+"/one", `{"properties": {"x": null, "w": 3}, "tags": {"c": "d"}}`, 200)
	if text := string(k.documents["resources/microsoft.insights/actiongroups"]); !strings.Contains(text, `"properties":{"w":3,"y":{"z":2}}`) {
		t.Error(text)
	}
	m = k.open(t) // as after a restart
	if list := ask(t, m, "GET", "/subscriptions/s/providers/Microsoft.Insights/actionGroups", "", 200); strings.Count(list, `"id"`) != 1 {
		t.Error(list)
	}
	if list := ask(t, m, "GET", "/subscriptions/f/resourceGroups/g/providers/Microsoft.Insights/actionGroups", "", 200); !strings.Contains(list, "filed") {
		t.Error(list)
	}
	ask(t, m, "PUT", at+"/one", `{"properties": {}}`, 200)
	ask(t, m, "DELETE", at+"/one", "", 200)
	ask(t, m, "DELETE", at+"/one", "", 204)
	if len(k.inForce) != 0 {
		t.Error(k.inForce)
	}
}

func TestRefused(t *testing.T) {
	k := &kept{documents: map[string][]byte{}}
	m := k.open(t)
	ask(t, m, "PUT", at+"/one", `{"properties": {}}`, 201)
	before := string(k.documents["resources/microsoft.insights/actiongroups"])
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"PUT", at + "/two", `{"properties": {"bad": 1}}`, 400, "it is bad"},
		{"PUT", at + "/two", `{"properties": [1]}`, 400, "properties is missing or no object"},
		{"PUT", at + "/two", `{`, 400, "the body is no resource"},
		{"PUT", at + "/two", strings.Repeat(" ", maxBody+1), 413, "more than"},
		{"PUT", at + "/FILED", `{"properties": {}}`, 409, "a resource of a file"},
		{"DELETE", "/subscriptions/F/resourceGroups/G/providers/Microsoft.Insights/actionGroups/filed", "", 409, "a resource of a file"},
		{"PUT", strings.Replace(at, "/G/", "/other/", 1) + "/one", `{"properties": {}}`, 409, "has the same name"},
		{"PATCH", at + "/two", `{}`, 404, "there is no resource"},
		{"PATCH", at + "/one", `{"properties": 7}`, 400, "properties"},
		{"POST", at + "/one", ``, 405, "does not take POST"},
		{"PUT", at, `{}`, 405, "does not take PUT"},
		{"GET", at + "/one/things/x", "", 404, "there is no resource"},
		{"PUT", "/subscriptions/S/providers/microsoft.insights/actionGroups/one", `{"properties": {}}`, 404, "there is no resource"},
	} {
		if got := ask(t, m, c.method, c.path, c.body, c.status); !strings.Contains(got, c.says) {
			t.Errorf("%s %s: %s", c.method, c.path, got)
		}
	}
	k.full = errors.New("disk full")
	ask(t, m, "PUT", at+"/two", `{"properties": {}}`, 500)
	if len(k.inForce) != 1 || string(k.documents["resources/microsoft.insights/actiongroups"]) != before {
		t.Errorf("in force: %v", k.inForce)
	}
}

// Secrets are shown to who sends a token, and to nobody else.
func TestHidden(t *testing.T) {
	k := &kept{documents: map[string][]byte{}}
	m := k.open(t)
	ask(t, m, "PUT", at+"/one", `{"properties": {"key": "s3cret"}}`, 201)
	if !strings.Contains(ask(t, m, "GET", at+"/one", "", 200), "s3cret") {
		t.Error("hidden from who may see it")
	}
	for _, path := range []string{at, at + "/one"} {
		rec := httptest.NewRecorder()
		m.ServeHTTP(rec, httptest.NewRequest("GET", path+"?api-version=2023-01-01", nil))
		if strings.Contains(rec.Body.String(), "s3cret") || !strings.Contains(rec.Body.String(), "hidden") {
			t.Errorf("%s: %s", path, rec.Body)
		}
	}
}

func FuzzMerged(f *testing.F) {
	f.Add(`{"a":1}`, `{"a":null,"b":[]}`)
	f.Fuzz(func(t *testing.T, base, over string) {
		out, err := merged(json.RawMessage(base), json.RawMessage(over))
		if err == nil && len(over) > 0 && over != "null" && !json.Valid(out) {
			t.Errorf("%s + %s = %s", base, over, out)
		}
	})
}
