package activity

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// followed reads all that is behind a position, in steps of three.
func followed(t *testing.T, dir string, at Position) (string, Position, int64) {
	t.Helper()
	var names []string
	var gone int64
	for range 1000 {
		b, err := Next(dir, at, 3)
		if err != nil {
			t.Fatal(err)
		}
		at, gone = b.Next, gone+b.Gone
		if len(b.Entries) == 0 {
			return strings.Join(names, " "), at, gone
		}
		for _, e := range b.Entries {
			names = append(names, e.OperationName)
		}
	}
	t.Fatal("it never ends")
	return "", at, gone
}

// filled is a folder with two events on each of three days.
func filled(t *testing.T) (dir string, files []string) {
	t.Helper()
	dir = t.TempDir()
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	l := opened(t, dir, Options{Now: c.time})
	for i := range 6 {
		l.Append(event(c.time(), fmt.Sprint(i)))
		c.add(12 * time.Hour)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	return dir, files
}

func TestNext(t *testing.T) {
	dir, files := filled(t)
	got, end, gone := followed(t, dir, Position{})
	if got != "0 1 2 3 4 5" || gone != 0 || end.Sequence != 6 {
		t.Errorf("%q, %d gone, %+v", got, gone, end)
	}
	if again, _, _ := followed(t, dir, end); again != "" {
		t.Errorf("twice: %q", again)
	}
	first, err := Next(dir, Position{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files[:2] {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if rest, _, gone := followed(t, dir, first.Next); rest != "3 4 5" || gone != 2 {
		t.Errorf("after a day was removed: %q, %d gone", rest, gone)
	}
}

// A crash that took the end of the last file, whose numbers are given again.
func TestNextAfterCrash(t *testing.T) {
	dir, files := filled(t)
	_, end, _ := followed(t, dir, Position{})
	last := files[len(files)-1]
	data, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	keep := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
	if err := os.WriteFile(last, data[:keep], 0o600); err != nil {
		t.Fatal(err)
	}
	l := opened(t, dir, Options{Now: func() time.Time { return time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC) }})
	l.Append(event(time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC), "another"))
	if got, _, _ := followed(t, dir, end); !strings.HasSuffix(got, "another") {
		t.Errorf("%q: what was written after the crash is missing", got)
	}
}

// A record that is damaged or that breaks the chain is not read in a circle.
func TestNextDamaged(t *testing.T) {
	dir, files := filled(t)
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[0] = 'x'
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := followed(t, dir, Position{}); !strings.HasSuffix(got, "3 4 5") {
		t.Errorf("%q", got)
	}
	last := files[len(files)-1]
	f, err := os.OpenFile(last, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("no record\n"); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	at := Position{}
	for range 4 { // it says so each time, and gives nothing twice
		b, err := Next(dir, at, 100)
		if err == nil {
			t.Fatal("no word of the damage")
		}
		if at.Sequence == 6 && len(b.Entries) > 0 {
			t.Fatalf("again: %+v", b.Entries)
		}
		at = b.Next
	}
}
