package apiops

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	changes, done := make(chan struct{}, 16), make(chan error, 1)
	go func() { done <- Watch(ctx, dir, func() { changes <- struct{}{} }) }()
	deep := filepath.Join(dir, "apis", "a", "operations")
	// The watch starts some time after the goroutine: touch until it is seen.
	touch := time.NewTicker(50 * time.Millisecond)
	defer touch.Stop()
	for n, seen := 0, false; !seen; n++ {
		select {
		case <-changes:
			seen = true
		case <-touch.C:
			if n == 0 {
				write(t, filepath.Join(dir, "policy.xml"))
			}
			if n%20 == 19 {
				write(t, filepath.Join(dir, "policy.xml"))
			}
		case err := <-done:
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	<-changes
	write(t, filepath.Join(deep, "policy.xml"))
	<-changes
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A folder that is replaced, by the same name or by a link that leads elsewhere,
// is told of, and so are changes in the new one.
func TestWatchFollows(t *testing.T) {
	base := t.TempDir()
	fresh := func(name string) string {
		path := filepath.Join(base, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(path, "policy.xml"))
		return path
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	plain, link := fresh("plain"), filepath.Join(base, "link")
	must(os.Symlink(fresh("first"), link))
	for name, c := range map[string]struct {
		dir     string
		replace func()
	}{
		"removed and made again": {plain, func() { must(os.RemoveAll(plain)); fresh("plain") }},
		"moved away":             {fresh("moved"), func() { must(os.Rename(filepath.Join(base, "moved"), filepath.Join(base, "old"))); fresh("moved") }},
		"a link":                 {link, func() { must(os.Remove(link)); must(os.Symlink(fresh("second"), link)) }},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		changes, done := make(chan struct{}, 100), make(chan error, 1)
		go func() { done <- Watch(ctx, c.dir, func() { changes <- struct{}{} }) }()
		told := func(what string, again func()) {
			t.Helper()
			for deadline := time.After(60 * time.Second); ; {
				again()
				select {
				case <-changes:
					return
				case <-time.After(2 * time.Second):
				case <-deadline:
					t.Fatalf("%s: %s was not told", name, what)
				}
			}
		}
		edit := func() { write(t, filepath.Join(c.dir, "policy.xml")) }
		told("a change", edit)
		for range 2 {
			c.replace()
			told("the replacement", func() {})
			told("a change in the new folder", edit)
			if name != "removed and made again" {
				break
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("<policies/>"), 0o644); err != nil {
		t.Fatal(err)
	}
}
