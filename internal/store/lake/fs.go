package lake

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// fileSystem is what the lake asks of the disk. The tests have an implementer
// that runs out of room, tears writes and forgets what was not synced.
type fileSystem interface {
	Create(path string) (file, error) // for writing, emptied
	Open(path string) (file, error)   // for reading
	Rename(from, to string) error
	Remove(path string) error
	MkdirAll(path string) error
	SyncDir(path string) error
	ReadFile(path string) ([]byte, error)
	Walk(root string, visit func(path string, size int64) error) error // files only
}

// file is an open file; Size is its length in bytes.
type file interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
}

// osFS is the disk of the operating system.
type osFS struct{}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Truncate also moves the write position, so that the next write continues
// where the file now ends.
func (f osFile) Truncate(size int64) error {
	if err := f.File.Truncate(size); err != nil {
		return err
	}
	_, err := f.Seek(size, io.SeekStart)
	return err
}

func (osFS) Create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o640)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Open(path string) (file, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Rename(from, to string) error         { return os.Rename(from, to) }
func (osFS) Remove(path string) error             { return os.Remove(path) }
func (osFS) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }

// MkdirAll also makes the new folder durable: a file in a folder that a power
// cut forgets is lost with it.
func (fsys osFS) MkdirAll(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return err
	}
	for range 3 { // hour, date, table
		path = filepath.Dir(path)
		if err := fsys.SyncDir(path); err != nil {
			return err
		}
	}
	return nil
}

// SyncDir makes a rename or a removal in a folder durable.
func (osFS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (osFS) Walk(root string, visit func(path string, size int64) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return visit(path, info.Size())
	})
}
