package lake

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// spoil flips bytes of a file, counted from its end.
func spoil(t *testing.T, path string, fromEnd, n int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		data[len(data)-fromEnd+i] ^= 0xa5
	}
	if err := os.WriteFile(path, data, 0o640); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedFileIsSetAsideByQuery(t *testing.T) {
	l := open(t, quietOptions(t.TempDir()))
	fill(t, l, 0, 3, 100)
	bad := l.manifest.list(func(*dataFile) bool { return true })[0]
	path := filepath.Join(l.o.Dir, bad.Path)
	spoil(t, path, 8, 8) // length of the footer, and the mark at the end
	for range 2 {
		if n := count(t, l, Source{Table: Spans}); n != 200 {
			t.Fatalf("%d rows", n)
		}
	}
	if _, err := os.Stat(path + damagedSuffix); err != nil || l.Stats().Damaged != 1 {
		t.Errorf("%v, %d damaged", err, l.Stats().Damaged)
	}
	dir := l.o.Dir
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, open(t, quietOptions(dir)), Source{Table: Spans}); n != 200 {
		t.Errorf("%d rows after the restart", n)
	}
	if _, err := os.Stat(path + damagedSuffix); err != nil {
		t.Error("the next start removed it")
	}
}

// Wherever a file is damaged, maintenance neither panics nor stops merging the
// other files.
func TestDamagedFileDoesNotStopMerging(t *testing.T) {
	for _, fromEnd := range []int{4, 40, 400, 1200, 3000, 6000, 9000} {
		o := quietOptions(t.TempDir())
		o.Now = func() time.Time { return start().Add(10 * time.Minute) }
		l := open(t, o)
		fill(t, l, 0, 4, 100)
		bad := l.manifest.list(func(*dataFile) bool { return true })[0]
		spoil(t, filepath.Join(o.Dir, bad.Path), min(fromEnd, int(bad.Bytes)), 4)
		l.o.Now = func() time.Time { return start().Add(3 * time.Hour) }
		for range 3 {
			if err := l.maintain(); err != nil {
				t.Errorf("%d from the end: %v", fromEnd, err)
			}
		}
		if got := levels(l); got[levelSegment] != 0 {
			t.Errorf("%d from the end: %v", fromEnd, got)
		}
		if n := count(t, l, Source{Table: Spans}); n != 300 && n != 400 {
			t.Errorf("%d from the end: %d rows", fromEnd, n)
		}
	}
}
