package expr

// A body is parsed once. What As<JObject> and the like hand out is a copy that
// the policy may change: its nodes come into being when somebody reads them.

// unread stands in the value of a container whose content was not read yet.
type unread struct {
	from   *JToken // the node of the body's tree that it is a copy of; nobody changes it
	of     *parsedBody
	budget *Budget // of who reads
}

// copyOf is a copy of a node that is not read yet.
func copyOf(t *JToken, u *unread) *JToken {
	out := &JToken{}
	out.become(t, nil, u)
	return out
}

// become makes t a copy of a node, unread when it has content.
func (t *JToken) become(from, parent *JToken, u *unread) {
	t.kind, t.name, t.value, t.parent = from.kind, from.name, from.value, parent
	if len(from.list) > 0 {
		t.value = &unread{from, u.of, u.budget}
	}
}

// kids are the elements, properties, or the value of a property, which the
// policy may have or change.
func (t *JToken) kids() []*JToken {
	if t.value != nil && t.container() {
		if u, ok := t.value.(*unread); ok {
			t.read(u)
		}
	}
	return t.list
}

// peek are the same only to look at.
func (t *JToken) peek() []*JToken {
	if t.value != nil && t.container() {
		if u, ok := t.value.(*unread); ok {
			return u.from.list
		}
	}
	return t.list
}

// read copies one level.
func (t *JToken) read(u *unread) {
	nodes := make([]JToken, len(u.from.list))
	t.list, t.value = make([]*JToken, len(nodes)), nil
	for i, c := range u.from.list {
		n := &nodes[i]
		n.become(c, t, u)
		t.list[i] = n
	}
	u.budget.held += int64(len(nodes)) * tokenBytes
}

// unreadXML is the same of an XML node.
type unreadXML struct {
	from   *xmlNode
	of     *parsedBody
	budget *Budget
}

// copyOfXML is a copy of a node whose children are not read yet.
func copyOfXML(n *xmlNode, u *unreadXML) *xmlNode {
	out := n.bare()
	if len(n.children) > 0 {
		out.unread = &unreadXML{n, u.of, u.budget}
	}
	return out
}

// nodes are the children, which the policy may have or change.
func (n *xmlNode) nodes() []*xmlNode {
	if u := n.unread; u != nil {
		n.unread = nil
		n.children = make([]*xmlNode, len(u.from.children))
		for i, c := range u.from.children {
			k := copyOfXML(c, u)
			k.parent = n
			n.children[i] = k
			u.budget.held += int64(nodeBytes * (1 + len(k.attrs)))
		}
	}
	return n.children
}

// peek are the children only to look at.
func (n *xmlNode) peek() []*xmlNode {
	if n.unread != nil {
		return n.unread.from.children
	}
	return n.children
}

func (n *xmlNode) readAll() {
	for _, c := range n.nodes() {
		c.readAll()
	}
}

// Settle reads all that is unread in a value, so that several may look at it at
// a time.
func Settle(v any) {
	switch x := v.(type) {
	case *JToken:
		for x != nil && x.parent != nil {
			x = x.parent
		}
		if x != nil {
			x.readAll()
		}
	case *xmlNode:
		for x != nil && x.parent != nil {
			x = x.parent
		}
		if x != nil {
			x.readAll()
		}
	case *Array:
		for _, i := range x.items {
			Settle(i)
		}
	case *Dictionary:
		for _, i := range x.values {
			Settle(i)
		}
	}
}

func (t *JToken) readAll() {
	for _, c := range t.kids() {
		c.readAll()
	}
	if t.kind == JObject {
		t.property("") // makes the index of a large one
	}
}
