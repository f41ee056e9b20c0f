package liquid

import (
	"strconv"
)

type textNode struct {
	text   string
	offset int
}

func (n *textNode) render(r *run) { r.write(n.offset, n.text) }

type outputNode struct {
	value  expression
	offset int
}

func (n *outputNode) render(r *run) {
	r.step(n.offset)
	s := textOf(n.value(r))
	r.charge(n.offset, len(s))
	r.write(n.offset, s)
}

type assignNode struct {
	name   string
	value  expression
	offset int
}

func (n *assignNode) render(r *run) {
	r.step(n.offset)
	r.variables[n.name] = n.value(r)
}

type captureNode struct {
	name   string
	body   []node
	offset int
}

func (n *captureNode) render(r *run) {
	r.step(n.offset)
	r.variables[n.name] = r.capture(n.body)
}

type branch struct {
	test expression
	body []node
}

type ifNode struct {
	branches  []branch
	otherwise []node
}

func (n *ifNode) render(r *run) {
	for i := range n.branches {
		if truthy(n.branches[i].test(r)) {
			r.nodes(n.branches[i].body)
			return
		}
	}
	r.nodes(n.otherwise)
}

type when struct {
	values []expression
	body   []node
}

type caseNode struct {
	value     expression
	whens     []when
	otherwise []node
}

func (n *caseNode) render(r *run) {
	v := n.value(r)
	matched := false
	for i := range n.whens {
		for _, w := range n.whens[i].values {
			if equal(v, w(r)) {
				matched = true
				r.nodes(n.whens[i].body)
				break
			}
		}
		if r.interrupt != goOn {
			return
		}
	}
	if !matched {
		r.nodes(n.otherwise)
	}
}

type cycleNode struct {
	group   string
	groupOf expression
	values  []expression
	offset  int
}

func (n *cycleNode) render(r *run) {
	r.step(n.offset)
	group := n.group
	if n.groupOf != nil {
		group = textOf(n.groupOf(r))
	}
	if r.cycles == nil {
		r.cycles = map[string]int{}
	}
	i := r.cycles[group]
	r.cycles[group] = i + 1
	r.write(n.offset, textOf(n.values[i%len(n.values)](r)))
}

type counterNode struct {
	name   string
	up     bool
	offset int
}

func (n *counterNode) render(r *run) {
	r.step(n.offset)
	if r.counters == nil {
		r.counters = map[string]int64{}
	}
	if !n.up {
		r.counters[n.name]--
	}
	r.write(n.offset, strconv.FormatInt(r.counters[n.name], 10))
	if n.up {
		r.counters[n.name]++
	}
}

type changedNode struct{ body []node }

func (n *changedNode) render(r *run) {
	s := r.capture(n.body)
	if r.changed == nil {
		r.changed = map[node]string{}
	}
	if last, ok := r.changed[n]; ok && last == s {
		return
	}
	r.changed[n] = s
	r.write(0, s)
}

type interruptNode interrupt

func (n interruptNode) render(r *run) { r.interrupt = interrupt(n) }
