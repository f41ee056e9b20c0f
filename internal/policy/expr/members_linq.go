package expr

import (
	"slices"
)

// seq makes a lazy sequence.
func seq(elem *typ, run func(f *frame, yield func(any) bool)) *Seq { return &Seq{elem, run} }

func linqTypes() []typeRow {
	return []typeRow{
		{decl: "interface System.Linq.IOrderedEnumerable<T> : IEnumerable<T>"},
		{decl: "interface System.Linq.ILookup<K,T> : IEnumerable<IGrouping<K,T>>", is: instance[*grouping], rows: []row{
			{sig: "int Count", get: func(v any) int64 { return int64(len(v.(*grouping).groups)) }},
			{sig: "bool Contains(K key)", get: func(_ *frame, a []any) any {
				g := a[0].(*grouping)
				return g.at[keyBy(g.c, a[1])] != nil
			}},
			{sig: "IEnumerable<T> this[K key]", get: func(_ *frame, a []any) any {
				g := a[0].(*grouping)
				return sized2(g.elem, g.items(a[1]))
			}},
		}},
		{decl: "interface System.Linq.IGrouping<K,T> : IEnumerable<T>", is: instance[*groupOf], rows: []row{
			{sig: "K Key", get: func(_ *frame, a []any) any { return a[0].(*groupOf).key }},
		}},
		{decl: "static System.Linq.Enumerable", rows: slices.Concat(linqShapes(), linqParts(), linqMany(), linqTests(), linqPicks(), linqSets(), linqOrder(), linqNumbers(), linqCollect())},
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
			case n == 0 && test != nil:
				throw("System.InvalidOperationException", "Sequence contains no matching element")
			case n == 0:
				noElements()
			case n > 1 && name == "Single" && test != nil:
				throw("System.InvalidOperationException", "Sequence contains more than one matching element")
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

func linqCollect() []row {
	dict := func(f *frame, t []*typ, a []any) any {
		d := newDictionary(t[1], t[len(t)-1])
		if c, ok := a[len(a)-1].(comparer); ok {
			d.fold, a = ignoresCase(int64(c)), a[:len(a)-1]
		}
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
			return asSet(f, t, a)
		}},
		{sig: "static HashSet<T> ToHashSet<T>(" + source + ", IEqualityComparer<T>? c)", get: asSet},
		{sig: "static Dictionary<K,T> ToDictionary<T,K>(" + source + ", Func<T,K> k)", get: dict},
		{sig: "static Dictionary<K,T> ToDictionary<T,K>(" + source + ", Func<T,K> k, IEqualityComparer<K> c)", get: dict},
		{sig: "static Dictionary<K,V> ToDictionary<T,K,V>(" + source + ", Func<T,K> k, Func<T,V> v)", get: dict},
		{sig: "static Dictionary<K,V> ToDictionary<T,K,V>(" + source + ", Func<T,K> k, Func<T,V> v, IEqualityComparer<K> c)", get: dict},
	}
}

func asSet(f *frame, t []*typ, a []any) any {
	s := newSetBy(t[0], comparerOf(a, 1))
	for _, v := range collect(f, notNull(a[0])) {
		s.add(v)
	}
	return s
}
