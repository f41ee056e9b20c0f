package kql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
	"gatehouse/internal/store/lake"
)

// Options of an engine.
type Options struct {
	Lake   *lake.Lake
	Tables []*table.Table // empty: table.All()
	// DefaultRange bounds a table's time when neither the query nor the request
	// does; zero: 24 hours.
	DefaultRange time.Duration
	// NewestRows is how many rows of the lake a list of the newest rows reads
	// first; zero: 50,000, about what one row group holds.
	NewestRows int
}

// Engine answers queries; it is safe for concurrent use.
type Engine struct {
	o       Options
	tables  map[string]*table.Table
	library *library
	natives []lake.Function
	dialect dialect
}

// New makes an engine over a lake.
func New(o Options) *Engine {
	if len(o.Tables) == 0 {
		o.Tables = table.All()
	}
	if o.DefaultRange == 0 {
		o.DefaultRange = 24 * time.Hour
	}
	if o.NewestRows == 0 {
		o.NewestRows = 50_000
	}
	e := &Engine{o: o, tables: map[string]*table.Table{}, library: newLibrary(), natives: natives()}
	for _, t := range o.Tables {
		e.tables[t.Name] = t
	}
	e.dialect = &duckDB{templates: e.library.templates}
	return e
}

// Query answers one query. Errors are *QueryError, *LimitError, the context's,
// and the lake's.
func (e *Engine) Query(ctx context.Context, r Request) (*Result, error) {
	started := time.Now()
	r.Limits = withDefaults(r.Limits)
	if r.Now.IsZero() {
		r.Now = started
	}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	if err := e.o.Lake.Define(e.natives); err != nil {
		return nil, err
	}
	tree, faults := syntax.Read(r.Query, syntax.Options{})
	if len(faults) > 0 {
		return nil, &QueryError{Errors: faults}
	}
	b := &binder{ctx: ctx, engine: e, request: r, text: r.Query}
	rel, err := b.query(tree)
	if err != nil {
		return nil, err
	}
	result, err := b.result(rel)
	if err != nil {
		return nil, err
	}
	result.Stats.Elapsed = time.Since(started)
	return result, nil
}

func withDefaults(l Limits) Limits {
	d := DefaultLimits()
	if l.Rows <= 0 {
		l.Rows = d.Rows
	}
	if l.Bytes <= 0 {
		l.Bytes = d.Bytes
	}
	if l.Timeout <= 0 {
		l.Timeout = d.Timeout
	}
	return l
}

// result runs the plan and keeps what the limits allow.
func (b *binder) result(rel relation) (*Result, error) {
	parts := b.several
	if len(parts) == 0 {
		parts = []result{{"PrimaryResult", rel}}
	}
	out := &Result{Render: b.render, Notes: b.notes}
	for i, part := range parts {
		rows, partial, err := b.rows(part.rel, b.request.Rows-out.Stats.Rows, b.request.Bytes-out.Stats.Bytes)
		if err != nil {
			return nil, err
		}
		t := ResultTable{Name: part.name, Rows: rows}
		if t.Name == "" {
			t.Name = fmt.Sprintf("Table_%d", i)
		}
		for _, c := range part.rel.columns() {
			t.Columns = append(t.Columns, table.Column{Name: c.Name, Type: c.Type})
		}
		out.Tables = append(out.Tables, t)
		out.Stats.Rows, out.Stats.Bytes = out.Stats.Rows+len(rows), out.Stats.Bytes+b.read
		if partial != "" {
			out.Partial = partial
			break
		}
	}
	return out, nil
}

// rows runs a plan. partial says why rows were left out.
func (b *binder) rows(rel relation, most int, bytes int64) (out [][]any, partial string, err error) {
	if out, partial, ok, err := b.walked(rel, most, bytes); ok || err != nil {
		return out, partial, err
	}
	return b.collect(rel, most, bytes)
}

// collect runs a plan in one statement.
func (b *binder) collect(rel relation, most int, bytes int64) (out [][]any, partial string, err error) {
	statement, err := b.engine.dialect.print(rel)
	if err != nil {
		return nil, "", err
	}
	b.statements = append(b.statements, statement.SQL)
	rows, err := b.engine.o.Lake.Query(b.ctx, statement)
	if err != nil {
		return nil, "", b.stopped(err)
	}
	defer rows.Close()
	columns := rel.columns()
	cells, targets := make([]any, max(len(columns), 1)), make([]any, max(len(columns), 1))
	for i := range cells {
		targets[i] = &cells[i]
	}
	b.read = 0
	for rows.Next() {
		if len(out) >= most {
			return out, "the result has more rows than the limit allows: add a filter, summarize, or take", nil
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, "", err
		}
		row := make([]any, len(columns))
		for i, c := range columns {
			row[i] = cell(c.Type, cells[i])
			b.read += size(row[i])
		}
		if b.read > bytes {
			return out, "the result is larger than the limit allows: project fewer columns, or add a filter", nil
		}
		out = append(out, row)
	}
	return out, "", b.stopped(rows.Err())
}

// stopped names the context's error when it is the reason, and the limit when
// the store ran out of memory.
func (b *binder) stopped(err error) error {
	if errors.Is(err, lake.ErrTooBroad) {
		return &LimitError{Limit: "memory", Message: "the query needs more memory than one query is given: narrow its time range, filter earlier, or summarize by fewer keys"}
	}
	if err != nil && b.ctx.Err() != nil && !errors.Is(err, b.ctx.Err()) {
		return errors.Join(b.ctx.Err(), err)
	}
	return err
}

// cell is a value by its column's type.
func cell(t table.Type, v any) any {
	if v == nil {
		return emptyOf(t)
	}
	switch t {
	case table.Int:
		if n, ok := v.(int64); ok {
			return int32(n)
		}
	case table.Long, table.Datetime, table.Timespan:
		switch n := v.(type) {
		case int32:
			return int64(n)
		case float64:
			return int64(n)
		}
	case table.Real, table.Decimal:
		switch n := v.(type) {
		case float32:
			return float64(n)
		case int64:
			return float64(n)
		case int32:
			return float64(n)
		}
	}
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return v
}

func size(v any) int64 {
	if s, ok := v.(string); ok {
		return int64(len(s)) + 2
	}
	return 8
}
