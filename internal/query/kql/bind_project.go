package kql

import (
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// naming rules: the name that a column gets which the query does not name.

// nameOf derives a column's name from its expression, "" when it has none.
func (b *binder) nameOf(x syntax.Expr) string {
	switch x := x.(type) {
	case *syntax.Name:
		return x.Name
	case *syntax.Path:
		if n, ok := x.X.(*syntax.Name); ok && (n.Name == "$left" || n.Name == "$right") {
			return x.Member
		}
		if of := b.nameOf(x.X); of != "" {
			return of + "_" + x.Member
		}
	case *syntax.Index:
		if k, ok := x.Key.(*syntax.Literal); ok {
			if of := b.nameOf(x.X); of != "" {
				switch v := k.Value.(type) {
				case string:
					return of + "_" + v
				case int64:
					return of + "_" + strconv.FormatInt(v, 10)
				}
			}
		}
	case *syntax.Call:
		return b.nameOfCall(x)
	}
	return ""
}

func (b *binder) nameOfCall(x *syntax.Call) string {
	first := ""
	if len(x.Arguments) > 0 {
		first = b.nameOf(x.Arguments[0].Value)
	}
	if _, ok := conversionCalls()[x.Name]; ok {
		return first
	}
	switch x.Name {
	case "bin", "floor", "bin_at", "parse_json", "todynamic", "toobject":
		return first
	case "make_list", "makelist", "make_list_if":
		return "list_" + first
	case "make_set", "makeset", "make_set_if":
		return "set_" + first
	case "make_bag", "make_bag_if":
		return "bag_" + first
	case "buildschema":
		return "schema_" + first
	case "take_any", "arg_max", "arg_min":
		return first
	case "argmax", "argmin":
		return x.Name[3:] + "_" + first
	case "percentile", "percentilew":
		if k, ok := x.Arguments[len(x.Arguments)-1].Value.(*syntax.Literal); ok {
			return "percentile_" + first + "_" + strings.ReplaceAll(constantText(k), ".", "_")
		}
	case "percentiles_array", "percentilesw_array":
		return "percentiles_" + first
	case "toscalar":
		return ""
	}
	if b.engine.library.aggregates[x.Name] != nil {
		return x.Name + "_" + first
	}
	for _, f := range b.engine.library.scalars[x.Name] {
		switch f.Named {
		case asArgument:
			return first
		case withPrefix:
			return x.Name + "_" + first
		}
	}
	return ""
}

func constantText(k *syntax.Literal) string {
	switch v := k.Value.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// shaper collects the columns of a step.
type shaper struct {
	b       *binder
	columns []column
	assign  []assignment
	unnamed int
}

// unique avoids a name that is taken, by a number.
func (p *shaper) unique(name string) string {
	taken := names(p.columns)
	if !slices.Contains(taken, name) {
		return name
	}
	for i := 1; ; i++ {
		if n := name + strconv.Itoa(i); !slices.Contains(taken, n) {
			return n
		}
	}
}

func (p *shaper) add(name string, x expression) column {
	if name == "" {
		p.unnamed++
		name = "Column" + strconv.Itoa(p.unnamed)
	}
	c := p.b.column(p.unique(name), x.kind())
	p.columns = append(p.columns, c)
	p.assign = append(p.assign, assignment{c.ID, x})
	return c
}

func (b *binder) project(rel relation, op *syntax.Project, s *scope) relation {
	var list []syntax.Named
	for _, o := range op.Columns {
		list = append(list, o.Named)
	}
	switch op.Kind {
	case "extend":
		return b.extend(rel, list, s)
	case "project":
		p := &shaper{b: b}
		c := b.row(rel, s)
		c.before = &[]assignment{}
		for _, n := range list {
			b.place(p, n, c)
		}
		return &project{Input: b.under(rel, *c.before, p.assign), Assign: p.assign, Columns: p.columns}
	}
	return &project{Input: rel, Columns: b.picked(rel, op)}
}

// place adds one item of project: a column, a pattern, or an expression.
func (b *binder) place(p *shaper, n syntax.Named, c *rowContext) {
	if len(n.Names) == 0 {
		if k, ok := n.X.(*syntax.Name); ok && k.Pattern {
			for _, col := range c.columns {
				if matches(k.Name, col.Name) {
					p.add(col.Name, ref(col))
				}
			}
			return
		}
		if _, ok := n.X.(*syntax.Star); ok {
			for _, col := range c.columns {
				p.add(col.Name, ref(col))
			}
			return
		}
		if !b.spread(n, c, func(name string, x expression) { p.add(name, x) }) {
			p.add(b.nameOf(n.X), b.scalar(n.X, c))
		}
		return
	}
	b.tuple(n, c, func(name string, x expression) { p.add(name, x) })
}

// tuple gives each name its part: of (a, b) = f(), the members of the result.
func (b *binder) tuple(n syntax.Named, c *rowContext, add func(string, expression)) {
	if b.spread(n, c, add) {
		return
	}
	x := b.scalar(n.X, c)
	if len(n.Names) == 1 {
		add(n.Names[0], x)
		return
	}
	for i, name := range n.Names {
		add(name, call(table.Dynamic, "member", b.convert(x, table.Dynamic), text("$["+strconv.Itoa(i)+"]")))
	}
}

// extend adds columns; one that is there already is replaced in its place.
func (b *binder) extend(rel relation, list []syntax.Named, s *scope) relation {
	c := b.row(rel, s)
	c.before = &[]assignment{}
	out := &project{Columns: slices.Clone(rel.columns())}
	defer func() { out.Input = b.under(rel, *c.before, out.Assign) }()
	unnamed := 0
	for _, n := range list {
		if k, ok := n.X.(*syntax.Call); len(n.Names) == 0 && !(ok && membersOf(k.Name) != nil) {
			name := b.nameOf(n.X)
			if name == "" {
				unnamed++
				name = "Column" + strconv.Itoa(unnamed)
			}
			n.Names = []string{name}
		}
		b.tuple(n, c, func(name string, x expression) {
			k := b.column(name, x.kind())
			out.Assign = append(out.Assign, assignment{k.ID, x})
			if i := slices.Index(names(out.Columns), name); i >= 0 {
				out.Columns[i] = k
			} else {
				out.Columns = append(out.Columns, k)
			}
		})
	}
	return out
}

// picked chooses columns for project-away, -keep, -rename and -reorder.
func (b *binder) picked(rel relation, op *syntax.Project) []column {
	all := slices.Clone(rel.columns())
	if op.Kind == "project-rename" {
		for _, o := range op.Columns {
			n, ok := o.X.(*syntax.Name)
			if !ok || len(o.Names) != 1 {
				b.fail(o.X.Position(), codeArguments, "project-rename new = old", "project-rename takes names")
			}
			i := slices.Index(names(all), n.Name)
			if i < 0 {
				b.fail(n.Span, codeName, didYouMean(n.Name, names(all)), "there is no column %q here", n.Name)
			}
			all[i].Name = o.Names[0]
		}
		return all
	}
	var chosen []column
	for _, o := range op.Columns {
		n, ok := o.X.(*syntax.Name)
		if !ok {
			continue
		}
		found := false
		for _, k := range all {
			if k.Name == n.Name || n.Pattern && matches(n.Name, k.Name) {
				found = true
				if !slices.Contains(chosen, k) {
					chosen = append(chosen, k)
				}
			}
		}
		if !found && !n.Pattern {
			b.fail(n.Span, codeName, didYouMean(n.Name, names(all)), "there is no column %q here", n.Name)
		}
	}
	rest := slices.DeleteFunc(slices.Clone(all), func(k column) bool { return slices.Contains(chosen, k) })
	switch op.Kind {
	case "project-away":
		return rest
	case "project-keep":
		return slices.DeleteFunc(all, func(k column) bool { return !slices.Contains(chosen, k) })
	}
	return append(chosen, rest...)
}

func (b *binder) distinct(rel relation, op *syntax.Distinct, s *scope) relation {
	p := &shaper{b: b}
	c := b.row(rel, s)
	for _, n := range op.Columns {
		b.place(p, n, c)
	}
	return b.perPart(&aggregate{Input: rel, Keys: p.assign, Columns: p.columns})
}

func (b *binder) summarize(rel relation, op *syntax.Summarize, s *scope) relation {
	c := b.row(rel, s)
	p := &shaper{b: b}
	for _, n := range op.By {
		name := b.nameOf(n.X)
		if len(n.Names) > 0 {
			name = n.Names[0]
		}
		x := b.scalar(n.X, c)
		if x.kind() == table.Dynamic {
			b.fail(n.X.Position(), codeTypes, "put tostring() around it", "a dynamic value cannot be a key of summarize")
		}
		p.add(name, x)
	}
	keys := p.assign
	p.assign = nil
	c.aggregates = true
	for _, n := range op.Aggregates {
		b.aggregateItem(p, n, c)
	}
	// Aggregates stand below; what is computed of them stands above.
	low := &aggregate{Input: rel, Keys: keys}
	low.Columns = append(low.Columns, p.columns[:len(keys)]...)
	var above []assignment
	for _, a := range p.assign {
		above = append(above, assignment{a.ID, b.lift(a.X, low)})
	}
	return &project{Input: b.perPart(low), Assign: above, Columns: p.columns}
}

// lift moves aggregates of an expression into the step below.
func (b *binder) lift(x expression, low *aggregate) expression {
	switch x := x.(type) {
	case *aggregated:
		id := b.id()
		low.Values = append(low.Values, assignment{id, x})
		return &reference{Type: x.Type, ID: id}
	case *apply:
		args := make([]expression, len(x.Args))
		for i, a := range x.Args {
			args[i] = b.lift(a, low)
		}
		return &apply{x.Type, x.Op, args}
	}
	return x
}

// aggregateItem adds one aggregate of summarize; some make several columns.
func (b *binder) aggregateItem(p *shaper, n syntax.Named, c *rowContext) {
	x, ok := n.X.(*syntax.Call)
	if ok {
		switch x.Name {
		case "arg_max", "arg_min", "argmax", "argmin":
			b.extreme(p, n, x, c)
			return
		case "take_any", "any":
			if len(x.Arguments) > 1 || isStar(x.Arguments) {
				b.anyOf(p, x, c)
				return
			}
		case "percentiles", "percentilesw":
			b.percentiles(p, n, x, c)
			return
		}
	}
	name := b.nameOf(n.X)
	if len(n.Names) > 0 {
		name = n.Names[0]
	}
	p.add(name, b.scalar(n.X, c))
}

func isStar(list []syntax.Argument) bool {
	if len(list) != 1 {
		return false
	}
	_, ok := list[0].Value.(*syntax.Star)
	return ok
}

func (b *binder) extreme(p *shaper, n syntax.Named, x *syntax.Call, c *rowContext) {
	if len(x.Arguments) == 0 {
		b.fail(x.Span, codeArguments, "arg_max(by, columns ...)", "%s needs arguments", x.Name)
	}
	old := !strings.Contains(x.Name, "_")
	op := "arg_" + x.Name[len(x.Name)-3:] + "(aa)"
	inner := *c
	inner.aggregates = false
	by := b.scalar(x.Arguments[0].Value, &inner)
	name := b.nameOf(x.Arguments[0].Value)
	prefix := ""
	if old {
		prefix = x.Name[3:] + "_" + name + "_"
		name = x.Name[3:] + "_" + name
	}
	give := slices.Clone(n.Names)
	add := func(name string, of expression) {
		if len(give) > 0 {
			name, give = give[0], give[1:]
		}
		p.add(name, &aggregated{Type: of.kind(), Op: op, Args: []expression{of, by}})
	}
	add(name, by)
	keys := names(p.columns)
	for _, a := range x.Arguments[1:] {
		if _, ok := a.Value.(*syntax.Star); ok {
			for _, k := range c.columns {
				if !slices.Contains(keys, k.Name) {
					add(prefix+k.Name, ref(k))
				}
			}
			continue
		}
		add(prefix+b.nameOf(a.Value), b.scalar(a.Value, &inner))
	}
}

func (b *binder) anyOf(p *shaper, x *syntax.Call, c *rowContext) {
	prefix := ""
	if x.Name == "any" {
		prefix = "any_"
	}
	keys := names(p.columns)
	add := func(name string, of expression) {
		p.add(prefix+name, &aggregated{Type: of.kind(), Op: "take_any(a)", Args: []expression{of}})
	}
	if isStar(x.Arguments) {
		for _, k := range c.columns {
			if !slices.Contains(keys, k.Name) {
				add(k.Name, ref(k))
			}
		}
		return
	}
	inner := *c
	inner.aggregates = false
	for _, a := range x.Arguments {
		add(b.nameOf(a.Value), b.scalar(a.Value, &inner))
	}
}
