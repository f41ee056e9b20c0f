package expr

import "slices"

func linqOrder() []row {
	by := func(a []any, down bool) func(a, b any) int {
		key, c := a[1].(*closure), comparerOf(a, 2)
		return func(a, b any) int {
			r := compareWith(c, key.call(a), key.call(b))
			if down {
				return -r
			}
			return r
		}
	}
	sortBy := func(f *frame, t *typ, items []any, keys []func(a, b any) int) any {
		sortStable(f, items, func(x, y any) int {
			for _, k := range keys {
				if r := k(x, y); r != 0 {
					return r
				}
			}
			return 0
		})
		return &orderedSeq{Array{elem: t, items: items}, keys}
	}
	then := func(down bool) genericFunc {
		return func(f *frame, t []*typ, a []any) any {
			o := a[0].(*orderedSeq)
			return sortBy(f, t[0], slices.Clone(o.items), append(slices.Clone(o.keys), by(a, down)))
		}
	}
	var rows []row
	for _, down := range []bool{false, true} {
		suffix := map[bool]string{true: "Descending"}[down]
		start := func(f *frame, t []*typ, a []any) any {
			return sortBy(f, t[0], collect(f, notNull(a[0])), []func(a, b any) int{by(a, down)})
		}
		rows = append(rows,
			row{sig: "static IOrderedEnumerable<T> OrderBy" + suffix + "<T,K>(" + source + ", Func<T,K> k)", get: start},
			row{sig: "static IOrderedEnumerable<T> OrderBy" + suffix + "<T,K>(" + source + ", Func<T,K> k, IComparer<K>? c)", get: start},
			row{sig: "static IOrderedEnumerable<T> ThenBy" + suffix + "<T,K>(this IOrderedEnumerable<T> s, Func<T,K> k)", get: then(down)},
			row{sig: "static IOrderedEnumerable<T> ThenBy" + suffix + "<T,K>(this IOrderedEnumerable<T> s, Func<T,K> k, IComparer<K>? c)", get: then(down)})
	}
	return rows
}

// orderedSeq is a sorted sequence that remembers its order.
type orderedSeq struct {
	Array
	keys []func(a, b any) int
}

// compareWith orders by a StringComparer where there is one.
func compareWith(c, a, b any) int {
	k, ok := c.(comparer)
	x, isText := a.(string)
	y, isText2 := b.(string)
	if ok && isText && isText2 {
		return compareBy(x, y, int64(k))
	}
	return compareValues(a, b)
}
