package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gatehouse/internal/dashboards"
)

// dashboardCommand writes the dashboards as files that Grafana provisions or
// imports. Files of the same names are replaced.
func dashboardCommand(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("use: gatehouse dashboards DIR")
	}
	if err := os.MkdirAll(args[0], 0o755); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	for _, d := range dashboards.All() {
		data, err := d.JSON()
		if err != nil {
			return fmt.Errorf("dashboard %s: %w", d.UID, err)
		}
		path := filepath.Join(args[0], d.UID+".json")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return fmt.Errorf("write the dashboard: %w", err)
		}
		if _, err := fmt.Fprintln(out, path); err != nil {
			return err
		}
	}
	return nil
}
