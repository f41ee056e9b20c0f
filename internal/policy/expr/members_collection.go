package expr

import (
	"slices"
	"sort"
)

func collectionTypes() []typeRow {
	return []typeRow{
		{decl: "interface System.Collections.IEnumerable"},
		{decl: "interface System.Collections.Generic.IEnumerable<T> : IEnumerable", rows: []row{
			{sig: "IEnumerator<T> GetEnumerator()", get: func(f *frame, a []any) any { return &enumerator{collect(f, notNull(a[0])), -1} }},
		}},
		{decl: "interface System.Collections.Generic.ICollection<T> : IEnumerable<T>", rows: []row{
			{sig: "int Count", get: func(v any) int64 { return int64(count(v)) }},
			{sig: "void Add(T v)", get: listAdd}, {sig: "void Clear()", get: listClear},
			{sig: "bool Contains(T v)", get: func(f *frame, a []any) any { return indexOf(f, a[0], a[1]) >= 0 }},
			{sig: "bool Remove(T v)", get: listRemove},
		}},
		{decl: "interface System.Collections.Generic.IReadOnlyCollection<T> : IEnumerable<T>", rows: []row{{sig: "int Count", get: func(v any) int64 { return int64(count(v)) }}}},
		{decl: "interface System.Collections.Generic.IReadOnlyList<T> : IReadOnlyCollection<T>", rows: []row{{sig: "T this[int i]", get: arrayGet}}},
		{decl: "interface System.Collections.Generic.IList<T> : ICollection<T>", is: func(v any) bool { a, ok := v.(*Array); return ok && a != nil }, rows: []row{
			{sig: "T this[int i]", get: arrayGet, set: arraySet},
			{sig: "int IndexOf(T v)", get: func(f *frame, a []any) any { return int32(indexOf(f, a[0], a[1])) }},
			{sig: "void Insert(int i, T v)", get: listInsert}, {sig: "void RemoveAt(int i)", get: listRemoveAt},
		}},
		{decl: "interface System.Collections.Generic.ISet<T> : ICollection<T>"},
		{decl: "class System.Collections.Generic.List<T> : IList<T>, IReadOnlyList<T>", rows: listRows()},
		{decl: "class System.Collections.Generic.Queue<T> : IReadOnlyCollection<T>", rows: queueRows("Enqueue", "Dequeue", false)},
		{decl: "class System.Collections.Generic.Stack<T> : IReadOnlyCollection<T>", rows: queueRows("Push", "Pop", true)},
		{decl: "class System.Collections.Generic.HashSet<T> : ISet<T>, IReadOnlyCollection<T>", is: instance[*Set], rows: setRows()},
		{decl: "struct System.Collections.Generic.KeyValuePair<K,V>", is: instance[*Pair], rows: []row{
			{sig: "new(K key, V value)", get: func(_ *frame, a []any) any { return &Pair{a[0], a[1]} }},
			{sig: "K Key", get: func(_ *frame, a []any) any { return a[0].(*Pair).key }},
			{sig: "V Value", get: func(_ *frame, a []any) any { return a[0].(*Pair).value }},
		}},
		{decl: "interface System.Collections.Generic.IReadOnlyDictionary<K,V> : IReadOnlyCollection<KeyValuePair<K,V>>", rows: dictionaryReads()},
		{decl: "interface System.Collections.Generic.IDictionary<K,V> : ICollection<KeyValuePair<K,V>>", is: instance[*Dictionary], rows: append(dictionaryReads(), dictionaryWrites()...)},
		{decl: "class System.Collections.Generic.Dictionary<K,V> : IDictionary<K,V>, IReadOnlyDictionary<K,V>", is: instance[*Dictionary], rows: dictionaryNew()},
		{decl: "class System.Collections.Generic.SortedDictionary<K,V> : IDictionary<K,V>", is: instance[*Dictionary], rows: dictionaryNew()},
	}
}

func badIndex() {
	throw("System.ArgumentOutOfRangeException", "Index was out of range. Must be non-negative and less than the size of the collection.")
}

func arrayGet(_ *frame, a []any) any {
	i := num(a, 1)
	switch x := a[0].(type) {
	case []byte:
		if i < 0 || i >= int64(len(x)) {
			throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
		}
		return x[i]
	case *Array:
		if i < 0 || i >= int64(len(x.items)) {
			if x.list {
				badIndex()
			}
			throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
		}
		return x.items[i]
	case *JToken:
		if i < 0 || i >= int64(len(x.items)) {
			badIndex()
		}
		return x.items[i]
	}
	throwNull("")
	return nil
}

func arraySet(_ *frame, a []any) any {
	i := num(a, 1)
	switch x := a[0].(type) {
	case []byte:
		if i < 0 || i >= int64(len(x)) {
			throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
		}
		x[i] = byte(unboxInt(a[2]))
	case *Array:
		if i < 0 || i >= int64(len(x.items)) {
			if x.list {
				badIndex()
			}
			throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
		}
		x.items[i] = a[2]
	default:
		throwNull("")
	}
	return nil
}

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
		x.addContent(a[1])
		f.charge(64)
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

func (t *JToken) removeAll() {
	for _, c := range t.items {
		c.parent = nil
	}
	t.items, t.index = nil, nil
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
		t.items[i].remove()
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

func listInsert(_ *frame, a []any) any {
	i := num(a, 1)
	if t, ok := a[0].(*JToken); ok {
		if i < 0 || i > int64(len(t.items)) {
			badIndex()
		}
		t.items = slices.Insert(t.items, int(i), t.adopt(jsonOf(a[2])))
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
		if i < 0 || i >= int64(len(t.items)) {
			badIndex()
		}
		t.items[i].remove()
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
		if _, ok := a[0].(int32); !ok {
			l.items = collect(f, a[0])
		}
	}
	return l
}

func listRows() []row {
	return append(arrayRows(), []row{
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

// arrayRows are members that arrays and lists share.
func arrayRows() []row {
	return []row{
		{sig: "int Length", get: func(v any) int64 { return int64(count(v)) }},
		{sig: "long LongLength", get: func(v any) int64 { return int64(count(v)) }},
	}
}

func arrayStatics() []row {
	return []row{
		{sig: "static int IndexOf<T>(T[] a, T v)", get: func(f *frame, _ []*typ, a []any) any { return int32(indexOf(f, a[0], a[1])) }},
		{sig: "static void Reverse<T>(T[] a)", get: func(f *frame, _ []*typ, a []any) any {
			if b, ok := a[0].([]byte); ok {
				slices.Reverse(b)
			} else {
				slices.Reverse(arg[*Array](a, 0).items)
			}
			return nil
		}},
		{sig: "static void Sort<T>(T[] a)", get: func(f *frame, _ []*typ, a []any) any {
			if b, ok := a[0].([]byte); ok {
				slices.Sort(b)
			} else {
				sortStable(f, arg[*Array](a, 0).items, compareValues)
			}
			return nil
		}},
		{sig: "static void Copy<T>(T[] from, T[] to, int n)", get: func(f *frame, _ []*typ, a []any) any { return copyArray(f, a[0], 0, a[1], 0, num(a, 2)) }},
		{sig: "static void Copy<T>(T[] from, int i, T[] to, int j, int n)", get: func(f *frame, _ []*typ, a []any) any {
			return copyArray(f, a[0], num(a, 1), a[2], num(a, 3), num(a, 4))
		}},
		{sig: "static bool Exists<T>(T[] a, Predicate<T> p)", get: func(f *frame, _ []*typ, a []any) any { _, ok := firstWhere(f, a[0], a[1]); return ok }},
		{sig: "static T Find<T>(T[] a, Predicate<T> p)", get: func(f *frame, t []*typ, a []any) any {
			v, _ := firstWhere(f, a[0], a[1])
			return orZero(v, t[0])
		}},
		{sig: "static T[] Empty<T>()", get: func(_ *frame, t []*typ, _ []any) any { return sized(t[0], nil) }},
		{sig: "void CopyTo(Array to, int i)", get: func(f *frame, a []any) any { return copyArray(f, a[0], 0, a[1], num(a, 2), int64(count(a[0]))) }},
		{sig: "object Clone()", get: func(f *frame, a []any) any {
			if b, ok := a[0].([]byte); ok {
				return slices.Clone(b)
			}
			x := a[0].(*Array)
			return &Array{elem: x.elem, items: slices.Clone(x.items)}
		}},
	}
}

func copyArray(f *frame, from any, i int64, to any, j, n int64) any {
	if from == nil || to == nil {
		throw("System.ArgumentNullException", "Value cannot be null.")
	}
	if i < 0 || j < 0 || n < 0 || i+n > int64(count(from)) || j+n > int64(count(to)) {
		throw("System.ArgumentException", "Source array was not long enough. Check the source index, length, and the array's lower bounds.")
	}
	f.step(int(n)/8 + 1)
	if b, ok := from.([]byte); ok {
		if c, ok := to.([]byte); ok {
			copy(c[j:j+n], b[i:i+n])
			return nil
		}
	}
	x, ok := from.(*Array)
	y, ok2 := to.(*Array)
	if !ok || !ok2 {
		throw("System.ArrayTypeMismatchException", "Source array type cannot be assigned to destination array type.")
	}
	copy(y.items[j:j+n], x.items[i:i+n])
	return nil
}

// sized makes an array of T from boxed items.
func sized(elem *typ, items []any) any {
	if !elem.is(kUint8) {
		return &Array{elem: elem, items: items}
	}
	b := make([]byte, len(items))
	for i, v := range items {
		b[i] = byte(unboxInt(v))
	}
	return b
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
	return []row{
		{sig: "new()", get: newList}, {sig: "new(IEnumerable<T> v)", get: newList},
		{sig: "void " + in + "(T v)", get: listAdd},
		{sig: "T " + out + "()", get: func(_ *frame, a []any) any {
			l := mutable(a[0])
			i := at(l)
			v := l.items[i]
			l.items = slices.Delete(l.items, i, i+1)
			return v
		}},
		{sig: "T Peek()", get: func(_ *frame, a []any) any { l := a[0].(*Array); return l.items[at(l)] }},
		{sig: "void Clear()", get: listClear},
		{sig: "bool Contains(T v)", get: func(f *frame, a []any) any { return indexOf(f, a[0], a[1]) >= 0 }},
	}
}

func setRows() []row {
	create := func(f *frame, t []*typ, a []any) any {
		s := newSet(t[0])
		for _, v := range a {
			if c, ok := v.(comparer); ok {
				s.fold = ignoresCase(int64(c))
			}
		}
		for _, v := range a {
			if _, ok := v.(comparer); !ok && v != nil {
				each(f, v, func(x any) bool { f.step(1); s.add(x); return true })
			}
		}
		return s
	}
	all := func(inOther bool) tableFunc {
		return func(f *frame, a []any) any {
			s, o := a[0].(*Set), newSet(nil)
			for _, v := range collect(f, a[1]) {
				o.add(v)
			}
			for _, v := range s.items {
				if o.has[keyOf(v)] != inOther {
					return false
				}
			}
			return true
		}
	}
	return []row{
		{sig: "new()", get: create}, {sig: "new(IEnumerable<T> v)", get: create}, {sig: "new(IEqualityComparer<T> c)", get: create},
		{sig: "new(IEnumerable<T> v, IEqualityComparer<T> c)", get: create},
		{sig: "bool Add(T v)", get: func(f *frame, a []any) any { f.charge(64); return a[0].(*Set).add(a[1]) }},
		{sig: "bool IsSubsetOf(IEnumerable<T> v)", get: all(true)},
		{sig: "bool Overlaps(IEnumerable<T> v)", get: func(f *frame, a []any) any { return all(false)(f, a) == false }},
		{sig: "void UnionWith(IEnumerable<T> v)", get: func(f *frame, a []any) any {
			for _, v := range collect(f, a[1]) {
				a[0].(*Set).add(v)
			}
			return nil
		}},
		{sig: "bool SetEquals(IEnumerable<T> v)", get: func(f *frame, a []any) any {
			o := newSet(nil)
			for _, v := range collect(f, a[1]) {
				o.add(v)
			}
			return len(o.items) == len(a[0].(*Set).items) && all(true)(f, a) == true
		}},
	}
}

func dictionaryReads() []row {
	return []row{
		{sig: "V this[K key]", get: func(f *frame, a []any) any {
			v, ok := lookup(a[0], a[1])
			if !ok {
				keyNotFound(ToString(a[1]))
			}
			return v
		}},
		{sig: "bool ContainsKey(K key)", get: func(_ *frame, a []any) any { _, ok := lookup(a[0], a[1]); return ok }},
		{sig: "bool TryGetValue(K key, out V value)", get: func(_ *frame, t []*typ, a []any) any {
			v, ok := lookup(a[0], a[1])
			o := a[2].(*outRef)
			o.set(orZero(v, o.t))
			return ok
		}},
		{sig: "V GetValueOrDefault(K key)", get: func(_ *frame, t []*typ, a []any) any {
			v, ok := lookup(a[0], a[1])
			if !ok {
				return zeroValue(t[1])
			}
			return v
		}},
		{sig: "V GetValueOrDefault(K key, V d)", get: func(_ *frame, a []any) any {
			if v, ok := lookup(a[0], a[1]); ok {
				return v
			}
			return a[2]
		}},
		{sig: "ICollection<K> Keys", get: func(f *frame, t []*typ, a []any) any {
			out := &Array{elem: t[0]}
			each(f, a[0], func(p any) bool { out.items = append(out.items, p.(*Pair).key); return true })
			return out
		}},
		{sig: "ICollection<V> Values", get: func(f *frame, t []*typ, a []any) any {
			out := &Array{elem: t[1]}
			each(f, a[0], func(p any) bool { out.items = append(out.items, p.(*Pair).value); return true })
			return out
		}},
		{sig: "int Count", get: func(v any) int64 { return int64(count(v)) }},
	}
}

// lookup reads any kind of dictionary.
func lookup(d, key any) (any, bool) {
	switch x := d.(type) {
	case *Dictionary:
		return x.get(key)
	case Header:
		if v := x.Values(ToString(key)); v != nil {
			return stringArray(v), true
		}
	case *queryMap:
		if v := x.get(ToString(key)); v != nil {
			return stringArray(v), true
		}
	case *Variables:
		v, ok := x.Get(ToString(key))
		return fromGo(v), ok
	case *[]Parameter:
		for _, p := range *x {
			if p.Name == ToString(key) {
				return p.Value, true
			}
		}
	case *claims:
		return x.get(ToString(key))
	case *JToken:
		v := x.Get(ToString(key))
		return pointer(v), v != nil
	default:
		throwNull("")
	}
	return nil, false
}

func dictionaryWrites() []row {
	return []row{
		{sig: "V this[K key]", get: func(f *frame, a []any) any {
			v, ok := lookup(a[0], a[1])
			if !ok {
				keyNotFound(ToString(a[1]))
			}
			return v
		}, set: func(f *frame, a []any) any { f.charge(96); arg[*Dictionary](a, 0).set(a[1], a[2]); return nil }},
		{sig: "void Add(K key, V value)", get: func(f *frame, a []any) any {
			d := arg[*Dictionary](a, 0)
			if _, ok := d.get(a[1]); ok {
				throw("System.ArgumentException", "An item with the same key has already been added. Key: %s", ToString(a[1]))
			}
			f.charge(96)
			d.set(a[1], a[2])
			return nil
		}},
		{sig: "bool TryAdd(K key, V value)", get: func(f *frame, a []any) any {
			d := arg[*Dictionary](a, 0)
			if _, ok := d.get(a[1]); ok {
				return false
			}
			f.charge(96)
			d.set(a[1], a[2])
			return true
		}},
		{sig: "bool Remove(K key)", get: func(_ *frame, a []any) any { return arg[*Dictionary](a, 0).remove(a[1]) }},
		{sig: "void Clear()", get: listClear},
	}
}

func dictionaryNew() []row {
	create := func(f *frame, t []*typ, a []any) any {
		d := newDictionary(t[0], t[1])
		for _, v := range a {
			switch x := v.(type) {
			case comparer:
				d.fold = ignoresCase(int64(x))
			case nil:
			default:
				each(f, x, func(p any) bool { f.step(1); d.set(p.(*Pair).key, p.(*Pair).value); return true })
			}
		}
		return d
	}
	rows := append(dictionaryReads()[1:], dictionaryWrites()...)
	return append(rows, []row{
		{sig: "new()", get: create}, {sig: "new(IEqualityComparer<K> c)", get: create},
		{sig: "new(IDictionary<K,V> d)", get: create}, {sig: "new(IDictionary<K,V> d, IEqualityComparer<K> c)", get: create},
		{sig: "bool ContainsValue(V v)", get: func(f *frame, a []any) any {
			found := false
			each(f, a[0], func(p any) bool { found = Equal(p.(*Pair).value, a[1]); return !found })
			return found
		}},
	}...)
}
