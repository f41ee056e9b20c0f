package kql

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/query/kql/table"
	"gatehouse/internal/store/lake"
)

// dialect prints a plan as a statement. DuckDB's is the only one now; another
// store brings its own and nothing above changes.
type dialect interface {
	print(r relation) (lake.Statement, error)
}

// maxStatement is the size of SQL beyond which a query is too complicated.
const maxStatement = 4 << 20

// duckDB prints plans for DuckDB. A column is c and its number; values from the
// query's text are arguments.
type duckDB struct {
	templates map[string]string
}

func (d *duckDB) print(r relation) (lake.Statement, error) {
	p := &duckPrinter{templates: d.templates, sources: map[string]lake.Source{}, traces: map[string]string{}, done: map[int]bool{}}
	need := columnSet{}
	var list []string
	for _, c := range r.columns() {
		need[c.ID] = true
		name := columnName(c.ID)
		if c.Type == table.Dynamic {
			name = "CAST(" + name + " AS VARCHAR) AS " + name
		}
		list = append(list, name)
	}
	if len(list) == 0 {
		list = []string{"1 AS none"}
	}
	body := p.relation(r, need)
	sql := "SELECT " + strings.Join(list, ", ") + " FROM (" + body + ") AS t" + p.orderBy(r.order())
	if len(p.with) > 0 {
		sql = "WITH " + strings.Join(p.with, ", ") + " " + sql
	}
	if len(sql) > maxStatement || p.broken {
		return lake.Statement{}, &LimitError{Limit: "complexity", Message: "the query is too complicated: its expressions are too large when functions and lets are put in"}
	}
	return lake.Statement{SQL: sql, Args: p.args, Sources: p.sources}, nil
}

type columnSet map[int]bool

func (s columnSet) with(x ...expression) columnSet {
	out := maps.Clone(s)
	for _, e := range x {
		addColumns(out, e)
	}
	return out
}

func addColumns(s columnSet, x expression) {
	walk(x, func(e expression) bool {
		switch e := e.(type) {
		case *reference:
			s[e.ID] = true
		case *aggregated:
			for _, k := range e.Order {
				s[k.ID] = true
			}
		case *window:
			for _, k := range e.Order {
				s[k.ID] = true
			}
			for _, k := range e.By {
				s[k] = true
			}
		}
		return true
	})
}

func (s columnSet) sorted() []int { return slices.Sorted(maps.Keys(s)) }

func columnName(id int) string { return "c" + strconv.Itoa(id) }

type duckPrinter struct {
	templates map[string]string
	args      []any
	sources   map[string]lake.Source
	traces    map[string]string // CTEs with the rows of one trace
	with      []string
	done      map[int]bool
	broken    bool
}

func (p *duckPrinter) argument(v any) string {
	p.args = append(p.args, v)
	return "$" + strconv.Itoa(len(p.args))
}

func (p *duckPrinter) orderBy(keys []orderKey) string {
	if len(keys) == 0 {
		return ""
	}
	var list []string
	for _, k := range keys {
		s := columnName(k.ID)
		if k.Descending {
			s += " DESC"
		}
		if k.NullsFirst {
			s += " NULLS FIRST"
		} else {
			s += " NULLS LAST"
		}
		list = append(list, s)
	}
	return " ORDER BY " + strings.Join(list, ", ")
}

// expression prints a scalar. Strings are never NULL.
func (p *duckPrinter) expression(x expression) string {
	if p.broken {
		return "NULL"
	}
	switch x := x.(type) {
	case *constant:
		return p.constant(x)
	case *reference:
		return columnName(x.ID)
	case *apply:
		return p.total(x.Type, p.fill(x.Op, x.Args, ""))
	case *aggregated:
		order := strings.TrimSpace(p.orderBy(x.Order))
		return p.total(x.Type, p.fill("aggregate "+x.Op, x.Args, order))
	case *window:
		return p.window(x)
	case *scalarQuery:
		c := x.Input.columns()[0]
		return p.total(x.Type, "(SELECT "+columnName(c.ID)+" FROM ("+p.relation(x.Input, columnSet{c.ID: true})+") AS t"+p.orderBy(x.Input.order())+" LIMIT 1)")
	case *inQuery:
		c := x.Input.columns()[0]
		s := "(" + p.expression(x.X) + " IN (SELECT " + columnName(c.ID) + " FROM (" + p.relation(x.Input, columnSet{c.ID: true}) + ") AS t))"
		if x.Not {
			s = "coalesce(NOT " + s + ", true)"
		}
		return s
	}
	panic(fmt.Sprintf("kql: no SQL for %T", x))
}

func (p *duckPrinter) total(t table.Type, sql string) string {
	if t == table.String {
		return "coalesce(" + sql + ", '')"
	}
	return sql
}

func (p *duckPrinter) window(x *window) string {
	by := ""
	if len(x.By) > 0 {
		var names []string
		for _, id := range x.By {
			names = append(names, columnName(id))
		}
		by = "PARTITION BY " + strings.Join(names, ", ")
	}
	frame := ""
	if x.Whole {
		frame = " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
	}
	s := p.fill(x.Op, x.Args, "") + " OVER (" + strings.TrimSpace(by+p.orderBy(x.Order)+frame) + ")"
	if x.Op == "running sum" {
		s = "TRY_CAST(" + s + " AS " + sqlType(x.Type) + ")"
	}
	return p.total(x.Type, s)
}

func (p *duckPrinter) constant(x *constant) string {
	if x.Value == nil {
		return "CAST(NULL AS " + sqlType(x.Type) + ")"
	}
	switch v := x.Value.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int32:
		return p.integer(int64(v), "INTEGER")
	case int64:
		return p.integer(v, sqlType(x.Type))
	case float64:
		return p.real(v)
	case string:
		switch {
		case x.Type == table.Dynamic:
			return "CAST(" + p.argument(v) + " AS JSON)"
		case x.Type == table.Decimal:
			return "CAST(" + p.argument(v) + " AS DOUBLE)"
		case v == "":
			return "''"
		}
		return p.argument(v) + "::VARCHAR"
	}
	panic(fmt.Sprintf("kql: no SQL for a constant of %T", x.Value))
}

func (p *duckPrinter) integer(v int64, as string) string {
	s := strconv.FormatInt(v, 10)
	if v < 0 {
		s = "(" + s + ")"
	}
	if v == math.MinInt64 {
		return "(-9223372036854775807::BIGINT - 1)"
	}
	return s + "::" + as
}

func (p *duckPrinter) real(v float64) string {
	switch {
	case math.IsNaN(v):
		return "'nan'::DOUBLE"
	case math.IsInf(v, 1):
		return "'inf'::DOUBLE"
	case math.IsInf(v, -1):
		return "'-inf'::DOUBLE"
	}
	s := strconv.FormatFloat(v, 'e', -1, 64)
	if v < 0 {
		s = "(" + s + ")"
	}
	return s + "::DOUBLE"
}

func sqlType(t table.Type) string {
	switch t {
	case table.Bool:
		return "BOOLEAN"
	case table.Int:
		return "INTEGER"
	case table.Long, table.Datetime, table.Timespan:
		return "BIGINT"
	case table.Real, table.Decimal:
		return "DOUBLE"
	case table.Dynamic:
		return "JSON"
	}
	return "VARCHAR"
}

// fill puts arguments into an operation's template: {0}; {2|default} when it
// may be absent; {*} for all that the template does not name.
func (p *duckPrinter) fill(op string, args []expression, order string) string {
	t, ok := p.templates[op]
	if !ok {
		panic("kql: no SQL for " + op)
	}
	printed := make([]string, len(args))
	for i, a := range args {
		printed[i] = p.expression(a)
	}
	var b strings.Builder
	named := 0
	for {
		before, rest, found := strings.Cut(t, "{")
		b.WriteString(before)
		if !found {
			break
		}
		hole, after, closed := strings.Cut(rest, "}")
		if !closed || hole == "" || !(hole == "*" || hole == "order" || hole[0] >= '0' && hole[0] <= '9') {
			b.WriteString("{")
			t = rest
			continue
		}
		b.WriteString(p.hole(hole, printed, &named, order))
		t = after
	}
	if b.Len() > maxStatement {
		p.broken = true
		return "NULL"
	}
	return b.String()
}

func (p *duckPrinter) hole(hole string, args []string, named *int, order string) string {
	switch hole {
	case "order":
		return order
	case "*":
		rest := ""
		for _, a := range args[min(*named, len(args)):] {
			rest += ", " + a
		}
		return rest
	}
	number, fallback, _ := strings.Cut(hole, "|")
	n, _ := strconv.Atoi(number)
	*named = max(*named, n+1)
	if n < len(args) {
		return args[n]
	}
	return fallback
}

// rowsJSON writes rows in memory as an argument.
func rowsJSON(r *values) (string, error) {
	rows := make([][]any, len(r.Rows))
	for i, row := range r.Rows {
		rows[i] = make([]any, len(row))
		for j, v := range row {
			if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
				v = strconv.FormatFloat(f, 'g', -1, 64)
			}
			rows[i][j] = v
		}
	}
	b, err := json.Marshal(rows)
	return string(b), err
}

// nanoseconds of a time in ticks, within what the lake can hold.
func nanoseconds(ticks int64) time.Time {
	const most = math.MaxInt64 / 100
	return time.Unix(0, max(min(ticks-table.UnixTicks, most), -most)*100).UTC()
}
