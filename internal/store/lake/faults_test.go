package lake

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

// faultyFS is the disk with a bounded room, and with failures on demand.
type faultyFS struct {
	osFS
	mu       sync.Mutex
	room     int64 // bytes that may still be written; -1: no bound
	fail     func(op, path string) error
	tornTail bool // a refused write leaves part of its bytes behind and cannot be taken back
}

type faultyFile struct {
	file
	fs   *faultyFS
	path string
}

func (f *faultyFS) check(op, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail(op, path)
	}
	return nil
}

func (f *faultyFS) setRoom(n int64) {
	f.mu.Lock()
	f.room = n
	f.mu.Unlock()
}

func (f *faultyFS) setFail(fail func(op, path string) error) {
	f.mu.Lock()
	f.fail = fail
	f.mu.Unlock()
}

func (f *faultyFS) Create(path string) (file, error) {
	if err := f.check("create", path); err != nil {
		return nil, err
	}
	inner, err := f.osFS.Create(path)
	return &faultyFile{inner, f, path}, err
}

func (f *faultyFS) Rename(from, to string) error {
	if err := f.check("rename", to); err != nil {
		return err
	}
	return f.osFS.Rename(from, to)
}

func (f *faultyFS) SyncDir(path string) error {
	if err := f.check("syncdir", path); err != nil {
		return err
	}
	return f.osFS.SyncDir(path)
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if err := f.fs.check("write", f.path); err != nil {
		return 0, err
	}
	f.fs.mu.Lock()
	n, full := int64(len(b)), false
	if f.fs.room >= 0 {
		if n > f.fs.room {
			n, full = f.fs.room, true
		}
		f.fs.room -= n
	}
	f.fs.mu.Unlock()
	written, err := f.file.Write(b[:n])
	if err == nil && full {
		err = syscall.ENOSPC
	}
	return written, err
}

func (f *faultyFile) Sync() error {
	if err := f.fs.check("sync", f.path); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	if f.fs.tornTail {
		return syscall.EIO
	}
	return f.file.Truncate(size)
}

// copyDir copies the lake as a crash of the process at this moment leaves it.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	err := osFS{}.Walk(from, func(path string, _ int64) error {
		rel, _ := filepath.Rel(from, path)
		data, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, rel)), 0o750); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o640)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// rowIDs counts each span id of the lake.
func rowIDs(t testing.TB, l *Lake) map[string]int {
	t.Helper()
	rows, err := l.Query(context.Background(), Statement{SQL: "SELECT span_id FROM {rows}", Sources: map[string]Source{"rows": {Table: Spans}}})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := make(map[string]int)
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		out[id]++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// expectRows checks that exactly the first n rows are there, each once.
func expectRows(t testing.TB, l *Lake, n int) {
	t.Helper()
	ids := rowIDs(t, l)
	for i := range n {
		if c := ids[spanID(i, 0)]; c != 1 {
			t.Fatalf("row %d is there %d times (%d ids of %d)", i, c, len(ids), n)
		}
	}
	if len(ids) != n {
		t.Fatalf("%d rows, want %d", len(ids), n)
	}
}

// tryPut appends a batch; a batch with an error must leave nothing behind.
func tryPut(l *Lake, rows []telemetry.Span) error { return l.Spans(context.Background(), rows) }

func TestCrashLosesNothing(t *testing.T) {
	o := quietOptions(t.TempDir())
	l := open(t, o)
	put(t, l, spansAt(0, 1000, start(), time.Millisecond))
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	put(t, l, spansAt(1000, 1500, start(), time.Millisecond))
	o.Dir = copyDir(t, o.Dir) // no Close: the process is gone
	again := open(t, o)
	expectRows(t, again, 2500)
	if again.Stats().Replayed != 1500 {
		t.Errorf("%+v", again.Stats())
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	expectRows(t, open(t, o), 2500)
}

// Whatever step of a flush fails or is the last one before a crash, rows are
// there exactly once.
func TestCrashAtEveryStep(t *testing.T) {
	for step := 0; ; step++ {
		fsys := &faultyFS{room: -1}
		o := quietOptions(t.TempDir())
		o.fs = fsys
		l := open(t, o)
		put(t, l, spansAt(0, 300, start(), time.Millisecond))
		n := 0
		var frozen string
		fsys.setFail(func(op, path string) error {
			if n++; n-1 >= step {
				if frozen == "" {
					frozen = copyDir(t, o.Dir)
				}
				return syscall.EIO
			}
			return nil
		})
		err := l.Flush()
		fsys.setFail(nil)
		if err == nil && frozen == "" {
			if step < 6 {
				t.Fatal("only", step, "steps")
			}
			return
		}
		crashed := quietOptions(frozen)
		expectRows(t, open(t, crashed), 300)
		crashed.Dir = copyDir(t, o.Dir)
		expectRows(t, open(t, crashed), 300)
		expectRows(t, l, 300) // the same process tries again
		put(t, l, spansAt(300, 10, start(), time.Millisecond))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		expectRows(t, open(t, o), 310)
	}
}

func TestTornTail(t *testing.T) {
	o := quietOptions(t.TempDir())
	l := open(t, o)
	put(t, l, spansAt(0, 500, start(), time.Millisecond))
	put(t, l, spansAt(500, 500, start(), time.Millisecond))
	path := l.active.wal.path
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-7] },
		"header":  func(b []byte) []byte { return append(b, 1, 2, 3) },
		"zeroes":  func(b []byte) []byte { return append(b, make([]byte, 4096)...) },
		"flipped": func(b []byte) []byte { b[len(b)-9] ^= 1; return b },
		"length":  func(b []byte) []byte { return append(b, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0) },
	} {
		crashed := quietOptions(copyDir(t, o.Dir))
		torn := damage(append([]byte(nil), whole...))
		if err := os.WriteFile(filepath.Join(crashed.Dir, "wal", filepath.Base(path)), torn, 0o640); err != nil {
			t.Fatal(err)
		}
		again := open(t, crashed)
		want := 1000
		if name == "cut" || name == "flipped" {
			want = 500
		}
		expectRows(t, again, want)
		if again.Stats().Damaged != 1 {
			t.Error(name, "was not noticed")
		}
	}
}

func TestFullDisk(t *testing.T) {
	for _, torn := range []bool{false, true} {
		fsys := &faultyFS{room: -1, tornTail: torn}
		o := quietOptions(t.TempDir())
		o.fs = fsys
		l := open(t, o)
		put(t, l, spansAt(0, 500, start(), time.Millisecond))
		fsys.setRoom(1000)
		err := tryPut(l, spansAt(9000, 500, start(), time.Millisecond))
		if !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatal("a full disk gives", err)
		}
		if err := l.Flush(); err == nil {
			t.Fatal("flushed without room")
		}
		expectRows(t, open(t, quietOptions(copyDir(t, o.Dir))), 500)
		fsys.setRoom(-1)
		put(t, l, spansAt(500, 500, start(), time.Millisecond))
		expectRows(t, open(t, quietOptions(copyDir(t, o.Dir))), 1000)
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
		expectRows(t, l, 1000)
		if s := l.Stats(); s.Refused != 500 || s.FlushErrors == 0 || s.PendingRows != 0 {
			t.Errorf("%+v", s)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		left, err := filepath.Glob(filepath.Join(o.Dir, "*", "*", "*", "*"+tempSuffix))
		if err != nil || len(left) > 0 {
			t.Error("left behind:", left, err)
		}
	}
}

// A disk that is full when the process starts keeps the rows in memory and in
// the log until there is room.
func TestFullDiskAtOpen(t *testing.T) {
	o := quietOptions(t.TempDir())
	l := open(t, o)
	put(t, l, spansAt(0, 700, start(), time.Millisecond))
	fsys := &faultyFS{room: 0}
	o.Dir, o.fs = copyDir(t, o.Dir), fsys
	again := open(t, o)
	if s := again.Stats(); s.PendingRows != 700 {
		t.Fatalf("%+v", s)
	}
	fsys.setRoom(-1)
	expectRows(t, again, 700)
}

func TestPendingBound(t *testing.T) {
	o := quietOptions(t.TempDir())
	o.MaxPendingRows = 1000
	l := open(t, o)
	put(t, l, spansAt(0, 1000, start(), time.Millisecond))
	if err := tryPut(l, spansAt(1000, 1, start(), 0)); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	put(t, l, spansAt(1000, 1, start(), 0))
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	expectRows(t, l, 1001)
}

func TestPendingBytesBound(t *testing.T) {
	o := quietOptions(t.TempDir())
	o.MaxPendingBytes = 50_000
	l := open(t, o)
	err := error(nil)
	n := 0
	for ; err == nil && n < 1000; n += 20 {
		err = tryPut(l, spansAt(n, 20, start(), 0))
	}
	if !errors.Is(err, ErrFull) || n > 200 {
		t.Fatal(n, err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	expectRows(t, l, n-20)
}

func TestStrictSyncRefusesWhatIsNotSynced(t *testing.T) {
	fsys := &faultyFS{room: -1}
	o := quietOptions(t.TempDir())
	o.fs, o.SyncEveryBatch = fsys, true
	l := open(t, o)
	put(t, l, spansAt(0, 10, start(), 0))
	fsys.setFail(func(op, _ string) error {
		if op == "sync" {
			return syscall.EIO
		}
		return nil
	})
	if err := tryPut(l, spansAt(10, 10, start(), 0)); err == nil {
		t.Fatal("acknowledged without a sync")
	}
	fsys.setFail(nil)
	expectRows(t, open(t, quietOptions(copyDir(t, o.Dir))), 10)
}

func TestLostManifest(t *testing.T) {
	o := quietOptions(t.TempDir())
	o.Now = func() time.Time { return start().Add(2 * time.Hour) }
	l := open(t, o)
	for i := range 5 {
		put(t, l, spansAt(i*100, 100, start().Add(time.Duration(i)*time.Second), time.Millisecond))
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	before := copyDir(t, o.Dir)
	l.o.Now = func() time.Time { return start().Add(3 * time.Hour) }
	if err := l.maintain(); err != nil {
		t.Fatal(err)
	}
	put(t, l, spansAt(500, 100, start().Add(time.Minute), time.Millisecond))
	after := copyDir(t, o.Dir)
	// Both the inputs and the output of a merge are there, and no manifest.
	mixed := copyDir(t, after)
	err := osFS{}.Walk(before, func(path string, _ int64) error {
		rel, _ := filepath.Rel(before, path)
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(mixed, rel), data, 0o640)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range [][]byte{nil, []byte("{"), {}, []byte("{}"), []byte("null"), []byte(`{"version":1}`)} {
		dir := copyDir(t, mixed)
		manifest := filepath.Join(dir, manifestName)
		if err := os.Remove(manifest); err != nil {
			t.Fatal(err)
		}
		if damage != nil {
			if err := os.WriteFile(manifest, damage, 0o640); err != nil {
				t.Fatal(err)
			}
		}
		expectRows(t, open(t, quietOptions(dir)), 600)
	}
}

// A newer program's list may mean more than this one understands.
func TestNewerManifestIsRefused(t *testing.T) {
	o := quietOptions(t.TempDir())
	l := open(t, o)
	put(t, l, spansAt(0, 10, start(), time.Millisecond))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	before := onDisk(t, o.Dir)
	if err := os.WriteFile(filepath.Join(o.Dir, manifestName), []byte(`{"version":2,"files":[]}`), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Fatalf("opened: %v", err)
	}
	if after := onDisk(t, o.Dir); after != before {
		t.Fatalf("%d files, were %d", after, before)
	}
}
