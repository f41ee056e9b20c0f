package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// profile starts a processor profile of a target that has a monitor door, as
// long as the load. The function that it gives waits for the end of it.
func (h *harness) profile(t target) func() {
	if h.profiles == "" || t.monitor == nil {
		return func() {}
	}
	done := make(chan error, 1)
	go func() { done <- fetchProfile(t.monitor(), h.seconds, filepath.Join(h.profiles, t.name+".pprof")) }()
	return func() {
		if err := <-done; err != nil {
			fmt.Fprintln(os.Stderr, "bench: profile of "+t.name+":", err)
		}
	}
}

func fetchProfile(monitor string, seconds float64, path string) error {
	resp, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", monitor, seconds))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, resp.Body); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}
