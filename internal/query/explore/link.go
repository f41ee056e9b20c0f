package explore

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"gatehouse/internal/telemetry/expand"
)

func (t *Trace) warn(format string, args ...any) {
	t.Warnings = append(t.Warnings, fmt.Sprintf(format, args...))
}

// link joins spans by their parent ids and gives the roots in time order.
// Every span ends up in the tree exactly once, whatever the ids say.
func (t *Trace) link(all []*Span) []*Span {
	byID := make(map[string]*Span, len(all))
	unique := all[:0]
	for _, s := range all {
		if s.SpanID == "" {
			s.SpanID = expand.DerivedID(t.TraceID+s.Name, int(s.start))
		}
		if byID[s.SpanID] != nil {
			t.warn("span %s (%s) was recorded more than once: the first record is shown", s.SpanID, s.Name)
			continue
		}
		byID[s.SpanID] = s
		unique = append(unique, s)
	}
	var roots []*Span
	for _, s := range unique {
		parent := byID[s.ParentSpanID]
		if parent == nil || parent == s {
			roots = append(roots, s)
			continue
		}
		s.parent = parent
		parent.children = append(parent.children, s)
	}
	for _, s := range unique {
		slices.SortStableFunc(s.children, byStart)
	}
	slices.SortStableFunc(roots, byStart)
	t.warnMissing(roots)
	return t.breakCircles(unique, roots)
}

func byStart(a, b *Span) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end)) }

// warnMissing says which parents are not stored. The first root of a trace
// whose caller does not report its spans is ordinary, and said so.
func (t *Trace) warnMissing(roots []*Span) {
	const shown = 5
	missing := 0
	for _, s := range roots {
		if s.ParentSpanID == "" {
			continue
		}
		if s.ParentSpanID == s.SpanID {
			t.warn("span %s (%s) names itself as its parent", s.SpanID, s.Name)
			continue
		}
		if missing++; missing <= shown {
			t.warn("the parent %s of span %s (%s) is not stored: its sender does not report it, dropped it, or has not sent it yet", s.ParentSpanID, s.SpanID, s.Name)
		}
	}
	if missing > shown {
		t.warn("%d more spans have parents that are not stored", missing-shown)
	}
}

// breakCircles finds spans that no root leads to: their parents run in a
// circle. The earliest of each circle becomes a root.
func (t *Trace) breakCircles(all, roots []*Span) []*Span {
	for _, r := range roots {
		place(r)
	}
	ordered := slices.Clone(all)
	slices.SortStableFunc(ordered, byStart)
	for _, s := range ordered {
		if s.placed {
			continue
		}
		t.warn("the parents of span %s (%s) run in a circle: it is shown as a root", s.SpanID, s.Name)
		s.parent.children = slices.DeleteFunc(s.parent.children, func(c *Span) bool { return c == s })
		s.parent = nil
		roots = append(roots, s)
		place(s)
	}
	return roots
}

// place marks a span and everything below it.
func place(root *Span) {
	stack := []*Span{root}
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if s.placed {
			continue
		}
		s.placed = true
		stack = append(stack, s.children...)
	}
}

// clockTolerance is a difference between two clocks that nobody would notice.
const clockTolerance = int64(time.Millisecond)

// checkClocks says when the clocks of two services disagree: the span of one
// starts before the span of the other that called it. Times are shown as they
// were recorded.
func (t *Trace) checkClocks() {
	type pair struct{ parent, child string }
	worst := make(map[pair]int64)
	var order []pair
	for _, s := range t.Spans {
		if s.parent == nil || s.parent.Service == s.Service {
			continue
		}
		if early := s.parent.start - s.start; early > clockTolerance {
			p := pair{s.parent.Service, s.Service}
			if worst[p] == 0 {
				order = append(order, p)
			}
			worst[p] = max(worst[p], early)
		}
	}
	for _, p := range order {
		t.warn("the clocks of %q and %q differ: a span starts %.1f ms before the one that called it", p.parent, p.child, ms(worst[p]))
	}
}
