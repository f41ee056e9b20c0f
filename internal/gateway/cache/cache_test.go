package cache

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func TestCache(t *testing.T) {
	var now clock
	c := New(Options{Now: now.now})
	want := func(key string, value any) {
		t.Helper()
		if got, ok := c.Get(key); got != value || ok != (value != nil) {
			t.Fatalf("%s: got %v, %v; want %v", key, got, ok, value)
		}
	}
	want("a", nil)
	c.Set("a", "one", 10*time.Second)
	c.Set("b", 2, time.Minute)
	want("a", "one")
	c.Set("a", "two", 10*time.Second)
	want("a", "two")
	now.advance(10*time.Second - 1)
	want("a", "two")
	now.advance(1)
	want("a", nil)
	want("b", 2)
	c.Delete("b")
	want("b", nil)
	c.Set("b", 3, time.Minute)
	c.Set("b", 4, 0)
	want("b", nil)
	if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 || s.Hits != 4 || s.Misses != 4 {
		t.Fatalf("got %+v", s)
	}
}

func TestLeastRecentlyUsedGoesFirst(t *testing.T) {
	c := New(Options{MaxEntries: 3})
	for _, key := range []string{"a", "b", "c"} {
		c.Set(key, key, time.Hour)
	}
	c.Get("a")
	c.Set("d", "d", time.Hour)
	if _, ok := c.Get("b"); ok {
		t.Fatal("b is still there")
	}
	for _, key := range []string{"a", "c", "d"} {
		if _, ok := c.Get(key); !ok {
			t.Fatalf("%s is gone", key)
		}
	}
}

func TestBoundsHoldUnderAnyUse(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var now clock
	c := New(Options{MaxEntries: 500, MaxBytes: 8 << 20, Now: now.now})
	for range 20_000 {
		key := fmt.Sprint(random.IntN(2000))
		switch random.IntN(5) {
		case 0:
			c.Delete(key)
		case 1:
			now.advance(time.Duration(random.IntN(1000)) * time.Millisecond)
		case 2:
			c.Get(key)
		default:
			c.Set(key, make([]byte, random.IntN(60_000)), time.Duration(random.IntN(100))*time.Second)
		}
	}
	if s := c.Stats(); s.Entries > 500 || s.Bytes > 8<<20 || s.Evicted == 0 {
		t.Fatalf("got %+v", s)
	}
	for i := range c.shards {
		s := &c.shards[i]
		var bytes int64
		listed := 0
		for e := s.sentinel.older; e != &s.sentinel; e = e.older {
			bytes += e.size
			listed++
		}
		if bytes != s.bytes || listed != len(s.entries) {
			t.Fatalf("shard %d: %d bytes in %d listed, %d bytes in %d held", i, bytes, listed, s.bytes, len(s.entries))
		}
	}
	c.Set("huge", make([]byte, 9<<20), time.Hour)
	if _, ok := c.Get("huge"); ok || c.Stats().Refused != 1 {
		t.Fatal("a value larger than the cache was kept")
	}
}

func TestConcurrentUse(t *testing.T) {
	c := New(Options{MaxEntries: 100})
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 2000 {
				key := fmt.Sprint(i % 150)
				if v, ok := c.Get(key); ok && v != key {
					t.Errorf("%s holds %v", key, v)
				}
				c.Set(key, key, time.Hour)
				if i%7 == g%7 {
					c.Delete(key)
				}
			}
		})
	}
	group.Wait()
}

type sized struct{}

func (sized) CacheSize() int64 { return 12345 }

func TestSizeOf(t *testing.T) {
	type node struct {
		Name string
		Next *node
		Any  any
	}
	loop := &node{Name: "abc"}
	loop.Next = loop
	for _, one := range []struct {
		name       string
		value      any
		least, max int64
	}{
		{"nil", nil, 0, 0},
		{"string", "hello", 21, 21},
		{"bytes", make([]byte, 1000), 1024, 1024},
		{"own", sized{}, 12345, 12345},
		{"int32", int32(1), 8, 8},
		{"header", map[string][]string{"Content-Type": {"text/plain"}}, 60, 300},
		{"list", []any{"a", "b", 1.0}, 70, 200},
		{"nested", map[string]any{"a": map[string]any{"b": "0123456789"}}, 60, 300},
		{"cycle", loop, 40, 100},
		{"floats", make([]float64, 100), 800, 900},
		{"array", [4]int64{}, 32, 32},
		{"many", make([]any, 300_000), 300_000 * 16, 300_000 * 20},
	} {
		if got := SizeOf(one.value); got < one.least || got > one.max {
			t.Errorf("%s: %d is not between %d and %d", one.name, got, one.least, one.max)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	c := New(Options{})
	c.Set("key", "value", time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		c.Get("key")
	}
}

func BenchmarkSet(b *testing.B) {
	c := New(Options{})
	b.ReportAllocs()
	for b.Loop() {
		c.Set("key", "value", time.Hour)
	}
}
