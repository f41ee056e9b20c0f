// Package npm installs the packages of a conformance suite.
//
// What comes in: the folder of a package-lock.json. What goes out: a folder with
// node_modules, installed once for each lock file. A machine without npm or
// without a registry skips the test; an installation that fails although the
// registry answers is a failure and never skips.
package npm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Suite is one lock file. The lock is held while its folder is filled: tests of a
// package may run side by side.
type Suite struct {
	mu sync.Mutex
}

// Install gives the folder that has node_modules for the lock file of the
// current folder.
func (s *Suite) Install(t *testing.T) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not installed: the clients cannot be tried")
	}
	dir, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "installed")); err == nil {
		return dir
	}
	out, err := npm(dir, 5*time.Minute, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	if err != nil {
		if ping, away := npm(dir, 30*time.Second, "ping"); away != nil {
			t.Skipf("no npm registry answers, so the clients cannot be tried: %v\n%s", away, ping)
		}
		t.Fatalf("npm ci failed although the registry answers: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "installed"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// folder is where packages of this lock file are kept, with both files in it.
func folder() (string, error) {
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		return "", err
	}
	manifest, err := os.ReadFile("package.json")
	if err != nil {
		return "", err
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(base, "gatehouse-conformance-"+hex.EncodeToString(sum[:6]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for name, data := range map[string][]byte{"package.json": manifest, "package-lock.json": lock} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func npm(dir string, limit time.Duration, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", args...)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = fmt.Errorf("not done after %v", limit)
	}
	return out, err
}

// Run copies the named files of the current folder into a folder of the test's
// own, beside the packages, and gives it: modules are found from there.
func (s *Suite) Run(t *testing.T, files ...string) string {
	t.Helper()
	dir, own := s.Install(t), t.TempDir()
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(own, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "node_modules"), filepath.Join(own, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return own
}
