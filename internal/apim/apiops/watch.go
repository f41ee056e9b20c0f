package apiops

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
// of Kubernetes volumes. dir may be a link, and may be replaced.
func Watch(ctx context.Context, dir string, onChange func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	defer w.Close()
	at, err := placeOf(dir)
	if err == nil {
		err = watchBelow(w, at.root)
	}
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	var first time.Time // of the changes not told yet
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			first = time.Time{}
			onChange()
		case <-look.C:
			if at.follow(w, dir) {
				timer.Reset(debounce)
			}
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
			if err := watchBelow(w, at.root); err != nil {
				return fmt.Errorf("watch %s: %w", dir, err)
			}
			timer.Reset(debounce)
		}
	}
}

// place is the folder that is watched: where it is and which one.
type place struct {
	root string
	info fs.FileInfo
}

func placeOf(dir string) (p place, err error) {
	if p.root, err = filepath.EvalSymlinks(dir); err == nil {
		p.info, err = os.Stat(p.root)
	}
	return p, err
}

// follow looks whether dir is another folder than the one that is watched: it was
// replaced, or is a link that leads elsewhere now. Nothing below the old folder
// tells of that. The new one is watched instead.
func (p *place) follow(w *fsnotify.Watcher, dir string) (moved bool) {
	now, err := placeOf(dir)
	list := w.WatchList()
	if err != nil || (now.root == p.root && os.SameFile(now.info, p.info) && slices.Contains(list, p.root)) {
		return false // or it is away for the moment
	}
	for _, path := range list {
		_ = w.Remove(path)
	}
	if watchBelow(w, now.root) != nil {
		return false // the next look tries again, as nothing is watched
	}
	*p = now
	return true
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
