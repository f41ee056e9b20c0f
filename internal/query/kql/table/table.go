// Package table describes the tables that KQL reads: Application Insights'
// classic tables, their workspace names, and how each of their columns is made
// of the lake's rows.
//
// What comes in: nothing. What goes out: descriptions, with SQL for DuckDB. It
// must never run a query, or put text of a user into SQL.
package table

// Type is a type of KQL.
type Type uint8

// The types of KQL, and how the SQL of a column or expression of that type
// looks in DuckDB. Strings are never NULL: a missing text is ”.
const (
	Unknown  Type = iota
	Bool          // BOOLEAN
	Int           // INTEGER
	Long          // BIGINT
	Real          // DOUBLE
	Decimal       // DOUBLE, shown as text
	String        // VARCHAR, never NULL
	Datetime      // BIGINT: ticks of 100 ns since 0001-01-01T00:00:00Z
	Timespan      // BIGINT: ticks of 100 ns
	GUID          // VARCHAR in lower case, or NULL
	Dynamic       // JSON, or NULL
)

// String gives the type's name in KQL.
func (t Type) String() string {
	return [...]string{"unknown", "bool", "int", "long", "real", "decimal", "string", "datetime", "timespan", "guid", "dynamic"}[t]
}

// Ticks of 100 ns.
const (
	TicksPerSecond = 10_000_000
	// UnixTicks is 1970-01-01 in ticks since 0001-01-01.
	UnixTicks = 621_355_968_000_000_000
)

// Column is a column of a table.
type Column struct {
	Name string
	Type Type
}

// Table is one table as a query sees it.
type Table struct {
	Name     string
	Columns  []Column // in the order in which they are shown
	Time     string   // column that the time range of a request bounds: timestamp or TimeGenerated
	Branches []Branch // its rows are those of all branches
}

// Branch makes rows of a table from rows of the lake. All texts are constants
// of this package.
type Branch struct {
	Source string // table of the lake: spans or logs
	// From is what stands behind FROM; {rows} is the lake's table, of which a
	// branch may unnest a column. E.g. "{rows}" or "(SELECT *, unnest(calls) AS c FROM {rows} AS r) AS s".
	From  string
	Where string // "" is all rows
	// Columns is the SQL of each column by name; one that is absent is NULL, or ''.
	Columns map[string]string
	// Keys makes members of a dynamic column cheap: customDimensions["API Name"]
	// -> SQL of type VARCHAR, '' when absent. By column name, then by member.
	Keys map[string]map[string]string
}

// Moved says that a time column is not the time of the lake's row but one that
// follows it: of a call within a request, of an event, of the end of a failure.
func (b Branch) Moved(column string) bool { return b.Columns[column] != operand(rowTicks) }

// Column gives a column by name. Names of columns are case-sensitive.
func (t *Table) Column(name string) (Column, bool) {
	for _, c := range t.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}
