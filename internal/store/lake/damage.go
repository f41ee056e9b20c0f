package lake

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/parquet-go/parquet-go"
)

// damagedSuffix is put behind the name of a file that cannot be read. Such a
// file is left for somebody to look at and is no longer part of the lake.
const damagedSuffix = ".damaged"

// guarded reads a Parquet file. The library panics on some damaged files, and
// one of those must not end the process.
func guarded(read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file is damaged: %v", p)
		}
	}()
	return read()
}

// setAside takes those of the files that are damaged off the manifest, so that
// the others can be queried and merged, and says how many rows are lost. It
// gives the number of files.
func (l *Lake) setAside(files []*dataFile, check func(*dataFile) error) int {
	var damaged []*dataFile
	for _, f := range files {
		err := check(f)
		if err == nil || !isDamage(err) || !l.manifest.has(f) {
			continue // has: a merge may have replaced and deleted it meanwhile
		}
		path := filepath.Join(l.o.Dir, f.Path)
		l.o.Logger.Error("lake: a file is damaged and was set aside; its rows are lost", "file", path+damagedSuffix, "rows", f.Rows, "error", err)
		if err := l.o.fs.Rename(path, path+damagedSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.o.Logger.Warn("lake: a damaged file could not be renamed", "error", err)
		}
		damaged = append(damaged, f)
	}
	if len(damaged) == 0 {
		return 0
	}
	// What edit gives back needs no deletion: the files have other names now.
	if _, err := l.manifest.edit(nil, damaged, 0); err != nil {
		l.o.Logger.Error("lake: damaged files are still listed", "error", err)
		return 0
	}
	l.counts.damaged.Add(int64(len(damaged)))
	return len(damaged)
}

// isDamage tells a damaged or missing file from a disk or a process in trouble,
// which may read it later.
func isDamage(err error) bool {
	var number syscall.Errno
	return errors.Is(err, fs.ErrNotExist) || !errors.As(err, &number)
}

// checkFooter reads the file's description, in a fraction of a millisecond.
func (l *Lake) checkFooter(f *dataFile) error {
	_, _, _, err := describe(l.o.fs, l.o.Dir, f.Path, f.Bytes)
	return err
}

// checkRows reads all of the file.
func (l *Lake) checkRows(f *dataFile) error {
	return guarded(func() error {
		r, err := l.o.fs.Open(filepath.Join(l.o.Dir, f.Path))
		if err != nil {
			return err
		}
		defer r.Close()
		p, err := parquet.OpenFile(r, f.Bytes, parquet.ReadBufferSize(256<<10))
		if err != nil {
			return err
		}
		for _, g := range p.RowGroups() {
			if err := copyRows(nowhere{}, g); err != nil {
				return err
			}
		}
		return nil
	})
}

// nowhere takes rows and forgets them.
type nowhere struct{}

func (nowhere) WriteRows(rows []parquet.Row) (int, error) { return len(rows), nil }
