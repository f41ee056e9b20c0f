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

// shaping writes the operators that make other rows than they get.
func (w *printer) shaping(op Operator) {
	switch o := op.(type) {
	case *MvExpand:
		if o.Deprecated {
			w.head("mvexpand", o.Options)
		} else {
			w.head("mv-expand", o.Options)
		}
		w.expansions(o.Columns, o.Limit)
	case *MvApply:
		w.head("mv-apply", o.Options)
		w.expansions(o.Columns, o.Limit)
		w.put(" on (")
		w.operators(o.Body, false)
		w.put(")")
	case *MakeSeries:
		w.makeSeries(o)
	case *Range:
		w.put("range ")
		w.name(o.Name)
		w.clause(" from ", o.From)
		w.clause(" to ", o.To)
		w.clause(" step ", o.Step)
	case *Render:
		w.put("render ", o.Kind)
		w.properties(o.Properties)
	case *Evaluate:
		w.head("evaluate", o.Options)
		w.bare(o.Plugin)
		if len(o.Schema) > 0 || o.Open {
			w.put(" : ")
			w.schema(o.Schema, o.Open)
		}
	case *Parse:
		w.parse(o)
	case *ParseKV:
		w.clause("parse-kv ", o.X)
		w.put(" as ")
		w.schema(o.Columns, false)
		w.properties(o.Options)
	case *Search:
		w.head("search", o.Options)
		w.inTables(o.Tables)
		w.expr(o.Predicate, rankOr)
	case *Find:
		w.find(o)
	case *Partition:
		w.partition(o)
	case *Reduce:
		w.reduce(o)
	case *MakeGraph:
		w.makeGraph(o)
	case *GraphMatch:
		w.graphMatch(o)
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

func (w *printer) topLevel(l TopLevel) {
	w.put("top-nested")
	w.clause(" ", l.Count)
	w.put(" of ")
	w.named(l.Of)
	w.clause(" with others = ", l.Others)
	w.put(" by ")
	w.ordered(l.By)
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

func (w *printer) expansions(list []Expansion, limit Expr) {
	w.each(len(list), func(i int) {
		w.named(list[i].Named)
		if list[i].To != table.Unknown {
			w.put(" to typeof(", list[i].To.String(), ")")
		}
	})
	w.clause(" limit ", limit)
}

func (w *printer) makeSeries(o *MakeSeries) {
	w.head("make-series", o.Options)
	w.each(len(o.Aggregates), func(i int) {
		w.named(o.Aggregates[i].Named)
		w.clause(" default = ", o.Aggregates[i].Default)
	})
	w.put(" on ")
	w.named(o.On)
	if o.InRange {
		w.clause(" in range(", o.From)
		w.clause(", ", o.To)
		w.clause(", ", o.Step)
		w.put(")")
	} else {
		w.clause(" from ", o.From)
		w.clause(" to ", o.To)
		w.clause(" step ", o.Step)
	}
	if len(o.By) > 0 {
		w.put(" by ")
		w.namedList(o.By)
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

func (w *printer) partition(o *Partition) {
	w.head("partition", o.Options)
	w.put("by ")
	w.expr(o.By, rankPostfix)
	if o.Full != nil {
		w.put(" { ")
		w.bare(o.Full)
		w.put(" }")
		return
	}
	w.put(" (")
	w.operators(o.Body, false)
	w.put(")")
}

func (w *printer) reduce(o *Reduce) {
	head, with := o.Options, []Option(nil)
	if len(head) > 0 && head[0].Name != "kind" {
		head, with = nil, head
	} else if len(head) > 1 {
		head, with = head[:1], head[1:]
	}
	w.head("reduce", head)
	w.clause("by ", o.By)
	for i, p := range with {
		if i == 0 {
			w.put(" with ")
		} else {
			w.put(", ")
		}
		w.option(p)
	}
}

func (w *printer) makeGraph(o *MakeGraph) {
	w.put("make-graph ")
	w.expr(o.Source, rankPostfix)
	w.put(" --> ")
	w.expr(o.Target, rankPostfix)
	if len(o.Nodes) > 0 {
		w.put(" with ")
	}
	w.each(len(o.Nodes), func(i int) {
		w.expr(o.Nodes[i].Table, rankPostfix)
		w.put(" on ")
		w.expr(o.Nodes[i].Key, rankPostfix)
	})
}

func (w *printer) graphMatch(o *GraphMatch) {
	w.head("graph-match", o.Options)
	w.each(len(o.Patterns), func(i int) {
		for _, s := range o.Patterns[i] {
			w.graphStep(s)
		}
	})
	w.clause(" where ", o.Where)
	if len(o.Project) > 0 {
		w.put(" project ")
		w.namedList(o.Project)
	}
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
