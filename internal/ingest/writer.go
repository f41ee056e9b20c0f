package ingest

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/telemetry"
)

// Names of the row tables in metrics.
const (
	tableSpans = "spans"
	tableLogs  = "logs"
)

// batch holds rows and the memory behind them. It is used again when the last
// writer is done with it.
type batch struct {
	spans []telemetry.Span
	logs  []telemetry.LogRecord
	calls []telemetry.CallRow
	steps []byte
	texts [][]byte // memory of the rows' texts; chunk is the one in use
	chunk int
	// exchanges is how many of them are accounted for by this batch: a request
	// that goes to several destinations is kept once.
	exchanges int
	users     atomic.Int32
	marker    *sync.WaitGroup // not nil: no rows; tells that all before is done
}

func (b *batch) reset() {
	clear(b.spans)
	clear(b.logs)
	clear(b.calls)
	b.exchanges, b.chunk = 0, 0
	for n := range b.texts {
		b.texts[n] = b.texts[n][:0]
	}
	b.spans, b.logs, b.calls, b.steps = b.spans[:0], b.logs[:0], b.calls[:0], b.steps[:0]
}

// textChunk is how much memory a batch takes at a time.
const textChunk = 256 << 10

// room gives empty memory with at least so many bytes of capacity.
func (b *batch) room(need int) []byte {
	for ; b.chunk < len(b.texts); b.chunk++ {
		if c := b.texts[b.chunk]; cap(c)-len(c) >= need {
			return c[len(c):]
		}
	}
	b.texts = append(b.texts, make([]byte, 0, max(textChunk, need)))
	return b.texts[b.chunk]
}

// took keeps what was written into room. What outgrew it stands elsewhere.
func (b *batch) took(n int) {
	c := b.texts[b.chunk]
	if n <= cap(c)-len(c) {
		b.texts[b.chunk] = c[:len(c)+n]
	}
}

// writer feeds one telemetry.Rows from a bounded queue of batches.
type writer struct {
	ingest  *Ingest
	rows    telemetry.Rows
	first   bool // of the stores: its rows are counted as such, those of others apart
	decides bool // whether exchanges count as kept: the first writer of its stream
	number  int
	batches chan *batch

	mu         sync.Mutex
	complained time.Time
}

func newWriter(i *Ingest, rows telemetry.Rows, number int) *writer {
	return &writer{ingest: i, rows: rows, first: number == 0, decides: number == 0, number: number, batches: make(chan *batch, i.options.PendingBatches)}
}

// offer queues a batch, or drops it when the writer is too far behind.
func (w *writer) offer(b *batch) {
	select {
	case w.batches <- b:
	default:
		w.lost(len(b.spans), len(b.logs), b.exchanges, dropWriterBehind)
		w.done(b)
	}
}

// mark queues a marker; it waits for room.
func (w *writer) mark(b *batch) {
	select {
	case w.batches <- b:
	case <-w.ingest.stop:
		b.marker.Done()
	}
}

func (w *writer) run() {
	for b := range w.batches {
		if b.marker != nil {
			b.marker.Done()
			continue
		}
		w.write(b)
		w.done(b)
	}
}

func (w *writer) done(b *batch) {
	if b.users.Add(-1) == 0 {
		w.ingest.rows.recycle(b)
	}
}

// write tries spans and log records each until they are taken, so that what
// was taken is not sent again.
func (w *writer) write(b *batch) {
	m := w.ingest.metrics
	if len(b.spans) > 0 {
		reason, ok := w.try(func(ctx context.Context) error { return w.rows.Spans(ctx, b.spans) })
		if !ok {
			w.lost(len(b.spans), 0, b.exchanges, reason)
		} else if w.decides {
			m.kept.Add(uint64(b.exchanges))
		}
		if ok && w.first {
			m.rows.WithLabelValues(tableSpans).Add(float64(len(b.spans)))
		}
	}
	if len(b.logs) == 0 {
		return
	}
	if reason, ok := w.try(func(ctx context.Context) error { return w.rows.Logs(ctx, b.logs) }); !ok {
		w.lost(0, len(b.logs), 0, reason)
	} else if w.first {
		m.rows.WithLabelValues(tableLogs).Add(float64(len(b.logs)))
	}
}

// Pauses between attempts.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 2 * time.Second
)

func (w *writer) try(write func(context.Context) error) (dropReason, bool) {
	start, pause := time.Now(), firstPause
	for {
		if w.ingest.abandon.Err() != nil {
			return dropClosed, false
		}
		err := w.attempt(write)
		if err == nil {
			return 0, true
		}
		w.complain(err)
		if time.Since(start)+pause > w.ingest.options.RetryFor {
			return dropWriteFailed, false
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-w.ingest.abandon.Done():
			timer.Stop()
		}
		pause = min(2*pause, longPause)
	}
}

func (w *writer) attempt(write func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(w.ingest.abandon, w.ingest.options.RetryFor)
	defer cancel()
	return write(ctx)
}

// lost counts rows that were not written, and the exchanges among them that no
// other writer accounts for.
func (w *writer) lost(spans, logs, exchanges int, reason dropReason) {
	m := w.ingest.metrics
	if w.decides {
		m.drop(reason, exchanges)
	}
	if w.first {
		m.droppedLogs.Add(float64(logs))
		return
	}
	m.exportDropped.WithLabelValues(tableSpans).Add(float64(spans))
	m.exportDropped.WithLabelValues(tableLogs).Add(float64(logs))
}

// complain logs at most every ten seconds: a full disk fails many times a second.
func (w *writer) complain(err error) {
	w.mu.Lock()
	now := time.Now()
	quiet := now.Sub(w.complained) < 10*time.Second
	if !quiet {
		w.complained = now
	}
	w.mu.Unlock()
	if !quiet {
		w.ingest.options.Logger.LogAttrs(context.Background(), slog.LevelWarn, "telemetry rows were not written; they are tried again",
			slog.Int("writer", w.number), slog.Any("error", err))
	}
}
