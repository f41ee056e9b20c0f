package expr

// byResults chooses among equally good methods by what the lambdas and methods
// that are given to them return: Sum(x => 1.5) is the sum of doubles.
func (b *binder) byResults(list []*candidate, fn *operand, args []argumentOperand) *candidate {
	best, cheapest := list[0], -1
	known := map[int]*resultOf{}
	for _, c := range list {
		in := args
		if c.m.this && fn.recv != nil {
			in = append([]argumentOperand{{o: fn.recv}}, args...)
		}
		if cost := b.resultCost(c, in, known); cost >= 0 && (cheapest < 0 || cost < cheapest) {
			best, cheapest = c, cost
		}
	}
	return best
}

// resultOf is the result type of a lambda for parameter types.
type resultOf struct {
	params []*typ
	t      *typ
}

// resultCost is the cost of converting the results; -1 when one does not convert.
func (b *binder) resultCost(c *candidate, in []argumentOperand, known map[int]*resultOf) int {
	total := 0
	for i, a := range in {
		if a.out != nil || a.o.kind != isLambda && a.o.kind != isGroup {
			continue
		}
		t := c.subst.apply(c.paramType(i))
		if !t.is(kFunc) {
			continue
		}
		params, ret := t.signature()
		if ret == nil || ret.open() {
			continue
		}
		// The receiver of an extension method stands in front for some candidates.
		at := len(in) - i
		if known[at] == nil || !sameTypes(known[at].params, params) {
			known[at] = &resultOf{params, b.resultType(a.o, params)}
		}
		r := known[at].t
		if r == nil {
			continue
		}
		cost := conversionCost(r, ret, 0)
		if cost < 0 {
			return -1
		}
		total += cost
	}
	return total
}

func sameTypes(a, b []*typ) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !same(a[i], b[i]) {
			return false
		}
	}
	return true
}
