package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Folder is a store in a folder, which may be a share.
type Folder string

const unfinished = ".part"

// Put is part of Store.
func (f Folder) Put(ctx context.Context, name string, from io.Reader, size int64) error {
	if !inside(name) {
		return fmt.Errorf("%.200q is no name of an object", name)
	}
	path := filepath.Join(string(f), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	out, err := os.OpenFile(path+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, stopping{ctx, from})
	if err == nil && n != size {
		err = fmt.Errorf("%s has %d bytes instead of %d", name, n, size)
	}
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(path+unfinished))
	}
	return os.Rename(path+unfinished, path)
}

// Get is part of Store.
func (f Folder) Get(_ context.Context, name string) (io.ReadCloser, error) {
	if !inside(name) {
		return nil, fs.ErrNotExist
	}
	return os.Open(filepath.Join(string(f), filepath.FromSlash(name)))
}

// List is part of Store.
func (f Folder) List(ctx context.Context, prefix string, each func(Object) error) error {
	// Only the folder that the prefix names is walked.
	from := string(f)
	if i := strings.LastIndexByte(prefix, '/'); i > 0 && inside(prefix[:i]) {
		from = filepath.Join(from, filepath.FromSlash(prefix[:i]))
	}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		name, err := filepath.Rel(string(f), path)
		name = filepath.ToSlash(name)
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(name, unfinished) || !strings.HasPrefix(name, prefix) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return each(Object{name, info.Size()})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// stopping reads until a context ends.
type stopping struct {
	ctx  context.Context
	from io.Reader
}

func (s stopping) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.from.Read(p)
}
