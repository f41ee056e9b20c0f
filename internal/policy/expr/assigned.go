package expr

// The rules of C# for local variables that need the order of statements: a
// variable is assigned before it is read, on every way there (CS0165), and no
// name stands for two variables that could both be meant (CS0128, CS0136).
// The tree was bound before, so every name that is not a local is known.

// facts are the variables that are assigned at a point of the program.
type facts struct {
	dead bool // the point is not reached: everything holds there
	bits []uint64
}

func (s facts) has(id int) bool {
	return s.dead || id/64 < len(s.bits) && s.bits[id/64]>>(id%64)&1 != 0
}

func (s facts) with(id int) facts {
	if s.has(id) {
		return s
	}
	out := facts{bits: make([]uint64, max(len(s.bits), id/64+1))}
	copy(out.bits, s.bits)
	out.bits[id/64] |= 1 << (id % 64)
	return out
}

// meet holds where two ways come together.
func (s facts) meet(o facts) facts {
	switch {
	case s.dead:
		return o
	case o.dead:
		return s
	}
	out := facts{bits: make([]uint64, min(len(s.bits), len(o.bits)))}
	for i := range out.bits {
		out.bits[i] = s.bits[i] & o.bits[i]
	}
	return out
}

// and holds after both happened.
func (s facts) and(o facts) facts {
	if s.dead || o.dead {
		return facts{dead: true}
	}
	out := facts{bits: make([]uint64, max(len(s.bits), len(o.bits)))}
	copy(out.bits, s.bits)
	for i, b := range o.bits {
		out.bits[i] |= b
	}
	return out
}

// localName is what a name stands for in a scope.
type localName struct {
	id    int  // of a variable that may be unassigned
	known bool // assigned wherever it can be seen
	konst bool
}

// nameScope is a block, a loop, a lambda or the like.
type nameScope struct {
	names map[string]localName
	below map[string]bool // names of scopes inside, which ended
}

// locals goes through a program as it runs.
type locals struct {
	scopes    []nameScope
	next      int
	state     facts
	breaks    []facts
	continues []facts
	anyhow    map[string]bool // assigned by a local function: nobody knows when
}

// checkLocals refuses a program that reads a variable before it is assigned.
func checkLocals(tree node) {
	c := &locals{anyhow: map[string]bool{}}
	walk(tree, func(n node) {
		if f, ok := n.(*funcStmt); ok {
			c.assignedBy(f)
		}
	})
	c.open()
	if s, ok := tree.(*blockStmt); ok {
		c.list(s.list)
		return
	}
	c.expr(tree)
}

// assignedBy collects the names that a local function assigns.
func (c *locals) assignedBy(f *funcStmt) {
	walk(f, func(n node) {
		switch x := n.(type) {
		case *assignX:
			walk(x.l, func(n node) { c.anyName(n) })
		case *callX:
			for _, a := range x.args {
				if a.out {
					c.anyName(a.x)
				}
			}
		}
	})
}

func (c *locals) anyName(n node) {
	if x, ok := n.(*nameX); ok {
		c.anyhow[x.name] = true
	}
}

func (c *locals) open() {
	c.scopes = append(c.scopes, nameScope{names: map[string]localName{}, below: map[string]bool{}})
}

func (c *locals) close() {
	last := len(c.scopes) - 1
	inner := c.scopes[last]
	c.scopes = c.scopes[:last]
	below := c.scopes[last-1].below
	for n := range inner.names {
		below[n] = true
	}
	for n := range inner.below {
		below[n] = true
	}
}

func (c *locals) lookup(name string) (localName, bool) {
	for i := len(c.scopes) - 1; i >= 0; i-- {
		if n, ok := c.scopes[i].names[name]; ok {
			return n, true
		}
	}
	return localName{}, false
}

// declare adds a variable that is not assigned yet.
func (c *locals) declare(name string, pos int) int {
	id := c.next
	c.next++
	c.enter(name, pos, localName{id: id, known: c.anyhow[name]})
	return id
}

// given adds a variable that has a value from the beginning.
func (c *locals) given(name string, pos int) { c.enter(name, pos, localName{known: true}) }

func (c *locals) enter(name string, pos int, n localName) {
	if name == "" || name == "_" || name[0] == '<' || name[0] == 0 {
		return // a discard, or a name that the compiler made
	}
	if _, ok := c.lookup(name); ok {
		fail(pos, "a variable named '"+name+"' already exists here", "choose another name")
	}
	top := c.scopes[len(c.scopes)-1]
	if top.below[name] {
		fail(pos, "a variable named '"+name+"' already exists in a block inside of this one", "choose another name")
	}
	top.names[name] = n
}

func (c *locals) assign(name string) {
	if n, ok := c.lookup(name); ok && !n.known {
		c.state = c.state.with(n.id)
	}
}

func (c *locals) read(x *nameX) {
	if n, ok := c.lookup(x.name); ok && !n.known && !c.state.has(n.id) {
		fail(x.offset(), "'"+x.name+"' is read before it has a value", "give it one where it is declared, or on every way to this place")
	}
}

func (c *locals) list(list []node) {
	for _, n := range list {
		c.statement(n)
	}
}

func (c *locals) scoped(n node) {
	c.open()
	c.statement(n)
	c.close()
}

func (c *locals) statement(n node) {
	switch x := n.(type) {
	case nil:
	case *blockStmt:
		c.open()
		c.list(x.list)
		c.close()
	case *exprStmt:
		c.expr(x.x)
	case *declStmt:
		c.declaration(x)
	case *ifStmt:
		yes, no := c.cond(x.cond)
		c.state = yes
		c.scoped(x.then)
		yes, c.state = c.state, no
		c.scoped(x.els)
		c.state = c.state.meet(yes)
	case *returnStmt:
		c.expr(x.x)
		c.state = facts{dead: true}
	case *throwStmt:
		c.expr(x.x)
		c.state = facts{dead: true}
	case *jumpStmt:
		if x.kind == "break" {
			c.breaks = append(c.breaks, c.state)
		} else {
			c.continues = append(c.continues, c.state)
		}
		c.state = facts{dead: true}
	case *funcStmt:
		c.localFunction(x)
	default:
		c.compound(n)
	}
}

func (c *locals) compound(n node) {
	c.open()
	defer c.close()
	switch x := n.(type) {
	case *whileStmt:
		c.loop(x)
	case *forStmt:
		c.list(x.init)
		yes, no := c.state, facts{dead: true}
		if x.cond != nil {
			yes, no = c.cond(x.cond)
		}
		c.state = yes
		leave := c.inside(x.body)
		c.list(x.post)
		c.state = leave(no)
	case *foreachStmt:
		c.expr(x.in)
		before := c.state
		c.open() // what is gone through does not see the variable
		if x.parts != nil {
			c.target(x.parts)
		} else {
			c.given(x.name, x.offset())
		}
		leave := c.inside(x.body)
		c.close()
		c.state = leave(before)
	case *switchStmt:
		c.choice(x)
	case *tryStmt:
		c.try(x)
	case *usingStmt:
		if x.decl != nil {
			c.declaration(x.decl)
		}
		c.expr(x.x)
		c.scoped(x.body)
	}
}

// inside goes through the body of a loop. Afterwards the state is the one from
// which it goes round; leave gives the one behind the loop.
func (c *locals) inside(body node) (leave func(end facts) facts) {
	breaks, continues := c.breaks, c.continues
	c.breaks, c.continues = nil, nil
	c.scoped(body)
	for _, s := range c.continues {
		c.state = c.state.meet(s)
	}
	own := c.breaks
	c.breaks, c.continues = breaks, continues
	return func(end facts) facts {
		for _, s := range own {
			end = end.meet(s)
		}
		return end
	}
}

func (c *locals) loop(x *whileStmt) {
	if x.do {
		leave := c.inside(x.body)
		_, no := c.cond(x.cond)
		c.state = leave(no)
		return
	}
	yes, no := c.cond(x.cond)
	c.state = yes
	c.state = c.inside(x.body)(no)
}

func (c *locals) choice(x *switchStmt) {
	c.expr(x.x)
	start, breaks := c.state, c.breaks
	c.breaks = nil
	end := start
	for _, s := range x.sections {
		c.open()
		in := facts{dead: true}
		for _, l := range s.labels {
			c.state = start
			if l.p == nil {
				end = facts{dead: true}
			} else {
				c.pattern(l.p)
			}
			if l.when != nil {
				c.state, _ = c.cond(l.when)
			}
			in = in.meet(c.state)
		}
		c.state = in
		c.list(s.body)
		c.close()
	}
	for _, s := range c.breaks {
		end = end.meet(s)
	}
	c.state, c.breaks = end, breaks
}

func (c *locals) try(x *tryStmt) {
	start := c.state
	breaks, continues := len(c.breaks), len(c.continues)
	c.statement(x.body)
	end := c.state
	for i := range x.catches {
		h := &x.catches[i]
		c.open()
		c.state = start
		c.given(h.name, h.offset())
		if h.when != nil {
			c.state, _ = c.cond(h.when)
		}
		c.statement(h.body)
		c.close()
		end = end.meet(c.state)
	}
	c.state = end
	if x.finally == nil {
		return
	}
	c.state = start
	c.statement(x.finally)
	final := c.state
	c.state = end.and(final)
	for i := breaks; i < len(c.breaks); i++ {
		c.breaks[i] = c.breaks[i].and(final)
	}
	for i := continues; i < len(c.continues); i++ {
		c.continues[i] = c.continues[i].and(final)
	}
}

func (c *locals) declaration(x *declStmt) {
	for _, d := range x.vars {
		if x.konst {
			c.expr(d.x)
			c.enter(d.name, d.pos, localName{known: true, konst: true})
			continue
		}
		id := c.declare(d.name, d.pos)
		c.expr(d.x)
		for _, n := range initializerNodes(d.arr) {
			c.expr(n)
		}
		if d.x != nil || d.arr != nil {
			c.state = c.state.with(id)
		}
	}
}

// localFunction goes through a function as if all that stands outside had a
// value: when it is called, nobody knows here.
func (c *locals) localFunction(x *funcStmt) {
	before := c.state
	all := facts{}
	for id := range c.next {
		all = all.with(id)
	}
	c.state = all
	c.body(x.params, x.body, x.x)
	c.state = before
}

// body is a function of its own inside the program.
func (c *locals) body(params []parameter, block *blockStmt, x node) {
	breaks, continues := c.breaks, c.continues
	c.breaks, c.continues = nil, nil
	c.open()
	for _, p := range params {
		c.given(p.name, p.pos)
	}
	if block != nil {
		c.list(block.list)
	} else {
		c.expr(x)
	}
	c.close()
	c.breaks, c.continues = breaks, continues
}
