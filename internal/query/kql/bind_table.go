package kql

import (
	"maps"
	"path"
	"slices"
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// isTable tells whether an expression gives rows.
func (b *binder) isTable(x syntax.Expr, s *scope) bool {
	switch x := x.(type) {
	case *syntax.Pipe, *syntax.Datatable:
		return true
	case *syntax.Name:
		if f := s.find(x.Name); f != nil {
			if l, ok := f.value.(*syntax.Lambda); ok {
				return len(l.Parameters) == 0 && b.givesTable(l, f.parent)
			}
			return f.rel != nil || f.value != nil && b.isTable(f.value, f.parent)
		}
		_, ok := b.engine.tables[x.Name]
		return ok || x.Pattern
	case *syntax.Call:
		if f := s.find(x.Name); f != nil {
			if l, ok := f.value.(*syntax.Lambda); ok {
				return b.givesTable(l, f.parent)
			}
		}
		switch x.Name {
		case "materialize", "table", "view", "datatable":
			return true
		}
	case *syntax.Path:
		c, ok := x.X.(*syntax.Call)
		return ok && (c.Name == "app" || c.Name == "workspace" || c.Name == "resource")
	}
	return false
}

func (b *binder) givesTable(l *syntax.Lambda, s *scope) bool {
	for _, p := range l.Parameters {
		s = &scope{parent: s, name: p.Name, x: null(p.Type)}
		if p.Tabular {
			s.x, s.rel = nil, b.single()
		}
	}
	for _, st := range l.Body {
		switch st := st.(type) {
		case *syntax.Let:
			s = &scope{parent: s, name: st.Name, value: st.Value}
		case *syntax.ExpressionStatement:
			return b.isTable(st.X, s)
		}
	}
	return false
}

// relation binds a tabular expression.
func (b *binder) relation(x syntax.Expr, s *scope) relation {
	switch x := x.(type) {
	case *syntax.Name:
		return b.tableNamed(x, s)
	case *syntax.Pipe:
		return b.pipe(x, s)
	case *syntax.Datatable:
		return b.datatable(x, s)
	case *syntax.Call:
		return b.tableCall(x, s)
	case *syntax.Path:
		if c, ok := x.X.(*syntax.Call); ok && len(c.Arguments) == 1 {
			return b.tableOf(c, x, s)
		}
	}
	b.fail(x.Position(), codeUse, "", "a table is needed here")
	return nil
}

func (b *binder) tableNamed(x *syntax.Name, s *scope) relation {
	if f := s.find(x.Name); f != nil {
		defer b.enter(x.Span)()
		if f.rel != nil {
			return b.renumber(f.rel)
		}
		if l, ok := f.value.(*syntax.Lambda); ok {
			return b.tableLambda(&syntax.Call{Span: x.Span, Name: x.Name, NameAt: x.Span}, l, f.parent, s)
		}
		if f.value != nil {
			return b.letTable(f)
		}
	}
	if t, ok := b.engine.tables[x.Name]; ok {
		return b.scan(t, b.request.Workspaces)
	}
	if x.Pattern {
		return b.unite([]relation{}, []syntax.Expr{x}, nil, s, x.Span)
	}
	known := slices.Collect(maps.Keys(b.engine.tables))
	slices.Sort(known)
	for f := s; f != nil; f = f.parent {
		known = append(known, f.name)
	}
	b.fail(x.Span, codeTable, didYouMean(x.Name, known), "there is no table %q", x.Name)
	return nil
}

// letTable binds a let at a use. materialize is computed once.
func (b *binder) letTable(f *scope) relation {
	c, ok := f.value.(*syntax.Call)
	if !ok || c.Name != "materialize" {
		return b.relation(f.value, f.parent)
	}
	f.rel = b.relation(f.value, f.parent)
	return b.renumber(f.rel)
}

// renumber gives a relation that is used twice columns of its own.
func (b *binder) renumber(rel relation) relation {
	p := &project{Input: separate(rel)}
	for _, c := range rel.columns() {
		n := b.column(c.Name, c.Type)
		p.Columns = append(p.Columns, n)
		p.Assign = append(p.Assign, assignment{n.ID, ref(c)})
	}
	return p
}

// separate copies the steps down to the tables, so that a filter above one use
// of a relation bounds the time of that use only.
func separate(rel relation) relation {
	switch r := rel.(type) {
	case *scan:
		c := *r
		c.Members = maps.Clone(r.Members)
		return &c
	case *filter:
		return &filter{Input: separate(r.Input), X: r.X}
	case *sorted:
		return &sorted{Input: separate(r.Input), Keys: r.Keys}
	case *project:
		return &project{Input: separate(r.Input), Assign: r.Assign, Columns: r.Columns}
	case *union:
		u := &union{Columns: r.Columns}
		for _, b := range r.Branches {
			u.Branches = append(u.Branches, unionBranch{Input: separate(b.Input), Source: b.Source})
		}
		return u
	}
	return rel // a filter does not sink below the others
}

func (b *binder) scan(t *table.Table, workspaces []string) relation {
	r := &scan{Table: t, Members: map[member]int{}, Workspaces: workspaces}
	for _, c := range t.Columns {
		r.Columns = append(r.Columns, b.column(c.Name, c.Type))
	}
	return r
}

func (b *binder) tableCall(x *syntax.Call, s *scope) relation {
	if f := s.find(x.Name); f != nil {
		if l, ok := f.value.(*syntax.Lambda); ok {
			return b.tableLambda(x, l, f.parent, s)
		}
	}
	switch {
	case x.Name == "materialize" && len(x.Arguments) == 1:
		return &shared{ID: b.id(), Input: b.relation(x.Arguments[0].Value, s)}
	case x.Name == "table" && len(x.Arguments) == 1:
		if n, ok := b.value(b.scalar(x.Arguments[0].Value, &rowContext{scope: s}), x.Span).(string); ok {
			return b.tableNamed(&syntax.Name{Span: x.Span, Name: n}, nil)
		}
	}
	b.fail(x.NameAt, codeFunction, "", "%s is not a function that gives a table", x.Name)
	return nil
}

// tableOf is app('x').requests: only what the request names may be read.
func (b *binder) tableOf(c *syntax.Call, x *syntax.Path, s *scope) relation {
	name, _ := b.value(b.scalar(c.Arguments[0].Value, &rowContext{scope: s}), c.Span).(string)
	id, ok := b.request.Named[strings.ToLower(name)]
	if !ok {
		b.fail(c.Span, codeTable, "", "there is no %s %q that this query may read", c.Name, name)
	}
	t, ok := b.engine.tables[x.Member]
	if !ok {
		known := slices.Collect(maps.Keys(b.engine.tables))
		b.fail(x.MemberAt, codeTable, didYouMean(x.Member, known), "there is no table %q", x.Member)
	}
	return b.scan(t, []string{id})
}

func (b *binder) tableLambda(x *syntax.Call, l *syntax.Lambda, defined, s *scope) relation {
	defer b.enter(x.Span)()
	inner, last := b.lets(l.Body, b.parameters(x, l, defined, &rowContext{scope: s}))
	if last == nil {
		b.fail(x.Span, codeUse, "", "the function %s gives nothing", x.Name)
	}
	return b.relation(last.X, inner)
}

func (b *binder) datatable(x *syntax.Datatable, s *scope) relation {
	var columns []column
	for _, p := range x.Columns {
		columns = append(columns, b.column(p.Name, p.Type))
	}
	if len(columns) == 0 || len(x.Values)%len(columns) != 0 {
		b.fail(x.Span, codeArguments, "", "a datatable of %d columns cannot have %d values", len(columns), len(x.Values))
	}
	var rows [][]any
	for i, v := range x.Values {
		if i%len(columns) == 0 {
			rows = append(rows, nil)
		}
		n := len(rows) - 1
		rows[n] = append(rows[n], b.value(b.convert(b.scalar(v, &rowContext{scope: s}), columns[i%len(columns)].Type), v.Position()))
	}
	return b.memory(columns, rows)
}

func (b *binder) pipe(x *syntax.Pipe, s *scope) relation {
	defer b.alone()()
	var rel relation
	if x.Source != nil {
		rel = b.relation(x.Source, s)
	}
	return b.steps(rel, x.Operators, s)
}

// steps binds the operators of a pipe.
func (b *binder) steps(rel relation, operators []syntax.Operator, s *scope) relation {
	for i, op := range operators {
		b.stage(op.Position())
		if as, ok := op.(*syntax.As); ok {
			s = &scope{parent: s, name: as.Name, rel: separate(rel)}
			continue
		}
		if _, ok := rel.(*graph); ok {
			switch op.(type) {
			case *syntax.GraphMatch, *syntax.GraphToTable, *syntax.GraphMark, *syntax.GraphWhere:
			default:
				b.fail(op.Position(), codeUse, "put graph-match or graph-to-table between", "this operator works on rows, not on a graph")
			}
		}
		switch op.(type) {
		case *syntax.Fork, *syntax.Facet:
			if p, ok := b.outermost.(*syntax.Pipe); !ok || i != len(operators)-1 || op != p.Operators[len(p.Operators)-1] {
				b.fail(op.Position(), codeUse, "put it at the end of the query", "an operator that gives several tables ends the query")
			}
		}
		rel = b.operator(rel, op, s)
	}
	return rel
}

func (b *binder) operator(rel relation, op syntax.Operator, s *scope) relation {
	switch op := op.(type) {
	case *syntax.Where:
		return b.where(rel, op.Predicate, s)
	case *syntax.Project:
		return b.project(rel, op, s)
	case *syntax.Summarize:
		return b.summarize(rel, op, s)
	case *syntax.Distinct:
		return b.distinct(rel, op, s)
	case *syntax.Sort:
		return b.sort(rel, op.By, s)
	case *syntax.Top:
		return b.head(b.sort(rel, []syntax.Ordered{op.By}, s), b.rowCount(op.Count, s))
	case *syntax.Take:
		return b.head(rel, b.rowCount(op.Count, s))
	case *syntax.Sample:
		if op.Of == nil {
			return b.head(rel, b.rowCount(op.Count, s))
		}
		return b.head(b.distinct(rel, &syntax.Distinct{Columns: []syntax.Named{{X: op.Of}}}, s), b.rowCount(op.Count, s))
	case *syntax.Count:
		name := op.As
		if name == "" {
			name = "Count"
		}
		c := b.column(name, table.Long)
		return b.perPart(&aggregate{Input: rel, Values: []assignment{{c.ID, &aggregated{Type: table.Long, Op: "count()"}}}, Columns: []column{c}})
	case *syntax.Render:
		b.render = renderOf(op)
		return rel
	case *syntax.Serialize:
		return b.serialize(rel, op, s)
	case *syntax.GetSchema:
		return b.schema(rel)
	}
	return b.other(rel, op, s)
}

// rowCount is how many rows a step keeps.
func (b *binder) rowCount(x syntax.Expr, s *scope) int64 {
	return max(b.number(x, &rowContext{scope: s}), 0)
}

func (b *binder) other(rel relation, op syntax.Operator, s *scope) relation {
	switch op := op.(type) {
	case *syntax.Join:
		return b.join(rel, op, s)
	case *syntax.Union:
		var first []relation
		if rel != nil {
			first = append(first, rel)
		}
		return b.unite(first, op.Tables, op.Options, s, op.Span)
	case *syntax.MvExpand:
		return b.expand(rel, op, s)
	case *syntax.MvApply:
		return b.mvApply(rel, op, s)
	case *syntax.Partition:
		return b.partition(rel, op, s)
	case *syntax.TopNested:
		return b.topNested(rel, op, s)
	case *syntax.Scan:
		return b.scanRows(rel, op, s)
	case *syntax.MakeGraph:
		return b.makeGraph(rel, op, s)
	case *syntax.GraphMatch:
		return b.graphMatch(rel, op, s)
	case *syntax.GraphMark:
		return b.graphMark(rel, op)
	case *syntax.GraphWhere:
		return b.graphWhere(rel, op, s)
	case *syntax.GraphToTable:
		return b.graphToTable(rel, op)
	case *syntax.TopHitters:
		return b.topHitters(rel, op, s)
	case *syntax.Fork:
		return b.fork(rel, op, s)
	case *syntax.Facet:
		return b.facet(rel, op, s)
	case *syntax.Consume:
		return &limit{Input: rel}
	case *syntax.AssertSchema:
		return b.assertSchema(rel, op)
	case *syntax.Find:
		return b.find(op, s)
	case *syntax.ParseKV:
		return b.parseKV(rel, op, s)
	case *syntax.Reduce:
		return b.reduce(rel, op, s)
	case *syntax.Evaluate:
		return b.evaluate(rel, op, s)
	case *syntax.Range:
		return b.numbers(op, s)
	case *syntax.Print:
		return b.print(op, s)
	case *syntax.MakeSeries:
		return b.makeSeries(rel, op, s)
	case *syntax.Search:
		return b.search(rel, op, s)
	case *syntax.Parse:
		return b.parse(rel, op, s)
	case *syntax.Invoke:
		call := *op.Call
		scope := &scope{parent: s, name: " input", rel: rel}
		call.Arguments = append([]syntax.Argument{{Value: &syntax.Name{Span: op.Span, Name: " input"}}}, call.Arguments...)
		return b.tableCall(&call, scope)
	case *syntax.Unsupported:
		b.fail(op.Span, codeMissing, "", "the operator %s is not supported", op.Name)
	}
	b.fail(op.Position(), codeMissing, "", "this operator is not supported yet by this server")
	return nil
}

func matches(pattern, name string) bool {
	ok, err := path.Match(strings.NewReplacer("[", `\[`, "?", `\?`, "/", "_").Replace(pattern), strings.ReplaceAll(name, "/", "_"))
	return err == nil && ok
}

func renderOf(op *syntax.Render) *Render {
	r := &Render{Visualization: op.Kind, Properties: map[string]any{}}
	for _, o := range op.Properties {
		switch v := o.Value.(type) {
		case *syntax.Name:
			r.Properties[o.Name] = v.Name
		case *syntax.Literal:
			r.Properties[o.Name] = v.Value
		}
	}
	return r
}

// schema lists the columns of a relation.
func (b *binder) schema(rel relation) relation {
	columns := []column{b.column("ColumnName", table.String), b.column("ColumnOrdinal", table.Int), b.column("DataType", table.String), b.column("ColumnType", table.String)}
	data := map[table.Type]string{table.Bool: "System.SByte", table.Int: "System.Int32", table.Long: "System.Int64", table.Real: "System.Double", table.Decimal: "System.Data.SqlTypes.SqlDecimal",
		table.String: "System.String", table.Datetime: "System.DateTime", table.Timespan: "System.TimeSpan", table.GUID: "System.Guid", table.Dynamic: "System.Object"}
	var rows [][]any
	for i, c := range rel.columns() {
		rows = append(rows, []any{c.Name, int32(i), data[c.Type], c.Type.String()})
	}
	return b.memory(columns, rows)
}
