package lake

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/parquet-go/parquet-go"
)

// dataFile is one Parquet file of the lake.
type dataFile struct {
	Path    string `json:"path"` // relative to the lake, never used twice
	Table   string `json:"table"`
	Level   level  `json:"level"`
	Seq     uint64 `json:"seq"`
	Min     int64  `json:"min"` // ns, time of the first row
	Max     int64  `json:"max"` // ns, time of the last row
	Rows    int64  `json:"rows"`
	Groups  int    `json:"groups"`
	Bytes   int64  `json:"bytes"`
	Schema  uint32 `json:"schema"`
	Created int64  `json:"created"` // ns

	pins    int  // queries that may still open the file
	dropped bool // no longer in the manifest
}

// level says how often the rows of a file have been merged.
type level string

const (
	levelSegment level = "s" // a flush
	levelMinute  level = "m" // re-encoded flushes
	levelHour    level = "h" // joined row groups
)

// manifest is the list of the files that make up the lake. Queries see nothing
// else: a file appears and disappears by one atomic replacement of the list.
type manifest struct {
	fs   fileSystem
	root string

	write sync.Mutex // held while the list is replaced, disk included
	mu    sync.Mutex // guards what is below; never held during input or output
	files map[string]*dataFile
	wal   uint64 // write-ahead log files below this are in segments
	seq   atomic.Uint64
}

type manifestFile struct {
	Version int         `json:"version"`
	WAL     uint64      `json:"wal"`
	Seq     uint64      `json:"seq"`
	Files   []*dataFile `json:"files"`
}

const (
	manifestName    = "manifest.json"
	manifestVersion = 1
)

var errNoManifest = errors.New("no manifest")

func (m *manifest) load() error {
	data, err := m.fs.ReadFile(filepath.Join(m.root, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return errNoManifest
	}
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	var list manifestFile
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("%w: %s is damaged: %w", errNoManifest, manifestName, err)
	}
	// A list that is not ours must not pass for an empty one: files that are not
	// on the list are removed.
	switch {
	case list.Version > manifestVersion:
		return fmt.Errorf("%s has version %d, this program knows versions up to %d: start the newer program that wrote it", manifestName, list.Version, manifestVersion)
	case list.Version < 1 || list.Files == nil:
		return fmt.Errorf("%w: %s is damaged: it is not a list of files", errNoManifest, manifestName)
	}
	m.wal = list.WAL
	m.seq.Store(list.Seq)
	for _, f := range list.Files {
		m.files[f.Path] = f
		m.seq.Store(max(m.seq.Load(), f.Seq))
	}
	return nil
}

// nextSeq numbers files. A number that was handed out but not recorded before a
// crash belongs to a file that is removed at the next start.
func (m *manifest) nextSeq() uint64 { return m.seq.Add(1) }

// edit replaces the list: add appears and remove disappears at once, on disk
// first. wal, when not zero, says that write-ahead log files below it are in
// segments now. It gives the removed files that no query holds; the caller
// deletes them.
func (m *manifest) edit(add, remove []*dataFile, wal uint64) ([]*dataFile, error) {
	m.write.Lock()
	defer m.write.Unlock()
	gone := make(map[string]bool, len(remove))
	for _, f := range remove {
		gone[f.Path] = true
	}
	m.mu.Lock()
	list := manifestFile{Version: manifestVersion, WAL: max(m.wal, wal), Files: make([]*dataFile, 0, len(m.files)+len(add))}
	for path, f := range m.files {
		if !gone[path] {
			list.Files = append(list.Files, f)
		}
	}
	m.mu.Unlock()
	list.Files = append(list.Files, add...)
	list.Seq = m.seq.Load()
	if err := m.save(&list); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wal = list.WAL
	var free []*dataFile
	for _, f := range remove {
		delete(m.files, f.Path)
		f.dropped = true
		if f.pins == 0 {
			free = append(free, f)
		}
	}
	for _, f := range add {
		m.files[f.Path] = f
	}
	return free, nil
}

func (m *manifest) save(list *manifestFile) error {
	data, err := json.Marshal(list)
	if err != nil {
		return err
	}
	err = publish(m.fs, m.root, manifestName, func(f file) error {
		_, err := f.Write(data)
		return err
	})
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}

// has tells whether the file is still on the list.
func (m *manifest) has(f *dataFile) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.files[f.Path] == f
}

// list gives the files that keep says yes to, in no order.
func (m *manifest) list(keep func(*dataFile) bool) []*dataFile {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*dataFile
	for _, f := range m.files {
		if keep(f) {
			out = append(out, f)
		}
	}
	return out
}

// pin is list for a reader: the files are not deleted until unpin.
func (m *manifest) pin(keep func(*dataFile) bool) []*dataFile {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*dataFile
	for _, f := range m.files {
		if keep(f) {
			f.pins++
			out = append(out, f)
		}
	}
	return out
}

// unpin lets files go and gives those that nobody needs any more.
func (m *manifest) unpin(files []*dataFile) []*dataFile {
	m.mu.Lock()
	defer m.mu.Unlock()
	var free []*dataFile
	for _, f := range files {
		f.pins--
		if f.pins == 0 && f.dropped {
			free = append(free, f)
		}
	}
	return free
}

func (m *manifest) walFloor() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wal
}

// rebuild makes the list from the files themselves when the manifest is lost.
// A file that another one replaces, or whose rows are still in the write-ahead
// log, is left out; the caller removes such files.
func (m *manifest) rebuild(paths map[string]int64, liveWAL map[uint64]bool) (skipped []error) {
	replaced := make(map[uint64]bool)
	for path, size := range paths {
		f, inputs, wal, err := describe(m.fs, m.root, path, size)
		if err != nil {
			skipped = append(skipped, err)
			continue
		}
		m.seq.Store(max(m.seq.Load(), f.Seq))
		if wal != 0 && liveWAL[wal] {
			continue
		}
		m.files[path] = f
		for _, in := range inputs {
			replaced[in] = true
		}
	}
	for path, f := range m.files {
		if replaced[f.Seq] {
			delete(m.files, path)
		}
	}
	return skipped
}

// describe reads a file's own description. wal is the last write-ahead log
// file whose rows it holds, 0 for a merged file.
func describe(fsys fileSystem, root, path string, size int64) (f *dataFile, inputs []uint64, wal uint64, err error) {
	err = guarded(func() error {
		f, inputs, wal, err = describeFile(fsys, root, path, size)
		return err
	})
	return f, inputs, wal, err
}

func describeFile(fsys fileSystem, root, path string, size int64) (f *dataFile, inputs []uint64, wal uint64, err error) {
	r, err := fsys.Open(filepath.Join(root, path))
	if err != nil {
		return nil, nil, 0, err
	}
	defer r.Close()
	p, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, nil, 0, fmt.Errorf("open %s: %w", path, err)
	}
	table, _, _ := strings.Cut(filepath.ToSlash(path), "/")
	f = &dataFile{Path: path, Table: table, Rows: p.NumRows(), Groups: len(p.RowGroups()), Bytes: size, Schema: schemaID(p.Schema())}
	if f.Level, f.Seq, err = parseName(path); err != nil {
		return nil, nil, 0, err
	}
	text, _ := p.Lookup(metaMin)
	if f.Min, err = strconv.ParseInt(text, 10, 64); err != nil {
		return nil, nil, 0, fmt.Errorf("open %s: not a file of the lake: %w", path, err)
	}
	text, _ = p.Lookup(metaMax)
	if f.Max, err = strconv.ParseInt(text, 10, 64); err != nil {
		return nil, nil, 0, fmt.Errorf("open %s: not a file of the lake: %w", path, err)
	}
	f.Created = f.Max
	inputs = inputsOf(p)
	if text, ok := p.Lookup(metaWAL); ok {
		var first uint64
		fmt.Sscan(text, &first, &wal)
	}
	return f, inputs, wal, nil
}

// inputsOf gives the numbers of the files that a merged file replaces.
func inputsOf(p *parquet.File) []uint64 {
	text, _ := p.Lookup(metaInputs)
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	var seqs []uint64
	var last uint64
	for len(data) > 0 {
		d, n := binary.Uvarint(data)
		if n <= 0 {
			break
		}
		data = data[n:]
		last += d
		seqs = append(seqs, last)
	}
	return seqs
}

// encodeSeqs writes numbers as differences: an hour has thousands of flushes,
// and every reader of the file reads its metadata.
func encodeSeqs(seqs []uint64) string {
	slices.Sort(seqs)
	var data []byte
	var last uint64
	for _, s := range slices.Compact(seqs) {
		data = binary.AppendUvarint(data, s-last)
		last = s
	}
	return base64.StdEncoding.EncodeToString(data)
}

func fileName(folder string, l level, seq uint64) string {
	return filepath.Join(folder, fmt.Sprintf("%s-%010d.parquet", l, seq))
}

func parseName(path string) (level, uint64, error) {
	name := strings.TrimSuffix(filepath.Base(path), ".parquet")
	kind, number, ok := strings.Cut(name, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || (kind != "s" && kind != "m" && kind != "h") {
		return "", 0, fmt.Errorf("%s: not a file name of the lake", path)
	}
	return level(kind), seq, nil
}
