package lake

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

func isUnsure(err error) bool { return errors.Is(err, errUnsure) }

// recover brings the folder into a state that the manifest describes: files
// that a crash left half done are removed, and rows that are only in the
// write-ahead log become segments.
func (l *Lake) recover() error {
	for _, dir := range []string{"", "wal", Spans, Logs, "tmp"} {
		if err := l.o.fs.MkdirAll(filepath.Join(l.o.Dir, dir)); err != nil {
			return err
		}
	}
	found, wals, err := l.scan()
	if err != nil {
		return err
	}
	if err := l.loadManifest(found, wals); err != nil {
		return err
	}
	l.removeStrangers(found)
	if err := l.writeEmpty(); err != nil {
		return err
	}
	return l.replay(wals)
}

// scan lists data files (path relative to the lake, size) and write-ahead log
// files, and removes temporary files.
func (l *Lake) scan() (map[string]int64, []uint64, error) {
	found := make(map[string]int64)
	var wals []uint64
	err := l.o.fs.Walk(l.o.Dir, func(path string, size int64) error {
		rel, err := filepath.Rel(l.o.Dir, path)
		if err != nil {
			return err
		}
		top, _, nested := strings.Cut(filepath.ToSlash(rel), "/")
		switch {
		case isTemp(path) || (top == "tmp" && nested):
			l.o.fs.Remove(path)
		case top == "wal":
			if seq, ok := parseWALName(path); ok {
				wals = append(wals, seq)
			}
		case (top == Spans || top == Logs) && strings.HasSuffix(path, ".parquet") && filepath.Base(path) != emptyName:
			found[rel] = size
		}
		return nil
	})
	slices.Sort(wals)
	return found, wals, err
}

func (l *Lake) loadManifest(found map[string]int64, wals []uint64) error {
	err := l.manifest.load()
	if err == nil || !errors.Is(err, errNoManifest) {
		l.dropMissing(found)
		return err
	}
	if len(found) == 0 {
		return nil
	}
	l.o.Logger.Warn("lake: the manifest is rebuilt from the files", "reason", err, "files", len(found))
	live := make(map[uint64]bool, len(wals))
	for _, seq := range wals {
		live[seq] = true
	}
	for _, err := range l.manifest.rebuild(found, live) {
		l.o.Logger.Error("lake: a file cannot be read and is left alone", "error", err)
	}
	_, err = l.manifest.edit(nil, nil, 0)
	return err
}

// dropMissing takes files off the list that somebody removed by hand: one
// missing file would else fail every query of its time.
func (l *Lake) dropMissing(found map[string]int64) {
	for path, f := range l.manifest.files {
		if size, ok := found[path]; !ok || size != f.Bytes {
			l.o.Logger.Error("lake: a file of the manifest is missing or has another size; its rows are lost", "file", path, "rows", f.Rows)
			l.counts.damaged.Add(1)
			delete(l.manifest.files, path)
		}
	}
}

// removeStrangers removes files that are not in the manifest: a crash came
// between their rename and the manifest, so their rows are elsewhere. A file
// that cannot be read is not ours to remove.
func (l *Lake) removeStrangers(found map[string]int64) {
	for path, size := range found {
		if l.manifest.files[path] != nil {
			continue
		}
		if _, _, _, err := describe(l.o.fs, l.o.Dir, path, size); err != nil {
			continue
		}
		if err := l.o.fs.Remove(filepath.Join(l.o.Dir, path)); err != nil {
			l.o.Logger.Warn("lake: a leftover file could not be removed", "error", err)
		}
	}
}

// replay turns what is left of the write-ahead log into segments, file by file.
// When the disk has no room for them the rows wait in memory, as they do while
// the lake runs.
func (l *Lake) replay(wals []uint64) error {
	floor := l.manifest.walFloor()
	l.nextWAL = max(floor, 1)
	l.active = &generation{}
	for _, seq := range wals {
		l.nextWAL = max(l.nextWAL, seq+1)
		if seq < floor {
			l.removeWAL(seq, seq)
			continue
		}
		g, err := l.readGeneration(seq)
		if err != nil {
			return err
		}
		if g.rowCount() == 0 {
			l.removeWAL(seq, seq)
			continue
		}
		l.counts.replayed.Add(int64(g.rowCount()))
		l.pending = append(l.pending, g)
		if err := l.flush(); err != nil {
			l.o.Logger.Error("lake: rows of the write-ahead log wait in memory", "error", err)
		}
	}
	return nil
}

// readGeneration decodes one file of the log. What follows the first damaged
// record was never acknowledged as synced, or the disk lost it: it is said, and
// left out.
func (l *Lake) readGeneration(seq uint64) (*generation, error) {
	data, err := l.o.fs.ReadFile(walPath(l.o.Dir, seq))
	if err != nil {
		return nil, fmt.Errorf("read write-ahead log: %w", err)
	}
	g := &generation{firstWAL: seq, maxWAL: seq, oldest: l.o.Now()}
	good, err := readWAL(data, func(payload []byte) error { return l.replayBatch(g, payload) })
	if err != nil || good < len(data) {
		l.counts.damaged.Add(1)
		l.o.Logger.Warn("lake: the end of a write-ahead log file is torn and was cut off",
			"file", walPath(l.o.Dir, seq), "kept_bytes", good, "lost_bytes", len(data)-good, "reason", err)
	}
	g.bytes = int64(good)
	return g, nil
}

// replayBatch reads a batch once before it is trusted; the memory of the file
// holds it until it is in a segment.
func (l *Lake) replayBatch(g *generation, payload []byte) (err error) {
	var x extent
	switch payload[0] {
	case kindSpans:
		x, err = measure(l.spanOut.codec, payload)
	case kindLogs:
		x, err = measure(l.logOut.codec, payload)
	default:
		err = fmt.Errorf("%w: unknown kind of batch", errDamaged)
	}
	if err == nil {
		g.add(payload, x)
	}
	return err
}
