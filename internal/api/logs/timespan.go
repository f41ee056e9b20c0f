package logs

import (
	"time"

	"gatehouse/internal/api/timespan"
)

// interval is a range of time; a zero end is open.
type interval struct{ start, end time.Time }

// parseTimespan reads an ISO 8601 interval. "" is no bound.
func parseTimespan(text string, now time.Time) (interval, error) {
	span, err := timespan.Parse(text, now)
	return interval{span.Start, span.End}, err
}
