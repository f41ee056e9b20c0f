package expr

// keyBy makes a comparable key of a value under an optional StringComparer.
func keyBy(c, v any) any {
	if s, ok := v.(string); ok {
		if k, ok := c.(comparer); ok {
			return foldKey(s, ignoresCase(int64(k)))
		}
	}
	return keyOf(v)
}

// comparerOf gives the argument at i when it is a comparer.
func comparerOf(a []any, i int) any {
	if i < len(a) {
		if c, ok := a[i].(comparer); ok {
			return c
		}
	}
	return nil
}

func newSetBy(elem *typ, c any) *Set {
	s := newSet(elem)
	if k, ok := c.(comparer); ok {
		s.fold = ignoresCase(int64(k))
	}
	return s
}

// equalBy is Equals under an optional StringComparer.
func equalBy(c any) func(x, y any) bool {
	return func(x, y any) bool {
		s, ok := x.(string)
		t, ok2 := y.(string)
		k, ok3 := c.(comparer)
		return ok && ok2 && ok3 && equalFold(s, t, int64(k)) || Equal(x, y)
	}
}

func linqSets() []row {
	distinct := func(f *frame, t []*typ, a []any) any {
		s := newSetBy(t[0], comparerOf(a, 1))
		for _, v := range collect(f, notNull(a[0])) {
			s.add(v)
		}
		return sized2(t[0], s.items)
	}
	filter := func(keep bool) genericFunc {
		return func(f *frame, t []*typ, a []any) any {
			c := comparerOf(a, 2)
			o, s := newSetBy(t[0], c), newSetBy(t[0], c)
			for _, v := range collect(f, notNull(a[1])) {
				o.add(v)
			}
			for _, v := range collect(f, notNull(a[0])) {
				if o.has[o.keyOf(v)] == keep {
					s.add(v)
				}
			}
			return sized2(t[0], s.items)
		}
	}
	union := func(f *frame, t []*typ, a []any) any {
		all := append(collect(f, notNull(a[0])), collect(f, notNull(a[1]))...)
		return distinct(f, t, []any{sized2(t[0], all), comparerOf(a, 2)})
	}
	const other, cmp = ", IEnumerable<T> o", ", IEqualityComparer<T>? c"
	rows := []row{
		{sig: "static IEnumerable<T> Distinct<T>(" + source + ")", get: distinct}, {sig: "static IEnumerable<T> Distinct<T>(" + source + cmp + ")", get: distinct},
		{sig: "static IEnumerable<T> DistinctBy<T,K>(" + source + ", Func<T,K> k)", get: func(f *frame, t []*typ, a []any) any {
			s, k := newSet(t[1]), a[1].(*closure)
			var out []any
			for _, v := range collect(f, notNull(a[0])) {
				if s.add(k.call(v)) {
					out = append(out, v)
				}
			}
			return sized2(t[0], out)
		}},
	}
	for _, r := range []row{{"Except", filter(false), nil}, {"Intersect", filter(true), nil}, {"Union", union, nil}} {
		sig := "static IEnumerable<T> " + r.sig + "<T>(" + source + other
		rows = append(rows, row{sig: sig + ")", get: r.get}, row{sig: sig + cmp + ")", get: r.get})
	}
	return append(rows, linqGroups()...)
}

func linqGroups() []row {
	var rows []row
	for _, c := range []string{"", ", IEqualityComparer<K>? c"} {
		rows = append(rows,
			row{sig: "static IEnumerable<IGrouping<K,T>> GroupBy<T,K>(" + source + ", Func<T,K> k" + c + ")", get: func(f *frame, t []*typ, a []any) any {
				return sized2(types().object, grouped(f, t[0], a[0], a[1].(*closure), nil, comparerOf(a, 2)).groups)
			}},
			row{sig: "static IEnumerable<IGrouping<K,R>> GroupBy<T,K,R>(" + source + ", Func<T,K> k, Func<T,R> e" + c + ")", get: func(f *frame, t []*typ, a []any) any {
				return sized2(types().object, grouped(f, t[2], a[0], a[1].(*closure), a[2].(*closure), comparerOf(a, 3)).groups)
			}},
			row{sig: "static IEnumerable<R> GroupBy<T,K,R>(" + source + ", Func<T,K> k, Func<K,IEnumerable<T>,R> r" + c + ")", get: func(f *frame, t []*typ, a []any) any {
				return groupResults(t[2], grouped(f, t[0], a[0], a[1].(*closure), nil, comparerOf(a, 3)), a[2].(*closure))
			}},
			row{sig: "static IEnumerable<R> GroupBy<T,K,E,R>(" + source + ", Func<T,K> k, Func<T,E> e, Func<K,IEnumerable<E>,R> r" + c + ")", get: func(f *frame, t []*typ, a []any) any {
				return groupResults(t[3], grouped(f, t[2], a[0], a[1].(*closure), a[2].(*closure), comparerOf(a, 4)), a[3].(*closure))
			}},
			row{sig: "static ILookup<K,T> ToLookup<T,K>(" + source + ", Func<T,K> k" + c + ")", get: func(f *frame, t []*typ, a []any) any {
				return grouped(f, t[0], a[0], a[1].(*closure), nil, comparerOf(a, 2))
			}},
			row{sig: "static ILookup<K,E> ToLookup<T,K,E>(" + source + ", Func<T,K> k, Func<T,E> e" + c + ")", get: func(f *frame, t []*typ, a []any) any {
				return grouped(f, t[2], a[0], a[1].(*closure), a[2].(*closure), comparerOf(a, 3))
			}},
			row{sig: "static IEnumerable<R> Join<T,U,K,R>(" + source + ", IEnumerable<U> o, Func<T,K> a, Func<U,K> b, Func<T,U,R> r" + c + ")", get: join},
			row{sig: "static IEnumerable<R> GroupJoin<T,U,K,R>(" + source + ", IEnumerable<U> o, Func<T,K> a, Func<U,K> b, Func<T,IEnumerable<U>,R> r" + c + ")", get: groupJoin})
	}
	return rows
}

// grouping is a Lookup: groups in the order of their first items.
type grouping struct {
	groups []any // of *groupOf
	at     map[any]*groupOf
	c      any // comparer of keys, nil: default
	elem   *typ
}

func (g *grouping) items(key any) []any {
	if x := g.at[keyBy(g.c, key)]; x != nil {
		return x.items
	}
	return nil
}

func grouped(f *frame, elem *typ, src any, key, element *closure, c any) *grouping {
	g := &grouping{at: map[any]*groupOf{}, c: c, elem: elem}
	for _, v := range collect(f, notNull(src)) {
		k := key.call(v)
		x := g.at[keyBy(c, k)]
		if x == nil {
			x = &groupOf{key: k, elem: elem}
			g.at[keyBy(c, k)] = x
			g.groups = append(g.groups, x)
		}
		if element != nil {
			v = element.call(v)
		}
		x.items = append(x.items, v)
	}
	return g
}

func groupResults(t *typ, g *grouping, result *closure) any {
	out := make([]any, len(g.groups))
	for i, x := range g.groups {
		out[i] = result.call(x.(*groupOf).key, x)
	}
	return sized2(t, out)
}

func join(f *frame, t []*typ, a []any) any {
	c := comparerOf(a, 5)
	inner := grouped(f, t[1], notNull(a[1]), a[3].(*closure), nil, c)
	key, result := a[2].(*closure), a[4].(*closure)
	var out []any
	for _, v := range collect(f, notNull(a[0])) {
		for _, u := range inner.items(key.call(v)) {
			out = append(out, result.call(v, u))
		}
	}
	return sized2(t[3], out)
}

func groupJoin(f *frame, t []*typ, a []any) any {
	c := comparerOf(a, 5)
	inner := grouped(f, t[1], notNull(a[1]), a[3].(*closure), nil, c)
	key, result := a[2].(*closure), a[4].(*closure)
	var out []any
	for _, v := range collect(f, notNull(a[0])) {
		out = append(out, result.call(v, sized2(t[1], inner.items(key.call(v)))))
	}
	return sized2(t[3], out)
}
