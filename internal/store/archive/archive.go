// Package archive keeps what the stores of this machine forget: whole blocks of
// samples and the closed days of the activity log, in a folder or in object
// storage that speaks S3.
//
// What comes in: folders of blocks and files of days, which do not change any more.
// What goes out: objects under names that tell what they are; and the same blocks
// again, checked, into a folder of a workspace. It must never take an object for a
// block of which not everything is there, write outside the folder it is given, or
// change or remove what is archived.
package archive

import (
	"context"
	"io"
	"regexp"
	"strings"
)

// Object is one of a store.
type Object struct {
	Name string // with slashes
	Size int64
}

// Store keeps objects. An object is there as a whole or not at all.
type Store interface {
	// Put writes an object of a size; one of this name is replaced.
	Put(ctx context.Context, name string, from io.Reader, size int64) error
	// Get reads one; the error is fs.ErrNotExist when there is none.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// List gives the objects whose names begin with a prefix, in any order, until
	// each gives an error.
	List(ctx context.Context, prefix string, each func(Object) error) error
}

const (
	ofMetrics  = "metrics/"  // metrics/WORKSPACE/ULID/FILE
	ofActivity = "activity/" // activity/FILE
	marker     = "archive.json"
)

var (
	workspaceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	blockName     = regexp.MustCompile(`^[0-7][0-9A-HJKMNP-TV-Z]{25}$`) // a ULID
	fileOfBlock   = regexp.MustCompile(`^(meta\.json|index|tombstones|chunks/[0-9]{6})$`)
)

// has says whether an object is there, and how large it is.
func has(ctx context.Context, s Store, name string) (size int64, known bool, err error) {
	err = s.List(ctx, name, func(o Object) error {
		if o.Name == name {
			size, known = o.Size, true
		}
		return nil
	})
	return size, known, err
}

// inside says whether a name from a store stays below where it is put.
func inside(name string) bool {
	if name == "" || strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\\\x00") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}
