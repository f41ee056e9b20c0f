package catalog

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func open(t *testing.T, dir string) *Catalog {
	t.Helper()
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDocumentsSurvive(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	if data, err := c.Load("silences"); data != nil || err != nil {
		t.Fatalf("before the first save: %q %v", data, err)
	}
	if err := c.Save("empty", nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one", "two"} {
		if err := c.Save("silences", []byte(want)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = open(t, dir)
	defer c.Close()
	if data, err := c.Load("silences"); !bytes.Equal(data, []byte("two")) || err != nil {
		t.Fatalf("after the restart: %q %v", data, err)
	}
}

func TestSubscriptionKeysAreStableAndDiffer(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	p1, s1, err := c.SubscriptionKeys("a")
	if err != nil || len(p1) != 32 || p1 == s1 {
		t.Fatalf("%q %q %v", p1, s1, err)
	}
	if p2, _, _ := c.SubscriptionKeys("b"); p2 == p1 {
		t.Fatal("two subscriptions share a key")
	}
	_ = c.Close()
	c = open(t, dir)
	defer c.Close()
	if p, s, _ := c.SubscriptionKeys("a"); p != p1 || s != s1 {
		t.Fatal("the keys changed over a restart")
	}
	path, err := c.WriteSubscriptionKeys(map[string]KeyPair{"a": {p1, s1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, filepath.Join(dir, "catalog.db")} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info.Mode(), err)
		}
	}
}

func TestLockNamesFolderAndHolder(t *testing.T) {
	dir := t.TempDir()
	l, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Lock(dir)
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "process") {
		t.Fatalf("second lock: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

func TestAdminToken(t *testing.T) {
	dir := t.TempDir()
	token, path, err := AdminToken(dir)
	if err != nil || len(token) != 64 {
		t.Fatalf("%q %v", token, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info.Mode(), err)
	}
	if again, _, _ := AdminToken(dir); again != token {
		t.Fatal("the second start has another token")
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := AdminToken(dir); err == nil {
		t.Fatal("a short token was accepted")
	}
}

func TestDamagedCatalogIsNamed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "catalog.db"), []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "catalog.db") {
		t.Fatalf("a damaged file: %v", err)
	}
}

func TestFolderNamesAreTakenLiterally(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data?x=%41#y")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c := open(t, dir)
	if err := c.Save("a", []byte("b")); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if info, err := os.Stat(filepath.Join(dir, "catalog.db")); err != nil || info.Size() == 0 || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
}

func TestDamagedCatalogSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "catalog.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("not a database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir)
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move it away") {
		t.Fatalf("%v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "probe-*")); len(left) != 0 {
		t.Fatalf("left behind: %v", left)
	}
}
