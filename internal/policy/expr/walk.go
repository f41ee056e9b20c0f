package expr

// walk visits a tree from the outside in.
func walk(n node, visit func(node)) {
	if n == nil {
		return
	}
	visit(n)
	for _, c := range children(n) {
		if c != nil {
			walk(c, visit)
		}
	}
}

func children(n node) []node {
	switch x := n.(type) {
	case *memberX:
		return []node{x.x}
	case *callX:
		return append([]node{x.fn}, argumentNodes(x.args)...)
	case *indexX:
		return append([]node{x.x}, argumentNodes(x.args)...)
	case *conditionalX:
		return []node{x.x, x.tail}
	case *unaryX:
		return []node{x.x}
	case *stepX:
		return []node{x.x}
	case *binaryX:
		return []node{x.l, x.r}
	case *assignX:
		return []node{x.l, x.r}
	case *ternaryX:
		return []node{x.cond, x.yes, x.no}
	case *castX:
		return []node{x.x}
	case *asX:
		return []node{x.x}
	case *isX:
		return []node{x.x, patternNode(x.p)}
	case *newX:
		return append(argumentNodes(x.args), initializerNodes(x.init)...)
	case *newArrayX:
		return append(append([]node(nil), x.size...), initializerNodes(x.init)...)
	case *tupleX:
		return x.items
	case *anonymousX:
		return x.values
	case *lambdaX:
		if x.block != nil {
			return []node{x.block}
		}
		return []node{x.body}
	case *interpX:
		var out []node
		for _, p := range x.parts {
			out = append(out, p.x)
		}
		return out
	case *checkedX:
		return []node{x.x}
	case *throwX:
		return []node{x.x}
	}
	return statementChildren(n)
}

func statementChildren(n node) []node {
	switch x := n.(type) {
	case *blockStmt:
		return x.list
	case *exprStmt:
		return []node{x.x}
	case *declStmt:
		var out []node
		for _, v := range x.vars {
			out = append(out, v.x)
			out = append(out, initializerNodes(v.arr)...)
		}
		return out
	case *ifStmt:
		return []node{x.cond, x.then, x.els}
	case *forStmt:
		out := append([]node{x.cond, x.body}, x.init...)
		return append(out, x.post...)
	case *foreachStmt:
		if x.parts != nil {
			return []node{x.in, x.parts, x.body}
		}
		return []node{x.in, x.body}
	case *whileStmt:
		return []node{x.cond, x.body}
	case *switchStmt:
		out := []node{x.x}
		for _, s := range x.sections {
			for _, l := range s.labels {
				out = append(out, patternNode(l.p), l.when)
			}
			out = append(out, s.body...)
		}
		return out
	case *tryStmt:
		out := []node{x.body}
		for _, c := range x.catches {
			out = append(out, c.when, c.body)
		}
		if x.finally != nil {
			out = append(out, x.finally)
		}
		return out
	case *usingStmt:
		if x.decl != nil {
			return []node{x.decl, x.body}
		}
		return []node{x.x, x.body}
	case *returnStmt:
		return []node{x.x}
	case *throwStmt:
		return []node{x.x}
	case *funcStmt:
		var out []node
		for _, p := range x.params {
			out = append(out, p.def)
		}
		if x.body != nil {
			return append(out, x.body)
		}
		return append(out, x.x)
	}
	return nil
}

func argumentNodes(args []argument) []node {
	out := make([]node, 0, len(args)+1)
	for _, a := range args {
		out = append(out, a.x)
	}
	return out
}

func patternNode(p *pattern) node {
	if p == nil {
		return nil
	}
	return p.x
}

func initializerNodes(in *initializer) []node {
	if in == nil {
		return nil
	}
	var out []node
	for _, i := range in.items {
		out = append(out, argumentNodes(i.index)...)
		out = append(out, i.values...)
		out = append(out, initializerNodes(i.nested)...)
	}
	return out
}

// capturedNames collects the names used inside lambdas and local functions:
// variables of these names live in cells that frames share.
func capturedNames(n node) map[string]bool {
	out := map[string]bool{}
	walk(n, func(n node) {
		switch n.(type) {
		case *lambdaX, *funcStmt:
			walk(n, func(n node) {
				if x, ok := n.(*nameX); ok {
					out[x.name] = true
				}
			})
		}
	})
	return out
}
