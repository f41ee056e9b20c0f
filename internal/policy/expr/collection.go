package expr

import (
	"math/big"
	"slices"
	"sort"
	"strings"
)

// Seq is a lazy IEnumerable<T>.
type Seq struct {
	elem *typ
	each func(f *frame, yield func(any) bool)
}

// Dictionary is Dictionary<K, V> in insertion order.
type Dictionary struct {
	k, v   *typ
	keys   []any
	values map[any]any
	fold   bool // keys compare without case
	sorted bool // SortedDictionary
}

// Set is HashSet<T> in insertion order.
type Set struct {
	elem  *typ
	items []any
	has   map[any]bool
	fold  bool
}

// Pair is KeyValuePair<K, V>, or a group of GroupBy.
type Pair struct{ key, value any }

// String is [key, value].
func (p *Pair) String() string { return "[" + ToString(p.key) + ", " + ToString(p.value) + "]" }

// Group is IGrouping<K, T>.
type groupOf struct {
	key   any
	items []any
	elem  *typ
}

// keyOf makes a comparable map key of a value.
func keyOf(v any) any {
	switch x := v.(type) {
	case []byte, Header, []string:
		return ToString(v)
	case *JToken:
		if !x.container() {
			return [2]any{"json", keyOf(x.value)}
		}
	case *big.Int:
		return x.String()
	case Decimal:
		return x.trim().String()
	case *tuple:
		return keyOf(&Object{values: x.items})
	case *Object:
		var b strings.Builder
		for _, i := range x.values {
			b.WriteString(typeOf(i).fullName() + "\x00" + ToString(i) + "\x00")
		}
		return b.String()
	}
	return v
}

// foldKey is the key of a text; upper case stands for both cases.
func foldKey(s string, fold bool) any {
	if fold {
		return strings.ToUpper(s)
	}
	return s
}

func (d *Dictionary) keyOf(k any) any {
	if k == nil {
		throw("System.ArgumentNullException", "Value cannot be null. (Parameter 'key')")
	}
	if s, ok := k.(string); ok {
		return foldKey(s, d.fold)
	}
	return keyOf(k)
}

func (d *Dictionary) get(k any) (any, bool) { v, ok := d.values[d.keyOf(k)]; return v, ok }

func (d *Dictionary) set(k, v any) {
	key := d.keyOf(k)
	if _, ok := d.values[key]; !ok {
		at := len(d.keys)
		if d.sorted {
			at = sort.Search(at, func(i int) bool { return compareValues(d.keys[i], k) > 0 })
		}
		d.keys = slices.Insert(d.keys, at, k)
	}
	d.values[key] = v
}

func (d *Dictionary) remove(k any) bool {
	key := d.keyOf(k)
	if _, ok := d.values[key]; !ok {
		return false
	}
	delete(d.values, key)
	d.keys = slices.DeleteFunc(d.keys, func(x any) bool { return d.keyOf(x) == key })
	return true
}

func newDictionary(k, v *typ) *Dictionary { return &Dictionary{k: k, v: v, values: map[any]any{}} }

func (s *Set) keyOf(v any) any {
	if t, ok := v.(string); ok {
		return foldKey(t, s.fold)
	}
	return keyOf(v)
}

func (s *Set) add(v any) bool {
	k := s.keyOf(v)
	if s.has[k] {
		return false
	}
	s.has[k] = true
	s.items = append(s.items, v)
	return true
}

func newSet(elem *typ) *Set { return &Set{elem: elem, has: map[any]bool{}} }

// each goes through any sequence.
func each(f *frame, v any, yield func(any) bool) {
	switch x := v.(type) {
	case *Array:
		ver := x.ver
		for i := 0; i < len(x.items); i++ {
			at := i
			if x.lifo {
				at = len(x.items) - 1 - i
			}
			if !yield(x.items[at]) {
				return
			}
			if x.ver != ver {
				throw("System.InvalidOperationException", "Collection was modified; enumeration operation may not execute.")
			}
		}
	case []byte:
		for _, b := range x {
			if !yield(b) {
				return
			}
		}
	case string:
		for _, u := range units(x) {
			if !yield(Char(u)) {
				return
			}
		}
	case *Seq:
		x.each(f, yield)
	case *JToken:
		eachToken(x, yield)
	case *Dictionary:
		n := len(x.keys)
		for _, k := range slices.Clone(x.keys) {
			v, _ := x.get(k)
			if !yield(&Pair{k, v}) {
				return
			}
			if len(x.keys) != n {
				throw("System.InvalidOperationException", "Collection was modified; enumeration operation may not execute.")
			}
		}
	default:
		eachMore(v, yield)
	}
}

func eachMore(v any, yield func(any) bool) {
	var items []any
	switch x := v.(type) {
	case *Set:
		items = x.items
	case *groupOf:
		items = x.items
	case *grouping:
		items = x.groups
	case *orderedSeq:
		items = x.items
	case *Grid:
		items = x.items
	case *extensionList:
		for _, e := range x.list {
			items = append(items, e)
		}
	case []string:
		for _, s := range x {
			items = append(items, s)
		}
	case Header, *queryMap:
		eachPair(v, func(k string, vs []string) bool { return yield(&Pair{k, stringArray(vs)}) })
		return
	case *claims:
		for _, n := range x.names {
			items = append(items, &Pair{n, stringArray(x.values[n])})
		}
	case *Variables:
		x.Each(func(name string, value any) { items = append(items, &Pair{name, value}) })
	case *[]Parameter:
		for _, p := range *x {
			items = append(items, &Pair{p.Name, p.Value})
		}
	case *regexMatches:
		for _, m := range x.list {
			items = append(items, m)
		}
	case nil:
		throwNull("")
	default:
		throw("System.InvalidCastException", "Unable to enumerate a value of type '%s'.", typeOf(v))
	}
	for _, i := range slices.Clone(items) {
		if !yield(i) {
			return
		}
	}
}

func eachToken(t *JToken, yield func(any) bool) {
	ver := len(t.kids())
	for i := 0; i < len(t.kids()); i++ {
		c := t.kids()[i]
		var v any = c
		if t.kind == JObject {
			v = c
		}
		if !yield(v) {
			return
		}
		if len(t.kids()) != ver {
			throw("System.InvalidOperationException", "Collection was modified; enumeration operation may not execute.")
		}
	}
}

// collect puts a sequence into a slice of its own.
func collect(f *frame, v any) []any {
	if a, ok := v.(*Array); ok {
		f.step(len(a.items))
		f.charge(len(a.items) * 16)
		items := slices.Clone(a.items)
		if a.lifo {
			slices.Reverse(items)
		}
		return items
	}
	var out []any
	each(f, v, func(x any) bool {
		f.step(1)
		out = append(out, x)
		if len(out)&1023 == 0 {
			f.charge(1024 * 16)
		}
		return true
	})
	return out
}

// count of the items of a collection, -1 when it must be gone through.
func count(v any) int {
	switch x := v.(type) {
	case *Array:
		return len(x.items)
	case []byte:
		return len(x)
	case []string:
		return len(x)
	case *JToken:
		return len(x.kids())
	case *Dictionary:
		return len(x.keys)
	case *Set:
		return len(x.items)
	case Header:
		return len(x)
	case *queryMap:
		return len(x.names)
	case *Variables:
		return x.Len()
	case *[]Parameter:
		return len(*x)
	case *regexMatches:
		return len(x.list)
	case *groupOf:
		return len(x.items)
	case *orderedSeq:
		return len(x.items)
	case *Grid:
		return len(x.items)
	}
	return -1
}

func stringArray(s []string) *Array {
	a := &Array{elem: types().str, items: make([]any, len(s))}
	for i, v := range s {
		a.items[i] = v
	}
	return a
}

// textsOf reads the strings of a sequence; null is "".
func textsOf(f *frame, v any) []string {
	var out []string
	each(f, v, func(x any) bool { f.step(1); out = append(out, ToString(x)); return true })
	return out
}

// eachPair goes through headers and query parameters in a stable order.
func eachPair(v any, yield func(string, []string) bool) {
	switch x := v.(type) {
	case Header:
		names := make([]string, 0, len(x))
		for n := range x {
			names = append(names, n)
		}
		sort.Strings(names)
		for _, n := range names {
			if !yield(n, x[n]) {
				return
			}
		}
	case *queryMap:
		for _, n := range x.names {
			if !yield(n, x.values[n]) {
				return
			}
		}
	}
}
