package activity

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func opened(t *testing.T, dir string, o Options) *Log {
	t.Helper()
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func event(at time.Time, name string) Event {
	return Event{Time: at, OperationName: name, Category: "Query", ResultSignature: "200", Properties: map[string]string{"path": "/a?<&>"}}
}

func names(t *testing.T, l *Log, q Query) string {
	t.Helper()
	list, err := l.Read(q)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.OperationName)
	}
	return strings.Join(out, " ")
}

func TestReadNewestFirst(t *testing.T) {
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	l := opened(t, t.TempDir(), Options{Now: c.time})
	for n := range 10 {
		l.Append(event(c.time(), fmt.Sprint(n)))
		c.add(8 * time.Hour)
	}
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, x := range []struct {
		q    Query
		want string
	}{
		{Query{}, "9 8 7 6 5 4 3 2 1 0"},
		{Query{Limit: 3}, "9 8 7"},
		{Query{Limit: 3, Before: 8}, "6 5 4"}, // numbers count from 1
		{Query{From: start.Add(16 * time.Hour), To: start.Add(32 * time.Hour)}, "3 2"},
		{Query{Match: func(e Event) bool { return e.OperationName < "2" }}, "1 0"},
	} {
		if got := names(t, l, x.q); got != x.want {
			t.Errorf("%+v: %s, want %s", x.q, got, x.want)
		}
	}
}

// The log goes on over a restart and over a record that was written in half.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	l := opened(t, dir, Options{})
	now := time.Now().UTC()
	l.Append(event(now, "a"))
	l.Append(event(now, "b"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	all, _ := days(dir)
	path := filepath.Join(dir, all[len(all)-1]+suffix)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString(`{"sequence":3,"prev`)
	_ = f.Close()
	l = opened(t, dir, Options{})
	l.Append(event(now, "c"))
	if got := names(t, l, Query{}); got != "c b a" {
		t.Error(got)
	}
	if v, err := Verify(dir); err != nil || v.Records != 3 || v.First != 1 || v.Last != 3 {
		t.Errorf("%+v %v", v, err)
	}
}

func TestVerifyFindsChanges(t *testing.T) {
	for name, change := range map[string]func([]string) []string{
		"is gone":                           func(l []string) []string { return append(l[:2:2], l[3:]...) },
		"hash is another":                   func(l []string) []string { l[2] = strings.Replace(l[2], `"200"`, `"201"`, 1); return l },
		"follows on 3":                      func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }, // order
		"does not follow on the one before": func(l []string) []string { return forged(l) },
		"a line is no record":               func(l []string) []string { l[2] = "{"; return l },
	} {
		dir := t.TempDir()
		l := opened(t, dir, Options{})
		now := time.Now().UTC()
		for n := range 5 {
			l.Append(event(now, fmt.Sprint(n)))
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		all, _ := days(dir)
		path := filepath.Join(dir, all[0]+suffix)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := change(strings.Split(strings.TrimSpace(string(data)), "\n"))
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(dir); err == nil || (!strings.Contains(err.Error(), name) && name != "follows on 3") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// forged replaces a record by one with a right hash of its own.
func forged(lines []string) []string {
	var r Record
	_ = json.Unmarshal([]byte(lines[2]), &r)
	r.Event = []byte(strings.Replace(string(r.Event), `"200"`, `"201"`, 1))
	r.Hash = hashOf(r.Sequence, r.Previous, r.Event)
	data, _ := json.Marshal(r)
	lines[2] = string(data)
	return lines
}

// A damaged day is moved aside, and the gap is found.
func TestDamagedDay(t *testing.T) {
	dir := t.TempDir()
	l := opened(t, dir, Options{})
	now := time.Now().UTC()
	l.Append(event(now, "a"))
	_ = l.Close()
	all, _ := days(dir)
	path := filepath.Join(dir, all[0]+suffix)
	data, _ := os.ReadFile(path)
	if err := os.WriteFile(path, append(data, "rubbish\nmore\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	l = opened(t, dir, Options{})
	l.Append(event(now, "b"))
	if _, err := os.Stat(path + ".damaged"); err != nil {
		t.Error(err)
	}
	if list, err := l.Read(Query{}); err != nil || len(list) != 1 || list[0].Sequence != 2 {
		t.Errorf("%+v %v", list, err)
	}
}

func TestRetention(t *testing.T) {
	dir := t.TempDir()
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	l := opened(t, dir, Options{Now: c.time, Retention: 48 * time.Hour})
	for range 6 {
		l.Append(event(c.time(), c.time().Format(time.DateOnly)))
		c.add(24 * time.Hour)
	}
	if got := names(t, l, Query{}); got != "2026-03-06 2026-03-05 2026-03-04" {
		t.Error(got)
	}
	c.add(-72 * time.Hour) // a clock that is set back
	l.Append(event(c.time(), "back"))
	if v, err := Verify(dir); err != nil || v.First != 4 || v.Last != 7 {
		t.Errorf("%+v %v", v, err)
	}
}

func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	l := opened(t, dir, Options{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range 25 {
				l.Append(event(time.Now(), "x"))
				if n%10 != 0 {
					continue
				}
				if _, err := l.Read(Query{Limit: 2}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if v, err := Verify(dir); err != nil || v.Records != 100 {
		t.Errorf("%+v %v", v, err)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"sequence":1,"previous":"","hash":"x","event":{}}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "2026-01-01"+suffix), data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = Verify(dir)
		l, err := Open(dir, Options{})
		if err != nil {
			return
		}
		l.Append(event(time.Now(), "after"))
		if list, err := l.Read(Query{Limit: 1}); err == nil && (len(list) != 1 || list[0].OperationName != "after") {
			t.Errorf("%+v", list)
		}
		_ = l.Close()
	})
}
