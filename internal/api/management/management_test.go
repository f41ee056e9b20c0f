package management

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/api/arm"
	"gatehouse/internal/apim"
	"gatehouse/internal/apim/apiops"
)

// site is a Handler whose resources are read as the service folder's are.
type site struct {
	*Handler
	service *apim.Service
	kept    map[string][]byte
	full    bool // nothing can be kept
}

func openSite(t *testing.T, kept map[string][]byte) *site {
	t.Helper()
	s := &site{kept: kept}
	apply := func(resources map[string][]byte, check func(*apim.Service) error, save func() error) error {
		service := &apim.Service{Name: "contoso", APIs: []*apim.API{{ID: "shop", IsCurrent: true, Revision: "1"}}}
		if err := apiops.Extend(service, apiops.Options{Resources: resources}); err != nil {
			return &Refused{[]arm.Error{{Code: "ValidationError", Message: err.Error()}}}
		}
		if err := errors.Join(check(service), save()); err != nil {
			return err
		}
		s.service = service
		return nil
	}
	var err error
	s.Handler, err = New(Options{
		Service: func() *apim.Service { return s.service }, Apply: apply, Key: []byte("k"),
		Load: func(name string) ([]byte, error) { return s.kept[name], nil },
		Save: func(name string, data []byte) error {
			if s.full {
				return errors.New("no space left on device")
			}
			s.kept[name] = data
			return nil
		},
		MaySeeSecrets: func(r *http.Request) bool { return r.Header.Get("Authorization") != "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := apply(s.Resources(), func(*apim.Service) error { return nil }, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	return s
}

const root = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/contoso/"

// call sends a request below the service; header is name and value by turns.
func (s *site) call(t *testing.T, method, path, body string, header ...string) (status int, answer map[string]any) {
	t.Helper()
	if !strings.HasPrefix(path, "/") {
		path = root + path
	}
	if !strings.Contains(path, "?") {
		path += "?api-version=2024-05-01"
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	if !Serves(r.URL.Path) {
		t.Fatalf("%s is not served", path)
	}
	s.ServeHTTP(w, r)
	data, _ := io.ReadAll(w.Body)
	_ = json.Unmarshal(data, &answer)
	return w.Code, answer
}

const aLogger = `{"properties":{"loggerType":"applicationInsights","credentials":{"instrumentationKey":"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"}}}`

func TestRequestsThatAreRefused(t *testing.T) {
	s := openSite(t, map[string][]byte{})
	if status, answer := s.call(t, "PUT", "loggers/one", aLogger); status != http.StatusCreated {
		t.Fatalf("%d %v", status, answer)
	}
	before := string(s.kept[document])
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "loggers/one?x=y", "", 400, "MissingApiVersionParameter"},
		{"GET", "loggers/one?api-version=latest", "", 400, "InvalidApiVersionParameter"},
		{"GET", "loggers/two", "", 404, "ResourceNotFound"},
		{"GET", "apis/nowhere/diagnostics", "", 404, "ResourceNotFound"},
		{"GET", "apis/shop/loggers", "", 404, "ResourceNotFound"},
		{"GET", "gadgets", "", 404, "ResourceNotFound"},
		{"GET", "loggers/%2e%2e%2fx", "", 404, "ResourceNotFound"},
		{"GET", "loggers/a%00b", "", 404, "ResourceNotFound"},
		{"POST", "loggers/one", aLogger, 405, "MethodNotAllowed"},
		{"POST", "loggers/one/listValue", "", 404, "ResourceNotFound"},
		{"PUT", "loggers/two", "", 400, "InvalidRequestContent"},
		{"PUT", "loggers/two", "[]", 400, "InvalidRequestContent"},
		{"PUT", "loggers/two", "{}", 400, "ValidationError"},
		{"PUT", "loggers/two", `{"properties":{"credentials":[1]}}`, 400, "ValidationError"},
		{"PUT", "loggers/two", `{"properties":{"credentials":{"instrumentationKey":7}}}`, 400, "ValidationError"},
		{"PUT", "loggers/two", `{"properties":{"description":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}}`, 400, "ValidationError"},
		{"PUT", "loggers/two", `{"properties":"` + strings.Repeat("x", maxBody) + `"}`, 413, "RequestEntityTooLarge"},
		{"PUT", "loggers/.hidden", aLogger, 400, "ValidationError"},
		{"PUT", "loggers/" + strings.Repeat("x", 300), aLogger, 400, "ValidationError"},
		{"PATCH", "loggers/one", `{"properties":{}}`, 400, "ValidationError"},
		{"DELETE", "loggers/one", "", 400, "ValidationError"},
		{"PUT", "namedValues/x", `{"properties":{"displayName":"a b","value":"1"}}`, 400, "ValidationError"},
		{"PUT", "namedValues/x", `{"properties":{"displayName":"ab"}}`, 400, "ValidationError"},
		{"PUT", "namedValues/x", `{"properties":{"displayName":"ab","value":"` + strings.Repeat("x", 4097) + `"}}`, 400, "ValidationError"},
		{"GET", "loggers?api-version=2024-05-01&$top=0", "", 400, "ValidationError"},
		{"GET", "loggers?api-version=2024-05-01&$skip=-1", "", 400, "ValidationError"},
	} {
		status, answer := s.call(t, c.method, c.path, c.body)
		fault, _ := answer["error"].(map[string]any)
		if status != c.status || fault["code"] != c.code || fault["message"] == "" {
			t.Errorf("%s %.60s %.60s: %d %.200v, want %d %s", c.method, c.path, c.body, status, answer, c.status, c.code)
		}
	}
	if after := string(s.kept[document]); after != before {
		t.Errorf("something was kept:\n%s\n%s", before, after)
	}
}

func TestPathsInAnyLetterCase(t *testing.T) {
	s := openSite(t, map[string][]byte{})
	s.call(t, "PUT", "loggers/One", aLogger)
	path := "//SUBSCRIPTIONS/s/resourcegroups/g/PROVIDERS/microsoft.apimanagement/SERVICE/Contoso/Loggers/oNE"
	status, answer := s.call(t, "GET", path, "")
	if status != http.StatusOK || answer["name"] != "One" {
		t.Errorf("%d %v", status, answer)
	}
	if status, _ := s.call(t, "PUT", path, aLogger); status != http.StatusOK {
		t.Errorf("the same again: %d", status)
	}
	_, list := s.call(t, "GET", "loggers", "")
	if list["count"] != 1.0 {
		t.Errorf("%v", list)
	}
}

// What cannot be kept is not served.
func TestFullDisk(t *testing.T) {
	s := openSite(t, map[string][]byte{})
	s.full = true
	if status, answer := s.call(t, "PUT", "loggers/one", aLogger); status != http.StatusInternalServerError || !strings.Contains(answer["error"].(map[string]any)["message"].(string), "no space") {
		t.Errorf("%d %v", status, answer)
	}
	if status, _ := s.call(t, "GET", "loggers/one", ""); status != http.StatusNotFound {
		t.Errorf("it is served: %d", status)
	}
	s.full = false
	if status, _ := s.call(t, "PUT", "loggers/one", aLogger); status != http.StatusCreated {
		t.Errorf("%d", status)
	}
}

func TestSecretsNeedAToken(t *testing.T) {
	s := openSite(t, map[string][]byte{})
	s.call(t, "PUT", "namedValues/pin", `{"properties":{"displayName":"pin","value":"hidden-thing","secret":true}}`)
	for _, one := range []string{"namedValues/pin", "namedValues"} {
		if _, answer := s.call(t, "GET", one, ""); strings.Contains(toJSON(answer), "hidden-thing") {
			t.Errorf("%s shows it: %v", one, answer)
		}
	}
	if status, _ := s.call(t, "POST", "namedValues/pin/listValue", ""); status != http.StatusForbidden {
		t.Errorf("without a token: %d", status)
	}
	if _, answer := s.call(t, "POST", "namedValues/pin/listValue", "", "Authorization", "Bearer x"); answer["value"] != "hidden-thing" {
		t.Errorf("%v", answer)
	}
}

func toJSON(v any) string { data, _ := json.Marshal(v); return string(data) }

// A diagnostic of an API that is gone waits for it, and starting again works.
func TestWhatWasWrittenSurvives(t *testing.T) {
	s := openSite(t, map[string][]byte{})
	s.call(t, "PUT", "loggers/one", aLogger)
	if status, answer := s.call(t, "PUT", "apis/shop/diagnostics/applicationinsights", `{"properties":{"loggerId":"/loggers/one","verbosity":"error"}}`); status != http.StatusCreated {
		t.Fatalf("%d %v", status, answer)
	}
	again := openSite(t, s.kept)
	if _, answer := again.call(t, "GET", "apis/shop/diagnostics/applicationinsights", ""); !strings.Contains(toJSON(answer), `"verbosity":"error"`) {
		t.Errorf("%v", answer)
	}
	service := &apim.Service{Name: "contoso"}
	if err := apiops.Extend(service, apiops.Options{Resources: again.Resources()}); err != nil || !strings.Contains(toJSON(service.Warnings), "no API") {
		t.Errorf("without its API: %v %v", err, service.Warnings)
	}
	if _, err := New(Options{Load: func(string) ([]byte, error) { return []byte("{"), nil }}); err == nil {
		t.Error("a damaged document was taken")
	}
}

func TestFilters(t *testing.T) {
	fields := map[string]string{"name": "", "description": "description"}
	e := &entity{id: "Alpha", properties: map[string]any{"description": "it's here"}}
	for text, want := range map[string]bool{
		"": true, "name eq 'alpha'": true, "name ne 'alpha'": false, "name gt 'a' and name lt 'b'": true, "name ge 'b'": false, "name le 'alpha'": true,
		"startswith(name, 'al')": true, "endswith(name,'x')": false, "contains(description, 'it''s')": true, "substringof('pha', name) eq true": true,
		"not (name eq 'x' or name eq 'y')": true, "properties/description eq 'it''s here'": true,
	} {
		keep, f := filterOf(text, fields)
		if f != nil || keep(e) != want {
			t.Errorf("%s: %v", text, f)
		}
	}
	for _, text := range []string{"name", "name eq", "name eq 5", "colour eq 'x'", "name is 'x'", "(name eq 'x'", "name eq 'x", "name eq 'x' or", "startswith(name)", "name eq 'x' name", strings.Repeat("(", 100), strings.Repeat("not ", 100)} {
		if _, f := filterOf(text, fields); f == nil {
			t.Errorf("%.40s: taken", text)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add("not (name eq 'x' or contains(name, 'it''s'))")
	f.Fuzz(func(t *testing.T, text string) {
		if keep, wrong := filterOf(text, map[string]string{"name": ""}); wrong == nil {
			keep(&entity{id: "x"})
		}
	})
}
