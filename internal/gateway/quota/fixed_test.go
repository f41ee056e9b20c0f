package quota

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func fixedAt(now *time.Time) *Fixed {
	return NewFixed(Options{Now: func() time.Time { return *now }})
}

func TestFixedWindowIsCountedFromItsStart(t *testing.T) {
	now := day.Add(10*time.Hour + 29*time.Minute + 58*time.Second)
	f := fixedAt(&now)
	w := Window{Start: day.AddDate(0, -1, 0), Period: time.Hour}
	for i := range 3 {
		r := f.Add("k", 1, 2, w)
		if want := i < 2; r.Allowed != want || r.Remaining != int64(max(0, 1-i)) {
			t.Fatalf("call %d: %+v", i, r)
		}
		if !r.Allowed && r.RetryAfter != 30*time.Minute+2*time.Second {
			t.Fatalf("wait %v", r.RetryAfter)
		}
	}
	now = day.Add(11 * time.Hour)
	if r := f.Add("k", 1, 2, w); !r.Allowed || r.Remaining != 1 {
		t.Fatalf("the next period: %+v", r)
	}
}

func TestFixedLookAndTakeBack(t *testing.T) {
	now := day
	f := fixedAt(&now)
	w := Window{Period: time.Minute}
	if r := f.Add("k", 0, 1, w); !r.Allowed || r.Remaining != 1 || f.Len() != 0 {
		t.Fatalf("looking must count nothing: %+v", r)
	}
	f.Add("k", 1, 1, w)
	if r := f.Add("k", 0, 1, w); r.Allowed || r.Remaining != 0 {
		t.Fatalf("nothing is left: %+v", r)
	}
	f.Add("k", -1, 1, w)
	f.Add("k", -5, 1, w)
	if r := f.Add("k", 0, 1, w); !r.Allowed || r.Remaining != 1 {
		t.Fatalf("taken back: %+v", r)
	}
	if r := f.Add("k", math.MaxInt64, 1, w); r.Allowed {
		t.Fatalf("%+v", r)
	}
	if r := f.Add("k", math.MaxInt64, 1, w); r.Allowed {
		t.Fatalf("run over: %+v", r)
	}
}

func TestFixedWindowWithoutEndAndBeforeItsStart(t *testing.T) {
	now := day
	f := fixedAt(&now)
	f.Add("k", 1, 1, Window{})
	now = now.AddDate(50, 0, 0)
	if r := f.Add("k", 0, 1, Window{}); r.Allowed || r.RetryAfter != 0 {
		t.Fatalf("a window without end: %+v", r)
	}
	w := Window{Start: now.Add(90 * time.Minute), Period: time.Hour}
	if r := f.Add("later", 2, 1, w); r.RetryAfter != 30*time.Minute {
		t.Fatalf("before the first start: %+v", r)
	}
	// The year 1 is the default start; its distance does not fit a Duration.
	if r := f.Add("year 1", 2, 1, Window{Period: time.Hour}); r.RetryAfter <= 0 || r.RetryAfter > time.Hour {
		t.Fatalf("from the year 1: %+v", r)
	}
}

func TestFixedSurvivesARestart(t *testing.T) {
	now := day
	f := fixedAt(&now)
	hour, minute := Window{Period: time.Hour}, Window{Period: time.Minute}
	f.Add("long", 7, 10, hour)
	f.Add("short", 1, 10, minute)
	before := f.Changes()
	f.Add("long", 0, 10, hour)
	if f.Changes() != before {
		t.Fatal("looking changed the state")
	}
	saved := f.Save()
	now = now.Add(2 * time.Minute)
	g := fixedAt(&now)
	if err := g.Load(saved); err != nil {
		t.Fatal(err)
	}
	if r := g.Add("long", 0, 10, hour); r.Remaining != 3 {
		t.Fatalf("lost: %+v", r)
	}
	if g.Len() != 1 {
		t.Fatalf("%d counters: a period that is over came back", g.Len())
	}
	for _, bad := range [][]byte{nil, {2}, saved[:len(saved)-1]} {
		if fixedAt(&now).Load(bad) == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

func TestFixedIsBounded(t *testing.T) {
	now := day
	f := NewFixed(Options{MaxKeys: 200, Now: func() time.Time { return now }})
	for i := range 5000 {
		f.Add(fmt.Sprint("key ", i), 1, 5, Window{Period: time.Minute})
	}
	if n := f.Len(); n > 200 || f.Evicted() < 4000 {
		t.Fatalf("%d counters, %d evicted", n, f.Evicted())
	}
	now = now.Add(time.Hour)
	for i := range 300 {
		f.Add(fmt.Sprint("new ", i), 1, 5, Window{Period: time.Minute})
	}
	if f.Len() > 200 {
		t.Fatalf("%d counters", f.Len())
	}
}

func TestFixedCountsExactlyUnderLoad(t *testing.T) {
	f := NewFixed(Options{})
	var allowed atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 500 {
				if f.Add("k", 1, 1000, Window{}).Allowed {
					allowed.Add(1)
				}
				f.Save()
			}
		})
	}
	group.Wait()
	if allowed.Load() != 1000 {
		t.Fatalf("%d allowed", allowed.Load())
	}
}

func TestPlaces(t *testing.T) {
	p := NewPlaces()
	first, ok := p.Enter("k", 2)
	second, ok2 := p.Enter("k", 2)
	_, third := p.Enter("k", 2)
	if !ok || !ok2 || third {
		t.Fatal(ok, ok2, third)
	}
	first()
	first() // once only
	if _, ok := p.Enter("k", 2); !ok {
		t.Fatal("the place was not given back")
	}
	if _, ok := p.Enter("k", 2); ok {
		t.Fatal("a place was given back twice")
	}
	second()
	if _, ok := p.Enter("none", 0); ok {
		t.Fatal("there are no places")
	}
}

func TestPlacesUnderLoad(t *testing.T) {
	p := NewPlaces()
	var inside, most atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 500 {
				leave, ok := p.Enter("k", 3)
				if !ok {
					continue
				}
				if n := inside.Add(1); n > most.Load() {
					most.Store(n)
				}
				inside.Add(-1)
				leave()
			}
		})
	}
	group.Wait()
	if most.Load() > 3 || p.Len() != 0 {
		t.Fatalf("%d at once, %d keys left", most.Load(), p.Len())
	}
}

func BenchmarkFixedAdd(b *testing.B) {
	f := NewFixed(Options{})
	b.ReportAllocs()
	for b.Loop() {
		f.Add("subscription/123/products/starter", 1, 1<<40, Window{Period: time.Hour})
	}
}
