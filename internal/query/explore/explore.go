// Package explore answers the questions of the trace explorer: which requests
// match a filter, how their durations spread, and what one trace looks like as
// a tree.
//
// What comes in: filters and trace ids from the API. What goes out: summaries,
// a histogram, and assembled traces, in which the row of a gateway request has
// become a span for the request, one for each executed policy statement and
// one for each backend call. It must never put text from a user into a
// statement, read more of the lake than the question needs, or loop on damaged
// data: parents that are missing or run in a circle become warnings.
package explore

import (
	"errors"
	"time"

	"gatehouse/internal/store/lake"
)

// Options of an Explorer.
type Options struct {
	Lake *lake.Lake
	Now  func() time.Time
	// SearchTimeout bounds a search; when it passes, what was found is given
	// with Partial set.
	SearchTimeout time.Duration
}

// DefaultOptions read the given lake.
func DefaultOptions(l *lake.Lake) Options {
	return Options{Lake: l, Now: time.Now, SearchTimeout: 15 * time.Second}
}

// ErrTooBroad: the question needs more memory than the reader is given.
var ErrTooBroad = lake.ErrTooBroad

// ErrNotFound: no span or log record of the trace is stored.
var ErrNotFound = errors.New("the trace is not stored")

// Explorer is safe for concurrent use.
type Explorer struct{ o Options }

// New makes an explorer over a lake.
func New(o Options) *Explorer {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SearchTimeout <= 0 {
		o.SearchTimeout = DefaultOptions(nil).SearchTimeout
	}
	return &Explorer{o: o}
}

// Now is the explorer's clock, which default time ranges end at.
func (e *Explorer) Now() time.Time { return e.o.Now() }
