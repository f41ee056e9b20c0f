package arm

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ path, typ, name, text string }{
		{"/subscriptions/S", "microsoft.resources/subscriptions", "", "/subscriptions/S"},
		{"//subscriptions/S/resourcegroups/G/", "microsoft.resources/resourcegroups", "", "/subscriptions/S/resourceGroups/G"},
		{"/subscriptions/S/resourceGroups/G/providers/Microsoft.Monitor/accounts/W", "microsoft.monitor/accounts", "W", "/subscriptions/S/resourceGroups/G/providers/Microsoft.Monitor/accounts/W"},
		{"/subscriptions/S/resourceGroups/G/resources", "microsoft.resources/resources", "", "/subscriptions/S/resourceGroups/G/providers/Microsoft.Resources/resources"},
		{"/subscriptions/S/providers/Microsoft.Monitor/Accounts", "microsoft.monitor/accounts", "", "/subscriptions/S/providers/Microsoft.Monitor/Accounts"},
		{"/subscriptions/S/resourceGroups/G/providers/Microsoft.ApiManagement/service/N/apis/A/operations", "microsoft.apimanagement/service/apis/operations", "", "/subscriptions/S/resourceGroups/G/providers/Microsoft.ApiManagement/service/N/apis/A/operations"},
		{"/subscriptions/S/resourceGroups/G/providers/Microsoft.ApiManagement/service/N/providers/microsoft.insights/metrics", "microsoft.insights/metrics", "", "/subscriptions/S/resourceGroups/G/providers/Microsoft.ApiManagement/service/N/providers/microsoft.insights/metrics"},
	} {
		id, err := Parse(c.path)
		if err != nil || id.Type() != c.typ || id.Name() != c.name || id.String() != c.text {
			t.Errorf("%s: %q %q %s %v", c.path, id.Type(), id.Name(), id, err)
		}
		again, err := Parse(strings.ToUpper(id.String()))
		if err != nil || again.Key() != id.Key() {
			t.Errorf("%s: case counts: %s %v", c.path, again, err)
		}
	}
	id, _ := Parse("/subscriptions/S/resourceGroups/G/providers/A.B/c/d/providers/E.F/g/h")
	if id.Parent == nil || id.Parent.Type() != "a.b/c" || id.Parent.Name() != "d" || id.Name() != "h" || id.Collection() {
		t.Errorf("extension: %+v", id)
	}
	for _, path := range []string{"", "/", "/tenants/T", "/subscriptions/S/x/y", "/subscriptions/S/providers", strings.Repeat("/subscriptions/a", 100)} {
		if id, err := Parse(path); err == nil {
			t.Errorf("%q is an id: %s", path, id)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/subscriptions/S/resourceGroups/G/providers/A.B/c/d/providers/E.F/g")
	f.Add("//subscriptions//providers/providers/providers")
	f.Fuzz(func(t *testing.T, path string) {
		id, err := Parse(path)
		if err != nil {
			return
		}
		again, err := Parse(id.String())
		if err != nil || again.Key() != id.Key() {
			t.Errorf("%q: %s, read again %s %v", path, id, again, err)
		}
	})
}

func TestMux(t *testing.T) {
	m := NewMux(slog.New(slog.DiscardHandler))
	m.Handle("Microsoft.Monitor/accounts", func(w http.ResponseWriter, r *Request) error {
		switch r.ID.Name() {
		case "lost":
			return NotFound(r.ID)
		case "broken":
			return errors.New("a secret of the inside")
		case "big":
			_, err := r.Body(3)
			return err
		}
		_, _ = io.WriteString(w, r.ID.Type()+" "+r.Version)
		return nil
	})
	const base = "/subscriptions/S/resourceGroups/G/providers/microsoft.monitor/ACCOUNTS/"
	for _, c := range []struct {
		path, want string
		status     int
	}{
		{base + "one?api-version=2023-04-03", "microsoft.monitor/accounts 2023-04-03", 200},
		{base + "one/parts/two?api-version=2023-04-03-preview", "microsoft.monitor/accounts/parts 2023-04-03-preview", 200},
		{base + "one", "MissingApiVersionParameter", 400},
		{base + "one?api-version=latest", "InvalidApiVersionParameter", 400},
		{base + "lost?api-version=2023-04-03", "ResourceNotFound", 404},
		{base + "broken?api-version=2023-04-03", "InternalServerError", 500},
		{base + "big?api-version=2023-04-03", "RequestEntityTooLarge", 413},
		{"/subscriptions/S/providers/Microsoft.Other/things?api-version=2023-04-03", "InvalidResourceType", 404},
		{"/elsewhere?api-version=2023-04-03", "InvalidResourceId", 404},
	} {
		rec := httptest.NewRecorder()
		m.ServeHTTP(rec, httptest.NewRequest("POST", c.path, strings.NewReader("12345")))
		body := rec.Body.String()
		if rec.Code != 200 {
			var e struct{ Error Error }
			if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error.Message == "" {
				t.Errorf("%s: %s", c.path, body)
			}
			body = e.Error.Code
		}
		if rec.Code != c.status || body != c.want || rec.Header().Get("X-Ms-Request-Id") == "" || strings.Contains(rec.Body.String(), "secret") {
			t.Errorf("%s: %d %s", c.path, rec.Code, rec.Body)
		}
	}
}
