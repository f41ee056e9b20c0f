package kql

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// diffpatterns describes how the rows with one value of a column differ from
// those with another: patterns that a larger share of one side has.
func (b *binder) diffpatterns(rel relation, op *syntax.Evaluate, s *scope) relation {
	args := op.Plugin.Arguments
	if len(args) < 3 {
		b.fail(op.Span, codeArguments, `evaluate diffpatterns(success, "True", "False")`, "diffpatterns needs a column and its two values")
	}
	split, ok := b.scalar(args[0].Value, b.row(rel, s)).(*reference)
	if !ok {
		b.fail(args[0].Value.Position(), codeArguments, "", "diffpatterns divides the rows by a column")
	}
	least, dims := leastSupport, basketDims
	for i, a := range args[1:] {
		switch v := b.value(b.scalar(a.Value, &rowContext{scope: s}), a.Value.Position()).(type) {
		case float64:
			if i == 2 && v > 0 && v <= 1 {
				least = v
			}
		case int64:
			if i == 4 {
				dims = int(min(max(v, 2), 10))
			}
		}
	}
	d := &difference{segmentation: b.segments(rel), least: least, dims: dims}
	at := slices.IndexFunc(d.columns, func(c column) bool { return c.ID == split.ID })
	if at < 0 {
		b.fail(args[0].Value.Position(), codeTypes, "tostring(column)", "diffpatterns does not divide by times and dynamic values")
	}
	d.divide(at, b.cellText(args[1].Value, s), b.cellText(args[2].Value, s))
	d.search(b)
	return b.schemed(d.table(b), op)
}

// cellText is a constant as the cells of a segmentation are written.
func (b *binder) cellText(x syntax.Expr, s *scope) string {
	v := b.value(b.scalar(x, &rowContext{scope: s}), x.Position())
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// difference is a segmentation of two sides.
type difference struct {
	*segmentation
	sides [2][]int // rows
	least float64  // difference of shares that is worth telling
	dims  int
}

// divide leaves the column that tells the sides apart out of the patterns.
func (d *difference) divide(at int, first, second string) {
	for row, t := range d.texts {
		switch t[at] {
		case first:
			d.sides[0] = append(d.sides[0], row)
		case second:
			d.sides[1] = append(d.sides[1], row)
		}
		d.texts[row] = slices.Delete(slices.Clone(t), at, at+1)
		d.rows[row] = slices.Delete(slices.Clone(d.rows[row]), at, at+1)
	}
	d.columns = slices.Delete(slices.Clone(d.columns), at, at+1)
}

// search starts from each value and adds others as long as the sides differ more.
func (d *difference) search(b *binder) {
	found := map[string]map[int]string{}
	for c := range d.columns {
		for _, v := range d.values(b, d.sides, c) {
			pattern := map[int]string{c: v}
			sides := d.with(b, d.sides, c, v)
			if d.gap(sides) < d.least/2 {
				continue
			}
			pattern, sides = d.grown(b, pattern, sides)
			if d.gap(sides) >= d.least {
				found[fmt.Sprint(pattern)] = pattern
			}
		}
	}
	list := slices.Collect(maps.Values(found))
	gaps := map[string]float64{}
	for key, p := range found {
		gaps[key] = d.gap(d.matching(p))
	}
	slices.SortFunc(list, func(x, y map[int]string) int {
		return cmp.Or(cmp.Compare(gaps[fmt.Sprint(y)], gaps[fmt.Sprint(x)]), cmp.Compare(len(y), len(x)), cmp.Compare(fmt.Sprint(x), fmt.Sprint(y)))
	})
	for _, p := range list {
		if len(d.found) < maxClusters && !slices.ContainsFunc(d.found, func(q map[int]string) bool { return included(p, q) || included(q, p) }) {
			d.found = append(d.found, p)
		}
	}
}

// grown adds the value that makes the sides differ most, again and again.
func (d *difference) grown(b *binder, pattern map[int]string, sides [2][]int) (map[int]string, [2][]int) {
	for len(pattern) < d.dims {
		at, value, best, gap := -1, "", sides, d.gap(sides)
		for c := range d.columns {
			if _, ok := pattern[c]; ok {
				continue
			}
			for _, v := range d.values(b, sides, c) {
				next := d.with(b, sides, c, v)
				if g := d.gap(next); g > gap+1e-9 || at < 0 && g > gap-1e-9 {
					at, value, best, gap = c, v, next, max(g, gap)
				}
			}
		}
		if at < 0 {
			break
		}
		pattern[at], sides = value, best
	}
	return pattern, sides
}

// values of a column that enough rows of a side have.
func (d *difference) values(b *binder, sides [2][]int, c int) (list []string) {
	for i, rows := range sides {
		values, of := d.byValue(b, rows, c)
		for _, v := range values {
			if float64(len(of[v])) >= d.least*float64(len(d.sides[i])) && !slices.Contains(list, v) {
				list = append(list, v)
			}
		}
	}
	return list
}

func (d *difference) with(b *binder, sides [2][]int, c int, v string) (out [2][]int) {
	for i, rows := range sides {
		d.look(b, len(rows))
		for _, row := range rows {
			if d.texts[row][c] == v {
				out[i] = append(out[i], row)
			}
		}
	}
	return out
}

func (d *difference) matching(pattern map[int]string) (out [2][]int) {
	for i, rows := range d.sides {
		for _, row := range rows {
			if d.has(row, pattern) {
				out[i] = append(out[i], row)
			}
		}
	}
	return out
}

// share of a side in percent.
func (d *difference) share(sides [2][]int, i int) float64 {
	return 100 * float64(len(sides[i])) / float64(max(len(d.sides[i]), 1))
}

// gap is how much the shares of the sides differ, from 0 to 1.
func (d *difference) gap(sides [2][]int) float64 {
	return math.Abs(d.share(sides, 0)-d.share(sides, 1)) / 100
}

func included(p, q map[int]string) bool {
	for c, v := range p {
		if have, ok := q[c]; !ok || have != v {
			return false
		}
	}
	return true
}

func (d *difference) table(b *binder) relation {
	columns := []column{b.column("SegmentId", table.Long), b.column("CountA", table.Long), b.column("CountB", table.Long),
		b.column("PercentA", table.Real), b.column("PercentB", table.Real), b.column("PercentDiffAB", table.Real)}
	for _, c := range d.columns {
		columns = append(columns, b.column(c.Name, c.Type))
	}
	var out [][]any
	for n, pattern := range d.found {
		sides := d.matching(pattern)
		example := slices.Concat(sides[0], sides[1])[0]
		a, z := d.share(sides, 0), d.share(sides, 1)
		row := []any{int64(n), int64(len(sides[0])), int64(len(sides[1])), a, z, math.Abs(a - z)}
		for c, k := range d.columns {
			if _, ok := pattern[c]; ok {
				row = append(row, d.rows[example][c])
			} else {
				row = append(row, emptyOf(k.Type))
			}
		}
		out = append(out, row)
	}
	return b.memory(columns, out)
}
