package expr

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
			{sig: "void CopyTo(T[] to, int i)", get: func(f *frame, a []any) any { return copyItems(f, a[0], a[1], num(a, 2)) }},
			{sig: "bool IsReadOnly", get: func(v any) bool { a, ok := v.(*Array); return ok && !a.list }},
		}},
		{decl: "interface System.Collections.Generic.IReadOnlyCollection<T> : IEnumerable<T>", rows: []row{{sig: "int Count", get: func(v any) int64 { return int64(count(v)) }}}},
		{decl: "interface System.Collections.Generic.IReadOnlyList<T> : IReadOnlyCollection<T>", rows: []row{{sig: "T this[int i]", get: arrayGet}}},
		{decl: "interface System.Collections.Generic.IList<T> : ICollection<T>", is: func(v any) bool { a, ok := v.(*Array); return ok && a != nil }, rows: []row{
			{sig: "T this[int i]", get: arrayGet, set: arraySet},
			{sig: "int IndexOf(T v)", get: func(f *frame, a []any) any { return int32(indexOf(f, a[0], a[1])) }},
			{sig: "void Insert(int i, T v)", get: listInsert}, {sig: "void RemoveAt(int i)", get: listRemoveAt},
		}},
		{decl: "interface System.Collections.Generic.ISet<T> : ICollection<T>", rows: setOperations()},
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
		{decl: "interface System.Collections.Generic.IDictionary<K,V> : ICollection<KeyValuePair<K,V>>", is: instance[*Dictionary], rows: append(dictionaryReads()[1:], dictionaryWrites()...)},
		{decl: "class System.Collections.Generic.Dictionary<K,V> : IDictionary<K,V>, IReadOnlyDictionary<K,V>", is: instance[*Dictionary], rows: dictionaryNew(false)},
		{decl: "class System.Collections.Generic.SortedDictionary<K,V> : IDictionary<K,V>", is: instance[*Dictionary], rows: dictionaryNew(true)},
		{decl: "class System.Collections.Generic.SortedList<K,V> : IDictionary<K,V>", is: instance[*Dictionary], rows: dictionaryNew(true)},
	}
}

func badIndex() {
	throw("System.ArgumentOutOfRangeException", "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'index')")
}

func (t *JToken) removeAll() {
	for _, c := range t.kids() {
		c.parent = nil
	}
	t.list, t.index = nil, nil
}
