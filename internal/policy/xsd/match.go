package xsd

import (
	"encoding/xml"
	"slices"
)

type xmlAttr = xml.Attr

// matcher follows child elements through a content model. XML Schema demands
// that each child fits one particle without looking ahead, so the sets of
// places are small.
type matcher struct {
	items    []*node
	found    []*particle // what each child fits
	far      int         // the first child that nothing took
	expected []string    // what would have been taken there
	steps    int
}

// maxSteps of one element's content.
const maxSteps = 10_000_000

// match gives the places behind the particle for each place before it, in
// order.
func (m *matcher) match(p *particle, starts []int) []int {
	var ends []int
	seen := map[int]bool{}
	reach := func(places []int) (fresh []int) {
		for _, at := range places {
			if !seen[at] {
				seen[at] = true
				fresh = append(fresh, at)
			}
		}
		ends = append(ends, fresh...)
		return fresh
	}
	if p.min == 0 {
		reach(starts)
	}
	now := starts
	for n := 1; p.max < 0 || n <= p.max; n++ {
		next := m.once(p, now)
		if n < p.min && slices.Equal(next, now) {
			reach(next) // takes nothing, however often
			break
		}
		if n >= p.min {
			next = reach(next) // places that were reached before lead nowhere new
		}
		if now = next; len(now) == 0 {
			break
		}
	}
	slices.Sort(ends)
	return ends
}

// union of two sets in order.
func union(a, b []int) []int {
	if len(a) == 0 {
		return b
	}
	out := make([]int, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			out, a = append(out, a[0]), a[1:]
		case a[0] > b[0]:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// once matches a particle one time.
func (m *matcher) once(p *particle, starts []int) []int {
	if m.steps += len(starts) + 1; m.steps > maxSteps {
		return nil
	}
	var ends []int
	switch p.kind {
	case single, wild:
		for _, at := range starts {
			if m.takes(p, at) {
				ends = append(ends, at+1)
			}
		}
	case sequence:
		ends = starts
		for _, part := range p.parts {
			ends = m.match(part, ends)
		}
	case choice:
		for _, part := range p.parts {
			ends = union(ends, m.match(part, starts))
		}
		if len(p.parts) == 0 {
			ends = starts
		}
	case all:
		for _, at := range starts {
			if end, ok := m.anyOrder(p, at); ok {
				ends = union(ends, []int{end})
			}
		}
	}
	return ends
}

// takes tells whether a child fits, and remembers how far the model went.
func (m *matcher) takes(p *particle, at int) bool {
	if at < len(m.items) {
		n := m.items[at].name
		if p.kind == single && p.element.name == n || p.kind == wild && p.wildcard.takes(n.space) {
			m.found[at] = p
			if at+1 > m.far {
				m.far, m.expected = at+1, nil
			}
			return true
		}
	}
	if at > m.far {
		m.far, m.expected = at, nil
	}
	if at == m.far && len(m.expected) < 10 {
		expected := "any element"
		if p.kind == single {
			expected = p.element.name.local
		}
		if !slices.Contains(m.expected, expected) {
			m.expected = append(m.expected, expected)
		}
	}
	return false
}

// anyOrder matches the parts of all, each at most once.
func (m *matcher) anyOrder(p *particle, at int) (int, bool) {
	used := make([]bool, len(p.parts))
	for again := true; again; {
		again = false
		for i, part := range p.parts {
			if !used[i] && m.takes(part, at) {
				used[i], again = true, true
				at++
			}
		}
	}
	for i, part := range p.parts {
		if !used[i] && part.min > 0 {
			return at, false
		}
	}
	return at, true
}
