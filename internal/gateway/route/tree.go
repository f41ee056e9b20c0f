package route

import "gatehouse/internal/apim"

// node is one position in the template tree of an API.
type node struct {
	literals  map[string]*node // by lower-case segment
	mixed     []mixedChild     // longer literal text first
	parameter *node
	rests     []restChild // longer text first; "" last
	leaves    []*leaf     // templates that end here
}

type mixedChild struct {
	key   string
	parts []part
	size  int // of the literal text
	node  *node
}

type restChild struct {
	text   string
	leaves []*leaf
}

// leaf is an operation at the end of its template.
type leaf struct {
	operation *apim.Operation
	index     int
	method    string // "*" is any
	template  template
}

// insert puts a leaf at the end of its template; it returns the leaf that
// matches the same requests, if there is one.
func (n *node) insert(t template, l *leaf) *leaf {
	for _, s := range t.segments {
		if s.kind == rest {
			return n.insertRest(s.text, l)
		}
		n = n.next(s)
	}
	return add(&n.leaves, l)
}

func add(leaves *[]*leaf, l *leaf) *leaf {
	for _, other := range *leaves {
		if other.method == l.method && other.template.slash == l.template.slash && sameQuery(other.template.query, l.template.query) {
			return other
		}
	}
	*leaves = append(*leaves, l)
	return nil
}

func (n *node) insertRest(text string, l *leaf) *leaf {
	at := 0
	for ; at < len(n.rests) && len(n.rests[at].text) >= len(text); at++ {
		if n.rests[at].text == text {
			return add(&n.rests[at].leaves, l)
		}
	}
	n.rests = append(n.rests, restChild{})
	copy(n.rests[at+1:], n.rests[at:])
	n.rests[at] = restChild{text: text, leaves: []*leaf{l}}
	return nil
}

// next finds or makes the child for a segment.
func (n *node) next(s segment) *node {
	switch s.kind {
	case literal:
		if n.literals == nil {
			n.literals = map[string]*node{}
		}
		c := n.literals[s.text]
		if c == nil {
			c = &node{}
			n.literals[s.text] = c
		}
		return c
	case mixed:
		return n.nextMixed(s)
	}
	if n.parameter == nil {
		n.parameter = &node{}
	}
	return n.parameter
}

func (n *node) nextMixed(s segment) *node {
	size := 0
	for _, p := range s.parts {
		size += len(p.text)
	}
	at := 0
	for ; at < len(n.mixed) && n.mixed[at].size >= size; at++ {
		if n.mixed[at].key == s.key {
			return n.mixed[at].node
		}
	}
	c := mixedChild{key: s.key, parts: s.parts, size: size, node: &node{}}
	n.mixed = append(n.mixed, mixedChild{})
	copy(n.mixed[at+1:], n.mixed[at:])
	n.mixed[at] = c
	return c.node
}
