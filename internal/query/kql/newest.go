package kql

import (
	"slices"

	"gatehouse/internal/query/kql/table"
	"gatehouse/internal/store/lake"
)

// Bounds of a list of the newest rows that is read window by window.
const (
	maxNewest    = 10_000
	newestGrowth = 4 // rows of the first window for each row that is asked for, at least
)

// newest is top N by time: a limit over rows of tables, the latest first. Sorting
// a day would decode every column of every row, so that the windows of time are
// read one after the other, the newest first, until there are enough rows.
type newest struct {
	limit *limit
	scans []*scan
}

// newestOf finds the list below steps of one input.
func newestOf(rel relation) *newest {
	for {
		if l, ok := rel.(*limit); ok {
			if n := newestIn(l); n != nil {
				return n
			}
		}
		in := inputs(rel)
		if _, isShared := rel.(*shared); len(in) != 1 || isShared {
			return nil
		}
		rel = in[0]
	}
}

// newestIn checks that nothing but the time of the rows decides which are kept.
func newestIn(l *limit) *newest {
	keys := l.order()
	if l.Count <= 0 || l.Count > maxNewest || len(keys) == 0 || !keys[0].Descending || !eachByItself(l.Input) {
		return nil
	}
	n := &newest{limit: l}
	all := follow(l.Input, keys[0].ID, func(s *scan, c column) bool {
		n.scans = append(n.scans, s)
		return c.Name == s.Table.Time && s.TraceID == ""
	})
	if !all || len(n.scans) == 0 {
		return nil
	}
	return n
}

// eachByItself says whether the steps down to the tables take and keep each row
// without looking at others.
func eachByItself(rel relation) bool {
	switch rel.(type) {
	case *scan:
		return true
	case *filter, *project, *sorted, *union:
	default:
		return false
	}
	for _, x := range expressions(rel) {
		alone := true
		walk(x, func(e expression) bool {
			switch e.(type) {
			case *window, *scalarQuery, *inQuery:
				alone = false
			}
			return alone
		})
		if !alone {
			return false
		}
	}
	return !slices.ContainsFunc(inputs(rel), func(in relation) bool { return !eachByItself(in) })
}

// windows of time in ticks, the newest first. They cover all time that the
// tables are read for; 0 is no bound.
func (n *newest) windows(l *lake.Lake, rows int) (list [][2]int64) {
	low, high := n.scans[0].Low, n.scans[0].High
	source := lake.Logs
	for _, s := range n.scans {
		low = min(low, s.Low)
		if high = max(high, s.High); s.High == 0 {
			high = 0
		}
		for _, b := range s.Table.Branches {
			if b.Source == lake.Spans {
				source = lake.Spans
			}
		}
	}
	start, end := nanoseconds(max(low, table.UnixTicks)), nanoseconds(1<<62)
	if high != 0 {
		end = nanoseconds(high + 1)
	}
	upper := high
	for _, w := range l.Windows(source, start, end, max(rows, newestGrowth*int(n.limit.Count))) {
		from := ticks(w.Start)
		if upper != 0 && from > upper {
			continue
		}
		list = append(list, [2]int64{from, upper})
		upper = from - 1
	}
	if len(list) > 0 {
		list[len(list)-1][0] = low
	}
	return list
}

// newestRows reads the list; ok is false when windows are of no use.
func (b *binder) newestRows(n *newest, rel relation, bytes int64) (out [][]any, partial string, ok bool, err error) {
	windows := n.windows(b.engine.o.Lake, b.engine.o.NewestRows)
	if len(windows) < 2 {
		return nil, "", false, nil
	}
	bounds := make([][2]int64, len(n.scans))
	for i, s := range n.scans {
		bounds[i] = [2]int64{s.Low, s.High}
	}
	count, read := n.limit.Count, int64(0)
	defer func() {
		for i, s := range n.scans {
			s.Low, s.High = bounds[i][0], bounds[i][1]
		}
		n.limit.Count, b.read = count, read
	}()
	for _, w := range windows {
		for i, s := range n.scans {
			s.Low, s.High = max(bounds[i][0], w[0]), bounds[i][1]
			if w[1] != 0 && (s.High == 0 || w[1] < s.High) {
				s.High = w[1]
			}
		}
		n.limit.Count = count - int64(len(out))
		var rows [][]any
		rows, partial, err = b.collect(rel, int(n.limit.Count), bytes-read)
		read += b.read
		if out = append(out, rows...); err != nil || partial != "" || int64(len(out)) >= count {
			break
		}
	}
	return out, partial, true, err
}

// walked answers a list of the newest rows by windows. Steps above the list work
// on its rows in memory; ok is false when the plan has no such list.
func (b *binder) walked(rel relation, most int, bytes int64) (out [][]any, partial string, ok bool, err error) {
	n := newestOf(rel)
	if n == nil {
		return nil, "", false, nil
	}
	if n.limit == rel {
		if int64(most) < n.limit.Count {
			return nil, "", false, nil
		}
		return b.newestRows(n, rel, bytes)
	}
	all := &project{Input: n.limit, Columns: slices.Clone(n.limit.columns())}
	for id, t := range usedAbove(rel, n.limit) {
		if slices.ContainsFunc(all.Columns, func(c column) bool { return c.ID == id }) || !slices.Contains(produced(n.limit), id) {
			continue
		}
		if t == table.Unknown {
			return nil, "", false, nil
		}
		all.Columns = append(all.Columns, column{Type: t, ID: id})
	}
	rows, partial, ok, err := b.newestRows(n, all, maxStepBytes)
	if err != nil || !ok || partial != "" {
		return nil, "", false, err
	}
	out, partial, err = b.collect(replaced(rel, n.limit, b.memory(all.Columns, rows)), most, bytes)
	return out, partial, true, err
}

// usedAbove are the columns that steps above one refer to, with their types when
// an expression tells them.
func usedAbove(rel, below relation) map[int]table.Type {
	types := map[int]table.Type{}
	for ; rel != below; rel = inputs(rel)[0] {
		ids := columnSet{}.with(expressions(rel)...)
		if r, ok := rel.(*sorted); ok {
			for _, k := range r.Keys {
				ids[k.ID] = true
			}
		}
		for id := range ids {
			types[id] = max(types[id], table.Unknown)
		}
		for _, x := range expressions(rel) {
			walk(x, func(e expression) bool {
				if r, ok := e.(*reference); ok {
					types[r.ID] = r.Type
				}
				return true
			})
		}
	}
	return types
}

// replaced is a copy of the steps above one, with another in its place.
func replaced(rel, old, by relation) relation {
	if rel == old {
		return by
	}
	switch r := rel.(type) {
	case *filter:
		return &filter{Input: replaced(r.Input, old, by), X: r.X}
	case *project:
		return &project{Input: replaced(r.Input, old, by), Assign: r.Assign, Columns: r.Columns}
	case *sorted:
		return &sorted{Input: replaced(r.Input, old, by), Keys: r.Keys}
	case *limit:
		return &limit{Input: replaced(r.Input, old, by), Count: r.Count}
	case *aggregate:
		return &aggregate{Input: replaced(r.Input, old, by), Keys: r.Keys, Values: r.Values, Columns: r.Columns}
	case *expand:
		c := *r
		c.Input = replaced(r.Input, old, by)
		return &c
	}
	panic("kql: a step of one input that cannot be copied")
}
