package syntax

import (
	"strconv"

	"gatehouse/internal/query/kql/table"
)

// operator writes one stage without the pipe before it.
func (w *printer) operator(op Operator) {
	switch o := op.(type) {
	case *Where:
		w.head("where", o.Options)
		w.expr(o.Predicate, rankOr)
	case *Project:
		w.put(o.Kind, " ")
		w.each(len(o.Columns), func(i int) { w.ordered(o.Columns[i]) })
	case *Summarize:
		w.head("summarize", o.Options)
		w.namedList(o.Aggregates)
		if len(o.By) > 0 {
			w.put(" by ")
			w.namedList(o.By)
		}
	case *Distinct:
		w.put("distinct ")
		w.namedList(o.Columns)
	case *Sort:
		w.put("sort by ")
		w.each(len(o.By), func(i int) { w.ordered(o.By[i]) })
	case *Top:
		w.clause("top ", o.Count)
		w.put(" by ")
		w.ordered(o.By)
	case *TopNested:
		w.each(len(o.Levels), func(i int) { w.topLevel(o.Levels[i]) })
	case *Take:
		w.clause("take ", o.Count)
	case *Sample:
		w.sample(o)
	case *Count:
		w.put("count")
		if o.As != "" {
			w.put(" as ")
			w.name(o.As)
		}
	case *Join:
		w.join(o)
	case *Union:
		w.head("union", o.Options)
		w.each(len(o.Tables), func(i int) { w.expr(o.Tables[i], rankPostfix) })
	case *Serialize:
		w.put("serialize ")
		w.namedList(o.Columns)
	case *Print:
		w.put("print ")
		w.namedList(o.Columns)
	case *GetSchema:
		w.put("getschema")
	case *As:
		w.head("as", o.Options)
		w.name(o.Name)
	case *Invoke:
		w.put("invoke ")
		w.bare(o.Call)
	case *Unsupported:
		w.put(o.Text)
	default:
		w.shaping(op)
	}
}

func (w *printer) head(word string, options []Option) {
	w.put(word, " ")
	for _, o := range options {
		w.option(o)
		w.put(" ")
	}
}

func (w *printer) option(o Option) {
	w.put(o.Name, "=")
	w.expr(o.Value, rankUnary)
}

func (w *printer) properties(list []Option) {
	if len(list) == 0 {
		return
	}
	w.put(" with (")
	w.each(len(list), func(i int) { w.option(list[i]) })
	w.put(")")
}

// clause writes a word and an expression, or nothing.
func (w *printer) clause(word string, x Expr) {
	if x != nil {
		w.put(word)
		w.expr(x, rankOr)
	}
}

func (w *printer) named(n Named) {
	switch len(n.Names) {
	case 0:
	case 1:
		w.name(n.Names[0])
		w.put(" = ")
	default:
		w.put("(")
		w.each(len(n.Names), func(i int) { w.name(n.Names[i]) })
		w.put(") = ")
	}
	w.expr(n.X, rankOr)
}

func (w *printer) namedList(list []Named) {
	w.each(len(list), func(i int) { w.named(list[i]) })
}

func (w *printer) ordered(o Ordered) {
	w.named(o.Named)
	switch {
	case o.Given && o.Asc:
		w.put(" asc")
	case o.Given:
		w.put(" desc")
	}
	if o.Nulls != "" {
		w.put(" nulls ", o.Nulls)
	}
}

func (w *printer) sample(o *Sample) {
	if o.Of == nil {
		w.clause("sample ", o.Count)
		return
	}
	w.clause("sample-distinct ", o.Count)
	w.clause(" of ", o.Of)
}

func (w *printer) join(o *Join) {
	word := "join"
	if o.Lookup {
		word = "lookup"
	}
	if o.Kind != "" {
		word += " kind=" + o.Kind
	}
	w.head(word, o.Options)
	w.expr(o.Right, rankPostfix)
	if len(o.On) > 0 {
		w.put(" on ")
		w.each(len(o.On), func(i int) { w.expr(o.On[i], rankOr) })
	}
}

func (w *printer) parse(o *Parse) {
	w.put("parse")
	if o.Where {
		w.put("-where")
	}
	if o.Kind != "" {
		w.put(" kind=", o.Kind)
	}
	if o.Flags != "" {
		w.put(" flags=", o.Flags)
	}
	w.clause(" ", o.X)
	w.put(" with")
	for _, part := range o.Pattern {
		switch {
		case part.Star:
			w.put(" *")
		case part.IsText:
			w.put(" ", quote(part.Text))
		default:
			w.put(" ")
			w.name(part.Name)
			w.put(":", part.Type.String())
		}
	}
}

func (w *printer) inTables(tables []Expr) {
	if len(tables) > 0 {
		w.put("in (")
		w.each(len(tables), func(i int) { w.expr(tables[i], rankPostfix) })
		w.put(") ")
	}
}

func (w *printer) find(o *Find) {
	w.head("find", o.Options)
	w.inTables(o.Tables)
	w.clause("where ", o.Predicate)
	if o.Smart {
		w.put(" project-smart")
	}
	if len(o.Project) > 0 {
		w.put(" project ")
	}
	w.each(len(o.Project), func(i int) {
		if n, ok := o.Project[i].X.(*Name); ok {
			w.name(n.Name)
		} else {
			w.named(o.Project[i])
		}
		if o.Types[i] != table.Unknown {
			w.put(":", o.Types[i].String())
		}
	})
}

func (w *printer) graphStep(s GraphStep) {
	if !s.Edge {
		w.put("(")
		if s.Name != "" {
			w.name(s.Name)
		}
		w.put(")")
		return
	}
	if s.Left {
		w.put("<")
	}
	w.put("-")
	if s.Name != "" || s.Max > 0 {
		w.put("[", s.Name)
		if s.Max > 0 {
			w.put("*", strconv.Itoa(s.Min), "..", strconv.Itoa(s.Max))
		}
		w.put("]")
	}
	w.put("-")
	if s.Right {
		w.put(">")
	}
}
