package cache

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

func TestVectors(t *testing.T) {
	var now clock
	s := NewVectors(Options{Now: now.now})
	want := func(partition string, v []float32, threshold float64, value any) {
		t.Helper()
		if got, ok := s.Nearest(partition, v, threshold); got != value || ok != (value != nil) {
			t.Fatalf("%s %v: got %v, %v; want %v", partition, v, got, ok, value)
		}
	}
	want("p", []float32{1, 0}, 1, nil)
	s.Add("p", []float32{3, 0}, "east", time.Minute)
	s.Add("p", []float32{0, 2}, "north", time.Hour)
	want("p", []float32{1, 0.1}, 0.05, "east")
	want("p", []float32{0.1, 9}, 0.05, "north")
	want("p", []float32{1, 1}, 0.05, nil)
	want("p", []float32{1, 1.1}, 0.5, "north") // the nearest, not the first
	want("p", []float32{5, 0}, 0, "east")      // length does not matter
	want("q", []float32{1, 0}, 1, nil)
	want("p", []float32{1, 0, 0}, 1, nil) // another model's vector
	want("p", []float32{0, 0}, 2, nil)
	want("p", []float32{float32(math.NaN()), 0}, 2, nil)
	s.Add("p", []float32{3, 0.001}, "east again", time.Minute)
	want("p", []float32{1, 0}, 0.05, "east again")
	now.advance(time.Minute)
	want("p", []float32{1, 0}, 0.05, nil)
	want("p", []float32{0, 1}, 0, "north")
	s.Add("p", []float32{0, 1}, "gone", 0)
	s.Add("r", []float32{0, 0}, "nowhere", time.Hour)
	want("p", []float32{0, 1}, 0, "north")
	if s.entries != 2 && s.entries != 1 {
		t.Fatalf("%d entries", s.entries)
	}
}

func TestVectorsAreBounded(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var now clock
	s := NewVectors(Options{MaxEntries: 50, MaxBytes: 1 << 20, Now: now.now})
	for i := range 5000 {
		v := []float32{random.Float32() - 0.5, random.Float32() - 0.5, random.Float32() - 0.5}
		s.Add(fmt.Sprint(i%7), v, make([]byte, random.IntN(60_000)), time.Duration(random.IntN(100))*time.Second)
		now.advance(time.Second)
	}
	if s.entries > 50 || s.bytes > 1<<20 {
		t.Fatalf("%d entries of %d bytes", s.entries, s.bytes)
	}
	listed, bytes := 0, int64(0)
	for _, list := range s.partitions {
		for _, e := range list {
			listed++
			bytes += e.size
		}
	}
	chained := 0
	for e := s.sentinel.older; e != &s.sentinel; e = e.older {
		chained++
	}
	if listed != s.entries || chained != s.entries || bytes != s.bytes {
		t.Fatalf("%d listed, %d chained, %d counted; %d bytes, %d counted", listed, chained, s.entries, bytes, s.bytes)
	}
	s.Add("huge", []float32{1}, make([]byte, 2<<20), time.Hour)
	if _, ok := s.Nearest("huge", []float32{1}, 1); ok {
		t.Fatal("a value larger than the store was kept")
	}
}

func TestVectorsConcurrently(t *testing.T) {
	s := NewVectors(Options{MaxEntries: 20})
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 1000 {
				v := []float32{float32(math.Cos(float64(i % 30))), float32(math.Sin(float64(i % 30)))}
				partition := fmt.Sprint((g + i) % 3)
				if got, ok := s.Nearest(partition, v, 0.001); ok && got != i%30 {
					t.Errorf("%v holds %v", v, got)
				}
				s.Add(partition, v, i%30, time.Hour)
			}
		})
	}
	group.Wait()
}

func BenchmarkNearest(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	s := NewVectors(Options{MaxEntries: 1000})
	vector := func() []float32 {
		v := make([]float32, 1536)
		for i := range v {
			v[i] = random.Float32() - 0.5
		}
		return v
	}
	for i := range 1000 {
		s.Add("p", vector(), i, time.Hour)
	}
	v := vector()
	b.ReportAllocs()
	for b.Loop() {
		s.Nearest("p", v, 0.1)
	}
}
