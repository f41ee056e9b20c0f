package apiops

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// maxFolders is how deep folders may be nested.
const maxFolders = 12

// tree is the folder as it stood when it was opened: names are matched without
// regard to letter case, and no path leads out of it.
type tree struct {
	root    *os.Root
	options Options
	files   map[string]*entry   // by lower-case path
	folders map[string][]string // names by lower-case parent with "/" ("" is the top)
	total   int64
}

type entry struct {
	path string // as written on disk
	data []byte // of a file that is not there, nil otherwise
	used bool
}

func openTree(dir string, o Options) (*tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	t := &tree{root: root, options: o, files: map[string]*entry{}, folders: map[string][]string{}}
	if err := t.scan(".", 0); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return t, nil
}

func (t *tree) Close() error { return t.root.Close() }

func (t *tree) scan(dir string, depth int) error {
	if depth > maxFolders {
		return fmt.Errorf("%s: folders are nested deeper than %d", dir, maxFolders)
	}
	list, err := fs.ReadDir(t.root.FS(), dir)
	if err != nil {
		return err
	}
	for _, d := range list {
		// Names with a dot belong to Git, editors and Kubernetes' volume links.
		if strings.HasPrefix(d.Name(), ".") {
			continue
		}
		if err := t.scanEntry(path.Join(dir, d.Name()), d, depth); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) scanEntry(name string, d fs.DirEntry, depth int) error {
	mode := d.Type()
	if mode&fs.ModeSymlink != 0 {
		info, err := t.root.Stat(name)
		if err != nil {
			return fmt.Errorf("%s: the link cannot be followed inside the folder: %w", name, err)
		}
		mode = info.Mode().Type()
	}
	key := fold(name)
	switch {
	case mode.IsDir():
		parent, base := split(name)
		if slices.ContainsFunc(t.folders[fold(parent)], func(s string) bool { return strings.EqualFold(s, base) }) {
			return fmt.Errorf("%s: two folders differ only in letter case; names of resources do not", name)
		}
		t.folders[fold(parent)] = append(t.folders[fold(parent)], base)
		return t.scan(name, depth+1)
	case mode.IsRegular():
		if len(t.files) >= t.options.MaxFiles {
			return fmt.Errorf("holds more than %d files; is it the right folder?", t.options.MaxFiles)
		}
		if other := t.files[key]; other != nil {
			return fmt.Errorf("%s: differs from %s only in letter case", name, other.path)
		}
		t.files[key] = &entry{path: name}
	}
	return nil
}

func split(name string) (parent, base string) {
	parent, base = path.Split(name)
	return parent, base
}

// read gives a file's content and its path as written; fs.ErrNotExist when the
// folder had no such file.
func (t *tree) read(name string) ([]byte, string, error) {
	e := t.files[fold(name)]
	if e == nil {
		return nil, name, fs.ErrNotExist
	}
	e.used = true
	if e.data != nil {
		return e.data, e.path, nil
	}
	f, err := t.root.Open(e.path)
	if err != nil {
		// Not ErrNotExist: the file was there a moment ago.
		return nil, e.path, errors.New(strings.TrimPrefix(err.Error(), "openat "))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, t.options.MaxFile+1))
	if err != nil {
		return nil, e.path, err
	}
	if int64(len(data)) > t.options.MaxFile {
		return nil, e.path, fmt.Errorf("is larger than %d bytes", t.options.MaxFile)
	}
	if t.total += int64(len(data)); t.total > t.options.MaxTotal {
		return nil, e.path, fmt.Errorf("all files together are larger than %d bytes", t.options.MaxTotal)
	}
	return data, e.path, nil
}

// children lists the sub-folders of a folder ("apis/") in order.
func (t *tree) children(parent string) []string {
	out := slices.Clone(t.folders[fold(parent)])
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(fold(a), fold(b)) })
	return out
}

// withExtension lists the files of a folder ("apis/x/") that end with extension.
func (t *tree) withExtension(folder, extension string) []string {
	var out []string
	for key, e := range t.files {
		if name, ok := strings.CutPrefix(key, fold(folder)); ok && strings.HasSuffix(name, extension) && !strings.Contains(name, "/") {
			out = append(out, e.path)
		}
	}
	slices.Sort(out)
	return out
}

// has tells whether a file is there, without reading it.
func (t *tree) has(name string) bool { return t.files[fold(name)] != nil }

func fold(s string) string { return strings.ToLower(s) }

func trimBOM(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) }

// use marks a file as known without reading it.
func (t *tree) use(name string) {
	if e := t.files[fold(name)]; e != nil {
		e.used = true
	}
}

// useBelow marks all files of a folder ("apis/x/schemas/") as known.
func (t *tree) useBelow(folder string) {
	for key, e := range t.files {
		if strings.HasPrefix(key, fold(folder)) {
			e.used = true
		}
	}
}
