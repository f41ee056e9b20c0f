package syntax

func (w *printer) scan(o *Scan) {
	w.head("scan", o.Options)
	if len(o.OrderBy) > 0 {
		w.put("order by ")
		w.each(len(o.OrderBy), func(i int) { w.ordered(o.OrderBy[i]) })
		w.put(" ")
	}
	if len(o.PartitionBy) > 0 {
		w.put("partition by ")
		w.namedList(o.PartitionBy)
		w.put(" ")
	}
	if len(o.Declared) > 0 {
		w.put("declare ")
		w.schema(o.Declared, false)
		w.put(" ")
	}
	w.put("with (")
	for i, s := range o.Steps {
		if i > 0 {
			w.put(" ")
		}
		w.scanStep(s)
	}
	w.put(")")
}

func (w *printer) scanStep(s ScanStep) {
	w.put("step ")
	w.name(s.Name)
	if s.Optional {
		w.put(" optional")
	}
	if s.Output != "" {
		w.put(" output=", s.Output)
	}
	w.put(": ")
	w.expr(s.Condition, rankOr)
	if len(s.Assign) > 0 {
		w.put(" => ")
		w.namedList(s.Assign)
	}
	w.put(";")
}
