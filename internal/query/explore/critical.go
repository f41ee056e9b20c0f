package explore

import (
	"cmp"
	"slices"
)

// Segment is a piece of the critical path: what the trace waited for at that
// time. Times are milliseconds since the start of the trace.
type Segment struct {
	SpanID string  `json:"span_id"`
	FromMS float64 `json:"from_ms"`
	ToMS   float64 `json:"to_ms"`
	// Label says what the time is when it is not the span's own work.
	Label string `json:"label,omitempty"`
}

const labelGateway = "gateway: unaccounted"

// criticalPath walks from the end of the longest root backwards: at each
// moment the trace waited for the child that ended last, or else for the span
// itself. The pieces cover the root without gaps or overlaps.
func criticalPath(roots []*Span, origin int64) []Segment {
	if len(roots) == 0 {
		return []Segment{}
	}
	root := slices.MaxFunc(roots, func(a, b *Span) int { return cmp.Compare(a.end-a.start, b.end-b.start) })
	w := &walk{origin: origin, out: []Segment{}}
	w.visit(root)
	slices.Reverse(w.out)
	return w.out
}

// walk holds the pieces found so far, last first, and what is left to do.
type walk struct {
	origin int64
	out    []Segment
	stack  []frame
}

// frame is a span whose time from floor to at is not attributed yet; children
// are those that may still explain it, sorted by end.
type frame struct {
	span      *Span
	floor, at int64
	children  []*Span
}

func (w *walk) push(s *Span, floor, at int64) {
	children := slices.Clone(s.children)
	slices.SortStableFunc(children, func(a, b *Span) int { return cmp.Compare(a.end, b.end) })
	w.stack = append(w.stack, frame{s, floor, at, children})
}

func (w *walk) visit(root *Span) {
	w.push(root, root.start, root.end)
	for len(w.stack) > 0 {
		f := &w.stack[len(w.stack)-1]
		if len(f.children) == 0 || f.at <= f.floor {
			w.add(f.span, f.floor, f.at)
			w.stack = w.stack[:len(w.stack)-1]
			continue
		}
		child := f.children[len(f.children)-1]
		f.children = f.children[:len(f.children)-1]
		from, to := max(child.start, f.floor), min(child.end, f.at)
		if from >= to {
			continue
		}
		w.add(f.span, to, f.at)
		f.at = from
		w.push(child, from, to)
	}
}

func (w *walk) add(s *Span, from, to int64) {
	if from >= to {
		return
	}
	label := ""
	if s.Request != nil {
		label = labelGateway
	}
	w.out = append(w.out, Segment{SpanID: s.SpanID, FromMS: ms(from - w.origin), ToMS: ms(to - w.origin), Label: label})
}
