package expr

import "slices"

// Object is a value of an anonymous type.
type Object struct {
	def    *typeDef
	values []any
}

func (b *binder) creation(x *newX) *operand {
	t := b.resolve(x.t)
	ctors := t.def.members["new"]
	if len(ctors) == 0 {
		if t.is(kFunc) && len(x.args) == 1 {
			return b.as(x.args[0].x, t)
		}
		fail(x.offset(), "'"+t.String()+"' cannot be created with new", "")
	}
	var group []*method
	own := t.own()
	for _, m := range ctors {
		if !m.ext || b.profile == Extended {
			group = append(group, &method{m, own})
		}
	}
	fn := &operand{kind: isGroup, group: group, name: "new", pos: x.t.offset(), t: types().void}
	m, _, args := b.overload(fn, nil, b.arguments(x.args), x.t.offset())
	o := b.emit(m, nil, args, x.t.offset())
	o.t = t
	if x.init == nil {
		return o
	}
	return b.initialize(o, x.init)
}

// initialize runs an object or collection initializer on a new value.
func (b *binder) initialize(o *operand, in *initializer) *operand {
	s := b.save(o)
	list := []func(*frame){s.run}
	list = append(list, b.initItems(s.get, in)...)
	get := s.get.a
	return fromAny(func(f *frame) any {
		for _, run := range list {
			run(f)
		}
		return get(f)
	}, o.t, o.pos)
}

func (b *binder) initItems(target *operand, in *initializer) []func(*frame) {
	var list []func(*frame)
	self := &boundX{at(target.pos), target}
	for _, item := range in.items {
		var place node
		switch {
		case item.name != "":
			place = &memberX{at: at(item.pos), x: self, name: item.name}
		case item.index != nil:
			place = &indexX{at(item.pos), self, item.index}
		default:
			args := make([]argument, len(item.values))
			for i, v := range item.values {
				args[i] = argument{x: v}
			}
			call := &callX{at(item.pos), &memberX{at: at(item.pos), x: self, name: "Add"}, args}
			list = append(list, b.bind(call).run())
			continue
		}
		if item.nested != nil {
			saved := b.save(b.value(place))
			list = append(list, saved.run)
			list = append(list, b.initItems(saved.get, item.nested)...)
			continue
		}
		list = append(list, b.assign(&assignX{at(item.pos), "", place, item.values[0]}).run())
	}
	return list
}

func (b *binder) newArray(x *newArrayX) *operand {
	u := types()
	switch {
	case x.elem == nil && x.rank > 0:
		return b.inferredGrid(x)
	case x.elem == nil:
		return b.inferredArray(x)
	case x.rank > 0:
		return b.newGrid(x)
	}
	t := u.arrayOf(b.resolve(x.elem))
	if x.init != nil {
		b.sizesOf(x, len(x.init.items))
		return b.arrayInitializer(t, x.init)
	}
	n := b.as(x.size[0], u.int64).i
	elem, pos := t.args[0], x.offset()
	return fromAny(func(f *frame) any {
		size := n(f)
		f.pos = pos
		return newArray(f, elem, size)
	}, t, pos)
}

func newArray(f *frame, elem *typ, n int64) any {
	if n < 0 {
		throw("System.OverflowException", "Arithmetic operation resulted in an overflow.")
	}
	if n > DefaultBudgetBytes {
		throwLimit("the array is too large")
	}
	if elem.is(kUint8) {
		f.charge(int(n))
		return make([]byte, n)
	}
	f.charge(int(n) * 16)
	a := &Array{elem: elem, items: make([]any, n)}
	if z := zeroValue(elem); z != nil {
		for i := range a.items {
			a.items[i] = z
		}
	}
	return a
}

func (b *binder) arrayInitializer(t *typ, in *initializer) *operand {
	var items []*operand
	for _, item := range in.items {
		if item.name != "" || item.index != nil || len(item.values) != 1 {
			if t.args[0].is(kArray) && item.name == "" && item.index == nil {
				nested := &initializer{at: at(item.pos)}
				for _, v := range item.values {
					nested.items = append(nested.items, initItem{pos: v.offset(), values: []node{v}})
				}
				items = append(items, b.arrayInitializer(t.args[0], nested))
				continue
			}
			fail(item.pos, "an array initializer holds only values", "")
		}
		items = append(items, b.as(item.values[0], t.args[0]))
	}
	return arrayOperand(t, items, in.offset())
}

func (b *binder) inferredArray(x *newArrayX) *operand {
	var items []*operand
	var best *operand
	for _, item := range x.init.items {
		if item.name != "" || item.index != nil || len(item.values) != 1 {
			fail(item.pos, "an array initializer holds only values", "")
		}
		o := b.bind(item.values[0])
		items = append(items, o)
		if o.kind != isValue || o.isNull() {
			continue
		}
		if best == nil {
			best = o
		} else if t := b.common(best, o); t != nil && !same(t, best.t) {
			best = o
		}
	}
	if best == nil {
		fail(x.offset(), "the type of this array cannot be inferred", "write new string[] { ... }")
	}
	t := types().arrayOf(best.t)
	for i := range items {
		items[i] = b.implicit(items[i], best.t)
	}
	return arrayOperand(t, items, x.offset())
}

func (b *binder) anonymous(x *anonymousX) *operand {
	d := &typeDef{name: "anonymous object", full: "<>f__AnonymousType", kind: kAnonymous, bases: []*typ{types().object}}
	var get []func(*frame) any
	for i, v := range x.values {
		o := b.value(v)
		if o.isNull() {
			fail(o.pos, "the type of this member cannot be inferred from null", "write (string)null")
		}
		if slices.Contains(d.fields, x.names[i]) {
			fail(v.offset(), "the anonymous object has two members '"+x.names[i]+"'", "give one of them another name: other = ...")
		}
		d.fields, d.types = append(d.fields, x.names[i]), append(d.types, o.t)
		get = append(get, o.a)
	}
	t := b.sameAnonymous(&typ{def: d})
	d = t.def
	return fromAny(func(f *frame) any {
		o := &Object{def: d, values: make([]any, len(get))}
		for i, g := range get {
			o.values[i] = g(f)
		}
		return o
	}, t, x.offset())
}

// sameAnonymous gives one type to all objects with the same members.
func (b *binder) sameAnonymous(t *typ) *typ {
	for _, o := range b.objects {
		if slices.Equal(o.def.fields, t.def.fields) && slices.EqualFunc(o.def.types, t.def.types, same) {
			return o
		}
	}
	b.objects = append(b.objects, t)
	return t
}
