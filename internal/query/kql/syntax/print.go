package syntax

import (
	"math"
	"strconv"
	"strings"

	"gatehouse/internal/query/kql/table"
)

// String writes the query so that reading it again gives the same tree.
func (q *Query) String() string {
	w := &printer{}
	w.statements(q.Statements, ";\n")
	return w.String()
}

// Text writes one expression.
func Text(x Expr) string {
	w := &printer{}
	w.expr(x, rankPipe)
	return w.String()
}

type printer struct{ strings.Builder }

func (w *printer) put(texts ...string) {
	for _, t := range texts {
		w.WriteString(t)
	}
}

// each writes n things with commas between.
func (w *printer) each(n int, f func(i int)) {
	for i := range n {
		if i > 0 {
			w.put(", ")
		}
		f(i)
	}
}

// The ranks of expressions, from the loosest to the closest.
const (
	rankPipe = iota
	rankOr
	rankAnd
	rankEquality
	rankRelation
	rankAdditive
	rankProduct
	rankText
	rankUnary
	rankPostfix
)

func rank(x Expr) int {
	switch x := x.(type) {
	case *Pipe:
		return rankPipe
	case *Binary:
		return rankOf(x.Op)
	case *In, *Between:
		return rankEquality
	case *Unary:
		return rankUnary
	}
	return rankPostfix
}

func rankOf(op string) int {
	switch op {
	case "or":
		return rankOr
	case "and":
		return rankAnd
	case "==", "!=":
		return rankEquality
	case "<", "<=", ">", ">=":
		return rankRelation
	case "+", "-":
		return rankAdditive
	case "*", "/", "%":
		return rankProduct
	}
	return rankText
}

// expr writes x, in brackets when it is looser than least.
func (w *printer) expr(x Expr, least int) {
	if rank(x) >= least {
		w.bare(x)
		return
	}
	w.put("(")
	w.bare(x)
	w.put(")")
}

func (w *printer) bare(x Expr) {
	switch x := x.(type) {
	case *Literal:
		w.literal(x)
	case *TypeLiteral:
		w.put("typeof(", x.Type.String(), ")")
	case *Name:
		w.reference(x)
	case *Star:
		w.put("*")
	case *Unary:
		w.put(x.Op)
		w.expr(x.X, rankPostfix)
	case *Binary:
		w.binary(x)
	case *In:
		w.expr(x.X, rankRelation)
		w.put(" ", x.Op, " (")
		w.each(len(x.List), func(i int) { w.expr(x.List[i], rankOr) })
		w.put(")")
	case *Between:
		w.between(x)
	case *Call:
		w.call(x)
	case *Path:
		w.base(x.X)
		w.put(".", x.Member)
	case *Index:
		w.base(x.X)
		w.put("[")
		w.expr(x.Key, rankOr)
		w.put("]")
	case *List:
		w.each(len(x.Items), func(i int) { w.expr(x.Items[i], rankUnary) })
	case *Pipe:
		w.pipe(x)
	case *Datatable:
		w.put("datatable")
		w.schema(x.Columns, false)
		w.put("[")
		w.each(len(x.Values), func(i int) { w.expr(x.Values[i], rankUnary) })
		w.put("]")
	case *Lambda:
		w.lambda(x)
	}
}

func (w *printer) binary(x *Binary) {
	r := rankOf(x.Op)
	left := r
	if r == rankEquality || r == rankRelation || r == rankText { // these do not chain
		left++
	}
	w.expr(x.L, left)
	w.put(" ", x.Op, " ")
	w.expr(x.R, r+1)
}

func (w *printer) between(x *Between) {
	w.expr(x.X, rankRelation)
	if x.Not {
		w.put(" !between (")
	} else {
		w.put(" between (")
	}
	w.expr(x.Low, rankAdditive)
	w.put(" .. ")
	w.expr(x.High, rankAdditive)
	w.put(")")
}

// base writes what stands before a point or an index; a number would swallow the point.
func (w *printer) base(x Expr) {
	if _, ok := x.(*Literal); ok {
		w.put("(")
		w.bare(x)
		w.put(")")
		return
	}
	w.expr(x, rankPostfix)
}

func (w *printer) call(x *Call) {
	if x.Of != nil {
		w.base(x.Of)
		w.put(".", x.Name)
	} else if t := words(x.Name); t.kind == tokenWord && (readable(t) || t.text == "toscalar" || t.text == "totable" || t.text == "materialize") {
		w.put(x.Name)
	} else {
		w.put("[", quote(x.Name), "]")
	}
	w.put("(")
	w.each(len(x.Arguments), func(i int) {
		if a := x.Arguments[i]; a.Name != "" {
			w.put(a.Name, " = ")
		}
		w.expr(x.Arguments[i].Value, rankOr)
	})
	w.put(")")
}

func (w *printer) reference(x *Name) {
	if x.Quoted {
		w.put("[", quote(x.Name), "]")
		return
	}
	w.put(x.Name)
}

// words gives the only token of a text, or the end token.
func words(text string) token {
	tokens := (&lexer{text: text, fail: func(string, Span, string, string) {}}).lex()
	if len(tokens) != 2 || tokens[0].text != text {
		return token{}
	}
	return tokens[0]
}

// name writes the name of something new.
func (w *printer) name(name string) {
	if nameable(words(name)) {
		w.put(name)
		return
	}
	w.put("[", quote(name), "]")
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text) + `"`
}

func (w *printer) literal(l *Literal) {
	if l.Value == nil {
		w.put(l.Type.String(), "(null)")
		return
	}
	switch v := l.Value.(type) {
	case bool:
		w.put(strconv.FormatBool(v))
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 || !strings.ContainsAny(text, ".e") {
			text = "real(" + strings.ToLower(text) + ")"
		}
		w.put(text)
	case int64:
		w.put(wholeLiteral(l.Type, v))
	case string:
		if l.Type == table.String {
			w.put(quote(v))
			return
		}
		w.put(l.Type.String(), "(", v, ")")
	}
}

func wholeLiteral(t table.Type, v int64) string {
	text := strconv.FormatInt(v, 10)
	switch {
	case t == table.Datetime:
		text = FormatDatetime(v)
	case t == table.Timespan:
		text = FormatTimespan(v)
	case t == table.Long && v >= 0:
		return text
	}
	return t.String() + "(" + text + ")"
}

func (w *printer) schema(columns []Parameter, open bool) {
	w.put("(")
	if open {
		w.put("*")
	}
	if open && len(columns) > 0 {
		w.put(", ")
	}
	w.each(len(columns), func(i int) { w.parameter(columns[i]) })
	w.put(")")
}

func (w *printer) parameter(p Parameter) {
	w.name(p.Name)
	w.put(":")
	if p.Tabular {
		w.schema(p.Columns, p.Any)
		return
	}
	w.put(p.Type.String())
	if p.Default != nil {
		w.put(" = ")
		w.expr(p.Default, rankUnary)
	}
}

func (w *printer) lambda(l *Lambda) {
	if l.View {
		w.put("view ")
	}
	w.schema(l.Parameters, false)
	w.put(" { ")
	w.statements(l.Body, "; ")
	w.put(" }")
}

func (w *printer) statements(list []Statement, between string) {
	for i, s := range list {
		if i > 0 {
			w.put(between)
		}
		w.statement(s)
	}
}

func (w *printer) statement(s Statement) {
	switch s := s.(type) {
	case *Let:
		w.put("let ")
		w.name(s.Name)
		w.put(" = ")
		w.bare(s.Value)
	case *Set:
		w.put("set ", s.Name)
		if s.Value != nil {
			w.put(" = ")
			w.bare(s.Value)
		}
	case *Declare:
		w.put("declare query_parameters")
		w.schema(s.Parameters, false)
	case *Alias:
		w.put("alias database ")
		w.name(s.Name)
		w.put(" = ")
		w.expr(s.X, rankOr)
	case *ExpressionStatement:
		w.bare(s.X)
	}
}

func (w *printer) pipe(x *Pipe) {
	if x.Source != nil {
		w.expr(x.Source, rankOr)
	}
	w.operators(x.Operators, x.Source != nil)
}

func (w *printer) operators(list []Operator, piped bool) {
	for i, op := range list {
		if i > 0 || piped {
			w.put("\n| ")
		}
		w.operator(op)
	}
}
