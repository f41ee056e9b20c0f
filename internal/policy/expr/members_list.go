package expr

import (
	"slices"
	"sort"
)

// mutable is a List<T>; arrays cannot grow.
func mutable(v any) *Array {
	a, ok := v.(*Array)
	if !ok || !a.list {
		throw("System.NotSupportedException", "Collection was of a fixed size.")
	}
	a.ver++
	return a
}

func listAdd(f *frame, a []any) any {
	switch x := a[0].(type) {
	case *JToken:
		x.addContent(content(f, a[1]))
		f.charge(tokenBytes)
		return nil
	case *Set:
		x.add(a[1])
		f.charge(64)
		return nil
	}
	l := mutable(a[0])
	f.charge(64)
	l.items = append(l.items, a[1])
	return nil
}

func listClear(_ *frame, a []any) any {
	switch x := a[0].(type) {
	case *Set:
		x.items, x.has = nil, map[any]bool{}
		return nil
	case *Dictionary:
		x.keys, x.values = nil, map[any]any{}
		return nil
	case *JToken:
		x.removeAll()
		return nil
	}
	mutable(a[0]).items = nil
	return nil
}

func listRemove(f *frame, a []any) any {
	if s, ok := a[0].(*Set); ok {
		k := s.keyOf(a[1])
		if !s.has[k] {
			return false
		}
		delete(s.has, k)
		s.items = slices.DeleteFunc(s.items, func(v any) bool { return s.keyOf(v) == k })
		return true
	}
	i := indexOf(f, a[0], a[1])
	if i < 0 {
		return false
	}
	if t, ok := a[0].(*JToken); ok {
		t.kids()[i].remove()
		return true
	}
	l := mutable(a[0])
	l.items = slices.Delete(l.items, i, i+1)
	return true
}

func indexOf(f *frame, list, v any) int {
	i, found := 0, -1
	if s, ok := list.(*Set); ok {
		if s.has[s.keyOf(v)] {
			return 0
		}
		return -1
	}
	each(f, list, func(x any) bool {
		f.step(1)
		if Equal(x, v) {
			found = i
			return false
		}
		i++
		return true
	})
	return found
}

func listInsert(f *frame, a []any) any {
	i := num(a, 1)
	if t, ok := a[0].(*JToken); ok {
		if i < 0 || i > int64(len(t.kids())) {
			badIndex()
		}
		t.list = slices.Insert(t.kids(), int(i), t.adopt(jsonOf(content(f, a[2]))))
		return nil
	}
	l := mutable(a[0])
	if i < 0 || i > int64(len(l.items)) {
		badIndex()
	}
	l.items = slices.Insert(l.items, int(i), a[2])
	return nil
}

func listRemoveAt(_ *frame, a []any) any {
	i := num(a, 1)
	if t, ok := a[0].(*JToken); ok {
		if i < 0 || i >= int64(len(t.kids())) {
			badIndex()
		}
		t.kids()[i].remove()
		return nil
	}
	l := mutable(a[0])
	if i < 0 || i >= int64(len(l.items)) {
		badIndex()
	}
	l.items = slices.Delete(l.items, int(i), int(i)+1)
	return nil
}

func newList(f *frame, t []*typ, a []any) any {
	l := &Array{elem: t[0], list: true}
	if len(a) == 1 {
		if n, ok := a[0].(int32); !ok {
			l.items = collect(f, notNull(a[0]))
		} else if l.room = int64(n); n < 0 {
			throw("System.ArgumentOutOfRangeException", "'capacity' must be a non-negative value. (Parameter 'capacity')")
		}
	}
	return l
}

func listRows() []row {
	return append(listSearch(), []row{
		{sig: "new()", get: newList}, {sig: "new(int n)", get: newList}, {sig: "new(IEnumerable<T> v)", get: newList},
		{sig: "void AddRange(IEnumerable<T> v)", get: func(f *frame, a []any) any {
			add := collect(f, a[1])
			l := mutable(a[0])
			l.items = append(l.items, add...)
			return nil
		}},
		{sig: "int RemoveAll(Predicate<T> p)", get: func(f *frame, a []any) any {
			l, p := mutable(a[0]), a[1].(*closure)
			n := len(l.items)
			l.items = slices.DeleteFunc(l.items, func(v any) bool { return p.call(v) == true })
			return int32(n - len(l.items))
		}},
		{sig: "void Sort()", get: func(f *frame, a []any) any {
			l := mutable(a[0])
			sortStable(f, l.items, compareValues)
			return nil
		}},
		{sig: "void Sort(Comparison<T> c)", get: func(f *frame, a []any) any {
			l, c := mutable(a[0]), a[1].(*closure)
			sortStable(f, l.items, func(x, y any) int { return int(unboxInt(c.call(x, y))) })
			return nil
		}},
		{sig: "void Reverse()", get: func(f *frame, a []any) any { slices.Reverse(mutable(a[0]).items); return nil }},
		{sig: "void RemoveRange(int i, int n)", get: func(_ *frame, a []any) any {
			l, i, n := mutable(a[0]), num(a, 1), num(a, 2)
			if i < 0 || n < 0 || i+n > int64(len(l.items)) {
				badIndex()
			}
			l.items = slices.Delete(l.items, int(i), int(i+n))
			return nil
		}},
		{sig: "List<T> GetRange(int i, int n)", get: func(_ *frame, a []any) any {
			l, i, n := a[0].(*Array), num(a, 1), num(a, 2)
			if i < 0 || n < 0 || i+n > int64(len(l.items)) {
				badIndex()
			}
			return &Array{elem: l.elem, list: true, items: slices.Clone(l.items[i : i+n])}
		}},
		{sig: "T Find(Predicate<T> p)", get: func(f *frame, t []*typ, a []any) any {
			v, _ := firstWhere(f, a[0], a[1])
			return orZero(v, t[0])
		}},
		{sig: "List<T> FindAll(Predicate<T> p)", get: func(f *frame, t []*typ, a []any) any {
			out := &Array{elem: t[0], list: true}
			p := a[1].(*closure)
			each(f, a[0], func(v any) bool {
				if p.call(v) == true {
					out.items = append(out.items, v)
				}
				return true
			})
			return out
		}},
		{sig: "bool Exists(Predicate<T> p)", get: func(f *frame, a []any) any { _, ok := firstWhere(f, a[0], a[1]); return ok }},
		{sig: "void ForEach(Action<T> p)", get: func(f *frame, a []any) any {
			p := a[1].(*closure)
			each(f, a[0], func(v any) bool { p.call(v); return true })
			return nil
		}},
	}...)
}

func firstWhere(f *frame, list, pred any) (found any, ok bool) {
	p := pred.(*closure)
	each(f, list, func(v any) bool {
		if p.call(v) == true {
			found, ok = v, true
			return false
		}
		return true
	})
	return found, ok
}

// sortStable counts its comparisons as steps.
func sortStable(f *frame, items []any, compare func(a, b any) int) {
	sort.SliceStable(items, func(i, j int) bool { f.step(1); return compare(items[i], items[j]) < 0 })
}

func queueRows(in, out string, stack bool) []row {
	at := func(l *Array) int {
		if len(l.items) == 0 {
			throw("System.InvalidOperationException", "The collection is empty.")
		}
		if stack {
			return len(l.items) - 1
		}
		return 0
	}
	create := func(f *frame, t []*typ, a []any) any {
		l := newList(f, t, a).(*Array)
		l.lifo = stack
		return l
	}
	take := func(l *Array) any {
		i := at(l)
		v := l.items[i]
		l.items = slices.Delete(l.items, i, i+1)
		return v
	}
	try := func(remove bool) tableFunc {
		return func(_ *frame, a []any) any {
			l, out := mutable(a[0]), a[1].(*outRef)
			if len(l.items) == 0 {
				out.set(zeroValue(out.t))
				return false
			}
			if remove {
				out.set(take(l))
			} else {
				out.set(l.items[at(l)])
			}
			return true
		}
	}
	return []row{
		{sig: "new()", get: create}, {sig: "new(int n)", get: create}, {sig: "new(IEnumerable<T> v)", get: create},
		{sig: "void " + in + "(T v)", get: listAdd},
		{sig: "T " + out + "()", get: func(_ *frame, a []any) any { return take(mutable(a[0])) }},
		{sig: "bool Try" + out + "(out T v)", get: try(true)}, {sig: "bool TryPeek(out T v)", get: try(false)},
		{sig: "T Peek()", get: func(_ *frame, a []any) any { l := a[0].(*Array); return l.items[at(l)] }},
		{sig: "void Clear()", get: listClear},
		{sig: "bool Contains(T v)", get: func(f *frame, a []any) any { return indexOf(f, a[0], a[1]) >= 0 }},
		{sig: "T[] ToArray()", get: func(f *frame, t []*typ, a []any) any { return sized(t[0], collect(f, a[0])) }},
		{sig: "void CopyTo(T[] to, int i)", get: func(f *frame, a []any) any { return copyItems(f, a[0], a[1], num(a, 2)) }},
	}
}
