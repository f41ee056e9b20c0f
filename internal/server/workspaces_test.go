package server

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/store/catalog"
)

func openCatalog(t *testing.T, dir string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestWorkspacesKeepTheirKeys(t *testing.T) {
	dir := t.TempDir()
	c := openCatalog(t, dir)
	off := false
	first, err := readWorkspaces([]WorkspaceConfig{{Name: "orders"}, {Name: "Default", DailyCap: 7, Dimensions: &off}}, c)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.All()) != 2 || first.All()[0].Name != "" || first.All()[0].DailyCap != 7 || first.All()[0].Dimensions || !first.All()[1].Dimensions {
		t.Fatalf("%+v", first.All())
	}
	for _, w := range first.All() {
		for _, id := range []string{w.InstrumentationKey, w.ApplicationID} {
			if got, err := lowerUUID(id, ""); err != nil || got != id {
				t.Errorf("%s: %q is not a UUID in lower case", w.Title(), id)
			}
		}
	}
	again, err := readWorkspaces([]WorkspaceConfig{{Name: "more"}, {Name: "orders"}}, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "orders"} {
		a, _ := first.ByName(name)
		b, _ := again.ByName(name)
		if a.InstrumentationKey != b.InstrumentationKey || a.ApplicationID != b.ApplicationID {
			t.Errorf("%q has other keys after a restart", name)
		}
	}
}

func TestWorkspaceSettings(t *testing.T) {
	const key = "8DC2F0B4-1111-4222-8333-944445555666"
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(dir, "bad")
	if err := os.WriteFile(bad, []byte("secret-but-no-uuid"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		list []WorkspaceConfig
		want string // of the error
	}{
		{[]WorkspaceConfig{{Name: "a", Key: Secret{File: file}}}, ""},
		{[]WorkspaceConfig{{Name: "a b"}}, `"a b" is not a name`},
		{[]WorkspaceConfig{{Name: "a"}, {Name: "A"}}, "the same name"},
		{[]WorkspaceConfig{{Name: "a", Key: Secret{File: file}}, {Name: "b", Key: Secret{File: file}}}, "the same instrumentation key"},
		{[]WorkspaceConfig{{Name: "a", Key: Secret{File: bad}}}, "a: key: is not a UUID"},
		{[]WorkspaceConfig{{Name: "a", DailyCap: -1}}, "dailyCap"},
		{[]WorkspaceConfig{{Name: "default"}, {Name: ""}}, "the same name"},
	} {
		all, err := readWorkspaces(c.list, openCatalog(t, t.TempDir()))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%+v: %v", c.list, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret-but")):
			t.Errorf("%+v: %v, want %s", c.list, err, c.want)
		case c.want == "":
			if w, ok := all.ByKey(strings.ToLower(key)); !ok || w.InstrumentationKey != strings.ToLower(key) {
				t.Errorf("%+v: the key is not in lower case: %+v", c.list, w)
			}
		}
	}
}

// The plain door lets local users in without a token: they do not see keys.
func TestKeysAreShownWithTheTokenAlone(t *testing.T) {
	s := &Server{token: "the-admin-token-of-this-test", doors: []openDoor{{setting: "monitorTLS", address: "127.0.0.1:9443"}}}
	var err error
	if s.workspaces, err = readWorkspaces(nil, openCatalog(t, t.TempDir())); err != nil {
		t.Fatal(err)
	}
	w := s.workspaces.All()[0]
	for token, full := range map[string]bool{"": false, "Bearer wrong": false, "Bearer " + s.token: true} {
		r := httptest.NewRequest("GET", "/api/workspaces", nil)
		r.Header.Set("Authorization", token)
		answer := httptest.NewRecorder()
		newDoor(newRecogniser(s.token), true, false, s.listWorkspaces()).ServeHTTP(answer, r)
		if strings.Contains(answer.Body.String(), w.InstrumentationKey) != full {
			t.Errorf("token %q: %s", token, answer.Body)
		}
		var out struct{ Workspaces []workspaceView }
		if err := json.Unmarshal(answer.Body.Bytes(), &out); err != nil || len(out.Workspaces) != 1 || out.Workspaces[0].Masked == full || out.Workspaces[0].Name != "default" {
			t.Errorf("token %q: %v %+v", token, err, out)
		}
	}
	if want := "InstrumentationKey=" + w.InstrumentationKey + ";IngestionEndpoint=https://127.0.0.1:9443/;LiveEndpoint=https://127.0.0.1:9443/;ApplicationId=" + w.ApplicationID; s.defaultConnection() != want {
		t.Errorf("connection string %s", s.defaultConnection())
	}
}
