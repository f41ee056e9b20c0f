package promql_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/query/promql"

	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
)

const load = `load 10s
  up{job="a"} 1x360
  up{job="b"} 0x360
`

func TestEngine(t *testing.T) {
	store := promqltest.LoadedStorage(t, load)
	t.Cleanup(func() { _ = store.Close() })
	engine := promql.New(store, promql.Options{})
	at := time.Unix(1800, 0)
	for _, c := range []struct {
		query string
		want  float64
	}{
		{`sum(up)`, 1},
		{`1 + 1`, 2},
		{`sum(up @ 600)`, 1},
		{`sum(up offset -10m)`, 1},
		{`sum(max_over_time(up[10m:]))`, 1},
	} {
		got, err := engine.Instant(context.Background(), c.query, at)
		if err != nil || len(got) != 1 || got[0].F != c.want {
			t.Errorf("%s = %v, %v; want %v", c.query, got, err, c.want)
		}
	}
	matrix, err := engine.Range(context.Background(), `up`, at.Add(-time.Minute), at, 15*time.Second)
	if err != nil || len(matrix) != 2 || len(matrix[0].Floats) != 5 {
		t.Errorf("range: %v, %v", matrix, err)
	}
}

func TestEngineRefuses(t *testing.T) {
	store := promqltest.LoadedStorage(t, load)
	t.Cleanup(func() { _ = store.Close() })
	engine := promql.New(store, promql.Options{MaxSamples: 100, MaxConcurrent: 1})
	ctx, at := context.Background(), time.Unix(3600, 0)
	for query, want := range map[string]string{
		`up[`:                   "parse error",
		`up[1m]`:                "instant vector or a scalar",
		`sum_over_time(up[1h])`: "too many samples",
	} {
		if _, err := engine.Instant(ctx, query, at); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", query, err, want)
		}
	}
	for _, step := range []time.Duration{0, time.Millisecond} {
		if _, err := engine.Range(ctx, `up`, at.Add(-time.Hour), at, step); err == nil {
			t.Errorf("a range by %s was accepted", step)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := engine.Instant(cancelled, `up`, at); err == nil {
		t.Error("a cancelled query was answered")
	}
}

func TestRulesDoNotWaitForDashboards(t *testing.T) {
	store := promqltest.LoadedStorage(t, load)
	t.Cleanup(func() { _ = store.Close() })
	entered, leave := make(chan struct{}), make(chan struct{})
	engine := promql.New(&slowStore{Queryable: store, entered: entered, leave: leave}, promql.Options{MaxConcurrent: 1})
	slow := make(chan error)
	go func() {
		_, err := engine.Range(context.Background(), `up`, time.Unix(0, 0), time.Unix(60, 0), time.Minute)
		slow <- err
	}()
	<-entered // the only slot is taken
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := engine.Range(ctx, `1`, time.Unix(0, 0), time.Unix(60, 0), time.Minute); err == nil {
		t.Error("a second dashboard query did not wait")
	}
	if got, err := engine.Instant(context.Background(), `1`, time.Unix(0, 0)); err != nil || len(got) != 1 {
		t.Errorf("a rule's query waited: %v, %v", got, err)
	}
	close(leave)
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

// slowStore holds its first query back until it is told to go on.
type slowStore struct {
	storage.Queryable
	held           atomic.Bool
	entered, leave chan struct{}
}

func (s *slowStore) Querier(from, to int64) (storage.Querier, error) {
	if s.held.CompareAndSwap(false, true) {
		close(s.entered)
		<-s.leave
	}
	return s.Queryable.Querier(from, to)
}
