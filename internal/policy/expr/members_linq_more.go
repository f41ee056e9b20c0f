package expr

import "slices"

// linqParts are the operators that take parts of a sequence.
func linqParts() []row {
	while := func(take bool) genericFunc {
		return func(_ *frame, t []*typ, a []any) any {
			src, p := notNull(a[0]), a[1].(*closure)
			return seq(t[0], func(f *frame, yield func(any) bool) {
				i, passed := int32(-1), false
				each(f, src, func(v any) bool {
					i++
					if !passed && p.call(v, i) != true {
						passed = true
					}
					if take {
						return !passed && yield(v)
					}
					return !passed || yield(v)
				})
			})
		}
	}
	last := func(skip bool) genericFunc {
		return func(_ *frame, t []*typ, a []any) any {
			src, n := notNull(a[0]), max(num(a, 1), 0)
			return seq(t[0], func(f *frame, yield func(any) bool) {
				items := collect(f, src)
				cut := int64(len(items)) - min(n, int64(len(items)))
				part := items[cut:]
				if skip {
					part = items[:cut]
				}
				for _, v := range part {
					if !yield(v) {
						return
					}
				}
			})
		}
	}
	return []row{
		{sig: "static IEnumerable<T> TakeWhile<T>(" + source + ", Func<T,int,bool> p)", get: while(true)},
		{sig: "static IEnumerable<T> SkipWhile<T>(" + source + ", Func<T,int,bool> p)", get: while(false)},
		{sig: "static IEnumerable<T> TakeLast<T>(" + source + ", int n)", get: last(false)},
		{sig: "static IEnumerable<T> SkipLast<T>(" + source + ", int n)", get: last(true)},
		{sig: "static IEnumerable<T[]> Chunk<T>(" + source + ", int n)", get: func(f *frame, t []*typ, a []any) any {
			if num(a, 1) < 1 {
				throw("System.ArgumentOutOfRangeException", "Specified argument was out of the range of valid values. (Parameter 'size')")
			}
			var out []any
			for part := range slices.Chunk(collect(f, notNull(a[0])), int(num(a, 1))) {
				out = append(out, sized(t[0], slices.Clone(part)))
			}
			return sized2(types().arrayOf(t[0]), out)
		}},
		{sig: "static IEnumerable<T> Append<T>(" + source + ", T v)", get: func(_ *frame, t []*typ, a []any) any {
			src, last := notNull(a[0]), a[1]
			return seq(t[0], func(f *frame, yield func(any) bool) {
				more := true
				each(f, src, func(v any) bool { more = yield(v); return more })
				if more {
					yield(last)
				}
			})
		}},
		{sig: "static IEnumerable<T> Prepend<T>(" + source + ", T v)", get: func(_ *frame, t []*typ, a []any) any {
			src, first := notNull(a[0]), a[1]
			return seq(t[0], func(f *frame, yield func(any) bool) {
				if yield(first) {
					each(f, src, yield)
				}
			})
		}},
		{sig: "static IEnumerable<T> DefaultIfEmpty<T>(" + source + ", T v)", get: func(f *frame, t []*typ, a []any) any {
			items := collect(f, notNull(a[0]))
			if len(items) == 0 {
				items = []any{a[1]}
			}
			return sized2(t[0], items)
		}},
	}
}

// linqMany are the forms of SelectMany and Zip that few know.
func linqMany() []row {
	many := func(indexed, result bool) genericFunc {
		return func(_ *frame, t []*typ, a []any) any {
			src, p := notNull(a[0]), a[1].(*closure)
			return seq(t[len(t)-1], func(f *frame, yield func(any) bool) {
				i := int32(-1)
				each(f, src, func(v any) bool {
					var part any
					if i++; indexed {
						part = p.call(v, i)
					} else {
						part = p.call(v)
					}
					more := true
					each(f, part, func(x any) bool {
						f.step(1)
						if result {
							x = a[2].(*closure).call(v, x)
						}
						more = yield(x)
						return more
					})
					return more
				})
			})
		}
	}
	keep := func(g genericFunc) genericFunc { // the arguments outlive the call
		return func(f *frame, t []*typ, a []any) any { return g(f, t, slices.Clone(a)) }
	}
	return []row{
		{sig: "static IEnumerable<R> SelectMany<T,R>(" + source + ", Func<T,int,IEnumerable<R>> p)", get: keep(many(true, false))},
		{sig: "static IEnumerable<R> SelectMany<T,C,R>(" + source + ", Func<T,IEnumerable<C>> p, Func<T,C,R> r)", get: keep(many(false, true))},
		{sig: "static IEnumerable<R> SelectMany<T,C,R>(" + source + ", Func<T,int,IEnumerable<C>> p, Func<T,C,R> r)", get: keep(many(true, true))},
	}
}

// linqPicks are single items by key or with a default.
func linqPicks() []row {
	var rows []row
	for _, high := range []bool{true, false} {
		name := map[bool]string{true: "MaxBy", false: "MinBy"}[high]
		rows = append(rows, row{sig: "static T " + name + "<T,K>(" + source + ", Func<T,K> k)", get: func(f *frame, t []*typ, a []any) any {
			key := a[1].(*closure)
			var best, bestKey any
			items := collect(f, notNull(a[0]))
			for i, v := range items {
				k := key.call(v)
				if c := 0; i > 0 {
					if c = compareValues(k, bestKey); c == 0 || c > 0 != high {
						continue
					}
				}
				best, bestKey = v, k
			}
			if len(items) == 0 {
				if t[0].nullable() {
					return nil
				}
				noElements()
			}
			return best
		}})
	}
	for _, name := range []string{"First", "Last", "Single"} {
		get := func(f *frame, t []*typ, a []any) any {
			test, _ := a[1].(*closure)
			fallback := a[len(a)-1]
			var found any
			n := 0
			each(f, notNull(a[0]), func(v any) bool {
				f.step(1)
				if len(a) == 3 && test.call(v) != true {
					return true
				}
				n++
				found = v
				return name != "First"
			})
			if n > 1 && name == "Single" {
				throw("System.InvalidOperationException", "Sequence contains more than one element")
			}
			if n == 0 {
				return fallback
			}
			return found
		}
		rows = append(rows, row{sig: "static T " + name + "OrDefault<T>(" + source + ", T d)", get: get},
			row{sig: "static T " + name + "OrDefault<T>(" + source + ", Func<T,bool> p, T d)", get: get})
	}
	return append(rows,
		row{sig: "static long LongCount<T>(" + source + ", Func<T,bool> p)", get: func(f *frame, t []*typ, a []any) any { return unboxInt(countWhere(f, t, a)) }},
		row{sig: "static bool SequenceEqual<T>(" + source + ", IEnumerable<T> o, IEqualityComparer<T>? c)", get: func(f *frame, _ []*typ, a []any) any {
			return slices.EqualFunc(collect(f, notNull(a[0])), collect(f, notNull(a[1])), equalBy(a[2]))
		}})
}
