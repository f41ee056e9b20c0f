package lake

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"gatehouse/internal/telemetry"
)

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	c.t = t
	c.mu.Unlock()
}

// fill flushes n segments of rows each, two seconds apart.
func fill(t testing.TB, l *Lake, from, segments, rows int) {
	t.Helper()
	for i := range segments {
		put(t, l, spansAt(from+i*rows, rows, start().Add(time.Duration(i)*2*time.Second), time.Microsecond))
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}

func levels(l *Lake) map[level]int {
	out := make(map[level]int)
	for _, f := range l.manifest.list(func(f *dataFile) bool { return f.Table == Spans }) {
		out[f.Level]++
	}
	return out
}

// onDisk counts data files, the empty ones left out.
func onDisk(t testing.TB, dir string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "date=*", "hour=*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// digest joins the hashes of all columns: it changes when any value does.
func digest(t testing.TB, l *Lake) int64 {
	t.Helper()
	return scalar(t, l, "SELECT CAST(bit_xor(hash(s)) & 4611686018427387903::UBIGINT AS BIGINT) FROM {spans} s")
}

func TestCompactionKeepsRows(t *testing.T) {
	c := &clock{t: start().Add(30 * time.Second)}
	o := quietOptions(t.TempDir())
	o.Now = c.now
	l := open(t, o)
	fill(t, l, 0, 15, 200)
	if err := l.maintain(); err != nil {
		t.Fatal(err)
	}
	if got := levels(l); !reflect.DeepEqual(got, map[level]int{levelSegment: 15}) {
		t.Error("too early:", got)
	}
	before := digest(t, l)
	c.set(start().Add(3 * time.Minute))
	if err := l.maintain(); err != nil {
		t.Fatal(err)
	}
	if got := levels(l); !reflect.DeepEqual(got, map[level]int{levelMinute: 1}) {
		t.Error("after a minute:", got)
	}
	if got := digest(t, l); got != before {
		t.Error("re-encoding changed rows")
	}
	expectRows(t, l, 3000)
	fill(t, l, 3000, 1, 12_000) // a large segment is joined as it is
	before = digest(t, l)
	c.set(start().Add(2 * time.Hour))
	if err := l.maintain(); err != nil {
		t.Fatal(err)
	}
	if got := levels(l); !reflect.DeepEqual(got, map[level]int{levelHour: 1}) {
		t.Error("after the hour:", got)
	}
	if got := digest(t, l); got != before {
		t.Error("joining changed rows")
	}
	expectRows(t, l, 15_000)
	if n := onDisk(t, o.Dir); n != 1 {
		t.Error(n, "files on disk")
	}
	for _, n := range []int{0, 2999, 3000, 14_999} {
		if spans, _, _, err := l.Trace(context.Background(), traceID(n)); err != nil || len(spans) != 1 || !reflect.DeepEqual(spans[0].Calls, gatewaySpan(n, start()).Calls) {
			t.Error("trace", n, len(spans), err)
		}
	}
	files := l.manifest.list(func(f *dataFile) bool { return true })
	if l.blooms.mayHold(files[0], traceID(999_999)) && l.blooms.mayHold(files[0], traceID(999_998)) {
		t.Error("the filters did not survive the merge")
	}
	// Late rows make another round.
	put(t, l, spansAt(15_000, 5, start(), time.Millisecond))
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	c.set(start().Add(3 * time.Hour))
	if err := l.maintain(); err != nil {
		t.Fatal(err)
	}
	expectRows(t, l, 15_005)
	for range 3 {
		if err := l.maintain(); err != nil {
			t.Fatal(err)
		}
	}
	if s := l.Stats(); s.Compactions > 6 {
		t.Error("merges without end:", s.Compactions)
	}
}

func TestCompactionFullDisk(t *testing.T) {
	c := &clock{t: start().Add(30 * time.Second)}
	fsys := &faultyFS{room: -1}
	o := quietOptions(t.TempDir())
	o.Now, o.fs = c.now, fsys
	l := open(t, o)
	fill(t, l, 0, 4, 200)
	c.set(start().Add(5 * time.Minute))
	fsys.setRoom(10_000)
	if err := l.maintain(); err == nil {
		t.Fatal("merged without room")
	}
	if n := onDisk(t, o.Dir); n != 4 {
		t.Error(n, "files")
	}
	fsys.setRoom(-1)
	if err := l.maintain(); err != nil {
		t.Fatal(err)
	}
	expectRows(t, l, 800)
	o.Dir, o.fs = copyDir(t, o.Dir), nil
	expectRows(t, open(t, o), 800)
}

// A crash before the inputs of a merge are deleted leaves both.
func TestCrashAfterMerge(t *testing.T) {
	c := &clock{t: start().Add(30 * time.Second)}
	o := quietOptions(t.TempDir())
	o.Now = c.now
	l := open(t, o)
	fill(t, l, 0, 4, 200)
	held := l.pinSource(Source{Table: Spans})
	c.set(start().Add(5 * time.Minute))
	if err := l.maintain(); err != nil {
		t.Fatal(err)
	}
	if n := onDisk(t, o.Dir); n != 5 {
		t.Error(n, "files while a query holds the inputs")
	}
	o.Dir = copyDir(t, o.Dir)
	expectRows(t, open(t, o), 800)
	if n := onDisk(t, o.Dir); n != 1 {
		t.Error(n, "files after the start")
	}
	l.unpin(held)
	if n := onDisk(t, l.o.Dir); n != 1 {
		t.Error(n, "files after the query")
	}
}

func TestRetention(t *testing.T) {
	c := &clock{t: start()}
	o := quietOptions(t.TempDir())
	o.Now, o.MaxAge = c.now, 24*time.Hour
	l := open(t, o)
	for day := range 3 {
		c.set(start().AddDate(0, 0, day))
		put(t, l, spansAt(day*100, 100, c.now(), time.Millisecond))
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.maintain(); err != nil {
		t.Fatal(err)
	}
	if n := len(rowIDs(t, l)); n != 200 {
		t.Error(n, "rows after retention by age")
	}
	l.o.MaxBytes = l.Stats().Tables[Spans].Bytes - 1
	if err := l.maintain(); err != nil {
		t.Fatal(err)
	}
	ids := rowIDs(t, l)
	if len(ids) != 100 || ids[spanID(299, 0)] != 1 {
		t.Error(len(ids), "rows after retention by size")
	}
	if s := l.Stats(); s.ExpiredFiles != 2 || s.ExpiredRows != 200 || onDisk(t, o.Dir) != 1 {
		t.Errorf("%+v", s)
	}
}

// Queries run while rows arrive, segments are merged and files deleted: each
// sees every row exactly once.
func TestQueriesDuringCompaction(t *testing.T) {
	c := &clock{t: start().Add(30 * time.Second)}
	o := quietOptions(t.TempDir())
	o.Now = c.now
	l := open(t, o)
	const rows = 20 * 300
	fill(t, l, 0, 20, 300)
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				n, err := countErr(l, Source{Table: Spans, End: start().Add(time.Hour)})
				if err != nil || n < rows {
					t.Error(n, err)
					return
				}
			}
		})
	}
	for i := range 8 {
		c.set(start().Add(time.Duration(i*20) * time.Minute))
		fill(t, l, rows+i*300, 3, 100)
		if err := l.maintain(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	workers.Wait()
	expectRows(t, l, rows+8*300)
	if l.Stats().Compactions == 0 {
		t.Error("nothing was merged")
	}
}

func countErr(l *Lake, src Source) (n int64, err error) {
	rows, err := l.Query(context.Background(), Statement{SQL: "SELECT count(*) FROM {rows}", Sources: map[string]Source{"rows": src}})
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}

// With the real clock and the background work on, a row is visible soon after
// it was acknowledged, and appends from many senders lose nothing.
func TestLive(t *testing.T) {
	o := DefaultOptions(t.TempDir())
	o.FlushInterval, o.CompactInterval, o.SyncInterval = 20*time.Millisecond, 20*time.Millisecond, 5*time.Millisecond
	l := open(t, o)
	now := time.Now()
	var senders sync.WaitGroup
	for s := range 4 {
		senders.Go(func() {
			for i := range 20 {
				if err := l.Spans(context.Background(), spansAt((s*20+i)*50, 50, now, time.Microsecond)); err != nil {
					t.Error(err)
				}
				if err := l.Logs(context.Background(), []telemetry.LogRecord{{Time: now.UnixNano(), Body: "b"}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	senders.Wait()
	for deadline := time.Now().Add(5 * time.Second); ; {
		n, err := countErr(l, Source{Table: Spans})
		if err != nil {
			t.Fatal(err)
		}
		if n == 4000 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(n, "rows are visible")
		}
	}
	if n, err := countErr(l, Source{Table: Logs}); err != nil || n != 80 {
		t.Error(n, err)
	}
	expectRows(t, l, 4000)
}

func TestQueryDeadlineAndClose(t *testing.T) {
	o := quietOptions(t.TempDir())
	o.Queries = 1
	l := open(t, o)
	put(t, l, spansAt(0, 10, start(), 0))
	held, err := l.Query(context.Background(), Statement{SQL: "SELECT 1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := l.Query(ctx, Statement{SQL: "SELECT 1"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	held.Close()
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	rows, err := l.Query(ctx, Statement{SQL: "SELECT count(*) FROM range(100000000) a, range(1000) b WHERE a.range + b.range = -1"})
	if err == nil {
		for rows.Next() {
		}
		err = rows.Err()
		rows.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error("a query beyond its deadline gives", err)
	}
	if n := scalar(t, l, "SELECT count(*) FROM {spans}"); n != 0 && n != 10 {
		t.Error(n)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Query(context.Background(), Statement{SQL: "SELECT 1"}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := l.Spans(context.Background(), spansAt(0, 1, start(), 0)); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	expectRows(t, open(t, o), 10)
}

func TestTooBroad(t *testing.T) {
	o := quietOptions(t.TempDir())
	o.MemoryLimit = 16 << 20
	l := open(t, o)
	rows, err := l.Query(context.Background(), Statement{SQL: "SELECT list(range::VARCHAR || 'some longer text') FROM range(3000000)"})
	if err == nil {
		for rows.Next() {
		}
		err = rows.Err()
		rows.Close()
	}
	if !errors.Is(err, ErrTooBroad) {
		t.Error(err)
	}
}

// A file of an older version, with fewer columns, is read and merged.
func TestOlderColumns(t *testing.T) {
	c := &clock{t: start().Add(30 * time.Second)}
	o := quietOptions(t.TempDir())
	o.Now = c.now
	l := open(t, o)
	fill(t, l, 0, 1, 100)
	var out bytes.Buffer
	w := parquet.NewGenericWriter[oldSpan](&out)
	for i := range 50 {
		if _, err := w.Write([]oldSpan{{start().UnixNano() + int64(i), traceID(5000 + i), spanID(5000+i, 0)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f := &dataFile{Path: fileName(folderOf(Spans, start().UnixNano()), levelSegment, 1000), Table: Spans, Level: levelSegment, Seq: 1000,
		Min: start().UnixNano(), Max: start().UnixNano() + 49, Rows: 50, Groups: 1, Bytes: int64(out.Len()), Schema: 1}
	if err := os.WriteFile(filepath.Join(o.Dir, f.Path), out.Bytes(), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := l.manifest.edit([]*dataFile{f}, nil, 0); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		if n := len(rowIDs(t, l)); n != 150 {
			t.Error(n, "rows")
		}
		spans, _, _, err := l.Trace(context.Background(), traceID(5007))
		if err != nil || len(spans) != 1 || spans[0].SpanID != spanID(5007, 0) {
			t.Error(spans, err)
		}
	}
	check()
	c.set(start().Add(2 * time.Hour))
	if err := l.maintain(); err != nil {
		t.Fatal(err)
	}
	check()
}

type oldSpan struct {
	Time    int64  `parquet:"time,timestamp(nanosecond:local),delta"`
	TraceID string `parquet:"trace_id"`
	SpanID  string `parquet:"span_id"`
}

func TestOneDamagedFileIsSaid(t *testing.T) {
	o := quietOptions(t.TempDir())
	l := open(t, o)
	fill(t, l, 0, 2, 100)
	files := l.manifest.list(func(*dataFile) bool { return true })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(o.Dir, files[0].Path)); err != nil {
		t.Fatal(err)
	}
	again := open(t, o)
	if n := len(rowIDs(t, again)); n != 100 || again.Stats().Damaged != 1 {
		t.Error(n, again.Stats().Damaged)
	}
}
