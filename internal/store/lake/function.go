package lake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/duckdb/duckdb-go/v2"
)

// Value is a type of a Function's arguments and result.
type Value uint8

// The types of values that functions in Go take and give.
const (
	Text    Value = iota // string
	Integer              // int64
	Real                 // float64
	Boolean              // bool
)

// Function is a pure function in Go that statements may call by its name. It is
// not called when an argument is NULL: the result is NULL then, as it is when
// Do gives nil.
type Function struct {
	Name   string
	Args   []Value
	Result Value
	Do     func(args []any) any
}

// Define lets statements call functions. Those that have a name already stay.
func (l *Lake) Define(functions []Function) error { return l.reader.define(functions) }

func (r *reader) define(functions []Function) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range functions {
		if _, ok := r.functions[f.Name]; ok {
			continue
		}
		if r.db != nil {
			if err := register(r.db, f); err != nil {
				return err
			}
		}
		r.functions[f.Name] = f
	}
	return nil
}

func register(db *sql.DB, f Function) error {
	conn, err := db.Conn(context.Background())
	if err != nil {
		return fmt.Errorf("define %s: %w", f.Name, err)
	}
	defer conn.Close()
	u, err := newGoFunction(f)
	if err == nil {
		err = duckdb.RegisterScalarUDF(conn, f.Name, u)
	}
	if err != nil {
		return fmt.Errorf("define %s: %w", f.Name, err)
	}
	return nil
}

// goFunction is a Function as DuckDB takes it.
type goFunction struct {
	config duckdb.ScalarFuncConfig
	do     func([]any) any
}

func newGoFunction(f Function) (*goFunction, error) {
	u := &goFunction{do: f.Do}
	for _, a := range f.Args {
		info, err := duckdb.NewTypeInfo(a.duckdb())
		if err != nil {
			return nil, err
		}
		u.config.InputTypeInfos = append(u.config.InputTypeInfos, info)
	}
	info, err := duckdb.NewTypeInfo(f.Result.duckdb())
	u.config.ResultTypeInfo = info
	return u, err
}

func (v Value) duckdb() duckdb.Type {
	return [...]duckdb.Type{duckdb.TYPE_VARCHAR, duckdb.TYPE_BIGINT, duckdb.TYPE_DOUBLE, duckdb.TYPE_BOOLEAN}[v]
}

// Config is for DuckDB.
func (u *goFunction) Config() duckdb.ScalarFuncConfig { return u.config }

// Executor is for DuckDB. A panic must not reach its thread.
func (u *goFunction) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: func(values []driver.Value) (result any, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("function failed: %v", p)
			}
		}()
		args := make([]any, len(values))
		for i, v := range values {
			if v == nil {
				return nil, nil
			}
			args[i] = v
		}
		return u.do(args), nil
	}}
}
