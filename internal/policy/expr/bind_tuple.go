package expr

import "slices"

// tuple tells the value tuples (a, b).
func (t *typ) tuple() bool { return t.def.name == "ValueTuple" && len(t.args) > 0 }

// value tells the types whose values are never null.
func (t *typ) value() bool { return !t.nullable() && !t.is(kVoid) && !t.is(kParam) }

// maxTuple is the number of items that a tuple may have.
const maxTuple = 7

func (u *universe) tupleOf(items []*typ, names []string, pos int) *typ {
	if len(items) > maxTuple {
		failf(pos, "a tuple has at most %d items", maxTuple)
	}
	t := &typ{def: u.full[arity("System.ValueTuple", len(items))], args: items}
	if slices.ContainsFunc(names, func(n string) bool { return n != "" }) {
		t.names = names
	}
	return t
}

// tuple binds (a, name: b). The items keep their own conversions, so that
// (1, null) becomes a (long, string).
func (b *binder) tuple(x *tupleX) *operand {
	items := make([]*operand, len(x.items))
	kinds := make([]*typ, len(x.items))
	typed := true
	for i, n := range x.items {
		items[i] = b.bind(n)
		if items[i].kind == isValue && items[i].t.is(kVoid) || items[i].kind == isType || items[i].kind == isNamespace {
			b.value(n)
			b.failConvert(items[i], types().object)
		}
		kinds[i] = items[i].t
		typed = typed && items[i].kind == isValue && !items[i].isNull()
	}
	if typed {
		return b.tupleOf(items, types().tupleOf(kinds, x.names, x.offset()), x.offset())
	}
	return &operand{kind: isUntyped, items: items, pos: x.offset(), t: types().void}
}

// tupleOf builds a tuple of type t from items that convert to it.
func (b *binder) tupleOf(items []*operand, t *typ, pos int) *operand {
	get := make([]func(*frame) any, len(items))
	for i, o := range items {
		get[i] = b.implicit(o, t.args[i]).a
	}
	o := fromAny(func(f *frame) any {
		f.step(1)
		v := &tuple{items: make([]any, len(get)), of: t}
		for i, g := range get {
			v.items[i] = g(f)
		}
		return v
	}, t, pos)
	o.items = items
	return o
}

// tupleCost is the cost of converting a tuple that stands here, item by item.
func tupleCost(o *operand, t *typ) int {
	if len(o.items) != len(t.args) {
		return -1
	}
	total := 0
	for i, item := range o.items {
		c := item.cost(t.args[i])
		if c < 0 {
			return -1
		}
		total += c
	}
	return total
}

// itemsCost is the cost of converting a tuple value.
func itemsCost(from, to *typ, depth int) int {
	if len(from.args) != len(to.args) {
		return -1
	}
	total := 0
	for i := range from.args {
		c := conversionCost(from.args[i], to.args[i], depth+1)
		if c < 0 {
			return -1
		}
		total += c
	}
	return total
}

// tupleItem reads one item.
func tupleItem(o *operand, i, pos int) *operand {
	f := o.a
	return fromAny(func(fr *frame) any { return f(fr).(*tuple).items[i] }, o.t.args[i], pos)
}

// tupleItems gives the items of a tuple, each evaluated where it stands.
func (b *binder) tupleItems(o *operand) []*operand {
	if o.items != nil {
		return o.items
	}
	at := b.temp()
	keep := o.store(at)
	kept := load(at, o.t, o.pos)
	out := make([]*operand, len(o.t.args))
	for i := range out {
		item := tupleItem(kept, i, o.pos)
		if i > 0 {
			out[i] = item
			continue
		}
		// The first item to be read evaluates the tuple.
		f := item.a
		out[0] = fromAny(func(fr *frame) any { keep(fr); return f(fr) }, item.t, o.pos)
	}
	return out
}

func (b *binder) tupleEquality(l, r *operand, not bool, pos int) *operand {
	x, y := b.save(l), b.save(r)
	var same []func(*frame) bool
	for i := range l.t.args {
		same = append(same, b.equality("==", tupleItem(x.get, i, pos), tupleItem(y.get, i, pos), pos).b)
	}
	left, right := x.run, y.run
	return fromBool(func(f *frame) bool {
		left(f)
		right(f)
		for _, s := range same {
			if !s(f) {
				return not
			}
		}
		return !not
	}, pos)
}

// tupleLocation assigns one item of a tuple in a variable: tuples are values,
// so the variable gets a new one.
func (b *binder) tupleLocation(x *memberX) *location {
	whole := b.location(x.x)
	t := whole.t
	i := slices.Index(t.names, x.name)
	if i < 0 && len(x.name) == 5 && x.name[:4] == "Item" {
		i = int(x.name[4] - '1')
	}
	if i < 0 || i >= len(t.args) {
		b.unknownMember(t, x)
	}
	get := whole.get.a
	return &location{t: t.args[i], prepare: whole.prepare, get: tupleItem(whole.get, i, x.offset()), set: func(v *operand) func(*frame) {
		item := v.a
		return whole.set(fromAny(func(f *frame) any {
			items := slices.Clone(get(f).(*tuple).items)
			items[i] = item(f)
			return &tuple{items: items, of: t}
		}, t, x.offset()))
	}}
}

// discard tells whether a name is the discard _, which no variable has.
func (b *binder) discard(n node) bool {
	x, ok := n.(*nameX)
	if !ok || x.name != "_" {
		return false
	}
	v, f := b.lookup("_")
	return v == nil && f == nil
}
