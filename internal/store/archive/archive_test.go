package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
)

// stores are one of each kind, over a real connection where there is one.
func stores(t *testing.T) map[string]Store {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("metrics"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	bucket, err := NewS3(S3Options{Endpoint: server.URL, Bucket: "metrics", Prefix: "/site/a/", Region: "us-east-1", AccessKey: "key", SecretKey: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Store{"folder": Folder(t.TempDir()), "s3": bucket}
}

// block makes a block of a TSDB with a sample a minute, and gives its folder.
func block(t *testing.T, minutes int64) string {
	t.Helper()
	db := open(t, t.TempDir())
	a := db.Appender(t.Context())
	for n := range minutes {
		if _, err := a.Append(0, labels.FromStrings("__name__", "kept", "n", fmt.Sprint(n%3)), n*60_000, float64(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Commit(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := db.Snapshot(dir, true); err != nil {
		t.Fatal(err)
	}
	found, _ := filepath.Glob(filepath.Join(dir, "*", "meta.json"))
	if len(found) != 1 {
		t.Fatalf("%v", found)
	}
	return filepath.Dir(found[0])
}

func open(t *testing.T, dir string) *tsdb.DB {
	t.Helper()
	o := tsdb.DefaultOptions()
	o.RetentionDuration = math.MaxInt64 / 2
	db, err := tsdb.Open(dir, nil, nil, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// answer are all samples of a folder.
func answer(t *testing.T, dir string) string {
	t.Helper()
	db := open(t, dir)
	q, err := db.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	var out strings.Builder
	set := q.Select(t.Context(), true, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", "kept"))
	for set.Next() {
		fmt.Fprint(&out, set.At().Labels())
		for it := set.At().Iterator(nil); it.Next() != 0; {
			at, v := it.At()
			fmt.Fprint(&out, " ", at, "=", v)
		}
	}
	if set.Err() != nil {
		t.Fatal(set.Err())
	}
	return out.String()
}

func TestARestoredBlockAnswersAsTheFirst(t *testing.T) {
	folder := block(t, 100)
	want := answer(t, filepath.Dir(folder))
	if !strings.Contains(want, "5940000=99") {
		t.Fatal(want)
	}
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			for n, first := range []bool{true, false} {
				if added, err := Upload(t.Context(), s, "default", folder); err != nil || added != first {
					t.Errorf("%d: %t %v", n, added, err)
				}
			}
			blocks, err := Blocks(t.Context(), s, "")
			if err != nil || len(blocks) != 1 || blocks[0].Samples != 100 || blocks[0].Series != 3 || blocks[0].Bytes() < 100 {
				t.Fatalf("%+v %v", blocks, err)
			}
			if none, err := Blocks(t.Context(), s, "other"); err != nil || len(none) != 0 {
				t.Errorf("%v %v", none, err)
			}
			to := t.TempDir()
			for _, first := range []bool{true, false} {
				if added, err := Restore(t.Context(), s, blocks[0], to); err != nil || added != first {
					t.Fatalf("%t %v", added, err)
				}
			}
			if got := answer(t, to); got != want {
				t.Errorf("%.200s, want %.200s", got, want)
			}
		})
	}
}

// breaking is a store that takes a few objects.
type breaking struct {
	Store
	left int
}

func (b *breaking) Put(ctx context.Context, name string, from io.Reader, size int64) error {
	if b.left--; b.left < 0 {
		return errors.New("no room")
	}
	return b.Store.Put(ctx, name, from, size)
}

func TestHalfABlockIsNone(t *testing.T) {
	folder := block(t, 10)
	for name, s := range stores(t) {
		for took := range 3 { // index, chunks and meta.json come before the marker
			if _, err := Upload(t.Context(), &breaking{s, took}, "default", folder); err == nil {
				t.Errorf("%s: uploaded with %d objects", name, took)
			}
			if blocks, err := Blocks(t.Context(), s, "default"); err != nil || len(blocks) != 0 {
				t.Errorf("%s: %v %v", name, blocks, err)
			}
		}
		if added, err := Upload(t.Context(), s, "default", folder); err != nil || !added {
			t.Errorf("%s: it does not go on: %t %v", name, added, err)
		}
	}
}

// What was changed in the store is not taken, and leaves nothing behind.
func TestChangedFilesAreRefused(t *testing.T) {
	folder := block(t, 10)
	for name, s := range stores(t) {
		if _, err := Upload(t.Context(), s, "default", folder); err != nil {
			t.Fatal(err)
		}
		blocks, err := Blocks(t.Context(), s, "default")
		if err != nil {
			t.Fatal(err)
		}
		at := ofMetrics + "default/" + blocks[0].ID + "/index"
		index, err := os.ReadFile(filepath.Join(folder, "index"))
		if err != nil {
			t.Fatal(err)
		}
		index[len(index)/2] ^= 1
		if err := s.Put(t.Context(), at, bytes.NewReader(index), int64(len(index))); err != nil {
			t.Fatal(err)
		}
		to := t.TempDir()
		if _, err := Restore(t.Context(), s, blocks[0], to); err == nil || !strings.Contains(err.Error(), "not what was archived") {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(to); len(left) != 0 {
			t.Errorf("%s: %v", name, left)
		}
	}
}

func TestMarkersOfStrangersAreRefused(t *testing.T) {
	const id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	good := Block{Workspace: "default", ID: id, MinTime: 1, MaxTime: 2, Files: []File{{Name: "meta.json"}, {Name: "index"}}}
	for want, change := range map[string]func(*Block){
		"another block":        func(b *Block) { b.ID = "01ARZ3NDEKTSV4RRFFQ69G5FAW" },
		"of another":           func(b *Block) { b.Workspace = "../x" },
		"which no block has":   func(b *Block) { b.Files = append(b.Files, File{Name: "../../etc/passwd"}) },
		"file \"chunks/1\"":    func(b *Block) { b.Files = append(b.Files, File{Name: "chunks/1"}) },
		"file \"index\"":       func(b *Block) { b.Files = append(b.Files, File{Name: "index"}) },
		"file \"chunks/000001": func(b *Block) { b.Files = append(b.Files, File{Name: "chunks/000001", Size: -1}) },
		"no index":             func(b *Block) { b.Files = b.Files[:1] },
	} {
		b := good
		b.Files = slices.Clone(good.Files)
		change(&b)
		s := Folder(t.TempDir())
		text, _ := json.Marshal(b)
		if err := s.Put(t.Context(), ofMetrics+"default/"+id+"/"+marker, bytes.NewReader(text), int64(len(text))); err != nil {
			t.Fatal(err)
		}
		if _, err := Blocks(t.Context(), s, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, name := range []string{"", "/a", "a/../b", "..", "a//b", `a\b`, "a/."} {
		if err := Folder(t.TempDir()).Put(t.Context(), name, strings.NewReader(""), 0); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
	if _, err := Folder(t.TempDir()).Get(t.Context(), "../x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestBlocksThatWereCompactedAreLeftOut(t *testing.T) {
	a := &Block{Workspace: "w", ID: "a", MinTime: 0, MaxTime: 10, Sources: []string{"a"}}
	b := &Block{Workspace: "w", ID: "b", MinTime: 10, MaxTime: 20, Sources: []string{"b"}}
	both := &Block{Workspace: "w", ID: "ab", MinTime: 0, MaxTime: 20, Sources: []string{"a", "b"}}
	c := &Block{Workspace: "w", ID: "c", MinTime: 20, MaxTime: 30, Sources: []string{"c"}}
	other := &Block{Workspace: "v", ID: "x", MinTime: 0, MaxTime: 10, Sources: []string{"a"}}
	all := []*Block{a, b, both, c, other}
	for name, one := range map[string]struct {
		from, to int64
		want     string
	}{"all": {0, 100, "ab c x"}, "the first": {0, 9, "ab x"}, "a border": {20, 20, "c"}, "nothing": {30, 40, ""}} {
		var got []string
		for _, b := range Between(all, one.from, one.to) {
			got = append(got, b.ID)
		}
		if strings.Join(got, " ") != one.want {
			t.Errorf("%s: %v, want %s", name, got, one.want)
		}
	}
}

func TestDays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "2026-03-01.jsonl")
	if err := os.WriteFile(path, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, s := range stores(t) {
		for _, first := range []bool{true, false} {
			if added, err := UploadDay(t.Context(), s, path); err != nil || added != first {
				t.Errorf("%s: %t %v", name, added, err)
			}
		}
		in, err := s.Get(t.Context(), "activity/2026-03-01.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(in)
		_ = in.Close()
		if string(text) != "{}\n" {
			t.Errorf("%s: %q", name, text)
		}
		if _, err := s.Get(t.Context(), "activity/none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := UploadDay(t.Context(), Folder(t.TempDir()), "/etc/passwd"); err == nil {
		t.Error("a file that is no day")
	}
}

func TestS3Options(t *testing.T) {
	for _, endpoint := range []string{"", "s3.example.com", "ftp://x", "https://x/path"} {
		if _, err := NewS3(S3Options{Endpoint: endpoint, Bucket: "b"}); err == nil {
			t.Errorf("%q is taken", endpoint)
		}
	}
	away, err := NewS3(S3Options{Endpoint: "http://127.0.0.1:1", Bucket: "b", Region: "r", AccessKey: "key", SecretKey: "very-secret"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := away.List(ctx, "", func(Object) error { return nil }); err == nil || strings.Contains(err.Error(), "very-secret") {
		t.Error(err)
	}
}
