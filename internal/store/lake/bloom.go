package lake

import (
	"container/list"
	"path/filepath"
	"sync"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/bloom"
)

// bloomCache answers whether a file may hold a trace, from the Bloom filters
// that the files carry. Reading them costs 0.2 ms a row group, so they stay in
// memory within a budget, the least recently used going first.
type bloomCache struct {
	fs     fileSystem
	root   string
	budget int64

	mu    sync.Mutex
	used  int64
	files map[string]*list.Element
	order *list.List // of *fileBloom, most recently used first
}

type fileBloom struct {
	path   string
	groups []bloom.SplitBlockFilter
	bytes  int64
	blind  bool // the file has a row group without a filter
}

func newBloomCache(fsys fileSystem, root string, budget int64) *bloomCache {
	return &bloomCache{fs: fsys, root: root, budget: budget, files: map[string]*list.Element{}, order: list.New()}
}

// mayHold says false only when the file certainly has no row of the trace.
// A file that cannot be read may hold it: the query will say what is wrong.
func (c *bloomCache) mayHold(f *dataFile, trace string) bool {
	b := c.get(f.Path)
	if b == nil {
		var err error
		if b, err = c.read(f); err != nil {
			return true
		}
		c.put(b)
	}
	if b.blind {
		return true
	}
	hash := bloom.XXH64{}.Sum64([]byte(trace))
	for _, g := range b.groups {
		if g.Check(hash) {
			return true
		}
	}
	return false
}

func (c *bloomCache) get(path string) *fileBloom {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.files[path]
	if el == nil {
		return nil
	}
	c.order.MoveToFront(el)
	return el.Value.(*fileBloom)
}

func (c *bloomCache) put(b *fileBloom) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files[b.path] != nil {
		return
	}
	c.files[b.path] = c.order.PushFront(b)
	c.used += b.bytes
	for c.used > c.budget && c.order.Len() > 0 {
		c.remove(c.order.Back())
	}
}

func (c *bloomCache) remove(el *list.Element) {
	b := el.Value.(*fileBloom)
	c.order.Remove(el)
	delete(c.files, b.path)
	c.used -= b.bytes
}

func (c *bloomCache) forget(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.files[path]; el != nil {
		c.remove(el)
	}
}

func (c *bloomCache) read(f *dataFile) (b *fileBloom, err error) {
	err = guarded(func() error {
		b, err = c.readFile(f)
		return err
	})
	return b, err
}

func (c *bloomCache) readFile(f *dataFile) (*fileBloom, error) {
	r, err := c.fs.Open(filepath.Join(c.root, f.Path))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p, err := parquet.OpenFile(r, f.Bytes, parquet.SkipPageIndex(true))
	if err != nil {
		return nil, err
	}
	column, ok := p.Schema().Lookup("trace_id")
	b := &fileBloom{path: f.Path, bytes: 128, blind: !ok}
	for _, g := range p.RowGroups() {
		if b.blind {
			break
		}
		filter := g.ColumnChunks()[column.ColumnIndex].BloomFilter()
		if filter == nil || filter.Size() == 0 {
			b.blind = true
			break
		}
		bits := make([]byte, filter.Size())
		if _, err := filter.ReadAt(bits, 0); err != nil {
			return nil, err
		}
		b.groups = append(b.groups, bloom.MakeSplitBlockFilter(bits))
		b.bytes += int64(len(bits))
	}
	return b, nil
}
