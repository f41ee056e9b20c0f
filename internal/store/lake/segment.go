package lake

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"gatehouse/internal/telemetry"
)

// Tables of the lake.
const (
	Spans = "spans" // telemetry.Span
	Logs  = "logs"  // telemetry.LogRecord
)

// rowGroupRows is the size of a row group: DuckDB decodes whole groups, so that
// a small one makes the look-up of one trace cheap, and a tiny one makes every
// footer long.
const rowGroupRows = 50_000

// Keys of the metadata that each file carries, from which the manifest can be
// made again when it is lost.
const (
	metaMin    = "gatehouse.time.min"
	metaMax    = "gatehouse.time.max"
	metaWAL    = "gatehouse.wal"    // first and last write-ahead log file whose rows are in here
	metaInputs = "gatehouse.inputs" // numbers of all files whose rows are in here, inputs of inputs too (encodeSeqs)
)

// segmentWriter encodes rows of one table. It is reused: making a writer costs
// more than encoding a thousand rows.
type segmentWriter[T any] struct {
	codec   *tableCodec[T]
	schema  uint32
	writer  *parquet.GenericWriter[T]
	out     bytes.Buffer
	scratch []T
	reader  rowReader[T]
}

// chunkRows is the number of rows that are decoded and given to Parquet at a time.
const chunkRows = 512

func newSegmentWriter[T any](codec *tableCodec[T]) *segmentWriter[T] {
	w := &segmentWriter[T]{codec: codec}
	w.writer = parquet.NewGenericWriter[T](&w.out, writerOptions(codec.name)...)
	w.schema = schemaID(w.writer.Schema())
	return w
}

// writerOptions are the same for all files of a table: files with the same
// options can be joined without being decoded.
func writerOptions(table string) []parquet.WriterOption {
	options := []parquet.WriterOption{
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}),
		parquet.BloomFilters(parquet.SplitBlockFilter(10, "trace_id")),
		parquet.CreatedBy("gatehouse", "1", ""),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
	}
	schema := parquet.SchemaOf(telemetry.LogRecord{})
	if table == Spans {
		schema = parquet.SchemaOf(telemetry.Span{})
	}
	for _, leaf := range schema.Columns() {
		if len(leaf) > 1 || !bounded(leaf[0]) {
			options = append(options, parquet.SkipPageBounds(leaf...))
		}
	}
	return options
}

// bounded says of which columns the files keep the least and the greatest
// value. It pays where a query can skip a file by them: a file without errors
// has one status. For names, which are mixed in every file, it costs a tenth of
// the encoding and skips nothing.
func bounded(column string) bool {
	switch column {
	case "time", "duration_ns", "status", "http_status_code", "outcome", "error_reason", "service", "source", "api", "product",
		"severity", "severity_number", "item_count", "backend_ns", "policy_ns", "request_bytes", "response_bytes":
		return true
	}
	return false
}

// schemaID tells files of different columns apart.
func schemaID(schema *parquet.Schema) uint32 {
	h := fnv.New32a()
	h.Write([]byte(schema.String()))
	return h.Sum32()
}

// encode writes the rows of a generation whose times are within from and to,
// inclusive, as one Parquet file into memory. They stay in the order of their
// arrival, which is the order of time but for the length of the requests. The
// bytes are valid until the next call.
func (w *segmentWriter[T]) encode(g *generation, from, to int64) ([]byte, extent, error) {
	w.out.Reset()
	w.writer.Reset(&w.out)
	if w.scratch == nil {
		w.scratch = make([]T, chunkRows)
	}
	x, err := w.writeRows(g, from, to)
	if err != nil {
		return nil, x, fmt.Errorf("encode %s: %w", w.codec.name, err)
	}
	w.writer.SetKeyValueMetadata(metaMin, strconv.FormatInt(x.min, 10))
	w.writer.SetKeyValueMetadata(metaMax, strconv.FormatInt(x.max, 10))
	w.writer.SetKeyValueMetadata(metaWAL, fmt.Sprintf("%d %d", g.firstWAL, g.maxWAL))
	if err := w.writer.Close(); err != nil {
		return nil, x, fmt.Errorf("encode %s: %w", w.codec.name, err)
	}
	return w.out.Bytes(), x, nil
}

func (w *segmentWriter[T]) writeRows(g *generation, from, to int64) (x extent, err error) {
	n, r := 0, &w.reader
	for _, b := range g.batches {
		if b.kind != w.codec.kind {
			continue
		}
		if err := r.open(w.codec, b.payload); err != nil {
			return x, err
		}
		for r.next(&w.scratch[n]) {
			ns := *w.codec.time(&w.scratch[n])
			if ns < from || ns > to {
				continue
			}
			x.add(ns)
			if n++; n == chunkRows {
				if _, err := w.writer.Write(w.scratch); err != nil {
					return x, err
				}
				n = 0
			}
		}
		if err := r.err(); err != nil {
			return x, err
		}
	}
	_, err = w.writer.Write(w.scratch[:n])
	return x, err
}

// maxHours is the number of hour folders that one flush writes to. Rows of
// more hours (a sender that replays days of old data) share the oldest file.
const maxHours = 24

// byHour gives the parts of a generation that go into different folders.
func byHour[T any](t *tableCodec[T], g *generation) ([]extent, error) {
	all := g.extents[t.kind]
	if hourOf(all.min) == hourOf(all.max) {
		return []extent{all}, nil
	}
	hours := make(map[int64]*extent)
	var row T
	var r rowReader[T]
	for _, b := range g.batches {
		if b.kind != t.kind {
			continue
		}
		if err := r.open(t, b.payload); err != nil {
			return nil, err
		}
		for r.next(&row) {
			ns := *t.time(&row)
			x := hours[hourOf(ns)]
			if x == nil {
				x = &extent{}
				hours[hourOf(ns)] = x
			}
			x.add(ns)
		}
	}
	parts := make([]extent, 0, len(hours))
	for _, x := range hours {
		parts = append(parts, *x)
	}
	slices.SortFunc(parts, func(a, b extent) int { return cmp.Compare(b.min, a.min) })
	for len(parts) > maxHours {
		parts[len(parts)-2].merge(parts[len(parts)-1])
		parts = parts[:len(parts)-1]
	}
	return parts, nil
}

func hourOf(ns int64) int64 { return ns / int64(time.Hour) }

// folderOf is the folder of a table's hour, relative to the lake.
func folderOf(table string, ns int64) string {
	t := time.Unix(0, ns).UTC()
	return filepath.Join(table, "date="+t.Format("2006-01-02"), "hour="+t.Format("15"))
}

// publish writes a file so that it is either whole and durable under its name,
// or not there: temporary name, sync, rename, sync of the folder.
func publish(fsys fileSystem, root, path string, write func(f file) error) error {
	full := filepath.Join(root, path)
	temp := full + tempSuffix
	if err := fsys.MkdirAll(filepath.Dir(full)); err != nil {
		return err
	}
	f, err := fsys.Create(temp)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fsys.Rename(temp, full)
	}
	if err != nil {
		fsys.Remove(temp)
		return err
	}
	if err := fsys.SyncDir(filepath.Dir(full)); err != nil {
		return fmt.Errorf("%w: %w", errUnsure, err)
	}
	return nil
}

// errUnsure marks a file that stands under its name but may not outlive a power cut.
var errUnsure = errors.New("the folder was not synced")

const tempSuffix = ".tmp"

func isTemp(path string) bool { return strings.HasSuffix(path, tempSuffix) }
