package lake

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

func (l *Lake) flushLoop() {
	tick := time.NewTicker(l.o.FlushInterval)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		case <-l.full:
		}
		if err := l.flush(); err != nil {
			l.o.Logger.Error("lake: rows could not be written into a segment; they stay in the write-ahead log", "error", err)
			l.pause(time.Second)
		}
	}
}

func (l *Lake) pause(d time.Duration) {
	select {
	case <-l.stop:
	case <-time.After(d):
	}
}

func (l *Lake) syncLoop() {
	tick := time.NewTicker(l.o.SyncInterval)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
			l.syncWAL()
		}
	}
}

// syncWAL makes what was appended so far survive a power cut. It must not hold
// the lock while the disk works. A file that was rotated away meanwhile is
// closed; its rows are on their way into a segment.
func (l *Lake) syncWAL() {
	l.mu.Lock()
	w := l.active.wal
	if w == nil || !w.dirty {
		l.mu.Unlock()
		return
	}
	w.dirty = false
	l.mu.Unlock()
	if err := w.f.Sync(); err != nil {
		l.mu.Lock()
		current := l.active.wal == w
		l.mu.Unlock()
		if current {
			l.counts.syncErrors.Add(1)
			l.o.Logger.Error("lake: the write-ahead log could not be synced", "error", err)
		}
	}
}

// Flush writes the rows in memory into segments, so that queries see them.
func (l *Lake) Flush() error { return l.flush() }

// flush writes waiting generations, oldest first, then the active one.
func (l *Lake) flush() error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if err := l.drain(); err != nil {
		return err
	}
	l.rotate()
	return l.drain()
}

func (l *Lake) drain() error {
	for {
		l.mu.Lock()
		if len(l.pending) == 0 {
			l.mu.Unlock()
			return nil
		}
		g := l.pending[0]
		l.mu.Unlock()
		if err := l.write(g); err != nil {
			l.counts.flushErrors.Add(1)
			return err
		}
		l.mu.Lock()
		l.pending = l.pending[1:]
		g.recycle(&l.freeBlocks)
		l.mu.Unlock()
		l.removeWAL(g.firstWAL, g.maxWAL)
		l.counts.flushes.Add(1)
	}
}

// rotate puts the active generation into the queue.
func (l *Lake) rotate() {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.active
	if g.rowCount() == 0 {
		return
	}
	g.wal.f.Close()
	l.pending = append(l.pending, g)
	l.active = &generation{}
}

// write makes segments of a generation and swaps the manifest. Rows are either
// all in the manifest, or none of them.
func (l *Lake) write(g *generation) error {
	files, err := writeTable(l, l.spanOut, g)
	if err == nil {
		var logs []*dataFile
		logs, err = writeTable(l, l.logOut, g)
		files = append(files, logs...)
	}
	if err != nil {
		l.discard(files)
		return err
	}
	if _, err := l.manifest.edit(files, nil, g.maxWAL+1); err != nil {
		if !isUnsure(err) {
			l.discard(files)
		}
		return err
	}
	l.counts.flushedRows.Add(int64(g.rowCount()))
	return nil
}

func writeTable[T any](l *Lake, w *segmentWriter[T], g *generation) ([]*dataFile, error) {
	if g.extents[w.codec.kind].rows == 0 {
		return nil, nil
	}
	parts, err := byHour(w.codec, g)
	if err != nil {
		return nil, err
	}
	var files []*dataFile
	for _, part := range parts {
		f, err := writeSegment(l, w, g, part)
		if f != nil {
			files = append(files, f)
		}
		if err != nil {
			return files, fmt.Errorf("write segment of %s: %w", w.codec.name, err)
		}
	}
	return files, nil
}

// writeSegment gives the file also when it may have been left behind by a failure.
func writeSegment[T any](l *Lake, w *segmentWriter[T], g *generation, part extent) (*dataFile, error) {
	data, x, err := w.encode(g, part.min, part.max)
	if err != nil {
		return nil, err
	}
	if x.rows != part.rows {
		return nil, fmt.Errorf("%d rows became %d", part.rows, x.rows)
	}
	seq := l.manifest.nextSeq()
	f := &dataFile{
		Path: fileName(folderOf(w.codec.name, x.min), levelSegment, seq), Table: w.codec.name, Level: levelSegment, Seq: seq,
		Min: x.min, Max: x.max, Rows: int64(x.rows), Groups: 1 + (x.rows-1)/rowGroupRows, Bytes: int64(len(data)),
		Schema: w.schema, Created: l.o.Now().UnixNano(),
	}
	return f, publish(l.o.fs, l.o.Dir, f.Path, func(out file) error {
		_, err := out.Write(data)
		return err
	})
}

// discard removes files that never were in the manifest.
func (l *Lake) discard(files []*dataFile) {
	for _, f := range files {
		l.o.fs.Remove(filepath.Join(l.o.Dir, f.Path))
	}
}

// removeWAL forgets log files whose rows are in segments. One that cannot be
// removed now is removed at the next start: the manifest says that it is done.
func (l *Lake) removeWAL(first, last uint64) {
	for seq := first; seq <= last; seq++ {
		if err := l.o.fs.Remove(walPath(l.o.Dir, seq)); err != nil {
			l.o.Logger.Warn("lake: an old write-ahead log file could not be removed", "error", err)
		}
	}
}

func (l *Lake) closeWAL() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active.wal != nil {
		l.active.wal.f.Close()
	}
}

// freshness is how old a row may be without a query seeing it.
const freshness = 200 * time.Millisecond

// flushForQuery makes rows visible that have waited for a while. A failure is
// not the reader's: it gets what is in segments.
func (l *Lake) flushForQuery(ctx context.Context) {
	l.mu.Lock()
	due := len(l.pending) > 0 || (l.active.rowCount() > 0 && l.o.Now().Sub(l.active.oldest) >= freshness)
	closed := l.closed
	l.mu.Unlock()
	if !due || closed || ctx.Err() != nil {
		return
	}
	if err := l.flush(); err != nil {
		l.o.Logger.Error("lake: rows in memory could not be made visible to a query", "error", err)
	}
}
