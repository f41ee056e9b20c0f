package expr

import "slices"

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
		if i < 0 || i >= int64(len(x.kids())) {
			badIndex()
		}
		return x.kids()[i]
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

// arrayRows are the sizes of arrays.
func arrayRows() []row {
	return []row{
		{sig: "int Length", get: func(v any) int64 { return int64(count(v)) }},
		{sig: "bool IsReadOnly", get: func(any) bool { return false }}, {sig: "bool IsFixedSize", get: func(any) bool { return true }},
		{sig: "long LongLength", get: func(v any) int64 { return int64(count(v)) }},
	}
}

func arrayStatics() []row {
	return []row{
		{sig: "static void Reverse<T>(T[] a)", get: func(f *frame, _ []*typ, a []any) any {
			if b, ok := a[0].([]byte); ok {
				slices.Reverse(b)
			} else {
				slices.Reverse(arg[*Array](a, 0).items)
			}
			return nil
		}},
		{sig: "static void Copy<T>(T[] from, T[] to, int n)", get: func(f *frame, _ []*typ, a []any) any { return copyArray(f, a[0], 0, a[1], 0, num(a, 2)) }},
		{sig: "static void Copy<T>(T[] from, int i, T[] to, int j, int n)", get: func(f *frame, _ []*typ, a []any) any {
			return copyArray(f, a[0], num(a, 1), a[2], num(a, 3), num(a, 4))
		}},
		{sig: "static void Resize<T>(ref T[] a, int n)", get: resizeArray},
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
