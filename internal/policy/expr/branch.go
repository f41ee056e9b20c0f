package expr

import "sync/atomic"

// Branch is one way that an expression can take: a condition that gives true
// or false, a left side of ?? or ?. that is null or not, a case of a switch or
// a catch block that is reached.
type Branch struct {
	Offset int    // of the condition, in the expression's text
	Name   string // e.g. "condition of if: true"
	taken  atomic.Bool
}

// Taken tells whether an evaluation went this way.
func (b *Branch) Taken() bool { return b.taken.Load() }

// CompileCounted is Compile for tests of policies: the program notes which of
// its branches are taken. Programs of Compile do not pay for it.
func CompileCounted(text string, block bool, want Type, profile Profile) (*Program, []*Branch, *Error) {
	count := &branches{}
	p, err := compile(text, block, want, profile, count)
	return p, count.list, err
}

type branches struct{ list []*Branch }

// at gives the branch of a place, the same one each time: lambdas are bound
// more than once.
func (b *branches) at(offset int, name string) *Branch {
	for _, one := range b.list {
		if one.Offset == offset && one.Name == name {
			return one
		}
	}
	one := &Branch{Offset: offset, Name: name}
	b.list = append(b.list, one)
	return one
}

// outcomes makes a condition note whether it was true and false. Constants
// have one outcome, and are no branches.
func (b *binder) outcomes(o *operand, offset int, what string) *operand {
	if b.branches == nil || o.isConst {
		return o
	}
	yes, no, f := b.branches.at(offset, what+": true"), b.branches.at(offset, what+": false"), o.b
	return fromBool(func(fr *frame) bool {
		v := f(fr)
		if v {
			yes.taken.Store(true)
		} else {
			no.taken.Store(true)
		}
		return v
	}, o.pos)
}

// way makes statements note that they were reached.
func (b *binder) way(body exec, offset int, name string) exec {
	if b.branches == nil {
		return body
	}
	one := b.branches.at(offset, name)
	return func(fr *frame) signal {
		one.taken.Store(true)
		return body(fr)
	}
}

// nullness makes the left side of ?? and ?. note whether it was null.
func (b *binder) nullness(o *operand, offset int, what string) *operand {
	if b.branches == nil || o.isConst {
		return o
	}
	null, other, f := b.branches.at(offset, what+": null"), b.branches.at(offset, what+": not null"), o.a
	return fromAny(func(fr *frame) any {
		v := f(fr)
		if v == nil {
			null.taken.Store(true)
		} else {
			other.taken.Store(true)
		}
		return v
	}, o.t, o.pos)
}
