// Package kql answers queries in the Kusto Query Language over the lake.
//
// What comes in: a query's text, a time range, the workspaces it may read, and
// limits. What goes out: tables of KQL-typed values, errors with code and
// position. It must never put text of a user into SQL, read more than the
// workspaces it was given, or answer a cut result without saying so.
package kql

import (
	"time"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// Request is one query.
type Request struct {
	Query string
	// Start and End bound the rows' time beside what the query says; zero: no bound.
	Start, End time.Time
	// Workspaces whose rows are read: ids as in telemetry.Span.Workspace, "" is
	// the default one. Empty: none, the result is empty.
	Workspaces []string
	// Named gives the workspaces that app('x') and workspace('y') may name, by id,
	// name and key, in lower case.
	Named map[string]string
	// Workspace says that * stands for the tables by their names in a Log
	// Analytics workspace, not for the classic ones.
	Workspace bool
	Now       time.Time // of now() and ago(); zero: the present
	Limits
}

// Limits of one query; zero values mean DefaultLimits.
type Limits struct {
	Rows    int           // of the result; what is beyond is left out and told
	Bytes   int64         // of the result's values
	Timeout time.Duration // of the whole query
}

// DefaultLimits are those of Azure's query API.
func DefaultLimits() Limits {
	return Limits{Rows: 500_000, Bytes: 64 << 20, Timeout: 3 * time.Minute}
}

// Result of a query.
type Result struct {
	Tables  []ResultTable
	Render  *Render        // nil: no render operator
	Partial string         // why the result is cut, "" when it is whole
	Notes   []syntax.Error // what was answered in another way than asked, e.g. a default time range
	Stats   Stats
}

// ResultTable is one table of values. A value is nil or by the column's type:
// bool, int32 (Int), int64 (Long, and ticks of Datetime and Timespan), float64
// (Real, Decimal), string (String, GUID, Dynamic as JSON text).
type ResultTable struct {
	Name    string // PrimaryResult
	Columns []table.Column
	Rows    [][]any
}

// Render is what the render operator asked for; it does not change data.
type Render struct {
	Visualization string
	Properties    map[string]any // names as in Azure's answer: title, xAxis, legend, kind, ...
}

// Stats tell what a query cost.
type Stats struct {
	Elapsed time.Duration
	Rows    int
	Bytes   int64
}
