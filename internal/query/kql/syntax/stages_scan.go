package syntax

import "slices"

// readScan reads scan: what it declares, and its steps.
func readScan(p *parser, at Span) Operator {
	s := &Scan{Options: p.options("with_match_id", "with_step_name")}
	if p.peek().is("order") || p.peek().is("sort") {
		p.next()
		p.expect("by")
		p.list(func() { s.OrderBy = append(s.OrderBy, p.ordered()) })
	}
	if p.accept("partition") {
		p.expect("by")
		s.PartitionBy = p.namedList()
	}
	if p.accept("declare") {
		p.bracket("(", ")", func() {
			p.list(func() { s.Declared = append(s.Declared, p.parameter()) })
		})
	}
	p.expect("with")
	p.bracket("(", ")", func() {
		for !p.peek().is(")") {
			s.Steps = append(s.Steps, p.scanStep())
			if !p.accept(";") {
				break
			}
		}
	})
	s.Span = p.since(at.Start)
	return s
}

func (p *parser) scanStep() ScanStep {
	start := p.expect("step").Start
	s := ScanStep{Name: p.newName("the name of a step")}
	s.Optional = p.accept("optional")
	if p.accept("output") {
		p.expect("=")
		t := p.next()
		if s.Output = t.text; !slices.Contains([]string{"all", "last", "none"}, s.Output) {
			p.fail(codeUnexpected, t.Span, "a step's output is all, last or none", "")
		}
	}
	p.expect(":")
	s.Condition = p.expression()
	if p.accept("=>") {
		p.list(func() { s.Assign = append(s.Assign, p.named()) })
	}
	s.Span = p.since(start)
	return s
}
