package otlp

import (
	"fmt"
	"strings"
)

// reason is why one span, log record or data point of a request is refused
// while the others are taken.
type reason int

const (
	zeroTraceID reason = iota
	zeroSpanID
	endsBeforeStart
	notStored // what the metrics function refused
	reasons
)

func (r reason) String() string {
	return [reasons]string{"zero trace id", "zero span id", "ends before it starts", "not stored"}[r]
}

// refusals counts refused items by reason.
type refusals [reasons]int

func (r *refusals) total() (n int) {
	for _, count := range r {
		n += count
	}
	return n
}

// message says what was refused, for the sender.
func (r *refusals) message(items string) string {
	var parts []string
	for why, n := range r {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s (%d)", reason(why), n))
		}
	}
	return fmt.Sprintf("%d %s refused: %s", r.total(), items, strings.Join(parts, ", "))
}
