package expr

// node is a syntax tree node with its offset.
type node interface{ offset() int }

type at int

func (a at) offset() int { return int(a) }

// Expressions.
type (
	literalX struct {
		at
		value any // nil: null
	}
	nameX struct {
		at
		name  string
		targs []*typeX
	}
	memberX struct {
		at
		x     node
		name  string
		targs []*typeX
		dot   int
	}
	callX struct {
		at
		fn   node
		args []argument
	}
	indexX struct {
		at
		x    node
		args []argument
	}
	// conditionalX is x?.tail: tail holds a receiverX where x stands.
	conditionalX struct {
		at
		x, tail node
	}
	receiverX struct{ at }
	unaryX    struct {
		at
		op string
		x  node
	}
	// stepX is ++ and --.
	stepX struct {
		at
		op     string
		prefix bool
		x      node
	}
	binaryX struct {
		at
		op   string
		l, r node
		pos  int // of the operator
	}
	assignX struct {
		at
		op   string
		l, r node
	}
	ternaryX struct {
		at
		cond, yes, no node
	}
	castX struct {
		at
		t *typeX
		x node
	}
	asX struct {
		at
		x node
		t *typeX
	}
	isX struct {
		at
		x node
		p *pattern
	}
	newX struct {
		at
		t    *typeX
		args []argument
		init *initializer
	}
	newArrayX struct {
		at
		elem *typeX // nil: new[] {...}
		size []node // one for each dimension; nil when only the values tell
		rank int    // dimensions beyond the first
		init *initializer
	}
	anonymousX struct {
		at
		names  []string
		values []node
	}
	lambdaX struct {
		at
		params []parameter
		body   node       // expression
		block  *blockStmt // or block
	}
	// tupleX is (a, name: b), or the left side of a deconstruction.
	tupleX struct {
		at
		names []string
		items []node
	}
	interpX struct {
		at
		parts []interpNode
	}
	typeofX struct {
		at
		t *typeX
	}
	defaultX struct {
		at
		t *typeX // nil: default
	}
	checkedX struct {
		at
		x  node
		on bool
	}
	throwX struct {
		at
		x node
	}
	// typeExprX is a predefined type as the left side of a member access.
	typeExprX struct {
		at
		t *typeX
	}
	// outVarX is "out var x" or "out T x" in an argument list, and a variable
	// that a deconstruction declares.
	outVarX struct {
		at
		t    *typeX // nil: var
		name string
	}
)

type interpNode struct {
	text   string
	x      node // nil: text
	raw    string
	align  int
	format string
}

type argument struct {
	name string
	out  bool
	ref  bool
	x    node
}

type parameter struct {
	pos  int
	t    *typeX // nil: inferred
	name string
	def  node
	mode string // "", "ref", "out" or "params"; of local functions
}

// initializer is { a, b }, { X = 1 }, { [k] = v } or { {a, b}, ... }.
type initializer struct {
	at
	items []initItem
}

type initItem struct {
	pos    int
	name   string       // member
	index  []argument   // [k] = v
	values []node       // one value, or {a, b}
	braces bool         // {a, b}
	nested *initializer // X = { ... }
}

type pattern struct {
	at
	t    *typeX // type pattern, or nil
	name string // declared variable, "" or "_"
	isv  bool   // var pattern
	x    node   // constant
}

// typeX is a type as written: a.b<c>[]?, or a tuple (a x, b y).
type typeX struct {
	at
	parts    []typePart
	items    []*typeX // of a tuple
	names    []string // of the items, "" for none
	elem     *typeX   // array or nullable of
	array    bool
	rank     int // dimensions of the array beyond the first
	nullable bool
}

type typePart struct {
	name string
	args []*typeX
}

// Statements.
type (
	blockStmt struct {
		at
		list    []node
		end     int
		checked string // "checked" or "unchecked" before the block
	}
	exprStmt struct {
		at
		x node
	}
	declStmt struct {
		at
		t     *typeX // nil: var
		konst bool
		vars  []declared
	}
	ifStmt struct {
		at
		cond      node
		then, els node
	}
	forStmt struct {
		at
		init []node
		cond node
		post []node
		body node
	}
	foreachStmt struct {
		at
		t     *typeX
		name  string
		parts *tupleX // foreach (var (a, b) in ...)
		in    node
		body  node
	}
	whileStmt struct {
		at
		cond node
		body node
		do   bool
	}
	switchStmt struct {
		at
		x        node
		sections []switchSection
	}
	tryStmt struct {
		at
		body    *blockStmt
		catches []catchClause
		finally *blockStmt
	}
	usingStmt struct {
		at
		decl *declStmt
		x    node
		body node
	}
	returnStmt struct {
		at
		x node
	}
	throwStmt struct {
		at
		x node
	}
	jumpStmt struct {
		at
		kind string
	}
	funcStmt struct {
		at
		ret    *typeX // nil: void
		name   string
		params []parameter
		body   *blockStmt
		x      node
	}
	emptyStmt struct{ at }
)

type declared struct {
	pos  int
	name string
	x    node         // may be nil
	arr  *initializer // T[] x = { ... }
}

type switchSection struct {
	labels []switchLabel
	body   []node
}

type switchLabel struct {
	pos  int
	p    *pattern // nil: default
	when node
}

type catchClause struct {
	at
	t    *typeX // nil: all
	name string
	when node
	body *blockStmt
}
