package tsdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

func TestMeter(t *testing.T) {
	var m meter
	at := time.Unix(1_000_000, 0)
	for i := range 90 { // 10 a second
		m.add(10, at.Add(time.Duration(i)*time.Second))
	}
	end := at.Add(89 * time.Second)
	if minute, total := m.read(end); minute != 600 || total != 900 {
		t.Errorf("a minute at 10 a second: %d, of all time %d", minute, total)
	}
	if minute, _ := m.read(end.Add(30 * time.Second)); minute != 300 {
		t.Errorf("after 30 s of silence: %d", minute)
	}
	if minute, total := m.read(end.Add(time.Hour)); minute != 0 || total != 900 {
		t.Errorf("after an hour of silence: %d, %d", minute, total)
	}
	m.add(5, end.Add(time.Hour-30*time.Second)) // the clock went back a little
	if minute, total := m.read(end.Add(time.Hour)); minute != 5 || total != 905 {
		t.Errorf("after a small step back: %d, %d", minute, total)
	}
	for i := range 120 { // it went back further than a minute
		m.add(10, at.Add(time.Duration(i)*time.Second))
	}
	if minute, total := m.read(at.Add(119 * time.Second)); minute != 600 || total != 2105 {
		t.Errorf("after a large step back: %d, %d", minute, total)
	}
}

func TestRefusals(t *testing.T) {
	var r refusals
	at := time.Unix(1_000_000, 0)
	for i := range 3 * maxRefusals {
		r.add(labels.FromStrings("__name__", fmt.Sprintf("m%d", i)), storage.ErrOutOfOrderSample, at.Add(time.Duration(i)*time.Second))
	}
	if list := r.list(); len(list) != maxRefusals || list[0].Metric != fmt.Sprintf("m%d", 3*maxRefusals-1) {
		t.Errorf("the list is not bounded to the newest: %d, %+v", len(list), list[0])
	}
	ls := labels.FromStrings("__name__", "logins", "user", "jo@example.org", "path", strings.Repeat("x", 500))
	for range 4 {
		r.add(ls, refused("personal_data", "no"), at.Add(time.Hour))
	}
	got := r.list()[0]
	if got.Count != 4 || got.Metric != "logins" || got.Reason != "personal_data" || strings.Contains(fmt.Sprint(got), "jo@") || len(got.Labels["path"]) > maxRefusalText+4 {
		t.Errorf("%+v", got)
	}
	if c := r.counts(); c["out_of_order"] != 3*maxRefusals || c["personal_data"] != 4 {
		t.Errorf("counts: %v", c)
	}
}

// Samples are counted when they are stored, and refusals noted, by both
// interfaces.
func TestUsageOfBothAppenders(t *testing.T) {
	db, err := Open(Options{Folder: t.TempDir(), MaxSeries: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	now := time.Now().UnixMilli()
	one := db.Appender(context.Background())
	two := db.AppenderV2(context.Background())
	for i, name := range []string{"a", "b", "c"} {
		_, err := one.Append(0, labels.FromStrings("__name__", name), now, 1)
		if (err != nil) != (i == 2) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if u := db.Usage(); u.Samples != 0 {
		t.Errorf("counted before they are stored: %+v", u)
	}
	if err := one.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Append(0, labels.FromStrings("__name__", "a"), 0, now+1, 1, nil, nil, storage.AppendV2Options{}); err != nil {
		t.Error(err)
	}
	var limit *LimitError
	if _, err := two.Append(0, labels.FromStrings("__name__", "d"), 0, now+1, 1, nil, nil, storage.AppendV2Options{}); !errors.As(err, &limit) {
		t.Error(err)
	}
	if err := two.Commit(); err != nil {
		t.Fatal(err)
	}
	if u := db.Usage(); u.Samples != 3 || u.LastMinute != 3 {
		t.Errorf("%+v", u)
	}
	if c := db.RefusedSamples(); c["series_limit"] != 2 || len(db.Refusals()) != 2 {
		t.Errorf("%v %+v", c, db.Refusals())
	}
}

func TestRemove(t *testing.T) {
	folder := t.TempDir()
	db, err := Open(Options{Folder: folder, Workspace: "gone"})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "..", "../x", "a/b"} {
		if err := Remove(folder, bad); err == nil {
			t.Errorf("%q is taken for a workspace", bad)
		}
	}
	for range 2 {
		if err := Remove(folder, "gone"); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "gone")); !os.IsNotExist(err) {
		t.Error("the folder is still there")
	}
}
