package expr

import (
	"fmt"
	"slices"
)

// seq makes a lazy sequence.
func seq(elem *typ, run func(f *frame, yield func(any) bool)) *Seq { return &Seq{elem, run} }

func linqTypes() []typeRow {
	return []typeRow{
		{decl: "interface System.Linq.IOrderedEnumerable<T> : IEnumerable<T>"},
		{decl: "interface System.Linq.IGrouping<K,T> : IEnumerable<T>", is: instance[*groupOf], rows: []row{
			{sig: "K Key", get: func(_ *frame, a []any) any { return a[0].(*groupOf).key }},
		}},
		{decl: "static System.Linq.Enumerable", rows: slices.Concat(linqShapes(), linqTests(), linqSets(), linqOrder(), linqNumbers(), linqCollect())},
	}
}

const source = "this IEnumerable<T> s"

func linqShapes() []row {
	return []row{
		{sig: "static IEnumerable<T> Where<T>(" + source + ", Func<T,bool> p)", get: func(f *frame, t []*typ, a []any) any {
			src, p := notNull(a[0]), a[1].(*closure)
			return seq(t[0], func(f *frame, yield func(any) bool) {
				each(f, src, func(v any) bool { return p.call(v) != true || yield(v) })
			})
		}},
		{sig: "static IEnumerable<T> Where<T>(" + source + ", Func<T,int,bool> p)", get: func(f *frame, t []*typ, a []any) any {
			src, p := notNull(a[0]), a[1].(*closure)
			return seq(t[0], func(f *frame, yield func(any) bool) {
				i := int32(-1)
				each(f, src, func(v any) bool { i++; return p.call(v, i) != true || yield(v) })
			})
		}},
		{sig: "static IEnumerable<R> Select<T,R>(" + source + ", Func<T,R> p)", get: func(f *frame, t []*typ, a []any) any {
			src, p := notNull(a[0]), a[1].(*closure)
			return seq(t[1], func(f *frame, yield func(any) bool) {
				each(f, src, func(v any) bool { return yield(p.call(v)) })
			})
		}},
		{sig: "static IEnumerable<R> Select<T,R>(" + source + ", Func<T,int,R> p)", get: func(f *frame, t []*typ, a []any) any {
			src, p := notNull(a[0]), a[1].(*closure)
			return seq(t[1], func(f *frame, yield func(any) bool) {
				i := int32(-1)
				each(f, src, func(v any) bool { i++; return yield(p.call(v, i)) })
			})
		}},
		{sig: "static IEnumerable<R> SelectMany<T,R>(" + source + ", Func<T,IEnumerable<R>> p)", get: func(f *frame, t []*typ, a []any) any {
			src, p := notNull(a[0]), a[1].(*closure)
			return seq(t[1], func(f *frame, yield func(any) bool) {
				each(f, src, func(v any) bool {
					more := true
					each(f, p.call(v), func(x any) bool { f.step(1); more = yield(x); return more })
					return more
				})
			})
		}},
		{sig: "static IEnumerable<T> Take<T>(" + source + ", int n)", get: func(f *frame, t []*typ, a []any) any {
			src, n := notNull(a[0]), num(a, 1)
			return seq(t[0], func(f *frame, yield func(any) bool) {
				left := n
				if left > 0 {
					each(f, src, func(v any) bool { left--; return yield(v) && left > 0 })
				}
			})
		}},
		{sig: "static IEnumerable<T> Skip<T>(" + source + ", int n)", get: func(f *frame, t []*typ, a []any) any {
			src, n := notNull(a[0]), num(a, 1)
			return seq(t[0], func(f *frame, yield func(any) bool) {
				left := n
				each(f, src, func(v any) bool {
					if left > 0 {
						f.step(1)
						left--
						return true
					}
					return yield(v)
				})
			})
		}},
		{sig: "static IEnumerable<T> TakeWhile<T>(" + source + ", Func<T,bool> p)", get: func(f *frame, t []*typ, a []any) any {
			src, p := notNull(a[0]), a[1].(*closure)
			return seq(t[0], func(f *frame, yield func(any) bool) {
				each(f, src, func(v any) bool { return p.call(v) == true && yield(v) })
			})
		}},
		{sig: "static IEnumerable<T> SkipWhile<T>(" + source + ", Func<T,bool> p)", get: func(f *frame, t []*typ, a []any) any {
			src, p := notNull(a[0]), a[1].(*closure)
			return seq(t[0], func(f *frame, yield func(any) bool) {
				skipping := true
				each(f, src, func(v any) bool {
					if skipping && p.call(v) == true {
						return true
					}
					skipping = false
					return yield(v)
				})
			})
		}},
		{sig: "static IEnumerable<T> Concat<T>(" + source + ", IEnumerable<T> o)", get: func(f *frame, t []*typ, a []any) any {
			x, y := notNull(a[0]), notNull(a[1])
			return seq(t[0], func(f *frame, yield func(any) bool) {
				more := true
				each(f, x, func(v any) bool { more = yield(v); return more })
				if more {
					each(f, y, yield)
				}
			})
		}},
		{sig: "static IEnumerable<T> Append<T>(" + source + ", T v)", get: func(f *frame, t []*typ, a []any) any { return sized2(t[0], append(collect(f, a[0]), a[1])) }},
		{sig: "static IEnumerable<T> Prepend<T>(" + source + ", T v)", get: func(f *frame, t []*typ, a []any) any {
			return sized2(t[0], append([]any{a[1]}, collect(f, a[0])...))
		}},
		{sig: "static IEnumerable<T> Reverse<T>(" + source + ")", get: func(f *frame, t []*typ, a []any) any {
			items := collect(f, notNull(a[0]))
			slices.Reverse(items)
			return sized2(t[0], items)
		}},
		{sig: "static IEnumerable<R> Zip<T,U,R>(" + source + ", IEnumerable<U> o, Func<T,U,R> p)", get: func(f *frame, t []*typ, a []any) any {
			x, y, p := collect(f, a[0]), collect(f, a[1]), a[2].(*closure)
			var out []any
			for i := range min(len(x), len(y)) {
				out = append(out, p.call(x[i], y[i]))
			}
			return sized2(t[2], out)
		}},
		{sig: "static IEnumerable<R> Cast<R>(this IEnumerable s)", get: func(f *frame, t []*typ, a []any) any {
			src := notNull(a[0])
			return seq(t[0], func(f *frame, yield func(any) bool) {
				each(f, src, func(v any) bool {
					if !isInstance(v, t[0]) && !(v == nil && t[0].nullable()) {
						castFailed(v, t[0])
					}
					return yield(v)
				})
			})
		}},
		{sig: "static IEnumerable<R> OfType<R>(this IEnumerable s)", get: func(f *frame, t []*typ, a []any) any {
			src := notNull(a[0])
			return seq(t[0], func(f *frame, yield func(any) bool) {
				each(f, src, func(v any) bool { f.step(1); return !isInstance(v, t[0]) || yield(v) })
			})
		}},
		{sig: "static IEnumerable<T> DefaultIfEmpty<T>(" + source + ")", get: func(f *frame, t []*typ, a []any) any {
			items := collect(f, a[0])
			if len(items) == 0 {
				items = []any{zeroValue(t[0])}
			}
			return sized2(t[0], items)
		}},
		{sig: "static IEnumerable<int> Range(int start, int n)", get: func(f *frame, a []any) any {
			start, n := num(a, 0), num(a, 1)
			if n < 0 {
				badIndex()
			}
			return seq(types().int32, func(f *frame, yield func(any) bool) {
				for i := range n {
					f.step(1)
					if !yield(int32(start + i)) {
						return
					}
				}
			})
		}},
		{sig: "static IEnumerable<T> Repeat<T>(T v, int n)", get: func(f *frame, t []*typ, a []any) any {
			v, n := a[0], num(a, 1)
			if n < 0 {
				badIndex()
			}
			return seq(t[0], func(f *frame, yield func(any) bool) {
				for range n {
					f.step(1)
					if !yield(v) {
						return
					}
				}
			})
		}},
		{sig: "static IEnumerable<T> Empty<T>()", get: func(f *frame, t []*typ, _ []any) any { return sized2(t[0], nil) }},
	}
}

func notNull(v any) any {
	if v == nil {
		throw("System.ArgumentNullException", "Value cannot be null. (Parameter 'source')")
	}
	return v
}

func sized2(elem *typ, items []any) *Array { return &Array{elem: elem, items: items} }

func noElements() { throw("System.InvalidOperationException", "Sequence contains no elements") }

// element is First, Last and Single, with and without a test.
func element(name string) []row {
	get := func(orDefault bool) genericFunc {
		return func(f *frame, t []*typ, a []any) any {
			var test *closure
			if len(a) > 1 {
				test, _ = a[1].(*closure)
			}
			var found any
			n := 0
			each(f, notNull(a[0]), func(v any) bool {
				f.step(1)
				if test != nil && test.call(v) != true {
					return true
				}
				n++
				found = v
				return name != "First"
			})
			switch {
			case n == 0 && orDefault:
				return zeroValue(t[0])
			case n == 0:
				noElements()
			case n > 1 && name == "Single":
				throw("System.InvalidOperationException", "Sequence contains more than one element")
			}
			return found
		}
	}
	return []row{
		{sig: "static T " + name + "<T>(" + source + ")", get: get(false)},
		{sig: "static T " + name + "<T>(" + source + ", Func<T,bool> p)", get: get(false)},
		{sig: "static T " + name + "OrDefault<T>(" + source + ")", get: get(true)},
		{sig: "static T " + name + "OrDefault<T>(" + source + ", Func<T,bool> p)", get: get(true)},
	}
}

func linqTests() []row {
	rows := slices.Concat(element("First"), element("Last"), element("Single"))
	return append(rows, []row{
		{sig: "static bool Any<T>(" + source + ")", get: func(f *frame, _ []*typ, a []any) any {
			found := false
			each(f, notNull(a[0]), func(any) bool { found = true; return false })
			return found
		}},
		{sig: "static bool Any<T>(" + source + ", Func<T,bool> p)", get: func(f *frame, _ []*typ, a []any) any {
			_, ok := firstWhere(f, notNull(a[0]), a[1])
			return ok
		}},
		{sig: "static bool All<T>(" + source + ", Func<T,bool> p)", get: func(f *frame, _ []*typ, a []any) any {
			p, all := a[1].(*closure), true
			each(f, notNull(a[0]), func(v any) bool { all = p.call(v) == true; return all })
			return all
		}},
		{sig: "static int Count<T>(" + source + ")", get: countWhere}, {sig: "static int Count<T>(" + source + ", Func<T,bool> p)", get: countWhere},
		{sig: "static long LongCount<T>(" + source + ")", get: func(f *frame, t []*typ, a []any) any { return unboxInt(countWhere(f, t, a)) }},
		{sig: "static bool Contains<T>(" + source + ", T v)", get: func(f *frame, _ []*typ, a []any) any { return indexOf(f, notNull(a[0]), a[1]) >= 0 }},
		{sig: "static bool Contains<T>(" + source + ", T v, IEqualityComparer<T> c)", get: func(f *frame, _ []*typ, a []any) any {
			c, _ := a[2].(comparer)
			return slices.ContainsFunc(collect(f, a[0]), func(x any) bool {
				s, ok := x.(string)
				t, ok2 := a[1].(string)
				return ok && ok2 && equalFold(s, t, int64(c)) || Equal(x, a[1])
			})
		}},
		{sig: "static T ElementAt<T>(" + source + ", int i)", get: func(f *frame, _ []*typ, a []any) any {
			v, ok := elementAt(f, a)
			if !ok {
				badIndex()
			}
			return v
		}},
		{sig: "static T ElementAtOrDefault<T>(" + source + ", int i)", get: func(f *frame, t []*typ, a []any) any {
			v, ok := elementAt(f, a)
			if !ok {
				return zeroValue(t[0])
			}
			return v
		}},
		{sig: "static bool SequenceEqual<T>(" + source + ", IEnumerable<T> o)", get: func(f *frame, _ []*typ, a []any) any {
			return slices.EqualFunc(collect(f, a[0]), collect(f, a[1]), Equal)
		}},
	}...)
}

func elementAt(f *frame, a []any) (found any, ok bool) {
	n := num(a, 1)
	each(f, notNull(a[0]), func(v any) bool {
		f.step(1)
		if n == 0 {
			found, ok = v, true
			return false
		}
		n--
		return true
	})
	return found, ok
}

func countWhere(f *frame, _ []*typ, a []any) any {
	n := int32(0)
	each(f, notNull(a[0]), func(v any) bool {
		f.step(1)
		if len(a) < 2 || a[1].(*closure).call(v) == true {
			n++
		}
		return true
	})
	return n
}

func linqSets() []row {
	distinct := func(f *frame, t []*typ, a []any) any {
		s := newSet(t[0])
		if len(a) > 1 {
			c, _ := a[1].(comparer)
			s.fold = ignoresCase(int64(c))
		}
		for _, v := range collect(f, notNull(a[0])) {
			s.add(v)
		}
		return sized2(t[0], s.items)
	}
	filter := func(keep bool) genericFunc {
		return func(f *frame, t []*typ, a []any) any {
			o, s := newSet(t[0]), newSet(t[0])
			for _, v := range collect(f, a[1]) {
				o.add(v)
			}
			for _, v := range collect(f, a[0]) {
				if o.has[keyOf(v)] == keep {
					s.add(v)
				}
			}
			return sized2(t[0], s.items)
		}
	}
	return []row{
		{sig: "static IEnumerable<T> Distinct<T>(" + source + ")", get: distinct},
		{sig: "static IEnumerable<T> Distinct<T>(" + source + ", IEqualityComparer<T> c)", get: distinct},
		{sig: "static IEnumerable<T> Except<T>(" + source + ", IEnumerable<T> o)", get: filter(false)},
		{sig: "static IEnumerable<T> Intersect<T>(" + source + ", IEnumerable<T> o)", get: filter(true)},
		{sig: "static IEnumerable<T> Union<T>(" + source + ", IEnumerable<T> o)", get: func(f *frame, t []*typ, a []any) any {
			return distinct(f, t, []any{sized2(t[0], append(collect(f, a[0]), collect(f, a[1])...))})
		}},
		{sig: "static IEnumerable<IGrouping<K,T>> GroupBy<T,K>(" + source + ", Func<T,K> k)", get: func(f *frame, t []*typ, a []any) any {
			return grouped(f, t, a[0], a[1].(*closure), nil)
		}},
		{sig: "static IEnumerable<IGrouping<K,R>> GroupBy<T,K,R>(" + source + ", Func<T,K> k, Func<T,R> e)", get: func(f *frame, t []*typ, a []any) any {
			return grouped(f, t, a[0], a[1].(*closure), a[2].(*closure))
		}},
	}
}

func grouped(f *frame, t []*typ, src any, key, elem *closure) any {
	out := &Array{elem: types().object}
	at := map[any]*groupOf{}
	for _, v := range collect(f, notNull(src)) {
		k := key.call(v)
		g := at[keyOf(k)]
		if g == nil {
			g = &groupOf{key: k, elem: t[len(t)-1]}
			at[keyOf(k)] = g
			out.items = append(out.items, g)
		}
		if elem != nil {
			v = elem.call(v)
		}
		g.items = append(g.items, v)
	}
	return out
}

func linqOrder() []row {
	by := func(c any, down bool) func(a, b any) int {
		key := c.(*closure)
		return func(a, b any) int {
			r := compareValues(key.call(a), key.call(b))
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
	var rows []row
	for _, down := range []bool{false, true} {
		suffix := map[bool]string{true: "Descending"}[down]
		start := func(f *frame, t []*typ, a []any) any {
			return sortBy(f, t[0], collect(f, notNull(a[0])), []func(a, b any) int{by(a[1], down)})
		}
		rows = append(rows,
			row{sig: "static IOrderedEnumerable<T> OrderBy" + suffix + "<T,K>(" + source + ", Func<T,K> k)", get: start},
			row{sig: "static IOrderedEnumerable<T> OrderBy" + suffix + "<T,K>(" + source + ", Func<T,K> k, IComparer<K>? c)", get: start},
			row{sig: "static IOrderedEnumerable<T> ThenBy" + suffix + "<T,K>(this IOrderedEnumerable<T> s, Func<T,K> k)", get: func(f *frame, t []*typ, a []any) any {
				o := a[0].(*orderedSeq)
				return sortBy(f, t[0], slices.Clone(o.items), append(slices.Clone(o.keys), by(a[1], down)))
			}})
	}
	return rows
}

// orderedSeq is a sorted sequence that remembers its order.
type orderedSeq struct {
	Array
	keys []func(a, b any) int
}

func linqNumbers() []row {
	var rows []row
	for _, w := range []string{"int", "long", "double", "float", "decimal"} {
		avg := w
		if w == "int" || w == "long" {
			avg = "double"
		}
		t := func() *typ { return &typ{def: types().full["System."+keywords[w]]} }
		for _, sel := range []bool{false, true} {
			head, tail := "(this IEnumerable<"+w+"> s)", ""
			if sel {
				head, tail = "("+source+", Func<T,"+w+"> p)", "<T>"
			}
			get := func(kind string) genericFunc {
				return func(f *frame, _ []*typ, a []any) any { return aggregate(f, a, kind, t()) }
			}
			rows = append(rows,
				row{sig: fmt.Sprintf("static %s Sum%s%s", w, tail, head), get: get("sum")},
				row{sig: fmt.Sprintf("static %s Max%s%s", w, tail, head), get: get("max")},
				row{sig: fmt.Sprintf("static %s Min%s%s", w, tail, head), get: get("min")},
				row{sig: fmt.Sprintf("static %s Average%s%s", avg, tail, head), get: get("avg")})
		}
	}
	for _, n := range []string{"Max", "Min"} {
		get := func(f *frame, _ []*typ, a []any) any { return extreme(f, a, n == "Max") }
		rows = append(rows, row{sig: "static T " + n + "<T>(" + source + ")", get: get}, row{sig: "static R " + n + "<T,R>(" + source + ", Func<T,R> p)", get: get})
	}
	return append(rows,
		row{sig: "static T Aggregate<T>(" + source + ", Func<T,T,T> p)", get: func(f *frame, _ []*typ, a []any) any {
			items := collect(f, notNull(a[0]))
			if len(items) == 0 {
				noElements()
			}
			return fold(a[1].(*closure), items[0], items[1:])
		}},
		row{sig: "static A Aggregate<T,A>(" + source + ", A seed, Func<A,T,A> p)", get: func(f *frame, _ []*typ, a []any) any {
			return fold(a[2].(*closure), a[1], collect(f, notNull(a[0])))
		}},
		row{sig: "static R Aggregate<T,A,R>(" + source + ", A seed, Func<A,T,A> p, Func<A,R> r)", get: func(f *frame, _ []*typ, a []any) any {
			return a[3].(*closure).call(fold(a[2].(*closure), a[1], collect(f, notNull(a[0]))))
		}})
}

func fold(p *closure, acc any, items []any) any {
	for _, v := range items {
		acc = p.call(acc, v)
	}
	return acc
}

// selected applies the optional selector.
func selected(f *frame, a []any) []any {
	items := collect(f, notNull(a[0]))
	if len(a) > 1 {
		p := a[1].(*closure)
		for i, v := range items {
			items[i] = p.call(v)
		}
	}
	return items
}

func extreme(f *frame, a []any, high bool) any {
	items := selected(f, a)
	if len(items) == 0 {
		noElements()
	}
	best := items[0]
	for _, v := range items[1:] {
		if c := compareValues(v, best); c > 0 && high || c < 0 && !high {
			best = v
		}
	}
	return best
}

func aggregate(f *frame, a []any, kind string, t *typ) any {
	if kind == "max" || kind == "min" {
		return extreme(f, a, kind == "max")
	}
	items := selected(f, a)
	if kind == "avg" && len(items) == 0 {
		noElements()
	}
	if t.is(kDecimal) {
		sum := Decimal{}
		for _, v := range items {
			sum = decimalOperator("+", sum, v.(Decimal)).(Decimal)
		}
		if kind == "avg" {
			return decimalOperator("/", sum, toDecimal(int32(len(items))))
		}
		return sum
	}
	if t.rep() == repInt {
		sum := int64(0)
		for _, v := range items {
			sum = checkRange(t.def.kind, sum+unboxInt(v))
		}
		if kind == "avg" {
			return float64(sum) / float64(len(items))
		}
		return boxInt(t, sum)
	}
	sum := 0.0
	for _, v := range items {
		sum += unboxFloat(v)
	}
	if kind == "avg" {
		sum /= float64(len(items))
	}
	if t.is(kFloat32) {
		return float32(sum)
	}
	return sum
}

func linqCollect() []row {
	dict := func(f *frame, t []*typ, a []any) any {
		d := newDictionary(t[1], t[len(t)-1])
		if len(t) == 2 {
			d.v = t[0]
		}
		key := a[1].(*closure)
		for _, v := range collect(f, notNull(a[0])) {
			k := key.call(v)
			if _, ok := d.get(k); ok {
				throw("System.ArgumentException", "An item with the same key has already been added. Key: %s", ToString(k))
			}
			if len(a) > 2 {
				v = a[2].(*closure).call(v)
			}
			d.set(k, v)
		}
		return d
	}
	return []row{
		{sig: "static List<T> ToList<T>(" + source + ")", get: func(f *frame, t []*typ, a []any) any {
			return &Array{elem: t[0], list: true, items: collect(f, notNull(a[0]))}
		}},
		{sig: "static T[] ToArray<T>(" + source + ")", get: func(f *frame, t []*typ, a []any) any { return sized(t[0], collect(f, notNull(a[0]))) }},
		{sig: "static IEnumerable<T> AsEnumerable<T>(" + source + ")", get: func(_ *frame, _ []*typ, a []any) any { return a[0] }},
		{sig: "static HashSet<T> ToHashSet<T>(" + source + ")", get: func(f *frame, t []*typ, a []any) any {
			s := newSet(t[0])
			for _, v := range collect(f, notNull(a[0])) {
				s.add(v)
			}
			return s
		}},
		{sig: "static Dictionary<K,T> ToDictionary<T,K>(" + source + ", Func<T,K> k)", get: dict},
		{sig: "static Dictionary<K,V> ToDictionary<T,K,V>(" + source + ", Func<T,K> k, Func<T,V> v)", get: dict},
	}
}
