package expr

import "slices"

func setRows() []row {
	create := func(f *frame, t []*typ, a []any) any {
		var c any
		for i := range a {
			if x := comparerOf(a, i); x != nil {
				c = x
			}
		}
		s := newSetBy(t[0], c)
		for _, v := range a {
			switch v.(type) {
			case comparer, int32, nil:
			default:
				each(f, v, func(x any) bool { f.step(1); s.add(x); return true })
			}
		}
		return s
	}
	return []row{
		{sig: "new()", get: create}, {sig: "new(int n)", get: create}, {sig: "new(IEnumerable<T> v)", get: create}, {sig: "new(IEqualityComparer<T>? c)", get: create},
		{sig: "new(IEnumerable<T> v, IEqualityComparer<T>? c)", get: create},
		{sig: "int RemoveWhere(Predicate<T> p)", get: func(f *frame, a []any) any {
			s, p := a[0].(*Set), a[1].(*closure)
			before := len(s.items)
			s.keep(f, func(v any) bool { return p.call(v) != true })
			return int32(before - len(s.items))
		}},
		{sig: "bool TryGetValue(T v, out T found)", get: func(_ *frame, a []any) any {
			s, out := a[0].(*Set), a[2].(*outRef)
			i := slices.IndexFunc(s.items, func(x any) bool { return s.keyOf(x) == s.keyOf(a[1]) })
			if i < 0 {
				out.set(zeroValue(out.t))
				return false
			}
			out.set(s.items[i])
			return true
		}},
	}
}

// keep leaves only the items that pass.
func (s *Set) keep(f *frame, test func(any) bool) {
	f.step(len(s.items))
	old := s.items
	s.items, s.has = nil, map[any]bool{}
	for _, v := range old {
		if test(v) {
			s.add(v)
		}
	}
}

// setOperations are the members of ISet<T>.
func setOperations() []row {
	type operation func(f *frame, s, o *Set) any
	with := func(run operation) tableFunc {
		return func(f *frame, a []any) any {
			s, ok := a[0].(*Set)
			if !ok {
				throwNull("")
			}
			o := newSet(s.elem)
			o.fold = s.fold
			for _, v := range collect(f, notNull(a[1])) {
				o.add(v)
			}
			f.charge(64 * len(o.items))
			return run(f, s, o)
		}
	}
	inside := func(s, o *Set) bool {
		return !slices.ContainsFunc(s.items, func(v any) bool { return !o.has[o.keyOf(v)] })
	}
	return []row{
		{sig: "bool Add(T v)", get: func(f *frame, a []any) any { f.charge(64); return a[0].(*Set).add(a[1]) }},
		{sig: "bool IsSubsetOf(IEnumerable<T> v)", get: with(func(_ *frame, s, o *Set) any { return inside(s, o) })},
		{sig: "bool IsSupersetOf(IEnumerable<T> v)", get: with(func(_ *frame, s, o *Set) any { return inside(o, s) })},
		{sig: "bool IsProperSubsetOf(IEnumerable<T> v)", get: with(func(_ *frame, s, o *Set) any { return inside(s, o) && len(s.items) < len(o.items) })},
		{sig: "bool IsProperSupersetOf(IEnumerable<T> v)", get: with(func(_ *frame, s, o *Set) any { return inside(o, s) && len(o.items) < len(s.items) })},
		{sig: "bool SetEquals(IEnumerable<T> v)", get: with(func(_ *frame, s, o *Set) any { return inside(s, o) && len(s.items) == len(o.items) })},
		{sig: "bool Overlaps(IEnumerable<T> v)", get: with(func(_ *frame, s, o *Set) any {
			return slices.ContainsFunc(s.items, func(v any) bool { return o.has[o.keyOf(v)] })
		})},
		{sig: "void UnionWith(IEnumerable<T> v)", get: with(func(_ *frame, s, o *Set) any {
			for _, v := range o.items {
				s.add(v)
			}
			return nil
		})},
		{sig: "void ExceptWith(IEnumerable<T> v)", get: with(func(f *frame, s, o *Set) any {
			s.keep(f, func(v any) bool { return !o.has[o.keyOf(v)] })
			return nil
		})},
		{sig: "void IntersectWith(IEnumerable<T> v)", get: with(func(f *frame, s, o *Set) any {
			s.keep(f, func(v any) bool { return o.has[o.keyOf(v)] })
			return nil
		})},
		{sig: "void SymmetricExceptWith(IEnumerable<T> v)", get: with(func(f *frame, s, o *Set) any {
			mine := newSet(s.elem)
			mine.fold = s.fold
			for _, v := range s.items {
				mine.add(v)
			}
			s.keep(f, func(v any) bool { return !o.has[o.keyOf(v)] })
			for _, v := range o.items {
				if !mine.has[mine.keyOf(v)] {
					s.add(v)
				}
			}
			return nil
		})},
	}
}
