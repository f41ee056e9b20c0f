package expr

// Grid is an array of two or three dimensions.
type Grid struct {
	t     *typ // of the array
	dims  []int64
	items []any // the last index runs fastest
}

// rank is the number of dimensions of an array type, 0 for other types.
func (t *typ) rank() int {
	switch {
	case t.is(kArray):
		return 1
	case t.def.name == "ArrayOf2":
		return 2
	case t.def.name == "ArrayOf3":
		return 3
	}
	return 0
}

func (u *universe) gridOf(elem *typ, rank, pos int) *typ {
	if rank > 3 {
		fail(pos, "an array has at most three dimensions here", "use an array of arrays")
	}
	return &typ{def: u.full["System.ArrayOf"+string(rune('0'+rank))+"`1"], args: []*typ{elem}}
}

// gridType is the table row of the arrays of a rank.
func gridType(rank int) typeRow {
	index := "int i, int j"
	if rank == 3 {
		index += ", int k"
	}
	return typeRow{decl: "class System.ArrayOf" + string(rune('0'+rank)) + "<T> : Array", is: func(v any) bool {
		g, ok := v.(*Grid)
		return ok && len(g.dims) == rank
	}, rows: []row{
		{sig: "T this[" + index + "]", get: func(_ *frame, a []any) any { g := a[0].(*Grid); return g.items[g.place(a[1:])] },
			set: func(_ *frame, a []any) any {
				g := a[0].(*Grid)
				g.items[g.place(a[1:1+rank])] = a[1+rank]
				return nil
			}},
		{sig: "object GetValue(" + index + ")", get: func(_ *frame, a []any) any { g := a[0].(*Grid); return g.items[g.place(a[1:])] }},
	}}
}

// place finds an item.
func (g *Grid) place(index []any) int64 {
	at := int64(0)
	for d, v := range index {
		i := unboxInt(v)
		if i < 0 || i >= g.dims[d] {
			throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
		}
		at = at*g.dims[d] + i
	}
	return at
}

// dimensions of any array.
func dimensions(v any) []int64 {
	if g, ok := v.(*Grid); ok {
		return g.dims
	}
	return []int64{int64(count(v))}
}

// dimension is one of them: the argument behind the array.
func dimension(a []any) int64 {
	dims, d := dimensions(a[0]), num(a, 1)
	if d < 0 || d >= int64(len(dims)) {
		throw("System.IndexOutOfRangeException", "Array does not have that many dimensions.")
	}
	return dims[d]
}

func newGrid(f *frame, t *typ, dims []int64) *Grid {
	total := int64(1)
	for _, n := range dims {
		if n < 0 {
			throw("System.OverflowException", "Arithmetic operation resulted in an overflow.")
		}
		if total *= n; n > DefaultBudgetBytes || total > DefaultBudgetBytes {
			throwLimit("the array is too large")
		}
	}
	f.charge(int(total) * 16)
	g := &Grid{t: t, dims: dims, items: make([]any, total)}
	if z := zeroValue(t.args[0]); z != nil {
		for i := range g.items {
			g.items[i] = z
		}
	}
	return g
}

// newGrid binds new T[2, 3], with or without values.
func (b *binder) newGrid(x *newArrayX) *operand {
	t := types().gridOf(b.resolve(x.elem), x.rank+1, x.offset())
	if x.init != nil {
		b.sizesOf(x, len(x.init.items), gridWidth(x.init))
		return b.gridInitializer(t, x.init)
	}
	sizes := make([]func(*frame) int64, len(x.size))
	for i, n := range x.size {
		sizes[i] = b.as(n, types().int64).i
	}
	pos := x.offset()
	return fromAny(func(f *frame) any {
		dims := make([]int64, len(sizes))
		for i, n := range sizes {
			dims[i] = n(f)
		}
		f.pos = pos
		return newGrid(f, t, dims)
	}, t, pos)
}

func (b *binder) inferredGrid(x *newArrayX) *operand {
	flat := &newArrayX{at: x.at, init: &initializer{at: x.init.at}}
	for _, r := range x.init.items {
		for _, v := range r.values {
			flat.init.items = append(flat.init.items, initItem{pos: v.offset(), values: []node{v}})
		}
	}
	elem := b.inferredArray(flat).t.args[0]
	return b.gridInitializer(types().gridOf(elem, x.rank+1, x.offset()), x.init)
}

// gridWidth is the length of the first row.
func gridWidth(in *initializer) int {
	if len(in.items) == 0 {
		return 0
	}
	return len(in.items[0].values)
}

// sizesOf checks constant sizes beside values: new int[2] { 1, 2 }.
func (b *binder) sizesOf(x *newArrayX, want ...int) {
	for i, n := range x.size {
		o := b.as(n, types().int64)
		if got, ok := o.constInt(); !ok || i >= len(want) || got != int64(want[i]) {
			fail(n.offset(), "the size must be the number of the values", "leave the size out")
		}
	}
}

// gridInitializer binds { {1, 2}, {3, 4} }.
func (b *binder) gridInitializer(t *typ, in *initializer) *operand {
	if t.rank() != 2 {
		fail(in.offset(), "values can be given for two dimensions only", "create the array by its sizes and assign")
	}
	dims := []int64{int64(len(in.items)), int64(gridWidth(in))}
	var items []func(*frame) any
	for _, r := range in.items {
		if r.name != "" || r.index != nil || !r.braces {
			fail(r.pos, "each row stands in { }", "")
		}
		if len(r.values) != int(dims[1]) {
			fail(r.pos, "all rows need the same number of values", "")
		}
		for _, v := range r.values {
			items = append(items, b.as(v, t.args[0]).a)
		}
	}
	return fromAny(func(f *frame) any {
		f.step(len(items))
		g := newGrid(f, t, dims)
		for i, get := range items {
			g.items[i] = get(f)
		}
		return g
	}, t, in.offset())
}

func resizeArray(f *frame, t []*typ, a []any) any {
	ref, n := a[0].(*outRef), num(a, 1)
	if n < 0 {
		throw("System.ArgumentOutOfRangeException", "Non-negative number required. (Parameter 'newSize')")
	}
	fresh := newArray(f, t[0], n)
	if old := ref.s.take(ref.t); old != nil {
		copyArray(f, old, 0, fresh, 0, min(n, int64(count(old))))
	}
	ref.set(fresh)
	return nil
}

// json is the part of the array below a row of dimension d: lists in lists.
func (g *Grid) json(d int, row int64) *JToken {
	t := &JToken{kind: JArray}
	for i := range g.dims[d] {
		at := row*g.dims[d] + i
		if d == len(g.dims)-1 {
			t.list = append(t.kids(), t.adopt(jsonOf(g.items[at])))
			continue
		}
		t.list = append(t.kids(), t.adopt(g.json(d+1, at)))
	}
	return t
}
