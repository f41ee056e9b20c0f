package expr

import "strconv"

// query is a query expression as it is read. C# defines one as calls of
// Select, Where and so on, and so it becomes nothing else: source is the call
// so far, names are the range variables that the next clause sees.
type query struct {
	p      *parser
	source node
	names  []string
	// carrier is the parameter of a clause that sees several range variables:
	// an object with one member for each. No expression can write this name.
	carrier string
}

// tryQuery reads from x in source ... select y. The word from is a name
// everywhere else.
func (p *parser) tryQuery() node {
	if !p.isWord("from") {
		return nil
	}
	start, pos := p.i, p.tok().pos
	p.i++
	name, t := p.rangeVariable()
	if name == "" {
		p.i = start
		return nil
	}
	p.queries++
	defer func() { p.queries-- }()
	q := &query{p: p, names: []string{name}, carrier: "<range" + strconv.Itoa(p.queries) + ">"}
	q.source = q.typed(pos, p.expression(), t)
	for {
		if n := q.clause(); n != nil {
			return n
		}
	}
}

// rangeVariable reads "x in" or "T x in"; "" when neither stands there.
func (p *parser) rangeVariable() (name string, t *typeX) {
	if n := p.peek(1); n.kind != tIdent || n.text != "in" {
		if t = p.tryType(true); t == nil {
			return "", nil
		}
	}
	v, in := p.tok(), p.peek(1)
	if v.kind != tIdent || reserved(v.text) || in.kind != tIdent || in.text != "in" {
		return "", nil
	}
	p.i += 2
	return v.text, t
}

// clause reads one clause. The last one, select or group, gives the query.
func (q *query) clause() node {
	t := q.p.tok()
	if t.kind == tIdent && !t.escaped {
		q.p.i++
		switch t.text {
		case "from":
			q.from(t.pos)
			return nil
		case "let":
			q.let(t.pos)
			return nil
		case "where":
			q.call(t.pos, "Where", q.lambda(q.p.expression()))
			return nil
		case "join":
			q.join(t.pos)
			return nil
		case "orderby":
			q.orderBy(t.pos)
			return nil
		case "select":
			return q.last(t.pos, "Select", q.lambda(q.p.expression()))
		case "group":
			element := q.p.expression()
			q.word("by")
			return q.last(t.pos, "GroupBy", q.lambda(q.p.expression()), q.lambda(element))
		}
	}
	fail(t.pos, "the query has no select, found "+describe(t), "a query ends with select or group ... by")
	return nil
}

// last ends the query, unless into goes on with its results.
func (q *query) last(pos int, method string, args ...node) node {
	q.call(pos, method, args...)
	if !q.p.acceptWord("into") {
		return q.source
	}
	q.names = []string{q.p.identifier("the variable of into")}
	return nil
}

func (q *query) from(pos int) {
	name, t := q.p.rangeVariable()
	if name == "" {
		fail(q.p.tok().pos, "expected x in after from", "")
	}
	inner := q.typed(pos, q.p.expression(), t)
	q.call(pos, "SelectMany", q.lambda(inner), q.pair(pos, name))
	q.names = append(q.names, name)
}

func (q *query) let(pos int) {
	name := q.p.identifier("the variable of let")
	q.p.expect("=", "in let")
	value := q.p.expression()
	q.call(pos, "Select", q.lambda(q.object(pos, name, value)))
	q.names = append(q.names, name)
}

func (q *query) join(pos int) {
	name, t := q.p.rangeVariable()
	if name == "" {
		fail(q.p.tok().pos, "expected x in after join", "")
	}
	other := q.typed(pos, q.p.expression(), t)
	q.word("on")
	left := q.lambda(q.p.expression())
	q.word("equals")
	right := &lambdaX{at: at(pos), params: []parameter{{pos: pos, name: name}}, body: q.p.expression()}
	method := "Join"
	if q.p.acceptWord("into") {
		method, name = "GroupJoin", q.p.identifier("the variable of into")
	}
	q.call(pos, method, other, left, right, q.pair(pos, name))
	q.names = append(q.names, name)
}

func (q *query) orderBy(pos int) {
	for method := "OrderBy"; ; method = "ThenBy" {
		key := q.lambda(q.p.expression())
		if q.p.acceptWord("descending") {
			method += "Descending"
		} else {
			q.p.acceptWord("ascending")
		}
		q.call(pos, method, key)
		if !q.p.accept(",") {
			return
		}
	}
}

func (q *query) word(word string) {
	if !q.p.acceptWord(word) {
		fail(q.p.tok().pos, "expected "+word+" in the query, found "+describe(q.p.tok()), "")
	}
}

// call puts a method behind what the query gives so far.
func (q *query) call(pos int, method string, args ...node) {
	c := &callX{at: at(pos), fn: &memberX{at: at(pos), x: q.source, name: method, dot: pos}}
	for _, a := range args {
		c.args = append(c.args, argument{x: a})
	}
	q.source = c
}

// typed is the source of "T x in source".
func (q *query) typed(pos int, source node, t *typeX) node {
	if t == nil {
		return source
	}
	return &callX{at: at(pos), fn: &memberX{at: at(pos), x: source, name: "Cast", targs: []*typeX{t}, dot: pos}}
}

// lambda makes a clause's expression a function of the range variables.
func (q *query) lambda(body node) *lambdaX {
	return q.function(body.offset(), nil, body)
}

// pair is the function that adds a range variable to the others.
func (q *query) pair(pos int, name string) *lambdaX {
	return q.function(pos, []parameter{{pos: pos, name: name}}, q.object(pos, name, &nameX{at: at(pos), name: name}))
}

// function takes the range variables and more; several of them come as one
// object and are spread into variables first.
func (q *query) function(pos int, more []parameter, body node) *lambdaX {
	l := &lambdaX{at: at(pos)}
	if len(q.names) == 1 {
		l.params, l.body = append([]parameter{{pos: pos, name: q.names[0]}}, more...), body
		return l
	}
	l.params = append([]parameter{{pos: pos, name: q.carrier}}, more...)
	l.block = &blockStmt{at: at(pos), end: pos}
	for _, name := range q.names {
		value := &memberX{at: at(pos), x: &nameX{at: at(pos), name: q.carrier}, name: name, dot: pos}
		l.block.list = append(l.block.list, &declStmt{at: at(pos), vars: []declared{{pos: pos, name: name, x: value}}})
	}
	l.block.list = append(l.block.list, &returnStmt{at: at(pos), x: body})
	return l
}

// object holds the range variables and one more.
func (q *query) object(pos int, name string, value node) node {
	o := &anonymousX{at: at(pos)}
	for _, n := range q.names {
		o.names, o.values = append(o.names, n), append(o.values, &nameX{at: at(pos), name: n})
	}
	o.names, o.values = append(o.names, name), append(o.values, value)
	return o
}

// queryWord tells whether a name is a word of the query that is being read.
func (p *parser) queryWord(name string) bool {
	if p.queries == 0 {
		return false
	}
	switch name {
	case "from", "where", "select", "group", "into", "orderby", "join", "let", "in", "on", "equals", "by", "ascending", "descending":
		return true
	}
	return false
}
