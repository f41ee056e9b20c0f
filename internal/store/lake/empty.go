package lake

import (
	"bytes"
	"path/filepath"

	"github.com/parquet-go/parquet-go"

	"gatehouse/internal/telemetry"
)

// emptyName is a file without rows in each table's folder: it tells DuckDB the
// columns when no other file does.
const emptyName = "empty.parquet"

func (l *Lake) writeEmpty() error {
	if err := writeEmptyTable[telemetry.Span](l, Spans); err != nil {
		return err
	}
	return writeEmptyTable[telemetry.LogRecord](l, Logs)
}

func writeEmptyTable[T any](l *Lake, table string) error {
	var out bytes.Buffer
	w := parquet.NewGenericWriter[T](&out, writerOptions(table)...)
	if err := w.Close(); err != nil {
		return err
	}
	path := filepath.Join(table, emptyName)
	if old, err := l.o.fs.ReadFile(filepath.Join(l.o.Dir, path)); err == nil && bytes.Equal(old, out.Bytes()) {
		return nil
	}
	return publish(l.o.fs, l.o.Dir, path, func(f file) error {
		_, err := f.Write(out.Bytes())
		return err
	})
}

func (l *Lake) schemaOf(table string) uint32 {
	if table == Spans {
		return l.spanOut.schema
	}
	return l.logOut.schema
}
