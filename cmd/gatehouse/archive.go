package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"gatehouse/internal/server"
)

// archiveCommand lists what is archived, or puts blocks of samples back.
func archiveCommand(args []string, out io.Writer) error {
	const use = "usage: gatehouse archive list|restore --config FILE [--data DIR] [--workspace NAME] [--from TIME] [--to TIME]"
	if len(args) == 0 || args[0] != "list" && args[0] != "restore" {
		return errors.New(use)
	}
	set := flag.NewFlagSet("archive", flag.ContinueOnError)
	file := set.String("config", "", "file of settings with archive")
	data := set.String("data", "", "data folder to restore into (default: that of the settings)")
	workspace := set.String("workspace", "", "metric workspace (default: all)")
	from := set.String("from", "", "of samples, as 2026-03-01 or 2026-03-01T10:00:00Z (default: the first)")
	to := set.String("to", "", "the same (default: now)")
	if err := set.Parse(args[1:]); err != nil {
		return err
	}
	if set.NArg() > 0 || *file == "" {
		return errors.New(use)
	}
	config, err := server.LoadConfig(*file)
	if err != nil {
		return err
	}
	if *data != "" {
		config.Data.Folder = *data
	}
	q := server.ArchiveRequest{Workspace: *workspace, From: time.Unix(0, 0), To: time.Now()}
	for name, one := range map[string]struct {
		text string
		to   *time.Time
	}{"from": {*from, &q.From}, "to": {*to, &q.To}} {
		if err := readTime(one.text, one.to); err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
	}
	if args[0] == "list" {
		return server.ListArchive(context.Background(), config, q, out)
	}
	return server.RestoreArchive(context.Background(), config, q, out)
}

func readTime(text string, to *time.Time) error {
	if text == "" {
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			*to = t
			return nil
		}
	}
	return fmt.Errorf("%.60q is no time such as 2026-03-01 or 2026-03-01T10:00:00Z", text)
}
