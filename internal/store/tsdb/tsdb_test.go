package tsdb

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
)

func openTest(t *testing.T, o Options) *DB {
	t.Helper()
	if o.Folder == "" {
		o.Folder = t.TempDir()
	}
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func appendFloat(t *testing.T, db *DB, at time.Time, v float64, pairs ...string) error {
	t.Helper()
	app := db.AppenderV2(context.Background())
	if _, err := app.Append(0, labels.FromStrings(pairs...), 0, at.UnixMilli(), v, nil, nil, storage.AOptions{}); err != nil {
		_ = app.Rollback()
		return err
	}
	return app.Commit()
}

// eval runs an instant query and gives its values by series.
func eval(t *testing.T, db *DB, query string, at time.Time) map[string]float64 {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: 10 * time.Second})
	q, err := engine.NewInstantQuery(context.Background(), db, nil, query, at)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	vector, err := q.Exec(context.Background()).Vector()
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	out := map[string]float64{}
	for _, s := range vector {
		out[s.Metric.String()] = s.F
	}
	return out
}

func TestReopenAfterCrash(t *testing.T) {
	folder := t.TempDir()
	db := openTest(t, Options{Folder: folder})
	now := time.Now()
	for i := range 100 {
		if err := appendFloat(t, db, now.Add(time.Duration(i-100)*time.Second), float64(i), "__name__", "x"); err != nil {
			t.Fatal(err)
		}
	}
	// The files as a killed process leaves them: nothing is flushed or closed.
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	again := openTest(t, Options{Folder: copied})
	if got := eval(t, again, "count_over_time(x[5m])", now)["{}"]; got != 100 {
		t.Errorf("samples after the crash: %v, want 100", got)
	}
	if got := again.Usage().Series; got != 1 {
		t.Errorf("series after the crash: %d, want 1", got)
	}
}

func TestSeriesLimit(t *testing.T) {
	folder := t.TempDir()
	now := time.Now()
	db := openTest(t, Options{Folder: folder, MaxSeries: 2})
	for _, name := range []string{"a", "b"} {
		if err := appendFloat(t, db, now, 1, "__name__", name); err != nil {
			t.Fatal(err)
		}
	}
	err := appendFloat(t, db, now, 1, "__name__", "c")
	var limit *LimitError
	if !errors.As(err, &limit) || limit.Limit != 2 || !errors.Is(err, storage.ErrOutOfBounds) {
		t.Errorf("third series: %v, want a LimitError that passes for out of bounds", err)
	}
	if err := appendFloat(t, db, now.Add(time.Second), 2, "__name__", "a"); err != nil {
		t.Errorf("a known series at the limit: %v", err)
	}
	if u := db.Usage(); u.Series != 2 || u.SeriesRefused != 1 || u.MaxTime.IsZero() {
		t.Errorf("usage: %+v", u)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	// Replay must not meet the limit, however low it has become.
	low := openTest(t, Options{Folder: folder, MaxSeries: 1})
	if got := low.Usage().Series; got != 2 {
		t.Errorf("series after reopening below the number of series: %d, want 2", got)
	}
}

func TestOutOfOrderWindow(t *testing.T) {
	db := openTest(t, Options{})
	now := time.Now()
	for _, ago := range []time.Duration{0, 9 * time.Minute} {
		if err := appendFloat(t, db, now.Add(-ago), 1, "__name__", "x"); err != nil {
			t.Errorf("%s late: %v", ago, err)
		}
	}
	if err := appendFloat(t, db, now.Add(-11*time.Minute), 1, "__name__", "x"); err == nil {
		t.Error("11 minutes late was accepted")
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{}, "no folder"},
		{Options{Folder: t.TempDir(), Workspace: "../x"}, "workspace name"},
		{Options{Folder: filepath.Join(t.TempDir(), "f\x00")}, "open samples"},
	} {
		if _, err := Open(c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.options, err, c.want)
		}
	}
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*math.Abs(b) }
