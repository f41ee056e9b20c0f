package expr

// cond goes through a condition and gives what holds when it is true and false.
func (c *locals) cond(n node) (yes, no facts) {
	switch x := n.(type) {
	case *literalX:
		switch x.value {
		case true:
			return c.state, facts{dead: true}
		case false:
			return facts{dead: true}, c.state
		}
	case *unaryX:
		if x.op == "!" {
			no, yes = c.cond(x.x)
			return yes, no
		}
	case *binaryX:
		if yes, no, ok := c.both(x); ok {
			return yes, no
		}
	case *ternaryX:
		yes, no := c.cond(x.cond)
		c.state = yes
		yes1, no1 := c.cond(x.yes)
		c.state = no
		yes2, no2 := c.cond(x.no)
		return yes1.meet(yes2), no1.meet(no2)
	case *isX:
		c.expr(x.x)
		no := c.state
		c.pattern(x.p)
		if x.p.isv {
			no = c.state
		}
		return c.state, no
	case *checkedX:
		return c.cond(x.x)
	}
	c.parts(n)
	if c.constant(n) {
		return facts{dead: true}, facts{dead: true} // one of them is, nobody asks which
	}
	return c.state, c.state
}

// both is && and ||, and a comparison with true or false.
func (c *locals) both(x *binaryX) (yes, no facts, ok bool) {
	switch x.op {
	case "&&":
		yes, no := c.cond(x.l)
		c.state = yes
		yes, no2 := c.cond(x.r)
		return yes, no.meet(no2), true
	case "||":
		yes, no := c.cond(x.l)
		c.state = no
		yes2, no := c.cond(x.r)
		return yes.meet(yes2), no, true
	case "==", "!=":
		k, isLiteral := x.r.(*literalX)
		if v, isBool := false, false; isLiteral {
			if v, isBool = k.value.(bool); isBool {
				yes, no = c.cond(x.l)
				if v != (x.op == "==") {
					yes, no = no, yes
				}
				return yes, no, true
			}
		}
	case "??":
		// x?.Try(out var y) ?? false: the right side stands for a failed left one.
		c.expr(x.l)
		left := c.state
		yes, no := c.cond(x.r)
		return yes.meet(left), no.meet(left), true
	}
	return facts{}, facts{}, false
}

// constant tells whether a condition is made of nothing but constants.
func (c *locals) constant(n node) bool {
	only := true
	walk(n, func(n node) {
		switch x := n.(type) {
		case *literalX, *binaryX, *unaryX, *ternaryX, *castX:
		case *nameX:
			v, ok := c.lookup(x.name)
			only = only && ok && v.konst
		default:
			only = false
		}
	})
	return only
}

// pattern goes through a pattern that matches.
func (c *locals) pattern(p *pattern) {
	if p.x != nil {
		c.expr(p.x)
	}
	if p.name != "" && p.name != "_" {
		c.state = c.state.with(c.declare(p.name, p.offset()))
	}
}

func (c *locals) expr(n node) {
	switch x := n.(type) {
	case nil:
	case *isX, *ternaryX, *unaryX:
		yes, no := c.cond(n)
		c.state = yes.meet(no)
	case *binaryX:
		yes, no := c.cond(x)
		c.state = yes.meet(no)
	default:
		c.parts(n)
	}
}

// parts goes through what an expression is made of, in the order of evaluation.
func (c *locals) parts(n node) {
	switch x := n.(type) {
	case *nameX:
		c.read(x)
	case *assignX:
		c.assignment(x)
	case *callX:
		c.expr(x.fn)
		c.arguments(x.args)
	case *indexX:
		c.expr(x.x)
		c.arguments(x.args)
	case *newX:
		c.arguments(x.args)
		for _, n := range initializerNodes(x.init) {
			c.expr(n)
		}
	case *lambdaX:
		before := c.state
		c.body(x.params, x.block, x.body)
		c.state = before
	case *throwX:
		c.expr(x.x)
		c.state = facts{dead: true}
	default:
		for _, child := range children(n) {
			if child != nil {
				c.expr(child)
			}
		}
	}
}

// arguments are evaluated in order; what is handed out has a value afterwards.
func (c *locals) arguments(args []argument) {
	for _, a := range args {
		if !a.out || a.ref {
			c.expr(a.x)
		} else if v, ok := a.x.(*outVarX); ok {
			c.declare(v.name, v.offset())
		}
	}
	for _, a := range args {
		if !a.out {
			continue
		}
		switch x := a.x.(type) {
		case *outVarX:
			c.assign(x.name)
		case *nameX:
			c.assign(x.name)
		}
	}
}

func (c *locals) assignment(x *assignX) {
	if x.op != "" {
		c.expr(x.l)
		c.expr(x.r)
		return
	}
	l, isTuple := x.l.(*tupleX)
	if !isTuple {
		if root := rootOf(x.l); root != nil {
			c.expr(x.r)
			c.assign(root.name)
			return
		}
		c.expr(x.l)
		c.expr(x.r)
		return
	}
	c.expr(x.r)
	c.target(l)
}

// rootOf is the variable that an assignment gives a value, also by a part of a
// tuple: t.a = 1. nil when something else is assigned.
func rootOf(n node) *nameX {
	switch x := n.(type) {
	case *nameX:
		return x
	case *memberX:
		return rootOf(x.x)
	}
	return nil
}

// target assigns and declares the variables of a deconstruction.
func (c *locals) target(l *tupleX) {
	for _, n := range l.items {
		switch x := n.(type) {
		case *tupleX:
			c.target(x)
		case *outVarX:
			c.declare(x.name, x.offset())
			c.assign(x.name)
		case *nameX:
			c.assign(x.name)
		default:
			c.expr(n)
		}
	}
}
