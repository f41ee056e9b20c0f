package kql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/query/kql/table"
	"gatehouse/internal/store/lake"
)

// relation prints a step with at least the columns that are needed.
func (p *duckPrinter) relation(r relation, need columnSet) string {
	need = need.with()
	for _, k := range r.order() {
		need[k.ID] = true
	}
	switch r := r.(type) {
	case *scan:
		return p.scan(r, need)
	case *values:
		return p.values(r, need)
	case *filter:
		in := p.relation(r.Input, need.with(r.X))
		return "SELECT * FROM (" + in + ") AS t WHERE " + p.expression(r.X)
	case *project:
		return p.project(r, need)
	case *sorted:
		return p.relation(r.Input, need)
	case *limit:
		in := p.relation(r.Input, need)
		return "SELECT * FROM (" + in + ") AS t" + p.orderBy(r.order()) + " LIMIT " + strconv.FormatInt(r.Count, 10)
	case *aggregate:
		return p.aggregate(r, need)
	case *join:
		return p.join(r, need)
	case *union:
		return p.union(r, need)
	case *expand:
		return p.expand(r, need)
	case *shared:
		return p.shared(r, need)
	case *numbers:
		return p.numbers(r)
	}
	panic(fmt.Sprintf("kql: no SQL for %T", r))
}

// selected lists columns; a SELECT has at least one.
func selected(list []string) string {
	if len(list) == 0 {
		return "1 AS none"
	}
	return strings.Join(list, ", ")
}

func (p *duckPrinter) project(r *project, need columnSet) string {
	made := map[int]expression{}
	for _, a := range r.Assign {
		made[a.ID] = a.X
	}
	below := columnSet{}
	for id := range need {
		if x := made[id]; x != nil {
			addColumns(below, x)
		} else {
			below[id] = true
		}
	}
	in := p.relation(r.Input, below)
	var list []string
	for _, id := range need.sorted() {
		if x := made[id]; x != nil {
			list = append(list, p.expression(x)+" AS "+columnName(id))
		} else {
			list = append(list, columnName(id))
		}
	}
	return "SELECT " + selected(list) + " FROM (" + in + ") AS t"
}

func (p *duckPrinter) aggregate(r *aggregate, need columnSet) string {
	below := columnSet{}
	var list, keys []string
	for _, k := range r.Keys {
		addColumns(below, k.X)
	}
	var values []assignment
	for _, v := range r.Values {
		if need[v.ID] {
			values = append(values, v)
			addColumns(below, v.X)
		}
	}
	in := p.relation(r.Input, below)
	for i, k := range r.Keys {
		list = append(list, p.expression(k.X)+" AS "+columnName(k.ID))
		keys = append(keys, strconv.Itoa(i+1))
	}
	for _, v := range values {
		list = append(list, p.expression(v.X)+" AS "+columnName(v.ID))
	}
	if len(list) == 0 {
		list = []string{"count(*) AS none"}
	}
	s := "SELECT " + selected(list) + " FROM (" + in + ") AS t"
	if len(keys) > 0 {
		s += " GROUP BY " + strings.Join(keys, ", ")
	}
	return s
}

func (p *duckPrinter) join(r *join, need columnSet) string {
	left, right := columnSet{}, columnSet{}
	own := columnSet{}
	for _, c := range produced(r.Left) {
		own[c] = true
	}
	for id := range need {
		if own[id] {
			left[id] = true
		} else {
			right[id] = true
		}
	}
	for _, id := range r.Within {
		left[id] = true
	}
	var on []string
	for _, e := range r.Equal {
		addColumns(left, e[0])
		addColumns(right, e[1])
		same := " = "
		if r.NullsEqual {
			same = " IS NOT DISTINCT FROM "
		}
		on = append(on, "l."+p.expression(e[0])+same+"r."+p.expression(e[1]))
	}
	if len(on) == 0 {
		on = []string{"true"}
	}
	kind := map[string]string{"innerunique": "JOIN", "inner": "JOIN", "leftouter": "LEFT JOIN", "rightouter": "RIGHT JOIN", "fullouter": "FULL JOIN",
		"leftanti": "ANTI JOIN", "anti": "ANTI JOIN", "leftantisemi": "ANTI JOIN", "leftsemi": "SEMI JOIN"}[r.Kind]
	l, rr := p.relation(r.Left, left), p.relation(r.Right, right)
	if r.Kind == "innerunique" {
		var keys []string
		for _, e := range r.Equal {
			keys = append(keys, p.expression(e[0]))
		}
		for _, id := range r.Within {
			keys = append(keys, columnName(id))
		}
		l = "SELECT DISTINCT ON (" + strings.Join(keys, ", ") + ") * FROM (" + l + ") AS t"
	}
	return "SELECT " + selected(p.joined(r, need)) + " FROM (" + l + ") AS l " + kind + " (" + rr + ") AS r ON " + strings.Join(on, " AND ")
}

// joined lists the columns of a join; a text that has no partner is empty.
func (p *duckPrinter) joined(r *join, need columnSet) []string {
	types := map[int]table.Type{}
	for _, c := range r.Columns {
		types[c.ID] = c.Type
	}
	var list []string
	for _, id := range need.sorted() {
		name := columnName(id)
		if types[id] == table.String {
			list = append(list, "coalesce("+name+", '') AS "+name)
		} else {
			list = append(list, name)
		}
	}
	return list
}

// produced lists every column that a relation can give, seen or not.
func produced(r relation) []int {
	var ids []int
	for _, c := range r.columns() {
		ids = append(ids, c.ID)
	}
	switch r := r.(type) {
	case *project:
		for _, a := range r.Assign {
			ids = append(ids, a.ID)
		}
		ids = append(ids, produced(r.Input)...)
	case *filter:
		ids = append(ids, produced(r.Input)...)
	case *sorted:
		ids = append(ids, produced(r.Input)...)
	case *limit:
		ids = append(ids, produced(r.Input)...)
	case *shared:
		ids = append(ids, produced(r.Input)...)
	case *expand:
		ids = append(ids, r.Index)
		ids = append(ids, produced(r.Input)...)
	case *join:
		ids = append(append(ids, produced(r.Left)...), produced(r.Right)...)
	case *scan:
		for _, id := range r.Members {
			ids = append(ids, id)
		}
	case *values:
		ids = append(ids, r.Ordinal)
	case *aggregate:
		for _, a := range slices.Concat(r.Keys, r.Values) {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

func (p *duckPrinter) union(r *union, need columnSet) string {
	var parts []string
	for _, b := range r.Branches {
		below := columnSet{}
		for i, c := range r.Columns {
			if need[c.ID] && b.Source[i] != nil {
				addColumns(below, b.Source[i])
			}
		}
		in := p.relation(b.Input, below)
		var list []string
		for i, c := range r.Columns {
			if !need[c.ID] {
				continue
			}
			x := b.Source[i]
			if x == nil {
				x = null(c.Type)
			}
			list = append(list, p.expression(x)+" AS "+columnName(c.ID))
		}
		parts = append(parts, "SELECT "+selected(list)+" FROM ("+in+") AS t")
	}
	return strings.Join(parts, " UNION ALL ")
}

func (p *duckPrinter) expand(r *expand, need columnSet) string {
	made := columnSet{r.Index: true}
	below := columnSet{}
	for _, l := range r.Lists {
		made[l.ID] = true
		addColumns(below, l.X)
	}
	for id := range need {
		if !made[id] {
			below[id] = true
		}
	}
	in := p.relation(r.Input, below)
	var outer []string
	for _, id := range below.sorted() {
		if need[id] {
			outer = append(outer, columnName(id))
		}
	}
	length := []string{"0"}
	var lists []string
	for i, l := range r.Lists {
		lists = append(lists, p.expression(l.X)+" AS l"+strconv.Itoa(i))
		length = append(length, "len(l"+strconv.Itoa(i)+")")
		outer = append(outer, "nullif(l"+strconv.Itoa(i)+"[n], 'null') AS "+columnName(l.ID))
	}
	outer = append(outer, "n - 1 AS "+columnName(r.Index))
	most := "greatest(" + strings.Join(length, ", ") + ")"
	if r.Limit > 0 {
		most = "least(" + most + ", " + strconv.FormatInt(r.Limit, 10) + ")"
	}
	return "SELECT " + strings.Join(outer, ", ") + " FROM (SELECT *, unnest(range(1, " + most + " + 1)) AS n FROM (SELECT *, " + strings.Join(lists, ", ") + " FROM (" + in + ") AS t) AS t) AS t"
}

func (p *duckPrinter) shared(r *shared, need columnSet) string {
	name := "m" + strconv.Itoa(r.ID)
	if !p.done[r.ID] {
		p.done[r.ID] = true
		all := columnSet{}
		for _, c := range r.Input.columns() {
			all[c.ID] = true
		}
		for _, k := range r.Input.order() {
			all[k.ID] = true
		}
		body := p.relation(r.Input, all)
		p.with = append(p.with, name+" AS MATERIALIZED ("+body+")")
	}
	var list []string
	for _, id := range need.sorted() {
		list = append(list, columnName(id))
	}
	return "SELECT " + selected(list) + " FROM " + name
}

func (p *duckPrinter) numbers(r *numbers) string {
	from, to, step := p.expression(r.From), p.expression(r.To), p.expression(r.Step)
	name := columnName(r.Column.ID)
	if r.Column.Type == table.Real {
		count := "CAST(floor((" + to + " - " + from + ") / " + step + ") AS BIGINT) + 1"
		return "SELECT " + from + " + i * " + step + " AS " + name + " FROM range(0, least(" + count + ", 10000000)) AS t(i)"
	}
	s := "SELECT CAST(i AS " + sqlType(r.Column.Type) + ") AS " + name + " FROM generate_series(CAST(" + from + " AS BIGINT), CAST(" + to + " AS BIGINT), CAST(" + step + " AS BIGINT)) AS t(i)"
	return s
}

// values reads rows in memory from one argument.
func (p *duckPrinter) values(r *values, need columnSet) string {
	var list []string
	for i, c := range r.Columns {
		if !need[c.ID] {
			continue
		}
		x := "j ->> " + strconv.Itoa(i)
		switch c.Type {
		case table.String:
			x = "coalesce(" + x + ", '')"
		case table.GUID:
			x = "(" + x + ")"
		default:
			x = "CAST((" + x + ") AS " + sqlType(c.Type) + ")"
		}
		list = append(list, x+" AS "+columnName(c.ID))
	}
	list = append(list, "n AS "+columnName(r.Ordinal))
	data, err := rowsJSON(r)
	if err != nil {
		panic("kql: rows that are not JSON: " + err.Error())
	}
	return "SELECT " + selected(list) + " FROM (SELECT unnest(a) AS j, unnest(range(1, len(a) + 1)) AS n FROM (SELECT CAST(CAST(" + p.argument(data) + " AS JSON) AS JSON[]) AS a) AS t) AS t"
}

// scan reads a table: the rows of its branches, of the workspaces that may be
// read. The test for the workspace is part of what stands for the lake's table,
// so that no branch can leave it out.
func (p *duckPrinter) scan(r *scan, need columnSet) string {
	var parts []string
	for _, b := range r.Table.Branches {
		rows := p.source(r, b)
		var list []string
		for _, c := range r.Columns {
			if need[c.ID] {
				list = append(list, branchColumn(b, c)+" AS "+columnName(c.ID))
			}
		}
		for m, id := range r.Members {
			if need[id] {
				list = append(list, branchMember(r, b, m)+" AS "+columnName(id))
			}
		}
		slices.Sort(list)
		s := "SELECT " + selected(list) + " FROM " + strings.ReplaceAll(b.From, "{rows}", rows)
		if where := conditions(r, b); len(where) > 0 {
			s += " WHERE " + strings.Join(where, " AND ")
		}
		parts = append(parts, s)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	// The columns of all branches stand in the same order: by number.
	return strings.Join(parts, " UNION ALL BY NAME ")
}

// lateness is how much later than the lake's row the time of a row made of it may
// be, for a query that bounds the time to find it.
const lateness = 15 * time.Minute

// conditions of a branch are its own, and the bounds of a time that is not the
// lake's.
func conditions(r *scan, b table.Branch) (list []string) {
	if b.Where != "" {
		list = append(list, b.Where)
	}
	if at := b.Columns[r.Table.Time]; at != "" && b.Moved(r.Table.Time) {
		if r.Low != 0 {
			list = append(list, at+" >= "+strconv.FormatInt(r.Low, 10)+"::BIGINT")
		}
		if r.High != 0 {
			list = append(list, at+" <= "+strconv.FormatInt(r.High, 10)+"::BIGINT")
		}
	}
	return list
}

func (p *duckPrinter) source(r *scan, b table.Branch) string {
	src := lake.Source{Table: b.Source, TraceID: r.TraceID}
	if r.Low != 0 {
		src.Start = nanoseconds(r.Low)
		if b.Moved(r.Table.Time) {
			src.Start = src.Start.Add(-lateness)
		}
	}
	if r.High != 0 {
		src.End = nanoseconds(r.High).Add(100 * time.Nanosecond)
	}
	if b.Columns["operation_Id"] != "trace_id" && b.Columns["OperationId"] != "trace_id" {
		src.TraceID = ""
	}
	if src.TraceID != "" && len(r.Workspaces) > 0 {
		return p.trace(src, r.Workspaces)
	}
	return p.rows(src, r.Workspaces)
}

// rows are those of a table of the lake that may be read.
func (p *duckPrinter) rows(src lake.Source, workspaces []string) string {
	name := "r" + strconv.Itoa(len(p.sources))
	p.sources[name] = src
	if len(workspaces) == 0 {
		return "(SELECT * FROM {" + name + "} WHERE false)"
	}
	var list []string
	for _, w := range workspaces {
		list = append(list, p.argument(w))
	}
	if len(list) == 1 {
		return "(SELECT * FROM {" + name + "} WHERE workspace = " + list[0] + ")"
	}
	return "(SELECT * FROM {" + name + "} WHERE workspace IN (" + strings.Join(list, ", ") + "))"
}

// trace are the rows of one trace, which all branches of a query share: they are
// few, and reading them takes whole row groups with all their columns.
func (p *duckPrinter) trace(src lake.Source, workspaces []string) string {
	key := fmt.Sprint(src, workspaces)
	name, ok := p.traces[key]
	if !ok {
		name = "t" + strconv.Itoa(len(p.traces))
		p.traces[key] = name
		p.with = append(p.with, name+" AS MATERIALIZED (SELECT * FROM "+p.rows(src, workspaces)+" WHERE trace_id = "+p.argument(src.TraceID)+")")
	}
	return name
}

func branchColumn(b table.Branch, c column) string {
	sql := b.Columns[c.Name]
	switch {
	case sql == "" && c.Type == table.String:
		return "''"
	case sql == "":
		return "CAST(NULL AS " + sqlType(c.Type) + ")"
	case c.Type == table.String:
		return "coalesce(" + sql + ", '')"
	case c.Type == table.Dynamic:
		return "CAST(" + sql + " AS JSON)"
	}
	return sql
}

func branchMember(r *scan, b table.Branch, m member) string {
	for _, c := range r.Columns {
		if c.ID != m.Column {
			continue
		}
		if sql := b.Keys[c.Name][m.Name]; sql != "" {
			return "coalesce(" + sql + ", '')"
		}
	}
	return "''"
}
