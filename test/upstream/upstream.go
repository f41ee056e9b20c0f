// Package upstream makes the commands of the Prometheus project that Gatehouse
// is compared with: prometheus, promtool, alertmanager and amtool.
//
// What comes in: the root of this module, whose go.mod says which versions.
// What goes out: folders with the commands, built from the Go module proxy as
// users build them and kept among the temporary files. It must never change this
// module's own files.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Prometheus gives a folder with prometheus and promtool.
func Prometheus(root string) (string, error) {
	return commands(root, "github.com/prometheus/prometheus", "prometheus", "promtool")
}

// Alertmanager gives a folder with alertmanager and amtool. The module comes
// without the built pages that the server embeds, so that a copy gets an empty
// one.
func Alertmanager(root string) (string, error) {
	return commands(root, "github.com/prometheus/alertmanager", "alertmanager", "amtool")
}

// commands builds what is not there yet. Our own module file, copied, may grow
// by what only these commands need.
func commands(root, module string, names ...string) (string, error) {
	version, err := Version(root, module)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(os.TempDir(), "gatehouse-"+filepath.Base(module)+"-"+version)
	if complete(folder, names) {
		return folder, nil
	}
	work, err := os.MkdirTemp("", "gatehouse-build-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	if err := build(root, work, module, names); err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	for _, name := range names {
		if err := os.Rename(filepath.Join(work, name), filepath.Join(folder, name)); err != nil {
			return "", err
		}
	}
	return folder, nil
}

func complete(folder string, names []string) bool {
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			return false
		}
	}
	return true
}

func build(root, work, module string, names []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(work, name), data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	file := filepath.Join(work, "go.mod")
	if strings.HasSuffix(module, "/alertmanager") {
		if err := withPages(ctx, root, work, module); err != nil {
			return err
		}
	}
	args := []string{"build", "-modfile", file, "-mod=mod", "-tags", "remove_all_sd", "-ldflags", "-s -w", "-o", work}
	for _, name := range names {
		args = append(args, module+"/cmd/"+name)
	}
	_, err := goCommand(ctx, root, args...)
	return err
}

// withPages points the copied module file to a copy of the module with a page.
func withPages(ctx context.Context, root, work, module string) error {
	dir, err := goCommand(ctx, root, "list", "-m", "-f", "{{.Dir}}", module)
	if err != nil {
		return err
	}
	source := filepath.Join(work, "source")
	if err := os.CopyFS(source, os.DirFS(strings.TrimSpace(dir))); err != nil {
		return err
	}
	pages := filepath.Join(source, "ui", "app", "dist")
	if err := errors.Join(os.MkdirAll(pages, 0o755), os.WriteFile(filepath.Join(pages, "index.html"), []byte("<!doctype html>\n"), 0o600)); err != nil {
		return err
	}
	_, err = goCommand(ctx, root, "mod", "edit", "-replace", module+"="+source, filepath.Join(work, "go.mod"))
	return err
}

func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// Version is that of a module in go.mod.
func Version(root, module string) (string, error) {
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == module {
			return f[1], nil
		}
	}
	return "", fmt.Errorf("go.mod does not name %s", module)
}
