package lake

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
)

// deleteQueue holds files that are in no manifest and no query. A file that
// cannot be deleted now is tried again later, and at the next start at last.
type deleteQueue struct {
	mu    sync.Mutex
	files []*dataFile
}

func (q *deleteQueue) add(files []*dataFile) {
	if len(files) == 0 {
		return
	}
	q.mu.Lock()
	q.files = append(q.files, files...)
	q.mu.Unlock()
}

func (q *deleteQueue) run(l *Lake) {
	q.mu.Lock()
	files := q.files
	q.files = nil
	q.mu.Unlock()
	var left []*dataFile
	for _, f := range files {
		l.blooms.forget(f.Path)
		if err := l.o.fs.Remove(filepath.Join(l.o.Dir, f.Path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.o.Logger.Warn("lake: a file could not be deleted", "file", f.Path, "error", err)
			if len(files) < 10_000 {
				left = append(left, f)
			}
		}
	}
	q.add(left)
}
