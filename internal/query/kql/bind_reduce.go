package kql

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// reduce groups texts that are alike: words that are frequent in their place
// stay, all others become *. What is left of rare patterns is one row, "".
func (b *binder) reduce(rel relation, op *syntax.Reduce, s *scope) relation {
	threshold, separators := 0.1, ""
	for _, o := range op.Options {
		switch v := b.optionValue(o, s).(type) {
		case float64:
			threshold = v
		case int64:
			threshold = float64(v)
		case string:
			separators = v
		}
	}
	key, n := b.column("text", table.String), b.column("n", table.Long)
	x := b.convert(b.scalar(op.By, b.row(rel, s)), table.String)
	rows := b.fetch(&aggregate{Input: rel, Keys: []assignment{{key.ID, x}}, Values: []assignment{{n.ID, &aggregated{Type: table.Long, Op: "count()"}}}, Columns: []column{key, n}})
	texts := make([]counted, len(rows))
	for i, r := range rows {
		texts[i] = counted{r[0].(string), r[1].(int64)}
	}
	columns := []column{b.column("Pattern", table.String), b.column("Count", table.Long), b.column("Representative", table.String)}
	return b.memory(columns, reduced(texts, threshold, separators))
}

func (b *binder) optionValue(o syntax.Option, s *scope) any {
	if n, ok := o.Value.(*syntax.Name); ok {
		return n.Name
	}
	return b.value(b.scalar(o.Value, &rowContext{scope: s}), o.Span)
}

// counted is a text and how many rows have it.
type counted struct {
	text  string
	count int64
}

// reduced gives pattern, count and the most frequent text of each group.
func reduced(texts []counted, threshold float64, separators string) [][]any {
	slices.SortFunc(texts, func(x, y counted) int {
		return cmp.Or(cmp.Compare(y.count, x.count), cmp.Compare(x.text, y.text))
	})
	type place struct {
		length, at int
		word       string
	}
	words := map[place]int64{}
	total := int64(0)
	split := make([][]string, len(texts))
	for i, t := range texts {
		total += t.count
		split[i] = splitWords(t.text, separators)
		for at, w := range split[i] {
			words[place{len(split[i]), at, w}] += t.count
		}
	}
	least := threshold * float64(total)
	groups := map[string][]any{}
	var order []string
	add := func(pattern, text string, n int64) {
		g := groups[pattern]
		if g == nil {
			g = []any{pattern, int64(0), text}
			groups[pattern] = g
			order = append(order, pattern)
		}
		g[1] = g[1].(int64) + n
	}
	patterns, sums := make([]string, len(texts)), map[string]int64{}
	for i, t := range texts {
		var p strings.Builder
		for at, w := range split[i] {
			if float64(words[place{len(split[i]), at, w}]) < least {
				w = "*"
			}
			if w != "*" || !strings.HasSuffix(p.String(), "*") {
				p.WriteString(w)
			}
		}
		patterns[i] = p.String()
		sums[patterns[i]] += t.count
	}
	for i, t := range texts {
		if float64(sums[patterns[i]]) < least {
			add("", t.text, t.count)
		} else {
			add(patterns[i], t.text, t.count)
		}
	}
	var rows [][]any
	for _, p := range order {
		rows = append(rows, groups[p])
	}
	slices.SortStableFunc(rows, func(x, y []any) int { return compareCells(y[1], x[1]) })
	return rows
}

// splitWords cuts a text into words and what stands between them.
func splitWords(text, separators string) (parts []string) {
	start, inWord := 0, false
	for i, c := range text {
		word := alphanumeric(c) && !strings.ContainsRune(separators, c)
		if i > 0 && (word != inWord || !word) {
			parts = append(parts, text[start:i])
			start = i
		}
		inWord = word
	}
	return append(parts, text[start:])
}
