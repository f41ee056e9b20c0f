// Package lake keeps spans and log records on disk and reads them back: a
// write-ahead log, Parquet files by table, day and hour, and DuckDB as the
// reader.
//
// What comes in: batches of telemetry.Span and telemetry.LogRecord, and SELECT
// statements built by this program's query languages, with bound parameters.
// What goes out: rows. It must never acknowledge a batch that a crash of the
// process would lose, show a row twice, delete a file that a query reads, run
// a statement that changes anything, or let DuckDB reach outside its folder.
//
// A batch is encoded once into the write-ahead log and copied into memory. A
// flush, every two seconds or 20,000 rows, writes the rows of memory as small
// Parquet files, replaces the manifest and forgets the log. Compaction merges
// small files by re-encoding them once and later joins their row groups as
// they are.
package lake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gatehouse/internal/telemetry"
)

// Options of a lake. Zero values mean what DefaultOptions gives.
type Options struct {
	Dir    string // folder of the lake; it is made when absent
	Logger *slog.Logger
	Now    func() time.Time

	FlushInterval  time.Duration // age at which rows go into a segment
	FlushRows      int           // rows at which they go earlier
	SyncInterval   time.Duration // how often the write-ahead log is synced
	SyncEveryBatch bool          // sync before each acknowledgement: survives a power cut, costs throughput
	// Rows and bytes in memory beyond which batches are refused: flushes fail, or
	// the disk is too slow.
	MaxPendingRows  int
	MaxPendingBytes int64

	CompactInterval time.Duration
	MaxAge          time.Duration // rows older than this are deleted; negative: never
	MaxBytes        int64         // size of all files beyond which the oldest are deleted; 0: no bound

	MemoryLimit  int64         // bytes for DuckDB; its process memory can be twice that
	Threads      int           // of one query
	Queries      int           // at the same time; others wait
	QueryTimeout time.Duration // when the context has no earlier deadline
	BloomBytes   int64         // memory for trace id filters

	fs fileSystem // the disk; tests give another
}

// DefaultOptions are those of a gateway that shares its machine with the lake.
func DefaultOptions(dir string) Options {
	return Options{
		Dir: dir, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		FlushInterval: 2 * time.Second, FlushRows: 20_000, SyncInterval: 200 * time.Millisecond, MaxPendingRows: 200_000, MaxPendingBytes: 128 << 20,
		CompactInterval: 15 * time.Second, MaxAge: 30 * 24 * time.Hour,
		MemoryLimit: 256 << 20, Threads: 1, Queries: 2, QueryTimeout: 30 * time.Second, BloomBytes: 32 << 20,
		fs: osFS{},
	}
}

func (o Options) withDefaults() Options {
	d := DefaultOptions(o.Dir)
	orDefault(&o.Logger, d.Logger)
	orDefault(&o.FlushInterval, d.FlushInterval)
	orDefault(&o.FlushRows, d.FlushRows)
	orDefault(&o.SyncInterval, d.SyncInterval)
	orDefault(&o.MaxPendingRows, d.MaxPendingRows)
	orDefault(&o.MaxPendingBytes, d.MaxPendingBytes)
	orDefault(&o.CompactInterval, d.CompactInterval)
	orDefault(&o.MaxAge, d.MaxAge)
	orDefault(&o.MemoryLimit, d.MemoryLimit)
	orDefault(&o.Threads, d.Threads)
	orDefault(&o.Queries, d.Queries)
	orDefault(&o.QueryTimeout, d.QueryTimeout)
	orDefault(&o.BloomBytes, d.BloomBytes)
	if o.Now == nil {
		o.Now = d.Now
	}
	if o.fs == nil {
		o.fs = d.fs
	}
	return o
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Errors of a lake.
var (
	// ErrFull: the batch was not taken, because the disk is full or because
	// too many rows wait for it. It can be sent again.
	ErrFull = errors.New("the lake has no room")
	// ErrClosed: the lake was closed.
	ErrClosed = errors.New("the lake is closed")
	// ErrTooBroad: the query needs more memory than it is given.
	ErrTooBroad = errors.New("the query needs too much memory: narrow its time range or its filters")
)

// Lake is safe for concurrent use. It implements telemetry.Rows.
type Lake struct {
	o        Options
	manifest *manifest
	blooms   *bloomCache
	reader   *reader
	encoders sync.Pool

	mu         sync.Mutex // guards what is below
	active     *generation
	pending    []*generation // rotated, not flushed yet; oldest first
	nextWAL    uint64
	closed     bool
	freeBlocks [][]byte

	flushing sync.Mutex // one flush at a time; guards the writers
	spanOut  *segmentWriter[telemetry.Span]
	logOut   *segmentWriter[telemetry.LogRecord]

	compacting sync.Mutex
	deletes    deleteQueue

	full    chan struct{} // rows reached FlushRows
	stop    chan struct{}
	workers sync.WaitGroup
	counts  counters
}

var _ telemetry.Rows = (*Lake)(nil)

// Open opens or makes the lake in o.Dir, brings back what a crash left in the
// write-ahead log, and starts the background work. One process may have a lake
// open at a time; the caller sees to that.
func Open(o Options) (*Lake, error) {
	if o.Dir == "" {
		return nil, errors.New("open lake: no folder is given")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	o.Dir = dir
	o = o.withDefaults()
	l := &Lake{
		o: o, manifest: &manifest{fs: o.fs, root: dir, files: map[string]*dataFile{}},
		blooms: newBloomCache(o.fs, dir, o.BloomBytes),
		full:   make(chan struct{}, 1), stop: make(chan struct{}),
		spanOut: newSegmentWriter(spanCodec()), logOut: newSegmentWriter(logCodec()),
	}
	l.encoders.New = func() any { return &encoder{} }
	l.reader = newReader(o)
	if err := l.recover(); err != nil {
		return nil, fmt.Errorf("open lake %s: %w", dir, err)
	}
	l.workers.Go(l.flushLoop)
	l.workers.Go(l.syncLoop)
	l.workers.Go(l.compactLoop)
	return l, nil
}

// Close writes what is in memory into segments and stops. When that fails the
// rows stay in the write-ahead log and the next Open brings them back.
func (l *Lake) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	l.workers.Wait()
	err := l.flush()
	l.closeWAL()
	l.deletes.run(l)
	return errors.Join(err, l.reader.close())
}

// Spans stores a batch of spans. nil means that the batch survives a crash of
// the process (with SyncEveryBatch: of the machine). On an error nothing of the
// batch was taken; ErrFull says that there is no room.
func (l *Lake) Spans(ctx context.Context, spans []telemetry.Span) error {
	return appendBatch(ctx, l, l.spanOut.codec, spans)
}

// Logs stores a batch of log records, like Spans.
func (l *Lake) Logs(ctx context.Context, logs []telemetry.LogRecord) error {
	return appendBatch(ctx, l, l.logOut.codec, logs)
}

func appendBatch[T any](ctx context.Context, l *Lake, codec *tableCodec[T], rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	e := l.encoders.Get().(*encoder)
	defer func() {
		clear(e.prev)
		clear(e.table)
		l.encoders.Put(e)
	}()
	e.buf = reserveHeader(e.buf)
	x, clamped := encodeBatch(e, codec, l.o.Now().UnixNano(), rows)
	if len(e.buf) > maxWALBatch {
		return fmt.Errorf("append to lake: a batch of %d bytes is more than %d: send smaller ones", len(e.buf), maxWALBatch)
	}
	sealRecord(e.buf)
	if err := l.append(e.buf, x); err != nil {
		l.counts.refused.Add(int64(len(rows)))
		return err
	}
	l.counts.rows.Add(int64(len(rows)))
	l.counts.clamped.Add(int64(clamped))
	return nil
}

// append puts a record into the write-ahead log and, when that worked, into memory.
func (l *Lake) append(rec []byte, x extent) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	waiting, bytes := l.waiting()
	if waiting > 0 && (waiting+x.rows > l.o.MaxPendingRows || bytes+int64(len(rec)) > l.o.MaxPendingBytes) {
		return fmt.Errorf("append to lake: %w: %d rows (%d bytes) wait to be written", ErrFull, waiting, bytes)
	}
	if err := l.ensureWAL(); err != nil {
		return fullError(err)
	}
	g := l.active
	if err := g.wal.append(rec, l.o.SyncEveryBatch); err != nil {
		return fullError(err)
	}
	g.bytes += int64(len(rec))
	if g.oldest.IsZero() {
		g.oldest = l.o.Now()
	}
	g.keep(rec[walHeader:], x, &l.freeBlocks)
	if g.rowCount() >= l.o.FlushRows || g.bytes >= 16<<20 {
		select {
		case l.full <- struct{}{}:
		default:
		}
	}
	return nil
}

// waiting is what is in memory; l.mu is held.
func (l *Lake) waiting() (rows int, bytes int64) {
	rows, bytes = l.active.rowCount(), l.active.bytes
	for _, g := range l.pending {
		rows += g.rowCount()
		bytes += g.bytes
	}
	return rows, bytes
}

// ensureWAL gives the active generation a file that can be written. A file is
// made with the first batch, so that an idle lake touches nothing.
func (l *Lake) ensureWAL() error {
	g := l.active
	if g.wal != nil && !g.wal.broken {
		return nil
	}
	w, err := createWAL(l.o.fs, l.o.Dir, l.nextWAL)
	if err != nil {
		return err
	}
	if g.wal != nil {
		g.wal.f.Close()
	} else {
		g.firstWAL = l.nextWAL
	}
	g.wal, g.maxWAL = w, l.nextWAL
	l.nextWAL++
	return nil
}

// fullError marks an error of a full disk or quota as ErrFull.
func fullError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("append to lake: %w: %w", ErrFull, err)
	}
	return fmt.Errorf("append to lake: %w", err)
}

type counters struct {
	rows, refused, clamped, replayed, damaged                       atomic.Int64
	flushes, flushErrors, syncErrors, flushedRows                   atomic.Int64
	compactions, compactErrors, compactedRows, expired, expiredRows atomic.Int64
	queries, queryErrors                                            atomic.Int64
}
