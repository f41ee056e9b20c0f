package lake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/duckdb/duckdb-go/v2"
)

// reader is DuckDB in this process, without a database of its own: it reads
// the lake's files and nothing else. It is opened by the first query, since it
// takes tens of megabytes.
type reader struct {
	o      Options
	places *places

	mu     sync.Mutex
	db     *sql.DB
	closed bool

	functions map[string]Function // that statements may call
}

func newReader(o Options) *reader {
	return &reader{o: o, places: newPlaces(o.Queries), functions: map[string]Function{}}
}

func (r *reader) open() (*sql.DB, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	if r.db != nil {
		return r.db, nil
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("open DuckDB: %w", err)
	}
	if err := lockDown(connector, r.o); err != nil {
		connector.Close()
		return nil, fmt.Errorf("open DuckDB: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(r.o.Queries)
	db.SetMaxIdleConns(r.o.Queries)
	for _, f := range r.functions {
		if err := register(db, f); err != nil {
			db.Close()
			return nil, fmt.Errorf("open DuckDB: %w", err)
		}
	}
	r.db = db
	return db, nil
}

// lockDown sets what all connections share. The order matters: the folders
// first, then no access outside them, then no more settings.
func lockDown(connector driver.Connector, o Options) error {
	conn, err := connector.Connect(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	exec, ok := conn.(driver.ExecerContext)
	if !ok {
		return errors.New("the driver cannot execute statements")
	}
	for _, s := range []string{
		"SET allowed_directories=[" + quote(filepath.ToSlash(o.Dir)+"/") + "]",
		fmt.Sprintf("SET memory_limit='%dB'", o.MemoryLimit),
		fmt.Sprintf("SET threads=%d", o.Threads),
		"SET temp_directory=" + quote(filepath.Join(o.Dir, "tmp")),
		"SET TimeZone='UTC'",
		"SET parquet_metadata_cache=true",
		"SET autoinstall_known_extensions=false",
		"SET autoload_known_extensions=false",
		"SET enable_external_access=false",
		"SET lock_configuration=true",
	} {
		if _, err := exec.ExecContext(context.Background(), s, nil); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (r *reader) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.db == nil {
		return nil
	}
	return r.db.Close()
}
