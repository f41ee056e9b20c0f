package apiops

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// debounce is how long a folder must be quiet before a change is told: a
// checkout touches many files.
const debounce = 300 * time.Millisecond

// maxDelay bounds the wait when files never stop changing.
const maxDelay = 5 * time.Second

// Watch calls onChange, from one goroutine, after files below dir changed and
// the folder was quiet for 300 ms. It returns when ctx is done (nil) or when
// watching fails. Names that start with a dot do not count, but for the links
// of Kubernetes volumes.
func Watch(ctx context.Context, dir string, onChange func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	defer w.Close()
	if err := watchBelow(w, dir); err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	var first time.Time // of the changes not told yet
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			first = time.Time{}
			onChange()
		case event, ok := <-w.Events:
			if !ok {
				return fmt.Errorf("watch %s: the watcher stopped", dir)
			}
			if !counts(event) {
				continue
			}
			if event.Has(fsnotify.Create) {
				// A new folder may hold files already; its removal before this is no failure.
				_ = watchBelow(w, event.Name)
			}
			if now := time.Now(); first.IsZero() {
				first = now
			}
			timer.Reset(max(0, min(debounce, maxDelay-time.Since(first))))
		case err, ok := <-w.Errors:
			if !ok || err != fsnotify.ErrEventOverflow {
				return fmt.Errorf("watch %s: %w", dir, err)
			}
			// Events were lost: what changed is not known, that something did is.
			if err := watchBelow(w, dir); err != nil {
				return fmt.Errorf("watch %s: %w", dir, err)
			}
			timer.Reset(debounce)
		}
	}
}

func counts(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	base := filepath.Base(e.Name)
	return !strings.HasPrefix(base, ".") || base == "..data"
}

func watchBelow(w *fsnotify.Watcher, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == dir {
				return err
			}
			return nil
		}
		if !d.IsDir() {
			return nil
		}
		if base := d.Name(); path != dir && strings.HasPrefix(base, ".") && base != "..data" {
			return filepath.SkipDir
		}
		return w.Add(path)
	})
}
