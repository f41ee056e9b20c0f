package lake

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"gatehouse/internal/telemetry"
)

// MaxTraceRows bounds the rows that Trace gives of each table.
const MaxTraceRows = 20_000

// Trace gives all spans and log records of one trace (32 hex digits, lower
// case) in time order; both are empty when the trace is unknown. partial says
// that there were more than MaxTraceRows of a kind.
func (l *Lake) Trace(ctx context.Context, id string) (spans []telemetry.Span, logs []telemetry.LogRecord, partial bool, err error) {
	spans, err = traceRows[telemetry.Span](ctx, l, Spans, id)
	if err != nil {
		return nil, nil, false, err
	}
	logs, err = traceRows[telemetry.LogRecord](ctx, l, Logs, id)
	if err != nil {
		return nil, nil, false, err
	}
	partial = len(spans) > MaxTraceRows || len(logs) > MaxTraceRows
	return spans[:min(len(spans), MaxTraceRows)], logs[:min(len(logs), MaxTraceRows)], partial, nil
}

func traceRows[T any](ctx context.Context, l *Lake, table, id string) ([]T, error) {
	columns := columnsOf[T]()
	text := "SELECT " + strings.Join(columns, ", ") + " FROM {rows} WHERE trace_id = $1 ORDER BY time LIMIT " + fmt.Sprint(MaxTraceRows+1)
	rows, err := l.Query(ctx, Statement{SQL: text, Args: []any{id}, Sources: map[string]Source{"rows": {Table: table, TraceID: id}}})
	if err != nil {
		return nil, fmt.Errorf("read %s of a trace: %w", table, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var row T
		if err := scanRow(rows, &row); err != nil {
			return nil, fmt.Errorf("read %s of a trace: %w", table, err)
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// columnsOf lists the columns of a row type as SQL, in the order of its fields.
// time becomes nanoseconds.
func columnsOf[T any]() []string {
	t := reflect.TypeFor[T]()
	columns := make([]string, t.NumField())
	for i := range columns {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("parquet"), ",")
		columns[i] = `"` + name + `"`
		if name == "time" {
			columns[i] = "epoch_ns(time)"
		}
	}
	return columns
}

// scanRow fills row from the columns of columnsOf.
func scanRow(rows *Rows, row any) error {
	v := reflect.ValueOf(row).Elem()
	cells := make([]any, v.NumField())
	targets := make([]any, len(cells))
	for i := range cells {
		targets[i] = &cells[i]
	}
	if err := rows.Scan(targets...); err != nil {
		return err
	}
	for i, cell := range cells {
		if err := setField(v.Field(i), cell); err != nil {
			return fmt.Errorf("column %s: %w", v.Type().Field(i).Name, err)
		}
	}
	return nil
}

// setField stores a value of the driver: text, bytes, a number, or a list of
// structures whose keys are column names. A missing value leaves the zero.
func setField(f reflect.Value, cell any) error {
	switch x := cell.(type) {
	case nil:
		return nil
	case string:
		if f.Kind() == reflect.String {
			f.SetString(x)
			return nil
		}
	case []byte:
		if f.Kind() == reflect.Slice {
			f.SetBytes(x)
			return nil
		}
	case int64, int32:
		if f.CanInt() {
			f.SetInt(reflect.ValueOf(x).Int())
			return nil
		}
	case []any:
		return setList(f, x)
	}
	return fmt.Errorf("unexpected %T", cell)
}

func setList(f reflect.Value, items []any) error {
	if f.Kind() != reflect.Slice || f.Type().Elem().Kind() != reflect.Struct {
		return fmt.Errorf("unexpected list")
	}
	list := reflect.MakeSlice(f.Type(), len(items), len(items))
	for i, item := range items {
		fields, ok := item.(map[string]any)
		if !ok {
			return fmt.Errorf("unexpected %T in a list", item)
		}
		el := list.Index(i)
		for j := range el.NumField() {
			name, _, _ := strings.Cut(el.Type().Field(j).Tag.Get("parquet"), ",")
			if err := setField(el.Field(j), fields[name]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	f.Set(list)
	return nil
}
