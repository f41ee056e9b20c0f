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

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("<policies/>"), 0o644); err != nil {
		t.Fatal(err)
	}
}
