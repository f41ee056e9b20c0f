package kql

import (
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// element is a variable of a pattern in an expression: a.name is a column.
type element struct {
	columns []column
	calls   map[*syntax.Call]column // map, all, any and the like, of it
}

// elementMember is a.name of a variable of a pattern.
func (b *binder) elementMember(v element, of string, x *syntax.Path) expression {
	for _, k := range v.columns {
		if k.Name == x.Member {
			return ref(k)
		}
	}
	b.fail(x.MemberAt, codeName, didYouMean(x.Member, names(v.columns)), "%s has no property %q", of, x.Member)
	return nil
}

// elementBag is a variable alone: a bag of its properties.
func (b *binder) elementBag(v element) expression {
	var args []expression
	for _, k := range v.columns {
		args = append(args, text(k.Name), b.convert(ref(k), table.Dynamic))
	}
	return call(table.Dynamic, "pack", args...)
}

func (b *binder) matcher(op *syntax.GraphMatch) *matcher {
	m := &matcher{variables: map[string]int{}, revisit: true}
	for _, o := range op.Options {
		if n, ok := o.Value.(*syntax.Name); ok && o.Name == "cycles" {
			switch n.Name {
			case "none":
				m.revisit = false
			case "all":
				m.reuse = true
			}
		}
	}
	for _, pattern := range op.Patterns {
		var steps []int
		for _, step := range pattern {
			at, known := m.variables[step.Name]
			if step.Name != "" && known && (step.Edge || m.elements[at].edge) {
				b.fail(step.Span, codeUse, "give it another name", "the variable %q is there already", step.Name)
			}
			if step.Name == "" || !known {
				at = len(m.elements)
				m.elements = append(m.elements, matchElement{name: step.Name, edge: step.Edge, left: step.Left, right: step.Right, low: step.Min, high: step.Max})
				if step.Name != "" {
					m.variables[step.Name] = at
				}
			}
			if m.elements[at].edge {
				m.elements[at].from = steps[len(steps)-1]
			}
			steps = append(steps, at)
		}
		m.patterns = append(m.patterns, steps)
	}
	m.flipped = make([]bool, len(m.patterns))
	return m
}

// matchRows makes rows of what was found, with the properties that are read. A
// property of an edge of several steps is the array of their values.
func (b *binder) matchRows(m *matcher, op *syntax.GraphMatch, s *scope) (relation, map[string]element) {
	vars := map[string]element{}
	var columns []column
	var fill []func(match []route, row []any) []any
	for _, e := range m.elements {
		if e.name == "" {
			continue
		}
		at, props := m.variables[e.name], m.nodeProperties
		if e.edge {
			props = m.edgeProperties
		}
		v := element{}
		for i, p := range props.columns {
			t := p.Type
			if e.edge && e.high > 0 {
				t = table.Dynamic
			}
			k := b.column(p.Name, t)
			v.columns = append(v.columns, k)
			columns = append(columns, k)
			fill = append(fill, func(match []route, row []any) []any { return append(row, m.value(match[at], at, i, p.Type)) })
		}
		v.calls = map[*syntax.Call]column{}
		for _, p := range m.calls {
			if p.element == at && p.call != nil {
				k := b.column("", p.kind())
				v.calls[p.call] = k
				columns = append(columns, k)
				fill = append(fill, func(match []route, row []any) []any { return append(row, m.ofPath(p, match)) })
			}
		}
		vars[e.name] = v
	}
	read := map[int]bool{}
	for _, v := range vars {
		for _, k := range v.calls {
			read[k.ID] = true
		}
	}
	for _, name := range namesIn(&syntax.Call{Arguments: readBy(op)}) {
		for _, k := range vars[name].columns {
			read[k.ID] = true
		}
	}
	var rows [][]any
	var kept []column
	for i, k := range columns {
		if read[k.ID] || len(op.Project) == 0 {
			kept = append(kept, k)
		} else {
			fill[i] = nil
		}
	}
	fill = slices.DeleteFunc(fill, func(f func([]route, []any) []any) bool { return f == nil })
	for _, match := range m.found {
		row := make([]any, 0, len(kept))
		for _, f := range fill {
			row = f(match, row)
		}
		rows = append(rows, row)
	}
	return b.memory(kept, rows), vars
}

// pathValue is a call about a path, nil when it is another one.
func pathValue(x *syntax.Call, c *rowContext) expression {
	for _, v := range c.elements {
		if k, ok := v.calls[x]; ok {
			return ref(k)
		}
	}
	return nil
}

// readBy are the expressions that read the variables.
func readBy(op *syntax.GraphMatch) (list []syntax.Argument) {
	if op.Where != nil {
		list = append(list, syntax.Argument{Value: op.Where})
	}
	for _, n := range op.Project {
		list = append(list, syntax.Argument{Value: n.X})
	}
	return list
}

// matchAll shows every property of every variable, as a_name.
func (b *binder) matchAll(found relation, vars map[string]element, m *matcher) relation {
	p := &shaper{b: b}
	for _, e := range m.elements {
		for _, k := range vars[e.name].columns {
			p.add(e.name+"_"+k.Name, ref(k))
		}
	}
	return &project{Input: found, Assign: p.assign, Columns: p.columns}
}
