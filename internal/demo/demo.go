// Package demo is the built-in Demo Conference: a service folder in the APIOps
// layout, four small backend services instrumented with OpenTelemetry, and
// steady traffic with some errors and slow calls.
//
// What comes in: the addresses of a running gateway and its OTLP receiver.
// What goes out: requests to loopback addresses only. It must never be part of
// `gatehouse run`.
package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed all:service
var service embed.FS

// WriteService writes the demo's service folder to dir, where it can be edited
// while the demo runs. Existing files are left alone.
func WriteService(dir string) error {
	return fs.WalkDir(service, "service", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("service", path)
		if err != nil {
			return err
		}
		target := filepath.Join(dir, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		if _, err := os.Stat(target); err == nil {
			return nil
		}
		data, err := service.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, data, 0o644); err != nil {
			return fmt.Errorf("write the demo service: %w", err)
		}
		return nil
	})
}
