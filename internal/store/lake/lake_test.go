package lake

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

// start is the time of the tests: in the middle of an hour, so that a few
// minutes of rows stay in one folder.
func start() time.Time { return time.Date(2026, 3, 14, 9, 20, 0, 0, time.UTC) }

// quietOptions leave all background work to the test.
func quietOptions(dir string) Options {
	o := DefaultOptions(dir)
	o.FlushInterval, o.CompactInterval, o.SyncInterval = time.Hour, time.Hour, time.Hour
	o.Now = func() time.Time { return start().Add(time.Minute) }
	return o
}

func open(t testing.TB, o Options) *Lake {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func spansAt(from, n int, at time.Time, step time.Duration) []telemetry.Span {
	rows := make([]telemetry.Span, n)
	for i := range rows {
		rows[i] = gatewaySpan(from+i, at.Add(time.Duration(i)*step))
	}
	return rows
}

func put(t testing.TB, l *Lake, rows []telemetry.Span) {
	t.Helper()
	for len(rows) > 0 {
		n := min(len(rows), 500)
		if err := l.Spans(context.Background(), rows[:n]); err != nil {
			t.Fatal(err)
		}
		rows = rows[n:]
	}
}

func scalar(t testing.TB, l *Lake, sql string, args ...any) int64 {
	t.Helper()
	rows, err := l.Query(context.Background(), Statement{SQL: sql, Args: args, Sources: map[string]Source{"spans": {Table: Spans}}})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var n int64
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWriteFlushTrace(t *testing.T) {
	l := open(t, quietOptions(t.TempDir()))
	rows := spansAt(0, 3000, start(), time.Millisecond)
	rows[7].Attributes, rows[7].Query = `{"a":"b"}`, "x='1';--"
	rows[7].Time += 123 // nanoseconds survive
	put(t, l, rows)
	log := telemetry.LogRecord{Time: start().UnixNano(), TraceID: rows[7].TraceID, SpanID: rows[7].SpanID, Severity: "error", SeverityNumber: 17, Body: "no"}
	if err := l.Logs(context.Background(), []telemetry.LogRecord{log}); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	spans, logs, partial, err := l.Trace(context.Background(), rows[7].TraceID)
	if err != nil || partial {
		t.Fatal(partial, err)
	}
	if len(spans) != 1 || !reflect.DeepEqual(spans[0], rows[7]) {
		t.Errorf("got %+v\nwant %+v", spans, rows[7])
	}
	if len(logs) != 1 || logs[0] != log {
		t.Errorf("got %+v", logs)
	}
	if spans, _, _, err := l.Trace(context.Background(), traceID(999_999)); err != nil || len(spans) != 0 {
		t.Error("absent trace:", spans, err)
	}
	if n := scalar(t, l, "SELECT count(*) FROM {spans} WHERE api = $1", "petstore-3"); n != 150 {
		t.Error("count by api:", n)
	}
	if n := scalar(t, l, "SELECT len(calls) FROM {spans} LIMIT 1"); n != 1 {
		t.Error("calls:", n)
	}
}

func TestQueryRefusesOtherStatements(t *testing.T) {
	dir := t.TempDir()
	l := open(t, quietOptions(dir))
	put(t, l, spansAt(0, 1, start(), 0))
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("a\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"COPY (SELECT 1) TO '" + dir + "/x.csv'",
		"SELECT 1; COPY (SELECT 1) TO '" + dir + "/x.csv'",
		"SELECT * FROM read_csv('" + secret + "')",
		"SELECT * FROM read_text('" + dir + "/../../../etc/passwd')",
		"SELECT 1 -- '\n; COPY (SELECT 1) TO '" + dir + "/x.csv'",
		"SELECT 1 /* ' */; COPY (SELECT 1) TO '" + dir + "/x.csv' --'",
		"SELECT $$'$$; COPY (SELECT 1) TO '" + dir + "/x.csv'",
		"SELECT E'a\\''; COPY (SELECT 1) TO '" + dir + "/x.csv'",
		"SELECT 'a",
		"SELECT getenv('HOME')",
		"SET threads=4", "ATTACH 'x.db'", "INSTALL httpfs", "",
	} {
		rows, err := l.Query(context.Background(), Statement{SQL: sql})
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
			rows.Close()
		}
		if err == nil {
			t.Errorf("%s: ran", sql)
		}
	}
	if n := scalar(t, l, `SELECT count(*) FROM {spans} WHERE "name" <> 'it''s; -- $1' AND 1 = $1`, 1); n != 0 && n != 1 {
		t.Error(n)
	}
}

func TestClampAndHours(t *testing.T) {
	l := open(t, quietOptions(t.TempDir()))
	rows := spansAt(0, 4, start(), time.Second)
	rows[1].Time = 0
	rows[2].Time = start().AddDate(50, 0, 0).UnixNano()
	rows[3].Time = start().Add(-3 * time.Hour).UnixNano()
	put(t, l, rows)
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	s := l.Stats()
	if s.Clamped != 2 || s.Tables[Spans].Files != 2 || s.Tables[Spans].Rows != 4 {
		t.Errorf("%+v", s)
	}
	if s.Tables[Spans].Newest != start().Add(time.Minute).UnixNano() {
		t.Error("newest", time.Unix(0, s.Tables[Spans].Newest).UTC())
	}
	if n := scalar(t, l, "SELECT count(*) FROM {spans}"); n != 4 {
		t.Error(n)
	}
}

func TestTraceAmong100k(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 rows")
	}
	o := quietOptions(t.TempDir())
	o.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	l := open(t, o)
	for i := range 20 {
		put(t, l, spansAt(i*5000, 5000, start().Add(time.Duration(i)*2*time.Second), 400*time.Microsecond))
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{0, 1, 49_999, 77_777, 99_999} {
		began := time.Now()
		spans, _, _, err := l.Trace(context.Background(), traceID(n))
		if err != nil || len(spans) != 1 || spans[0].SpanID != spanID(n, 0) {
			t.Fatal(n, len(spans), err)
		}
		t.Log("trace by id", time.Since(began))
	}
	files := l.pinSource(Source{Table: Spans, TraceID: traceID(77_777)})
	if len(files) == 0 || len(files) > 3 {
		t.Error("files after the filters:", len(files))
	}
	l.unpin(files)
	windows := l.Windows(Spans, start().Add(-time.Hour), start().Add(time.Hour), 1000)
	t.Log(windows)
	total := int64(0)
	for i, w := range windows {
		n := count(t, l, Source{Table: Spans, Start: w.Start, End: w.End})
		total += n
		if i == 0 && (n < 500 || n > 2000) {
			t.Error("first window has", n, "rows")
		}
	}
	if total != 100_000 {
		t.Error("windows hold", total)
	}
}

func count(t testing.TB, l *Lake, src Source) int64 {
	t.Helper()
	rows, err := l.Query(context.Background(), Statement{SQL: "SELECT count(*) FROM {rows}", Sources: map[string]Source{"rows": src}})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var n int64
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

// cpuTime is what the process has used of all cores: other load of the machine
// does not change it much.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkAppendSegment(b *testing.B) {
	for _, batch := range []int{100, 1000} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			o := quietOptions(b.TempDir())
			o.MaxPendingRows = 1 << 30
			l := open(b, o)
			rows := spansAt(0, 20_000, start(), 50*time.Microsecond)
			b.ReportAllocs()
			b.ResetTimer()
			began := cpuTime()
			for range b.N {
				for i := 0; i < len(rows); i += batch {
					if err := l.Spans(context.Background(), rows[i:i+batch]); err != nil {
						b.Fatal(err)
					}
				}
				if err := l.Flush(); err != nil {
					b.Fatal(err)
				}
			}
			s := l.Stats()
			b.ReportMetric(float64((cpuTime()-began).Microseconds())/float64(s.Rows), "cpu-us/row")
			b.ReportMetric(float64(s.Tables[Spans].Bytes)/float64(s.Rows), "B/row")
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	o := quietOptions(b.TempDir())
	o.MaxPendingRows = 1 << 30
	l := open(b, o)
	rows := spansAt(0, 1000, start(), 50*time.Microsecond)
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for range b.N {
		if err := l.Spans(context.Background(), rows); err != nil {
			b.Fatal(err)
		}
		if n += len(rows); n >= 20_000 {
			b.StopTimer()
			b.ReportMetric(float64(l.Stats().WALBytes)/float64(n), "WAL-B/row")
			l.Flush()
			n = 0
			b.StartTimer()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/row")
}

// BenchmarkMerge is the cost of a row in the two kinds of merge.
func BenchmarkMerge(b *testing.B) {
	for _, c := range []struct {
		name           string
		segments, rows int
		reencode       bool
	}{{"reencode-25x2000", 25, 2000, true}, {"join-5x20000", 5, 20_000, false}} {
		b.Run(c.name, func(b *testing.B) {
			o := quietOptions(b.TempDir())
			o.FlushRows = 1 << 20
			l := open(b, o)
			fill(b, l, 0, c.segments, c.rows)
			b.ResetTimer()
			for range b.N {
				files := l.manifest.list(func(*dataFile) bool { return true })
				out := &dataFile{Path: "merged", Table: Spans}
				err := publish(o.fs, o.Dir, out.Path, func(f file) error {
					return l.writeMerged(f, out, &mergeJob{inputs: files, reencode: c.reencode})
				})
				if err != nil || out.Rows != int64(c.segments*c.rows) {
					b.Fatal(out.Rows, err)
				}
				b.ReportMetric(float64(out.Bytes)/float64(out.Rows), "B/row")
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*c.segments*c.rows), "us/row")
		})
	}
}
