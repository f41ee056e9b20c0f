package syntax

import "gatehouse/internal/query/kql/table"

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
	case *Scan:
		w.scan(o)
	case *Reduce:
		w.reduce(o)
	case *MakeGraph:
		w.makeGraph(o)
	case *GraphMatch:
		w.graphMatch(o)
	case *GraphMark:
		w.head("graph-mark-components", o.Options)
	case *GraphWhere:
		w.put("graph-where-", map[bool]string{false: "nodes ", true: "edges "}[o.Edges])
		w.expr(o.Predicate, rankOr)
	default:
		w.several(op)
	}
}

// several writes the operators that give several tables, or none.
func (w *printer) several(op Operator) {
	switch o := op.(type) {
	case *GraphToTable:
		w.put("graph-to-table ")
		if o.Edges {
			w.put("edges")
		} else {
			w.put("nodes")
		}
	case *TopHitters:
		w.clause("top-hitters ", o.Count)
		w.put(" of ")
		w.namedList([]Named{o.Of})
		w.clause(" by ", o.Weight)
	case *Fork:
		w.put("fork")
		for _, b := range o.Branches {
			w.put(" ")
			if b.Name != "" {
				w.name(b.Name)
				w.put(" = ")
			}
			w.put("(")
			w.operators(b.Body, false)
			w.put(")")
		}
	case *Facet:
		w.put("facet by ")
		w.each(len(o.By), func(i int) { w.expr(o.By[i], rankPostfix) })
		if o.With != nil {
			w.put(" with (")
			w.operators(o.With, false)
			w.put(")")
		}
	case *Consume:
		w.put("consume")
	case *AssertSchema:
		w.put("assert-schema ")
		w.schema(o.Columns, o.Open)
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
	if o.NodeID != "" {
		w.put(" with_node_id = ")
		w.name(o.NodeID)
	}
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
	w.head(map[bool]string{false: "graph-match", true: "graph-shortest-paths"}[o.Shortest], o.Options)
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
