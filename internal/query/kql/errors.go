package kql

import (
	"fmt"

	"gatehouse/internal/query/kql/syntax"
)

// QueryError says what is wrong with a query's text.
type QueryError struct{ Errors []syntax.Error }

func (e *QueryError) Error() string {
	if len(e.Errors) == 0 {
		return "the query is not valid"
	}
	first := e.Errors[0]
	return fmt.Sprintf("%s at line %d, column %d: %s", first.Code, first.Line, first.Column, first.Message)
}

// LimitError says which limit stopped a query that has no partial result.
type LimitError struct {
	Limit   string // stages, nesting, literals, rows, bytes, series
	Message string
}

func (e *LimitError) Error() string { return e.Message }
