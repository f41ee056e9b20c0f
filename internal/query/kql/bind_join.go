package kql

import (
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

func (b *binder) join(left relation, op *syntax.Join, s *scope) relation {
	right := b.relation(op.Right, s)
	kind := op.Kind
	switch {
	case kind == "" && op.Lookup:
		kind = "leftouter"
	case kind == "":
		kind = "innerunique"
	}
	swapped := kind == "rightanti" || kind == "rightantisemi" || kind == "rightsemi"
	j := &join{Kind: kind, Left: left, Right: right, Within: b.parts()}
	keys := map[string]bool{}
	for _, on := range op.On {
		l, r := b.equality(on, left, right, s)
		j.Equal = append(j.Equal, [2]expression{l, r})
		keys[b.rightName(on)] = true
	}
	if swapped {
		j.Left, j.Right = right, left
		for i, e := range j.Equal {
			j.Equal[i] = [2]expression{e[1], e[0]}
		}
		j.Kind = map[string]string{"rightanti": "leftanti", "rightantisemi": "leftanti", "rightsemi": "leftsemi"}[kind]
	}
	b.keyed(j)
	if strings.HasSuffix(j.Kind, "anti") || strings.HasSuffix(j.Kind, "semi") {
		j.Columns = j.Left.columns()
		if swapped {
			j.Columns = right.columns()
		}
		return j
	}
	p := &shaper{b: b, columns: slices.Clone(left.columns())}
	for _, c := range right.columns() {
		if op.Lookup && keys[c.Name] {
			continue
		}
		c.Name = p.unique(c.Name)
		p.columns = append(p.columns, c)
	}
	j.Columns = p.columns
	return j
}

// keyed makes columns of keys that are expressions.
func (b *binder) keyed(j *join) {
	l := &project{Input: j.Left, Columns: j.Left.columns()}
	r := &project{Input: j.Right, Columns: j.Right.columns()}
	for i, e := range j.Equal {
		for side, p := range []*project{l, r} {
			if _, ok := e[side].(*reference); !ok {
				k := b.column("k", e[side].kind())
				p.Assign = append(p.Assign, assignment{k.ID, e[side]})
				j.Equal[i][side] = ref(k)
			}
		}
	}
	j.Left, j.Right = l, r
}

func (b *binder) rightName(on syntax.Expr) string {
	switch x := on.(type) {
	case *syntax.Name:
		return x.Name
	case *syntax.Binary:
		for _, e := range []syntax.Expr{x.L, x.R} {
			if p, ok := e.(*syntax.Path); ok {
				if n, ok := p.X.(*syntax.Name); ok && n.Name == "$right" {
					return p.Member
				}
			}
		}
	}
	return ""
}

// equality binds one condition of join: a column of both sides, or left == right.
func (b *binder) equality(on syntax.Expr, left, right relation, s *scope) (l, r expression) {
	switch x := on.(type) {
	case *syntax.Name:
		l, r = b.scalar(x, b.row(left, s)), b.scalar(x, b.row(right, s))
	case *syntax.Binary:
		if x.Op != "==" {
			b.fail(on.Position(), codeUse, "$left.a == $right.b", "join pairs rows by equality only")
		}
		c := &rowContext{scope: s, rel: left, columns: left.columns(), right: right.columns()}
		l, r = b.scalar(x.L, c), b.scalar(x.R, c)
		own := columnSet{}
		for _, id := range produced(left) {
			own[id] = true
		}
		if k, ok := l.(*reference); ok && !own[k.ID] {
			l, r = r, l
		}
	default:
		b.fail(on.Position(), codeUse, "join (...) on column", "join needs columns after on")
	}
	if l.kind() == table.Dynamic || r.kind() == table.Dynamic {
		b.fail(on.Position(), codeTypes, "make it a text first: extend k = tostring(x)", "a dynamic value cannot be a key of join")
	}
	if t := b.common([]expression{l, r}); l.kind() != r.kind() {
		if !isNumber(t) {
			b.fail(on.Position(), codeTypes, "convert one side", "the keys of join are of the types %s and %s", l.kind(), r.kind())
		}
		l, r = b.convert(l, t), b.convert(r, t)
	}
	return l, r
}

// unite is union: by name and type; of two types under one name, two columns.
func (b *binder) unite(parts []relation, tables []syntax.Expr, options []syntax.Option, s *scope, at syntax.Span) relation {
	kind, source, fuzzy := unionOptions(options)
	var labels []string
	for range parts {
		labels = append(labels, "union_arg0")
	}
	for _, t := range tables {
		found, named := b.unionTables(t, s, fuzzy)
		parts, labels = append(parts, found...), append(labels, named...)
	}
	if len(parts) == 0 {
		b.fail(at, codeTable, "", "union has no table")
	}
	u := &union{}
	if source != "" {
		u.Columns = append(u.Columns, b.column(source, table.String))
	}
	types := unionTypes(parts)
	for _, p := range parts {
		for _, c := range p.columns() {
			name := c.Name
			if len(types[name]) > 1 {
				name += "_" + c.Type.String()
			}
			if kind == "inner" && !inAll(parts, c) || slices.Contains(names(u.Columns), name) {
				continue
			}
			u.Columns = append(u.Columns, b.column(name, c.Type))
		}
	}
	for i, p := range parts {
		u.Branches = append(u.Branches, b.branch(u, p, labels[i], source, types))
	}
	return u
}

func unionOptions(options []syntax.Option) (kind, source string, fuzzy bool) {
	for _, o := range options {
		word := ""
		switch v := o.Value.(type) {
		case *syntax.Name:
			word = v.Name
		case *syntax.Literal:
			fuzzy = fuzzy || o.Name == "isfuzzy" && v.Value == true
		}
		switch o.Name {
		case "kind":
			kind = word
		case "withsource", "with_source":
			source = word
		}
	}
	return kind, source, fuzzy
}

func unionTypes(parts []relation) map[string]map[table.Type]bool {
	types := map[string]map[table.Type]bool{}
	for _, p := range parts {
		for _, c := range p.columns() {
			if types[c.Name] == nil {
				types[c.Name] = map[table.Type]bool{}
			}
			types[c.Name][c.Type] = true
		}
	}
	return types
}

func inAll(parts []relation, c column) bool {
	for _, p := range parts {
		if !slices.ContainsFunc(p.columns(), func(k column) bool { return k.Name == c.Name && k.Type == c.Type }) {
			return false
		}
	}
	return true
}

func (b *binder) branch(u *union, p relation, label, source string, types map[string]map[table.Type]bool) unionBranch {
	branch := unionBranch{Input: p, Source: make([]expression, len(u.Columns))}
	if source != "" {
		branch.Source[0] = text(label)
	}
	for _, c := range p.columns() {
		name := c.Name
		if len(types[name]) > 1 {
			name += "_" + c.Type.String()
		}
		if i := slices.Index(names(u.Columns), name); i >= 0 && u.Columns[i].Type == c.Type {
			branch.Source[i] = ref(c)
		}
	}
	return branch
}

// unionTables binds one operand of union, which a pattern makes several.
func (b *binder) unionTables(x syntax.Expr, s *scope, fuzzy bool) (parts []relation, labels []string) {
	n, ok := x.(*syntax.Name)
	if _, star := x.(*syntax.Star); star {
		n, ok = &syntax.Name{Name: "*", Pattern: true}, true
	}
	if !ok {
		return []relation{b.relation(x, s)}, []string{"union_arg"}
	}
	if !n.Pattern {
		if fuzzy && s.find(n.Name) == nil && b.engine.tables[n.Name] == nil {
			b.note(noteTable, n.Span, "there is no table "+n.Name+": it is left out of the union")
			return nil, nil
		}
		return []relation{b.relation(x, s)}, []string{n.Name}
	}
	for _, name := range slices.Sorted(maps.Keys(b.engine.tables)) {
		workspace := strings.ToUpper(name[:1]) == name[:1]
		if matches(n.Name, name) && (n.Name != "*" || workspace == b.request.Workspace) {
			parts, labels = append(parts, b.scan(b.engine.tables[name], b.request.Workspaces)), append(labels, name)
		}
	}
	return parts, labels
}
