package tsdb

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// A clock that steps back a little loses nothing; one that steps back far loses
// what is older than the out-of-order window, with a reason, until it has caught
// up, and nothing else: what was stored stays, other series are taken.
func TestClockStep(t *testing.T) {
	folder := t.TempDir()
	db := openTest(t, Options{Folder: folder, OutOfOrderWindow: 10 * time.Minute})
	noon := time.Unix(1_800_000_000, 0)
	write := func(at time.Duration, v float64, name string) error {
		return appendFloat(t, db, noon.Add(at), v, "__name__", name)
	}
	for minute := range 6 {
		if err := write(time.Duration(minute)*time.Minute, float64(minute), "steady"); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name string
		at   time.Duration
		v    float64
		want error
	}{
		{"steady", -3*time.Minute - time.Second, 10, nil},                // 8 minutes back: within the window
		{"other", -4 * time.Minute, 11, nil},                             // a new series too
		{"steady", -time.Hour, 12, storage.ErrTooOldSample},              // an hour back
		{"fresh", -time.Hour - time.Minute, 13, storage.ErrTooOldSample}, // also of a new series
		{"steady", -50 * time.Minute, 14, storage.ErrTooOldSample},
		{"steady", 6 * time.Minute, 6, nil},                     // the clock has caught up
		{"steady", 2 * time.Hour, 20, nil},                      // a step forward
		{"steady", 7 * time.Minute, 7, storage.ErrTooOldSample}, // and back again
		{"steady", 2*time.Hour + time.Minute, 21, nil},
	} {
		if err := write(step.at, step.v, step.name); !errors.Is(err, step.want) || step.want == nil && err != nil {
			t.Errorf("%s at %s: %v, want %v", step.name, step.at, err, step.want)
		}
	}
	if n := db.RefusedSamples()["too_old"]; n != 4 {
		t.Errorf("%v samples were refused as too old, want 4: %v", n, db.RefusedSamples())
	}
	for query, want := range map[string]float64{`steady offset 116m`: 5, `steady offset 114m`: 6, `steady offset 2h2m1s`: 10, `other offset 2h3m59s`: 11, `count_over_time(steady[3h])`: 10} {
		got := eval(t, db, query, noon.Add(2*time.Hour+time.Minute))
		if len(got) != 1 {
			t.Errorf("%s = %v", query, got)
		}
		for _, v := range got {
			if v != want {
				t.Errorf("%s = %v, want %v", query, v, want)
			}
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openTest(t, Options{Folder: folder, OutOfOrderWindow: 10 * time.Minute})
	app := db.AppenderV2(context.Background())
	if _, err := app.Append(0, labels.FromStrings("__name__", "steady"), 0, noon.Add(2*time.Hour+2*time.Minute).UnixMilli(), 22, nil, nil, storage.AOptions{}); err != nil || app.Commit() != nil {
		t.Errorf("after a restart: %v", err)
	}
}
