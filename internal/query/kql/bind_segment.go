package kql

import (
	"fmt"
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// Bounds of the plugins that look for what many rows have in common.
const (
	maxClusters  = 16
	maxBaskets   = 10_000
	basketDims   = 5
	leastSupport = 0.05
	maxTried     = 50_000_000 // values looked at
)

// autocluster describes the rows by few patterns: at each step the values that
// rows not described yet have in common, of which there are most (rows times
// values). It ends when a pattern would have fewer than 5 % of the rows.
func (b *binder) autocluster(rel relation, op *syntax.Evaluate, _ *scope) relation {
	g := b.segments(rel)
	rest := make([]int, len(g.rows))
	for i := range rest {
		rest[i] = i
	}
	for range maxClusters {
		best := g.densest(b, rest)
		if best == nil {
			break
		}
		rest = slices.DeleteFunc(rest, func(row int) bool { return g.has(row, best) })
		g.found = append(g.found, best)
	}
	return b.schemed(g.table(b), op)
}

// basket gives every pattern of at most five values that at least 5 % of the
// rows have, or the share that its argument says.
func (b *binder) basket(rel relation, op *syntax.Evaluate, s *scope) relation {
	g := b.segments(rel)
	share := leastSupport
	if args := op.Plugin.Arguments; len(args) > 0 {
		if v, ok := b.value(b.convert(b.scalar(args[0].Value, &rowContext{scope: s}), table.Real), args[0].Value.Position()).(float64); ok && v > 0 && v <= 1 {
			share = v
		}
	}
	all := make([]int, len(g.rows))
	for i := range all {
		all[i] = i
	}
	g.frequent(b, map[int]string{}, 0, all, max(1, share*float64(len(all))))
	return b.schemed(g.table(b), op)
}

// segmentation is rows as texts, and the patterns found: values by column.
type segmentation struct {
	columns []column
	rows    [][]any
	texts   [][]string
	found   []map[int]string
	tried   int
}

func (b *binder) segments(rel relation) *segmentation {
	g := &segmentation{}
	for _, c := range rel.columns() {
		if c.Type != table.Dynamic && c.Type != table.Datetime && c.Type != table.Timespan {
			g.columns = append(g.columns, c)
		}
	}
	g.rows = b.fetch(&project{Input: rel, Columns: g.columns})
	for _, r := range g.rows {
		t := make([]string, len(r))
		for i, v := range r {
			if v != nil {
				t[i] = fmt.Sprint(v)
			}
		}
		g.texts = append(g.texts, t)
	}
	return g
}

func (g *segmentation) has(row int, pattern map[int]string) bool {
	for c, v := range pattern {
		if g.texts[row][c] != v {
			return false
		}
	}
	return true
}

func (g *segmentation) look(b *binder, n int) {
	if g.tried += n; g.tried > maxTried {
		b.check(&LimitError{Limit: "patterns", Message: "the plugin would look at too many values: project fewer columns, or summarize before it"})
	}
	b.check(b.ctx.Err())
}

// byValue groups rows by a column's value; empty ones are no value.
func (g *segmentation) byValue(b *binder, rows []int, c int) (values []string, of map[string][]int) {
	g.look(b, len(rows))
	of = map[string][]int{}
	for _, row := range rows {
		v := g.texts[row][c]
		if v == "" {
			continue
		}
		if of[v] == nil {
			values = append(values, v)
		}
		of[v] = append(of[v], row)
	}
	slices.Sort(values)
	return values, of
}

func (g *segmentation) densest(b *binder, rest []int) (best map[int]string) {
	score := 0
	for c := range g.columns {
		values, of := g.byValue(b, rest, c)
		for _, v := range values {
			rows := of[v]
			if float64(len(rows)) < leastSupport*float64(len(g.rows)) || len(rows)*len(g.columns) <= score {
				continue
			}
			pattern := g.common(b, rows)
			if n := len(rows) * len(pattern); n > score {
				best, score = pattern, n
			}
		}
	}
	return best
}

// common are the values that all of the rows have.
func (g *segmentation) common(b *binder, rows []int) map[int]string {
	g.look(b, len(rows)*len(g.columns))
	out := map[int]string{}
	for c := range g.columns {
		v := g.texts[rows[0]][c]
		if v != "" && !slices.ContainsFunc(rows, func(row int) bool { return g.texts[row][c] != v }) {
			out[c] = v
		}
	}
	return out
}

func (g *segmentation) frequent(b *binder, so map[int]string, from int, rows []int, least float64) {
	if len(so) == basketDims {
		return
	}
	for c := from; c < len(g.columns); c++ {
		values, of := g.byValue(b, rows, c)
		for _, v := range values {
			if float64(len(of[v])) < least {
				continue
			}
			next := map[int]string{c: v}
			for k, x := range so {
				next[k] = x
			}
			if g.found = append(g.found, next); len(g.found) > maxBaskets {
				b.check(&LimitError{Limit: "patterns", Message: fmt.Sprintf("basket finds more than %d patterns: project fewer columns, or ask for a larger share", maxBaskets)})
			}
			g.frequent(b, next, c+1, of[v], least)
		}
	}
}

// table shows the patterns, those of most rows first. What a pattern leaves open
// is null, or the empty text.
func (g *segmentation) table(b *binder) relation {
	columns := []column{b.column("SegmentId", table.Long), b.column("Count", table.Long), b.column("Percent", table.Real)}
	for _, c := range g.columns {
		columns = append(columns, b.column(c.Name, c.Type))
	}
	var out [][]any
	for _, pattern := range g.found {
		row := make([]any, 3, len(columns))
		n := int64(0)
		example := -1
		for i := range g.rows {
			if g.has(i, pattern) {
				n++
				example = i
			}
		}
		for c, k := range g.columns {
			if _, ok := pattern[c]; ok {
				row = append(row, g.rows[example][c])
			} else {
				row = append(row, emptyOf(k.Type))
			}
		}
		row[1], row[2] = n, float64(n)*100/float64(len(g.rows))
		out = append(out, row)
	}
	slices.SortStableFunc(out, func(x, y []any) int { return compareCells(y[1], x[1]) })
	for i := range out {
		out[i][0] = int64(i)
	}
	return b.memory(columns, out)
}
