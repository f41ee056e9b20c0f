package spool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

func open(t *testing.T, o Options) *Spool {
	t.Helper()
	if o.Folder == "" {
		o.Folder = t.TempDir()
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func put(t *testing.T, s *Spool, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := s.Put(t.Context(), []byte(text), 1); err != nil {
			t.Fatal(err)
		}
	}
}

// rest takes everything that nobody holds.
func rest(t *testing.T, s *Spool) (out []telemetry.Batch) {
	t.Helper()
	for {
		b, arrived, err := s.take()
		if err != nil {
			t.Fatal(err)
		}
		if arrived != nil {
			return out
		}
		out = append(out, b)
	}
}

func texts(batches []telemetry.Batch) string {
	var out []string
	for _, b := range batches {
		out = append(out, string(b.Data))
	}
	return strings.Join(out, " ")
}

func segments(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestBatchesComeInOrderAndOnceAfterDone(t *testing.T) {
	folder := t.TempDir()
	s := open(t, Options{Folder: folder, SegmentBytes: 60})
	put(t, s, "a", "b", "c", "d", "e", "f", "g")
	if n := len(segments(t, folder)); n < 3 {
		t.Fatalf("%d segments, the batches were to be spread over several", n)
	}
	held := rest(t, s)
	if got := texts(held); got != "a b c d e f g" {
		t.Fatal(got)
	}
	for _, n := range []int{1, 0, 3, 4} { // c stays, so does what follows it
		if err := s.Done(held[n].ID); err != nil {
			t.Fatal(err)
		}
	}
	if st := s.Stats(); st.Batches != 3 || st.Items != 3 {
		t.Fatalf("%+v", st)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Folder: folder})
	if got := texts(rest(t, s)); got != "c d e f g" {
		t.Fatalf("after a restart: %s", got)
	}
}

func TestAnIdleQueueHoldsNoFile(t *testing.T) {
	folder := t.TempDir()
	s := open(t, Options{Folder: folder, SegmentBytes: 60})
	for range 3 {
		put(t, s, "a", "b", "c", "d")
		for _, b := range rest(t, s) {
			if err := s.Done(b.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if st := s.Stats(); st != (telemetry.QueueStats{}) || len(segments(t, folder)) != 0 {
		t.Fatalf("%+v, files %v", st, segments(t, folder))
	}
}

func TestNextWaits(t *testing.T) {
	s := open(t, Options{})
	got := make(chan telemetry.Batch, 1)
	go func() {
		b, err := s.Next(t.Context())
		if err != nil {
			t.Error(err)
		}
		got <- b
	}()
	put(t, s, "late")
	if b := <-got; string(b.Data) != "late" || b.Items != 1 {
		t.Fatalf("%+v", b)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	_ = s.Close()
	if _, err := s.Next(t.Context()); !errors.Is(err, errClosed) {
		t.Fatal(err)
	}
}

func TestTheOldestGoWhenThereIsTooMuch(t *testing.T) {
	folder := t.TempDir()
	s := open(t, Options{Folder: folder, MaxBytes: 400, SegmentBytes: 100})
	held, err := func() (telemetry.Batch, error) { put(t, s, "held"); return s.Next(t.Context()) }()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		put(t, s, fmt.Sprintf("%03d", n))
		if st := s.Stats(); st.Bytes > 400 {
			t.Fatalf("%+v", st)
		}
	}
	size := int64(0)
	for _, path := range segments(t, folder) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	st := s.Stats()
	if size != st.Bytes || size > 400 {
		t.Fatalf("%d bytes on disk, %+v", size, st)
	}
	left := rest(t, s)
	// The batch that was held is its holder's to count.
	if len(left)+st.DroppedFull != 100 || string(left[len(left)-1].Data) != "099" {
		t.Fatalf("%d left, %+v", len(left), st)
	}
	if err := s.Done(held.ID); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Batches != len(left) || st.Items != len(left) {
		t.Fatalf("%+v with %d left", st, len(left))
	}
}

func TestWhatIsTooOldGoes(t *testing.T) {
	var now atomic.Int64
	s := open(t, Options{MaxAge: time.Hour, SegmentBytes: 60, Now: func() time.Time { return time.Unix(now.Load(), 0) }})
	put(t, s, "a", "b", "c", "d", "e")
	now.Store(1800)
	put(t, s, "f")
	now.Store(3601)
	if got, st := texts(rest(t, s)), s.Stats(); got != "f" || st.DroppedOld != 5 || st.Items != 1 {
		t.Fatalf("%s %+v", got, st)
	}
}

// Every length to which the last file can be cut leaves the whole records.
func TestTornTailIsCut(t *testing.T) {
	folder := t.TempDir()
	s := open(t, Options{Folder: folder})
	put(t, s, "first", "second", "third")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := segments(t, folder)[0]
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := range len(whole) {
		torn := t.TempDir()
		if err := os.WriteFile(filepath.Join(torn, filepath.Base(path)), whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, Options{Folder: torn})
		put(t, s, "new")
		want := "new"
		for n, one := range []string{"first", "first second", "first second third"} {
			if size >= []int{25, 51, 76}[n] {
				want = one + " new"
			}
		}
		if got := texts(rest(t, s)); got != want {
			t.Fatalf("%d of %d bytes: %q, want %q", size, len(whole), got, want)
		}
		_ = s.Close()
	}
}

func TestDamageIsNeverGivenOut(t *testing.T) {
	folder := t.TempDir()
	s := open(t, Options{Folder: folder})
	put(t, s, "first", "second", "third")
	_ = s.Close()
	path := segments(t, folder)[0]
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		bent := append([]byte(nil), whole...)
		bent[at] ^= 0x40
		other := t.TempDir()
		if err := os.WriteFile(filepath.Join(other, filepath.Base(path)), bent, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, Options{Folder: other})
		got := texts(rest(t, s))
		if !strings.HasPrefix("first second third", got) || len(got) > 12 || s.Stats().DamagedBytes == 0 {
			t.Fatalf("bit of byte %d: %q, %+v", at, got, s.Stats())
		}
		_ = s.Close()
	}
}

// fullDisk is a disk without room as long as full says so; a write fails in its middle.
type fullDisk struct {
	*os.File
	full *atomic.Bool
}

func (d fullDisk) WriteAt(b []byte, at int64) (int, error) {
	if d.full.Load() {
		n, err := d.File.WriteAt(b[:len(b)/2], at)
		return n, errors.Join(err, syscall.ENOSPC)
	}
	return d.File.WriteAt(b, at)
}

func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	var full atomic.Bool
	folder := t.TempDir()
	s := open(t, Options{Folder: folder, create: func(path string) (segmentFile, error) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return fullDisk{f, &full}, err
	}})
	full.Store(true)
	if err := s.Put(t.Context(), []byte("refused"), 1); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	full.Store(false)
	put(t, s, "a", "b")
	full.Store(true)
	for range 3 {
		if err := s.Put(t.Context(), []byte("a longer one that is refused"), 1); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	if st := s.Stats(); st.Batches != 2 {
		t.Fatalf("%+v", st)
	}
	full.Store(false)
	put(t, s, "c")
	_ = s.Close()
	s = open(t, Options{Folder: folder})
	if got := texts(rest(t, s)); got != "a b c" {
		t.Fatal(got)
	}
}

func TestManyAtOnce(t *testing.T) {
	s := open(t, Options{SegmentBytes: 2000})
	const writers, each = 8, 200
	var seen sync.Map
	var taken atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg, readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				b, err := s.Next(ctx)
				if err != nil {
					return
				}
				if _, twice := seen.LoadOrStore(string(b.Data), true); twice {
					t.Errorf("%s was given out twice", b.Data)
				}
				if err := s.Done(b.ID); err != nil {
					t.Error(err)
				}
				if taken.Add(1) == writers*each {
					cancel()
				}
			}
		})
	}
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				if err := s.Put(t.Context(), fmt.Appendf(nil, "%d/%d", w, n), 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	readers.Wait()
	if st := s.Stats(); st != (telemetry.QueueStats{}) {
		t.Fatalf("%+v", st)
	}
}

// TestKill starts this program again as a writer and kills it: what it said to
// have put is there.
func TestKill(t *testing.T) {
	if folder := os.Getenv("GATEHOUSE_TEST_SPOOL"); folder != "" {
		s, err := Open(Options{Folder: folder, SegmentBytes: 4000})
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; ; n++ {
			if err := s.Put(t.Context(), fmt.Appendf(nil, "batch %d", n), 1); err != nil {
				t.Fatal(err)
			}
			fmt.Println("put", n)
		}
	}
	folder := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), "GATEHOUSE_TEST_SPOOL="+folder)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last, n := -1, 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "put %d", &n); err == nil {
			last = n
		}
		if last == 500 {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
	if last < 500 {
		t.Fatalf("the writer ended after %d batches", last+1)
	}
	found := rest(t, open(t, Options{Folder: folder}))
	if len(found) < last+1 {
		t.Fatalf("%d batches of %d are there", len(found), last+1)
	}
	for n, b := range found {
		if string(b.Data) != fmt.Sprintf("batch %d", n) {
			t.Fatalf("batch %d is %q", n, b.Data)
		}
	}
}

func FuzzOpen(f *testing.F) {
	_, b := encode([]byte("data"), 3, time.Unix(1, 0))
	f.Add(b, uint64(1), int64(0))
	f.Add(append(b, b[:10]...), uint64(1), int64(len(b)))
	f.Fuzz(func(t *testing.T, data []byte, number uint64, offset int64) {
		folder := t.TempDir()
		if err := os.WriteFile(segmentPath(folder, 1), data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, Options{Folder: folder, MaxAge: 1 << 62})
		if err := s.writePosition(number%3, offset); err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
		s = open(t, Options{Folder: folder, MaxAge: 1 << 62})
		put(t, s, "new")
		got := rest(t, s)
		if len(got) == 0 || string(got[len(got)-1].Data) != "new" {
			t.Fatalf("%q", texts(got))
		}
		_ = s.Close()
	})
}

// What was just written is kept in memory up to a bound; the rest is read back.
func TestMemoryIsBounded(t *testing.T) {
	s := open(t, Options{})
	kept := func() (n int64) {
		for _, g := range s.segments {
			n += g.fresh
		}
		return n
	}
	var want []string
	for n := range 7 {
		want = append(want, strings.Repeat(fmt.Sprint(n), 2<<20))
	}
	put(t, s, want...)
	if kept() != maxFresh {
		t.Errorf("%d bytes are in memory, want %d", kept(), maxFresh)
	}
	if got := texts(rest(t, s)); got != strings.Join(want, " ") {
		t.Error("other batches came than were put")
	}
	if kept() != 0 {
		t.Errorf("%d bytes stay in memory after all was taken", kept())
	}
	put(t, s, "one more")
	if got := texts(rest(t, s)); got != "one more" || kept() != 0 {
		t.Errorf("%q, %d", got, kept())
	}
}
