// Package otlp is the OTLP receiver: traces, logs and metrics over gRPC and
// over HTTP.
//
// What comes in: OTLP export requests, as protobuf or JSON, from senders that
// are not trusted. What goes out: telemetry.Span and telemetry.LogRecord rows
// to the writer of rows, and pmetric.Metrics to a function. It answers success
// only when these have taken the data. It must never decode what exceeds its
// limits, read the body of a sender that is not admitted, let a credential that
// a sender put into an attribute through, keep
// data between requests, or know which store is behind the writer.
package otlp

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"gatehouse/internal/telemetry"
)

// Options of a Receiver. Rows must be set; zero numbers mean the defaults.
type Options struct {
	// Rows takes spans and log records. An error means that the sender is asked
	// to send the request again.
	Rows telemetry.Rows
	// Metrics takes a metrics request. An error made by Permanent refuses the
	// request, one made by Partial a number of its points; after any other
	// error the sender is asked to send it again. nil: metrics are not served.
	Metrics func(ctx context.Context, md pmetric.Metrics) error

	MaxBodyBytes      int           // of a request, as sent and decompressed; default 16 MiB
	MaxItems          int           // spans, log records or data points of a request; default 50,000
	MaxAttributes     int           // of a span, event, link, log record or resource; default 128
	MaxAttributeBytes int           // of one value; default 8 KiB
	MaxEvents         int           // events, and links, of a span; default 128
	MaxLogBodyBytes   int           // default 32 KiB
	Concurrency       int           // requests that are read and stored at a time; default 32
	ReadTimeout       time.Duration // for the body of a HTTP request; default 15 s
	RetryAfter        time.Duration // what a sender is told when it is to try again; default 5 s

	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer // for the receiver's own metrics; nil: not registered
}

// DefaultOptions are those of a receiver that the senders of one site share.
func DefaultOptions() Options { return Options{}.withDefaults() }

func (o Options) withDefaults() Options {
	orDefault(&o.MaxBodyBytes, 16<<20)
	orDefault(&o.MaxItems, 50_000)
	orDefault(&o.MaxAttributes, 128)
	orDefault(&o.MaxAttributeBytes, 8<<10)
	orDefault(&o.MaxEvents, 128)
	orDefault(&o.MaxLogBodyBytes, 32<<10)
	orDefault(&o.Concurrency, 32)
	orDefault(&o.ReadTimeout, 15*time.Second)
	orDefault(&o.RetryAfter, 5*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Receiver serves OTLP. All methods may be called from any goroutine.
type Receiver struct {
	options Options
	counts  *counts
	slots   chan struct{} // one for each request that is being read or stored
	admit   Admit         // nil: any sender

	complained atomic.Int64 // time of the last log line about a failing writer
}

// New makes a receiver. It starts nothing: Handler and Register serve it.
func New(o Options) *Receiver {
	o = o.withDefaults()
	return &Receiver{options: o, counts: newCounts(o.Registerer, o.Logger), slots: make(chan struct{}, o.Concurrency)}
}

// acquire takes a slot without waiting: a sender that is told to come later
// keeps its data, a waiting request would keep memory.
func (r *Receiver) acquire() *fault {
	select {
	case r.slots <- struct{}{}:
		return nil
	default:
		return r.busy()
	}
}

func (r *Receiver) release() { <-r.slots }
