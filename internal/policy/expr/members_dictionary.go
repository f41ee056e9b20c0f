package expr

import "slices"

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
		{sig: "bool Remove(K key, out V value)", get: func(_ *frame, a []any) any {
			d, out := arg[*Dictionary](a, 0), a[2].(*outRef)
			v, ok := d.get(a[1])
			out.set(orZero(v, out.t))
			return ok && d.remove(a[1])
		}},
		{sig: "void Clear()", get: listClear},
	}
}

func dictionaryNew(sorted bool) []row {
	create := func(f *frame, t []*typ, a []any) any {
		d := newDictionary(t[0], t[1])
		d.sorted = sorted
		for i := range a {
			if c, ok := comparerOf(a, i).(comparer); ok {
				d.fold = ignoresCase(int64(c))
			}
		}
		for _, v := range a {
			switch x := v.(type) {
			case comparer, int32, nil:
			default:
				each(f, x, func(p any) bool { f.step(1); d.set(p.(*Pair).key, p.(*Pair).value); return true })
			}
		}
		return d
	}
	rows := slices.Concat(dictionaryReads()[1:], dictionaryWrites())
	return append(rows, []row{
		{sig: "new()", get: create}, {sig: "new(int n)", get: create}, {sig: "new(IEqualityComparer<K>? c)", get: create}, {sig: "new(int n, IEqualityComparer<K>? c)", get: create},
		{sig: "new(IEnumerable<KeyValuePair<K,V>> d)", get: create}, {sig: "new(IComparer<K> c)", get: create},
		{sig: "new(IDictionary<K,V> d)", get: create}, {sig: "new(IDictionary<K,V> d, IEqualityComparer<K> c)", get: create},
		{sig: "bool ContainsValue(V v)", get: func(f *frame, a []any) any {
			found := false
			each(f, a[0], func(p any) bool { found = Equal(p.(*Pair).value, a[1]); return !found })
			return found
		}},
	}...)
}
