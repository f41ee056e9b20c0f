package kql

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// expectation of one published query over the world.
type expectation struct {
	query   string                  // number of the published query
	columns []string                // those that are compared; nil: all
	down    string                  // column by which the rows must come greatest first
	rows    func(happened) []string // worked out in Go: cells with | between them
}

// TestRows compares what published queries give with what Go works out.
func TestRows(t *testing.T) {
	dir := "../../../../shared/corpus/kql"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no corpus beside the repository")
	}
	e := engineOf(t, world())
	passed, all := 0, slices.Concat(requestRows(), otherRows(), usageRows())
	for _, x := range all {
		files, _ := filepath.Glob(filepath.Join(dir, x.query+"-*.kql"))
		if len(files) != 1 {
			t.Errorf("%s: %d files", x.query, len(files))
			continue
		}
		text, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.answer(e, string(text))
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(files[0]), err)
			continue
		}
		want := x.rows(happened(world()))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %d %q\nwant %d %q", filepath.Base(files[0]), len(got), got, len(want), want)
			continue
		}
		passed++
	}
	fmt.Printf("kql/rows %d/%d\n", passed, len(all))
}

// answer runs a query and writes its rows.
func (x expectation) answer(e *kql.Engine, text string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	r, err := e.Query(ctx, kql.Request{Query: text, Workspaces: []string{""}, Now: worldNow()})
	if err != nil {
		return nil, err
	}
	t := r.Tables[0]
	var rows []string
	last := math.Inf(1)
	for _, row := range t.Rows {
		var cells []string
		for n, c := range t.Columns {
			if x.columns == nil || slices.Contains(x.columns, c.Name) {
				cells = append(cells, shown(c.Type, row[n]))
			}
			if c.Name != x.down {
				continue
			}
			v := number(row[n])
			if v > last {
				return nil, fmt.Errorf("%s goes up: %v after %v", c.Name, v, last)
			}
			last = v
		}
		rows = append(rows, strings.Join(cells, "|"))
	}
	return rows, nil
}

func number(v any) float64 {
	switch n := v.(type) {
	case int64:
		return float64(n)
	case float64:
		return n
	}
	return math.NaN()
}

func shown(t table.Type, v any) string {
	n, whole := v.(int64)
	switch {
	case v == nil:
		return "null"
	case t == table.Datetime && whole:
		return syntax.FormatDatetime(n)
	case t == table.Dynamic:
		var x any
		if json.Unmarshal([]byte(v.(string)), &x) == nil {
			return fmt.Sprint(x)
		}
	}
	return fmt.Sprint(v)
}

// happened are items with the few words that expectations need.
type happened []item

func (h happened) keep(f func(item) bool) (out happened) {
	for _, i := range h {
		if f(i) {
			out = append(out, i)
		}
	}
	return out
}

// of gives the items of tables within a time before now.
func (h happened) of(since time.Duration, tables ...string) happened {
	return h.keep(func(i item) bool { return slices.Contains(tables, i.table) && i.at.After(worldNow().Add(-since)) })
}

func (h happened) named(name string) happened {
	return h.keep(func(i item) bool { return i.name == name })
}

// each writes a row for each item.
func (h happened) each(row func(item) string) (out []string) {
	for _, i := range h {
		out = append(out, row(i))
	}
	return out
}

// by groups items and writes a row for each group.
func (h happened) by(key func(item) string, row func(key string, group happened) string) (out []string) {
	groups := map[string]happened{}
	for _, i := range h {
		groups[key(i)] = append(groups[key(i)], i)
	}
	for k, g := range groups {
		out = append(out, row(k, g))
	}
	return out
}

func (h happened) distinct(key func(item) string) []string {
	return h.by(key, func(k string, _ happened) string { return k })
}

func (h happened) count(f func(item) bool) int { return len(h.keep(f)) }

func counted(k string, g happened) string { return fmt.Sprintf("%s|%d", k, len(g)) }

func name(i item) string { return i.name }

// binned is a time rounded down within its day, as it is shown.
func binned(step time.Duration) func(item) string {
	return func(i item) string { return moment(i.at.Truncate(step)) }
}

func moment(at time.Time) string {
	return strings.TrimSuffix(at.UTC().Format("2006-01-02T15:04:05.9999999"), ".") + "Z"
}

// series counts items in steps from a start.
func (h happened) series(start time.Time, step time.Duration, n int) string {
	counts := make([]int, n)
	for _, i := range h {
		if d := i.at.Sub(start); d >= 0 && int(d/step) < n {
			counts[d/step]++
		}
	}
	return fmt.Sprint(counts)
}

func (h happened) milliseconds() []float64 {
	var out []float64
	for _, i := range h {
		out = append(out, i.ms)
	}
	slices.Sort(out)
	return out
}

// nearest is the percentile by nearest rank.
func nearest(sorted []float64, percent float64) float64 {
	return sorted[max(int(math.Ceil(percent/100*float64(len(sorted))))-1, 0)]
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

// users counts the different users of items.
func (h happened) users() int { return len(h.distinct(func(i item) string { return i.user })) }

const day = 24 * time.Hour

// greatest keeps n rows with the greatest last cell.
func greatest(n int, rows []string) []string {
	slices.SortFunc(rows, func(a, b string) int {
		var x, y float64
		fmt.Sscan(a[strings.LastIndex(a, "|")+1:], &x)
		fmt.Sscan(b[strings.LastIndex(b, "|")+1:], &y)
		return cmp.Compare(y, x)
	})
	return rows[:min(n, len(rows))]
}
