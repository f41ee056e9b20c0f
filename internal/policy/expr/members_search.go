package expr

import (
	"slices"
	"sort"
)

// findAt is FindIndex and its like: the place of the first or last item that
// passes the test, -1 when none does.
func findAt(f *frame, list, test any, last bool) (int, any) {
	items, p := collect(f, notNull(list)), test.(*closure)
	for i := range items {
		if last {
			i = len(items) - 1 - i
		}
		if p.call(items[i]) == true {
			return i, items[i]
		}
	}
	return -1, nil
}

func placeOf(f *frame, a []any, last bool) any {
	items := collect(f, notNull(a[0]))
	start, n := int64(0), int64(len(items))
	if len(a) > 2 {
		if start = num(a, 2); start < 0 || start > n {
			badIndex()
		}
		n -= start
	}
	if len(a) > 3 {
		if num(a, 3) < 0 || num(a, 3) > n {
			badIndex()
		}
		n = num(a, 3)
	}
	part := items[start : start+n]
	for i := range part {
		if last {
			i = len(part) - 1 - i
		}
		if Equal(part[i], a[1]) {
			return int32(start) + int32(i)
		}
	}
	return int32(-1)
}

func binarySearch(f *frame, a []any) any {
	items := collect(f, notNull(a[0]))
	c := comparerOf(a, 2)
	i := sort.Search(len(items), func(i int) bool { return compareWith(c, items[i], a[1]) >= 0 })
	if i < len(items) && compareWith(c, items[i], a[1]) == 0 {
		return int32(i)
	}
	return int32(^i)
}

// sortItems sorts by a Comparison, a StringComparer or the default order.
func sortItems(f *frame, items []any, by any) {
	if c, ok := by.(*closure); ok {
		sortStable(f, items, func(x, y any) int { return int(unboxInt(c.call(x, y))) })
		return
	}
	sortStable(f, items, func(x, y any) int { return compareWith(by, x, y) })
}

func sortArray(f *frame, _ []*typ, a []any) any {
	if b, ok := a[0].([]byte); ok && len(a) == 1 {
		slices.Sort(b)
		return nil
	}
	var by any
	if len(a) > 1 {
		by = a[1]
	}
	sortItems(f, arg[*Array](a, 0).items, by)
	return nil
}

// arraySearch are the static members of Array that search and convert.
func arraySearch() []row {
	index := func(last bool) genericFunc {
		return func(f *frame, _ []*typ, a []any) any { i, _ := findAt(f, a[0], a[1], last); return int32(i) }
	}
	place := func(last bool) genericFunc {
		return func(f *frame, _ []*typ, a []any) any { return placeOf(f, a, last) }
	}
	return []row{
		{sig: "static int IndexOf<T>(T[] a, T v)", get: place(false)}, {sig: "static int IndexOf<T>(T[] a, T v, int i)", get: place(false)},
		{sig: "static int IndexOf<T>(T[] a, T v, int i, int n)", get: place(false)}, {sig: "static int LastIndexOf<T>(T[] a, T v)", get: place(true)},
		{sig: "static int FindIndex<T>(T[] a, Predicate<T> p)", get: index(false)}, {sig: "static int FindLastIndex<T>(T[] a, Predicate<T> p)", get: index(true)},
		{sig: "static T FindLast<T>(T[] a, Predicate<T> p)", get: func(f *frame, t []*typ, a []any) any {
			_, v := findAt(f, a[0], a[1], true)
			return orZero(v, t[0])
		}},
		{sig: "static T[] FindAll<T>(T[] a, Predicate<T> p)", get: func(f *frame, t []*typ, a []any) any {
			p := a[1].(*closure)
			return sized(t[0], slices.DeleteFunc(collect(f, notNull(a[0])), func(v any) bool { return p.call(v) != true }))
		}},
		{sig: "static bool TrueForAll<T>(T[] a, Predicate<T> p)", get: func(f *frame, _ []*typ, a []any) any { return allPass(f, a) }},
		{sig: "static R[] ConvertAll<T,R>(T[] a, Func<T,R> p)", get: func(f *frame, t []*typ, a []any) any { return sized(t[1], selected(f, a)) }},
		{sig: "static void ForEach<T>(T[] a, Action<T> p)", get: func(f *frame, _ []*typ, a []any) any {
			p := a[1].(*closure)
			each(f, notNull(a[0]), func(v any) bool { p.call(v); return true })
			return nil
		}},
		{sig: "static int BinarySearch<T>(T[] a, T v)", get: func(f *frame, _ []*typ, a []any) any { return binarySearch(f, a) }},
		{sig: "static void Sort<T>(T[] a)", get: sortArray}, {sig: "static void Sort<T>(T[] a, IComparer<T>? c)", get: sortArray},
		{sig: "static void Sort<T>(T[] a, Comparison<T> c)", get: sortArray},
		{sig: "static void Clear<T>(T[] a, int i, int n)", get: clearArray}, {sig: "static void Clear<T>(T[] a)", get: clearArray},
		{sig: "static void Fill<T>(T[] a, T v)", get: func(f *frame, _ []*typ, a []any) any {
			f.step(count(notNull(a[0])))
			for i := range count(a[0]) {
				arraySet(f, []any{a[0], int64(i), a[1]})
			}
			return nil
		}},
	}
}

func allPass(f *frame, a []any) any {
	p := a[1].(*closure)
	all := true
	each(f, notNull(a[0]), func(v any) bool { all = p.call(v) == true; return all })
	return all
}

func clearArray(f *frame, t []*typ, a []any) any {
	i, n := int64(0), int64(count(notNull(a[0])))
	if len(a) == 3 {
		if i = num(a, 1); i < 0 || num(a, 2) < 0 || i+num(a, 2) > n {
			throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
		}
		n = i + num(a, 2)
	}
	f.step(int(n - i))
	for ; i < n; i++ {
		arraySet(f, []any{a[0], i, zeroValue(t[0])})
	}
	return nil
}

// arrayInstance are the members of an array that do not know its item type.
func arrayInstance() []row {
	return []row{
		{sig: "int Rank", get: func(v any) int64 { return int64(len(dimensions(v))) }},
		{sig: "int GetLength(int d)", get: func(_ *frame, a []any) any { return int32(dimension(a)) }},
		{sig: "int GetLowerBound(int d)", get: func(_ *frame, a []any) any { dimension(a); return int32(0) }},
		{sig: "int GetUpperBound(int d)", get: func(_ *frame, a []any) any { return int32(dimension(a) - 1) }},
		{sig: "object GetValue(int i)", get: arrayGet},
		{sig: "void SetValue(object? v, int i)", get: func(f *frame, a []any) any { return arraySet(f, []any{a[0], a[2], a[1]}) }},
	}
}

// listSearch are the members of List<T> that search and convert.
func listSearch() []row {
	index := func(last bool) tableFunc {
		return func(f *frame, a []any) any { i, _ := findAt(f, a[0], a[1], last); return int32(i) }
	}
	place := func(last bool) tableFunc { return func(f *frame, a []any) any { return placeOf(f, a, last) } }
	return []row{
		{sig: "int Capacity", get: func(v any) int64 { return max(int64(cap(v.(*Array).items)), v.(*Array).room) }, set: func(*frame, []any) any { return nil }},
		{sig: "int IndexOf(T v, int i)", get: place(false)}, {sig: "int IndexOf(T v, int i, int n)", get: place(false)}, {sig: "int LastIndexOf(T v)", get: place(true)},
		{sig: "int FindIndex(Predicate<T> p)", get: index(false)}, {sig: "int FindLastIndex(Predicate<T> p)", get: index(true)},
		{sig: "T FindLast(Predicate<T> p)", get: func(f *frame, t []*typ, a []any) any {
			_, v := findAt(f, a[0], a[1], true)
			return orZero(v, t[0])
		}},
		{sig: "bool TrueForAll(Predicate<T> p)", get: allPass},
		{sig: "List<R> ConvertAll<R>(Func<T,R> p)", get: func(f *frame, t []*typ, a []any) any {
			return &Array{elem: t[0], list: true, items: selected(f, a)}
		}},
		{sig: "int BinarySearch(T v)", get: binarySearch}, {sig: "int BinarySearch(T v, IComparer<T>? c)", get: binarySearch},
		{sig: "void Sort(IComparer<T>? c)", get: func(f *frame, a []any) any { sortItems(f, mutable(a[0]).items, a[1]); return nil }},
		{sig: "IReadOnlyList<T> AsReadOnly()", get: func(_ *frame, a []any) any { return a[0] }},
		{sig: "void TrimExcess()", get: func(*frame, []any) any { return nil }},
		{sig: "void InsertRange(int i, IEnumerable<T> v)", get: func(f *frame, a []any) any {
			add := collect(f, notNull(a[2]))
			l, i := mutable(a[0]), num(a, 1)
			if i < 0 || i > int64(len(l.items)) {
				badIndex()
			}
			l.items = slices.Insert(l.items, int(i), add...)
			return nil
		}},
		{sig: "void CopyTo(T[] to)", get: func(f *frame, a []any) any { return copyItems(f, a[0], a[1], 0) }},
		{sig: "void Reverse(int i, int n)", get: func(_ *frame, a []any) any {
			l, i, n := mutable(a[0]), num(a, 1), num(a, 2)
			if i < 0 || n < 0 || i+n > int64(len(l.items)) {
				badIndex()
			}
			slices.Reverse(l.items[i : i+n])
			return nil
		}},
	}
}

// copyItems is CopyTo of any collection.
func copyItems(f *frame, from, to any, at int64) any {
	items := collect(f, from)
	if _, ok := to.([]byte); ok {
		return copyArray(f, sized(types().uint8, items), 0, to, at, int64(len(items)))
	}
	return copyArray(f, sized2(nil, items), 0, to, at, int64(len(items)))
}
