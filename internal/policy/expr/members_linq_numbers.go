package expr

import (
	"fmt"
	"slices"
)

func linqNumbers() []row {
	var rows []row
	for _, w := range []string{"int", "long", "double", "float", "decimal"} {
		avg := w
		if w == "int" || w == "long" {
			avg = "double"
		}
		t := func() *typ { return &typ{def: types().full["System."+keywords[w]]} }
		for _, sel := range []bool{false, true} {
			head, tail := "(this IEnumerable<"+w+"> s)", ""
			if sel {
				head, tail = "("+source+", Func<T,"+w+"> p)", "<T>"
			}
			get := func(kind string) genericFunc {
				return func(f *frame, _ []*typ, a []any) any { return aggregate(f, a, kind, t()) }
			}
			rows = append(rows,
				row{sig: fmt.Sprintf("static %s Sum%s%s", w, tail, head), get: get("sum")},
				row{sig: fmt.Sprintf("static %s Max%s%s", w, tail, head), get: get("max")},
				row{sig: fmt.Sprintf("static %s Min%s%s", w, tail, head), get: get("min")},
				row{sig: fmt.Sprintf("static %s Average%s%s", avg, tail, head), get: get("avg")})
		}
	}
	for _, w := range []string{"int", "long", "double", "float", "decimal"} {
		avg := w
		if w == "int" || w == "long" {
			avg = "double"
		}
		get := func(kind string) genericFunc {
			return func(f *frame, _ []*typ, a []any) any { return aggregateSome(f, a, kind, typeNamed(w)) }
		}
		for _, form := range [][2]string{{"", "(this IEnumerable<" + w + "?> s)"}, {"<T>", "(" + source + ", Func<T," + w + "?> p)"}} {
			rows = append(rows, row{sig: "static " + w + "? Sum" + form[0] + form[1], get: get("sum")},
				row{sig: "static " + avg + "? Average" + form[0] + form[1], get: get("avg")})
		}
	}
	for _, n := range []string{"Max", "Min"} {
		get := func(f *frame, t []*typ, a []any) any {
			items := slices.DeleteFunc(selected(f, a), func(v any) bool { return v == nil })
			if len(items) == 0 && t[len(t)-1].nullable() {
				return nil
			}
			return extreme(f, []any{sized2(t[len(t)-1], items)}, n == "Max")
		}
		rows = append(rows, row{sig: "static T " + n + "<T>(" + source + ")", get: get}, row{sig: "static R " + n + "<T,R>(" + source + ", Func<T,R> p)", get: get})
	}
	return append(rows,
		row{sig: "static T Aggregate<T>(" + source + ", Func<T,T,T> p)", get: func(f *frame, _ []*typ, a []any) any {
			items := collect(f, notNull(a[0]))
			if len(items) == 0 {
				noElements()
			}
			return fold(a[1].(*closure), items[0], items[1:])
		}},
		row{sig: "static A Aggregate<T,A>(" + source + ", A seed, Func<A,T,A> p)", get: func(f *frame, _ []*typ, a []any) any {
			return fold(a[2].(*closure), a[1], collect(f, notNull(a[0])))
		}},
		row{sig: "static R Aggregate<T,A,R>(" + source + ", A seed, Func<A,T,A> p, Func<A,R> r)", get: func(f *frame, _ []*typ, a []any) any {
			return a[3].(*closure).call(fold(a[2].(*closure), a[1], collect(f, notNull(a[0]))))
		}})
}

func fold(p *closure, acc any, items []any) any {
	for _, v := range items {
		acc = p.call(acc, v)
	}
	return acc
}

// selected applies the optional selector.
func selected(f *frame, a []any) []any {
	items := collect(f, notNull(a[0]))
	if len(a) > 1 {
		p := a[1].(*closure)
		for i, v := range items {
			items[i] = p.call(v)
		}
	}
	return items
}

func extreme(f *frame, a []any, high bool) any {
	items := selected(f, a)
	if len(items) == 0 {
		noElements()
	}
	best := items[0]
	for _, v := range items[1:] {
		if c := compareValues(v, best); c > 0 && high || c < 0 && !high {
			best = v
		}
	}
	return best
}

func aggregate(f *frame, a []any, kind string, t *typ) any {
	if kind == "max" || kind == "min" {
		return extreme(f, a, kind == "max")
	}
	items := selected(f, a)
	if kind == "avg" && len(items) == 0 {
		noElements()
	}
	if t.is(kDecimal) {
		sum := Decimal{}
		for _, v := range items {
			sum = decimalOperator("+", sum, v.(Decimal)).(Decimal)
		}
		if kind == "avg" {
			return decimalOperator("/", sum, toDecimal(int32(len(items))))
		}
		return sum
	}
	if t.rep() == repInt {
		sum := int64(0)
		for _, v := range items {
			sum = checkRange(t.def.kind, sum+unboxInt(v))
		}
		if kind == "avg" {
			return float64(sum) / float64(len(items))
		}
		return boxInt(t, sum)
	}
	sum := 0.0
	for _, v := range items {
		sum += unboxFloat(v)
	}
	if kind == "avg" {
		sum /= float64(len(items))
	}
	if t.is(kFloat32) {
		return float32(sum)
	}
	return sum
}

// aggregateSome leaves null out; nothing left has the sum 0 and no average.
func aggregateSome(f *frame, a []any, kind string, t *typ) any {
	items := slices.DeleteFunc(selected(f, a), func(v any) bool { return v == nil })
	if len(items) == 0 && kind == "avg" {
		return nil
	}
	return aggregate(f, []any{sized2(t, items)}, kind, t)
}
