package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Block is an archived block of samples, as its marker has it.
type Block struct {
	Workspace string   `json:"workspace"`
	ID        string   `json:"ulid"`
	MinTime   int64    `json:"minTime"` // ms
	MaxTime   int64    `json:"maxTime"` // ms, not in it
	Sources   []string `json:"sources"` // ids of the blocks that it was compacted from
	Series    uint64   `json:"series"`
	Samples   uint64   `json:"samples"`
	Files     []File   `json:"files"`
}

// File is one of a block.
type File struct {
	Name   string `json:"name"` // in the block's folder
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Bytes of all its files.
func (b *Block) Bytes() (n int64) {
	for _, f := range b.Files {
		n += f.Size
	}
	return n
}

const (
	maxMarker = 4 << 20
	maxFiles  = 10_000
)

// meta is what a block says of itself.
type meta struct {
	ID         string `json:"ulid"`
	MinTime    int64  `json:"minTime"`
	MaxTime    int64  `json:"maxTime"`
	Compaction struct {
		Sources []string `json:"sources"`
	} `json:"compaction"`
	Stats struct {
		Series  uint64 `json:"numSeries"`
		Samples uint64 `json:"numSamples"`
	} `json:"stats"`
}

// IsBlock says whether a folder's name is that of a block.
func IsBlock(name string) bool { return blockName.MatchString(name) }

// Upload archives the block in a folder unless it is there, and says whether it
// was not. The marker comes last: without it there is no block.
func Upload(ctx context.Context, s Store, workspace, folder string) (added bool, err error) {
	id := filepath.Base(folder)
	if !workspaceName.MatchString(workspace) || !IsBlock(id) {
		return false, fmt.Errorf("%s of workspace %.200q is no block", id, workspace)
	}
	at := ofMetrics + workspace + "/" + id + "/"
	if _, known, err := has(ctx, s, at+marker); err != nil || known {
		return false, err
	}
	b, err := describe(workspace, folder)
	if err != nil {
		return false, err
	}
	for n := range b.Files {
		f := &b.Files[n]
		if err := putFile(ctx, s, at+f.Name, filepath.Join(folder, filepath.FromSlash(f.Name)), f); err != nil {
			return false, fmt.Errorf("%s of block %s: %w", f.Name, id, err)
		}
	}
	text, err := json.Marshal(b)
	if err != nil {
		return false, err
	}
	return true, s.Put(ctx, at+marker, bytes.NewReader(text), int64(len(text)))
}

// describe reads what a block is and which files it has.
func describe(workspace, folder string) (*Block, error) {
	text, err := os.ReadFile(filepath.Join(folder, "meta.json"))
	if err != nil {
		return nil, err
	}
	var m meta
	if err := json.Unmarshal(text, &m); err != nil || m.ID != filepath.Base(folder) || m.MaxTime < m.MinTime {
		return nil, fmt.Errorf("meta.json of %s is not that of this block", filepath.Base(folder))
	}
	b := &Block{Workspace: workspace, ID: m.ID, MinTime: m.MinTime, MaxTime: m.MaxTime, Sources: m.Compaction.Sources, Series: m.Stats.Series, Samples: m.Stats.Samples}
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if name = filepath.ToSlash(name); err != nil || !fileOfBlock.MatchString(name) {
			return err // of another tool
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.Files = append(b.Files, File{Name: name, Size: info.Size()})
		return nil
	})
	return b, err
}

// putFile uploads a file and notes its hash.
func putFile(ctx context.Context, s Store, name, path string, f *File) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, stopping{ctx, in}); err != nil {
		return err
	}
	f.SHA256 = hex.EncodeToString(hash.Sum(nil))
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return s.Put(ctx, name, in, f.Size)
}

// Blocks lists the archived blocks of a workspace, "" all, by workspace and time.
func Blocks(ctx context.Context, s Store, workspace string) ([]*Block, error) {
	prefix := ofMetrics
	if workspace != "" {
		if !workspaceName.MatchString(workspace) {
			return nil, fmt.Errorf("%.200q is no name of a workspace", workspace)
		}
		prefix += workspace + "/"
	}
	var names []string
	if err := s.List(ctx, prefix, func(o Object) error {
		if path.Base(o.Name) == marker {
			names = append(names, o.Name)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	var out []*Block
	for _, name := range names {
		b, err := read(ctx, s, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b *Block) int {
		return cmpAll(strings.Compare(a.Workspace, b.Workspace), int(min(max(a.MinTime-b.MinTime, -1), 1)), strings.Compare(a.ID, b.ID))
	})
	return out, nil
}

func cmpAll(results ...int) int {
	for _, r := range results {
		if r != 0 {
			return r
		}
	}
	return 0
}

// read gives the block of a marker, checked against where the marker stands.
func read(ctx context.Context, s Store, name string) (*Block, error) {
	in, err := s.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxMarker))
	if err != nil {
		return nil, err
	}
	b := &Block{}
	if err := json.Unmarshal(text, b); err != nil {
		return nil, fmt.Errorf("the marker cannot be read: %w", err)
	}
	if !workspaceName.MatchString(b.Workspace) || !IsBlock(b.ID) || name != ofMetrics+b.Workspace+"/"+b.ID+"/"+marker || b.MaxTime < b.MinTime || len(b.Files) > maxFiles {
		return nil, errors.New("the marker is of another block")
	}
	seen := map[string]bool{}
	for _, f := range b.Files {
		if !fileOfBlock.MatchString(f.Name) || seen[f.Name] || f.Size < 0 {
			return nil, fmt.Errorf("the marker names a file %.100q, which no block has", f.Name)
		}
		seen[f.Name] = true
	}
	if !seen["meta.json"] || !seen["index"] {
		return nil, errors.New("the marker names no meta.json or no index")
	}
	return b, nil
}

// Between are the blocks with samples from one time to another, in ms. Blocks that
// were compacted into one that is among them are left out: it has their samples.
func Between(blocks []*Block, from, to int64) (out []*Block) {
	for _, b := range blocks {
		if b.MinTime > to || b.MaxTime <= from {
			continue
		}
		if !slices.ContainsFunc(blocks, func(o *Block) bool { return o != b && o.Workspace == b.Workspace && o.replaces(b) }) {
			out = append(out, b)
		}
	}
	return out
}

// replaces says whether a block was compacted from all that another was.
func (b *Block) replaces(o *Block) bool {
	if len(o.Sources) == 0 || len(b.Sources) <= len(o.Sources) {
		return false
	}
	return !slices.ContainsFunc(o.Sources, func(id string) bool { return !slices.Contains(b.Sources, id) })
}

// beingMade is how a TSDB names folders that it removes when it opens.
const beingMade = ".tmp-for-creation"

// Restore puts a block below the folder of a workspace's samples unless it is
// there, and says whether it was not. The TSDB must be closed, or it sees the block
// with its next start.
func Restore(ctx context.Context, s Store, b *Block, folder string) (added bool, err error) {
	to := filepath.Join(folder, b.ID)
	if _, err := os.Stat(to); err == nil {
		return false, nil
	}
	part := to + beingMade
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(filepath.Join(part, "chunks"), 0o750)); err != nil {
		return false, err
	}
	for _, f := range b.Files {
		if err := fetch(ctx, s, ofMetrics+b.Workspace+"/"+b.ID+"/"+f.Name, filepath.Join(part, filepath.FromSlash(f.Name)), f); err != nil {
			return false, errors.Join(fmt.Errorf("%s of block %s: %w", f.Name, b.ID, err), os.RemoveAll(part))
		}
	}
	return true, os.Rename(part, to)
}

// fetch writes a file that is what the marker says.
func fetch(ctx context.Context, s Store, name, path string, f File) error {
	in, err := s.Get(ctx, name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, hash), io.LimitReader(stopping{ctx, in}, f.Size+1))
	if err == nil && (n != f.Size || hex.EncodeToString(hash.Sum(nil)) != f.SHA256) {
		err = errors.New("it is not what was archived: size or hash differ")
	}
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}
