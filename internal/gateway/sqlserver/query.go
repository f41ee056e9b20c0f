package sqlserver

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// Query is one statement. Results of its last part are returned.
type Query struct {
	Statement  string
	Parameters []Parameter
	MaxBytes   int64 // of all rows as JSON
}

// ErrTooLarge is a result beyond Query.MaxBytes.
var ErrTooLarge = errors.New("the rows are larger than the limit for policies that read them")

// Rows runs a statement and gives each row of the last result set as a JSON
// object, nil when there was none.
func (d *Database) Rows(ctx context.Context, q Query) ([]json.RawMessage, error) {
	arguments, err := arguments(q.Parameters)
	if err != nil {
		return nil, err
	}
	rows, err := d.pool.QueryContext(ctx, q.Statement, arguments...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var last []json.RawMessage
	for {
		columns, err := rows.ColumnTypes()
		if err != nil {
			return nil, err
		}
		if len(columns) > 0 {
			if last, err = read(rows, columns, q.MaxBytes); err != nil {
				return nil, err
			}
		}
		if !rows.NextResultSet() {
			return last, rows.Err()
		}
	}
}

// read reads one result set.
func read(rows *sql.Rows, types []*sql.ColumnType, limit int64) ([]json.RawMessage, error) {
	columns := make([]column, len(types))
	cells := make([]any, len(types))
	for i, t := range types {
		columns[i] = newColumn(i, t)
		cells[i] = &columns[i].value
	}
	out := []json.RawMessage{}
	for size := int64(0); rows.Next(); {
		if err := rows.Scan(cells...); err != nil {
			return nil, fmt.Errorf("reading a row: %w", err)
		}
		row, err := object(columns)
		if err != nil {
			return nil, err
		}
		if size += int64(len(row)); size > limit {
			return nil, ErrTooLarge
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// object writes a row with its columns in order.
func object(columns []column) (json.RawMessage, error) {
	out := []byte{'{'}
	for i := range columns {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, columns[i].name...)
		out = append(out, ':')
		value, err := columns[i].json()
		if err != nil {
			return nil, err
		}
		out = append(out, value...)
	}
	return append(out, '}'), nil
}
