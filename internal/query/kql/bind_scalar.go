package kql

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// rowContext is where a scalar stands: the row it reads and what it may use.
type rowContext struct {
	scope      *scope
	rel        relation // nil: no row
	columns    []column
	right      []column           // of a join, after $right
	aggregates bool               // aggregate functions may stand here
	elements   map[string]element // variables of a graph's pattern
	before     *[]assignment      // steps that windows need below, one on the other; nil: none can be put there
}

func (b *binder) row(rel relation, s *scope) *rowContext {
	return &rowContext{scope: s, rel: rel, columns: rel.columns()}
}

func (c *rowContext) column(name string) (column, bool) {
	for _, k := range c.columns {
		if k.Name == name {
			return k, true
		}
	}
	return column{}, false
}

func names(columns []column) []string {
	var out []string
	for _, c := range columns {
		out = append(out, c.Name)
	}
	return out
}

// scalar binds an expression.
func (b *binder) scalar(x syntax.Expr, c *rowContext) expression {
	switch x := x.(type) {
	case *syntax.Literal:
		return literal(x)
	case *syntax.Name:
		return b.name(x, c)
	case *syntax.Unary:
		v := b.plain(b.scalar(x.X, c))
		if x.Op == "+" {
			return v
		}
		return call(v.kind(), "negate", v)
	case *syntax.Binary:
		return b.binary(x, c)
	case *syntax.In:
		return b.in(x, c)
	case *syntax.Between:
		return b.between(x, c)
	case *syntax.Call:
		return b.call(x, c)
	case *syntax.Path:
		if n, ok := x.X.(*syntax.Name); ok && (n.Name == "$left" || n.Name == "$right") {
			return b.side(n.Name, x, c)
		}
		if n, ok := x.X.(*syntax.Name); ok {
			if v, ok := c.elements[n.Name]; ok {
				return b.elementMember(v, n.Name, x)
			}
		}
		return b.member(b.scalar(x.X, c), x.Member, c)
	case *syntax.Index:
		return b.index(x, c)
	case *syntax.TypeLiteral:
		return text(x.Type.String())
	case *syntax.Pipe, *syntax.Datatable:
		return b.subquery(x, c)
	}
	b.fail(x.Position(), codeUse, "", "this cannot stand in a scalar expression")
	return nil
}

func literal(x *syntax.Literal) expression {
	v := x.Value
	if n, ok := v.(int64); ok && x.Type == table.Int {
		v = int32(n)
	}
	if v == nil {
		v = emptyOf(x.Type)
	}
	return &constant{Type: x.Type, Value: v}
}

func (b *binder) name(x *syntax.Name, c *rowContext) expression {
	if k, ok := c.column(x.Name); ok {
		return ref(k)
	}
	if v, ok := c.elements[x.Name]; ok {
		return b.elementBag(v)
	}
	if s := c.scope.find(x.Name); s != nil {
		defer b.enter(x.Span)()
		switch {
		case s.x != nil:
			return s.x
		case s.rel != nil:
			return b.first(s.rel)
		case s.value != nil:
			if _, ok := s.value.(*syntax.Lambda); ok || b.isTable(s.value, s.parent) {
				return b.first(b.relation(x, c.scope))
			}
			return b.scalar(s.value, &rowContext{scope: s.parent, columns: nil})
		}
	}
	known := names(c.columns)
	for s := c.scope; s != nil; s = s.parent {
		known = append(known, s.name)
	}
	b.fail(x.Span, codeName, didYouMean(x.Name, known), "there is no column or variable %q here", x.Name)
	return nil
}

func (b *binder) first(rel relation) expression {
	cs := rel.columns()
	return &scalarQuery{Type: cs[0].Type, Input: rel}
}

func (b *binder) subquery(x syntax.Expr, c *rowContext) expression {
	return b.first(b.relation(x, c.scope))
}

func (b *binder) side(side string, x *syntax.Path, c *rowContext) expression {
	columns := c.columns
	if side == "$right" {
		columns = c.right
	}
	for _, k := range columns {
		if k.Name == x.Member {
			return ref(k)
		}
	}
	b.fail(x.MemberAt, codeName, didYouMean(x.Member, names(columns)), "there is no column %q on the side %s", x.Member, side)
	return nil
}

// member is x.name of a dynamic.
func (b *binder) member(x expression, name string, c *rowContext) expression {
	if r, ok := x.(*reference); ok && r.Type == table.Dynamic && c.rel != nil {
		if id, ok := b.promoted(c.rel, r.ID, name); ok {
			return call(table.Dynamic, "to dynamic of string", call(table.String, "as text", &reference{Type: table.String, ID: id}))
		}
	}
	path := `$."` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	return call(table.Dynamic, "member", b.convert(x, table.Dynamic), text(path))
}

// promoted finds a member that the table has as a column of its own, so that no
// JSON is read for it.
func (b *binder) promoted(rel relation, id int, name string) (int, bool) {
	for {
		switch r := rel.(type) {
		case *filter:
			rel = r.Input
		case *sorted:
			rel = r.Input
		case *limit:
			rel = r.Input
		case *project:
			for _, a := range r.Assign {
				if a.ID == id {
					k, ok := a.X.(*reference)
					if !ok {
						return 0, false
					}
					id = k.ID
				}
			}
			rel = r.Input
		case *scan:
			return b.promote(r, id, name)
		default:
			return 0, false
		}
	}
}

func (b *binder) promote(s *scan, id int, name string) (int, bool) {
	if have, ok := s.Members[member{id, name}]; ok {
		return have, true
	}
	for _, c := range s.Columns {
		if c.ID != id {
			continue
		}
		for _, branch := range s.Table.Branches {
			if branch.Keys[c.Name][name] == "" {
				return 0, false
			}
		}
		if len(s.Table.Branches) == 0 {
			return 0, false
		}
		s.Members[member{id, name}] = b.id()
		return s.Members[member{id, name}], true
	}
	return 0, false
}

func (b *binder) index(x *syntax.Index, c *rowContext) expression {
	of := b.scalar(x.X, c)
	key := b.scalar(x.Key, c)
	if k, ok := key.(*constant); ok {
		switch v := k.Value.(type) {
		case string:
			return b.member(of, v, c)
		case int64:
			path := "$[" + strconv.FormatInt(v, 10) + "]"
			if v < 0 {
				path = "$[#" + strconv.FormatInt(v, 10) + "]"
			}
			return call(table.Dynamic, "member", b.convert(of, table.Dynamic), text(path))
		}
	}
	if isNumber(key.kind()) {
		return call(table.Dynamic, "element of", b.convert(of, table.Dynamic), b.convert(key, table.Long))
	}
	return call(table.Dynamic, "member of", b.convert(of, table.Dynamic), b.convert(key, table.String))
}

// convert gives an expression another type.
func (b *binder) convert(x expression, to table.Type) expression {
	from := x.kind()
	if from == to {
		return x
	}
	if k, ok := x.(*constant); ok {
		if k.Value == nil {
			return null(to)
		}
		if n, ok := k.Value.(int64); ok && to == table.Real && from == table.Long {
			return &constant{Type: to, Value: float64(n)}
		}
	}
	// A member that is a column of text needs no JSON.
	if a, ok := x.(*apply); ok && a.Op == "to dynamic of string" && len(a.Args) == 1 {
		if inner, ok := a.Args[0].(*apply); ok && inner.Op == "as text" {
			return b.convert(inner.Args[0], to)
		}
	}
	op := conversion(to, from)
	if _, ok := b.engine.library.templates[op]; !ok {
		b.check(&QueryError{Errors: []syntax.Error{located(b.text, codeTypes, syntax.Span{}, "a value of type "+from.String()+" cannot become "+to.String(), "")}})
	}
	return call(to, op, x)
}

// plain is a dynamic as a number, for arithmetic.
func (b *binder) plain(x expression) expression {
	if t := x.kind(); t == table.Dynamic || t == table.String {
		return b.convert(x, table.Real)
	}
	if x.kind() == table.Decimal {
		return b.convert(x, table.Real)
	}
	if x.kind() == table.Bool {
		return b.convert(x, table.Long)
	}
	return x
}

func (b *binder) binary(x *syntax.Binary, c *rowContext) expression {
	if _, star := x.L.(*syntax.Star); star {
		return b.anyColumnIs(x, c)
	}
	l, r := b.scalar(x.L, c), b.scalar(x.R, c)
	switch x.Op {
	case "and", "or":
		return call(table.Bool, x.Op, b.convert(l, table.Bool), b.convert(r, table.Bool))
	case "+", "-", "*", "/", "%":
		return b.arithmetic(x, l, r)
	case "==", "!=", "<", "<=", ">", ">=":
		return b.compare(x.Op, l, r)
	case "<>":
		return b.compare("!=", l, r)
	case "=~", "!~":
		return call(table.Bool, x.Op, b.convert(l, table.String), b.convert(r, table.String))
	}
	return b.textOperator(x, x.Op, b.convert(l, table.String), b.convert(r, table.String))
}

// compare brings both sides to one type. Text against truth, as in success ==
// false, compares words without case; text against a number compares text.
func (b *binder) compare(op string, l, r expression) expression {
	lt, rt := l.kind(), r.kind()
	if lt == table.Dynamic && rt == table.Dynamic {
		l, r = b.convert(l, table.String), b.convert(r, table.String)
	} else if lt == table.Dynamic {
		l = b.convert(l, rt)
	} else if rt == table.Dynamic {
		r = b.convert(r, lt)
	}
	lt, rt = l.kind(), r.kind()
	equality := op == "==" || op == "!="
	switch {
	case lt == rt:
	case isNumber(lt) && isNumber(rt):
		w := widest(lt, rt)
		l, r = b.convert(l, w), b.convert(r, w)
	case equality && (lt == table.Bool && rt == table.String || lt == table.String && rt == table.Bool):
		return call(table.Bool, map[string]string{"==": "=~", "!=": "!~"}[op], b.convert(l, table.String), b.convert(r, table.String))
	case equality && (lt == table.String || rt == table.String):
		if lt == table.Datetime || lt == table.Timespan {
			r = b.convert(r, lt)
		} else if rt == table.Datetime || rt == table.Timespan {
			l = b.convert(l, rt)
		} else {
			l, r = b.convert(l, table.String), b.convert(r, table.String)
		}
	case lt == table.String:
		l = b.convert(l, rt)
	default:
		r = b.convert(r, lt)
	}
	return call(table.Bool, op, l, r)
}

func (b *binder) arithmetic(x *syntax.Binary, l, r expression) expression {
	lt, rt := l.kind(), r.kind()
	moment := func(t table.Type) bool { return t == table.Datetime || t == table.Timespan }
	if moment(lt) || moment(rt) {
		return b.moments(x, l, r)
	}
	l, r = b.plain(l), b.plain(r)
	w := widest(l.kind(), r.kind())
	if w == table.Int {
		w = table.Long
	}
	l, r = b.convert(l, w), b.convert(r, w)
	if x.Op == "/" && w == table.Long {
		return call(w, "divide long", l, r)
	}
	if w == table.Long && x.Op != "%" && x.Op != "/" && plainRow(l) && plainRow(r) {
		return call(w, x.Op+" long", l, r)
	}
	return call(w, x.Op, l, r)
}

// plainRow tells whether an expression is computed of one row alone; only such
// ones can be tried by the store.
func plainRow(x expression) bool {
	yes := true
	walk(x, func(e expression) bool {
		switch e.(type) {
		case *scalarQuery, *inQuery, *window, *aggregated:
			yes = false
		}
		return yes
	})
	return yes
}

func (b *binder) moments(x *syntax.Binary, l, r expression) expression {
	if l.kind() == table.Dynamic || l.kind() == table.String {
		l = b.convert(l, r.kind())
	}
	if r.kind() == table.Dynamic || r.kind() == table.String {
		r = b.convert(r, l.kind())
	}
	lt, rt := l.kind(), r.kind()
	const d, t = table.Datetime, table.Timespan
	fold := func(of table.Type) expression { return foldTicks(call(of, x.Op, l, r)) }
	switch {
	case x.Op == "-" && lt == d && rt == d, (x.Op == "+" || x.Op == "-") && lt == t && rt == t, x.Op == "%" && rt == t:
		return fold(t)
	case (x.Op == "+" || x.Op == "-") && lt == d && rt == t, x.Op == "+" && lt == t && rt == d:
		return fold(d)
	case x.Op == "/" && lt == t && rt == t:
		return call(table.Real, "divide timespan", l, r)
	case x.Op == "*" && lt == t && isNumber(rt):
		return foldTicks(call(t, "scale", l, b.convert(r, table.Real)))
	case x.Op == "*" && rt == t && isNumber(lt):
		return foldTicks(call(t, "scale", r, b.convert(l, table.Real)))
	case x.Op == "/" && lt == t && isNumber(rt):
		return call(t, "shrink", l, b.convert(r, table.Real))
	}
	b.fail(x.Span, codeTypes, "", "%s cannot stand between %s and %s", x.Op, lt, rt)
	return nil
}

// foldTicks computes with times at once, so that bounds of time are constants.
func foldTicks(x *apply) expression {
	var n [2]float64
	var i [2]int64
	for k, a := range x.Args {
		c, ok := a.(*constant)
		if !ok {
			return x
		}
		switch v := c.Value.(type) {
		case int64:
			i[k], n[k] = v, float64(v)
		case float64:
			n[k] = v
		default:
			return x
		}
	}
	switch x.Op {
	case "+":
		return &constant{x.Type, i[0] + i[1]}
	case "-":
		return &constant{x.Type, i[0] - i[1]}
	case "scale":
		if f := n[0] * n[1]; math.Abs(f) < math.MaxInt64 { // else the store gives null
			return &constant{x.Type, int64(f)}
		}
	}
	return x
}

func (b *binder) between(x *syntax.Between, c *rowContext) expression {
	v, low, high := b.scalar(x.X, c), b.scalar(x.Low, c), b.scalar(x.High, c)
	if v.kind() == table.Datetime && high.kind() == table.Timespan {
		high = foldTicks(call(table.Datetime, "+", low, high))
	}
	in := call(table.Bool, "and", b.compare(">=", v, low), b.compare("<=", v, high))
	if x.Not {
		return call(table.Bool, "not or null", in)
	}
	return in
}

func (b *binder) in(x *syntax.In, c *rowContext) expression {
	v := b.scalar(x.X, c)
	if x.Op == "has_any" || x.Op == "has_all" {
		return b.hasSome(x, b.convert(v, table.String), c)
	}
	not, fold := strings.HasPrefix(x.Op, "!"), strings.HasSuffix(x.Op, "~")
	test := b.inTest(x, v, fold, c)
	if not {
		return call(table.Bool, "not or null", test)
	}
	return test
}

func (b *binder) inTest(x *syntax.In, v expression, fold bool, c *rowContext) expression {
	if len(x.List) == 1 && b.isTable(x.List[0], c.scope) && !b.isColumn(x.List[0], c) {
		rel := b.relation(x.List[0], c.scope)
		first := rel.columns()[0]
		if fold || first.Type != v.kind() {
			key := b.column(first.Name, table.String)
			var k expression = b.convert(ref(first), table.String)
			v = b.convert(v, table.String)
			if fold {
				k, v = call(table.String, "tolower(s)", k), call(table.String, "tolower(s)", v)
			}
			rel = &project{Input: rel, Assign: []assignment{{key.ID, k}}, Columns: []column{key}}
		}
		return &inQuery{X: v, Input: rel}
	}
	if v.kind() == table.Dynamic {
		v = b.convert(v, table.String)
	}
	if list := b.constants(x.List, v.kind(), c); list != nil && !fold {
		return call(table.Bool, "in", append([]expression{v}, list...)...)
	}
	var tests expression
	for _, e := range x.List {
		item := b.scalar(e, c)
		var test expression
		switch {
		case item.kind() == table.Dynamic && fold:
			test = call(table.Bool, "in~ array", b.convert(v, table.String), item)
		case item.kind() == table.Dynamic:
			test = call(table.Bool, "in array", v, item)
		case fold:
			test = call(table.Bool, "=~", b.convert(v, table.String), b.convert(item, table.String))
		default:
			test = b.compare("==", v, item)
		}
		if tests == nil {
			tests = test
		} else {
			tests = call(table.Bool, "or", tests, test)
		}
	}
	if tests == nil {
		return boolean(false)
	}
	return tests
}

// constants gives a list when all of it are constants of one type, else nil.
func (b *binder) constants(list []syntax.Expr, t table.Type, c *rowContext) (out []expression) {
	for _, e := range list {
		k, ok := b.scalar(e, c).(*constant)
		if !ok || k.Value == nil || k.Type == table.Dynamic {
			return nil
		}
		switch {
		case k.Type == t:
			out = append(out, k)
		case t == table.String:
			out = append(out, b.convert(k, t))
		default:
			return nil
		}
	}
	return out
}

func (b *binder) isColumn(x syntax.Expr, c *rowContext) bool {
	n, ok := x.(*syntax.Name)
	if !ok {
		return false
	}
	_, ok = c.column(n.Name)
	return ok
}

func (b *binder) hasSome(x *syntax.In, v expression, c *rowContext) expression {
	join := "or"
	if x.Op == "has_all" {
		join = "and"
	}
	var tests expression
	for _, e := range x.List {
		item := b.scalar(e, c)
		var test expression
		if item.kind() == table.Dynamic {
			test = call(table.Bool, map[string]string{"or": "any array", "and": "all array"}[join], v, item)
		} else {
			test = b.has(v, b.convert(item, table.String), false, true, true)
		}
		if tests == nil {
			tests = test
		} else {
			tests = call(table.Bool, join, tests, test)
		}
	}
	return tests
}

// textOperator is contains, has, startswith and their variants.
func (b *binder) textOperator(x *syntax.Binary, op string, l, r expression) expression {
	if rest, ok := strings.CutPrefix(op, "!"); ok {
		return call(table.Bool, "not", b.textOperator(x, rest, l, r))
	}
	if rest, ok := strings.CutPrefix(op, "not"); ok {
		return call(table.Bool, "not", b.textOperator(x, rest, l, r))
	}
	base, sensitive := strings.CutSuffix(op, "_cs")
	switch base {
	case "contains", "startswith", "endswith":
		return call(table.Bool, op, l, r)
	case "containscs":
		return call(table.Bool, "contains_cs", l, r)
	case "has", ":":
		return b.has(l, r, sensitive, true, true)
	case "hasprefix":
		return b.has(l, r, sensitive, true, false)
	case "hassuffix":
		return b.has(l, r, sensitive, false, true)
	case "matches regex":
		if k, ok := r.(*constant); ok {
			if _, err := regexp.Compile(k.Value.(string)); err != nil {
				b.fail(x.R.Position(), codeArguments, "", "the regular expression is not valid: %v", err)
			}
		}
		return call(table.Bool, "matches regex", l, r)
	}
	b.fail(x.OpAt, codeMissing, "", "the operator %s is not supported", op)
	return nil
}

// has tests for a term: the text between characters that are no letters or
// digits, or the ends.
func (b *binder) has(l, r expression, sensitive, start, end bool) expression {
	k, ok := r.(*constant)
	switch {
	case !ok && start && end:
		return call(table.Bool, "term of column", l, r, boolean(sensitive))
	case !ok:
		return call(table.Bool, "part of column", l, r, boolean(sensitive), boolean(start), boolean(end))
	}
	op, word := "term", k.Value.(string)
	if word == "" {
		return boolean(true)
	}
	if sensitive {
		op = "term_cs"
	}
	return call(table.Bool, op, l, r, text(termPattern(word, sensitive, start, end)))
}

func termPattern(word string, sensitive, start, end bool) string {
	alnum := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	runes := []rune(word)
	p := regexp.QuoteMeta(word)
	if start && alnum(runes[0]) {
		p = `(?:^|[^\p{L}\p{N}])` + p
	}
	if end && alnum(runes[len(runes)-1]) {
		p += `(?:$|[^\p{L}\p{N}])`
	}
	if !sensitive {
		return "(?is)" + p
	}
	return "(?s)" + p
}
