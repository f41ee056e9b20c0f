// Package telemetry holds the words of the observability half: the record of
// one exchange with the gateway, spans, log records, and the Sink that takes
// them in.
//
// What comes in: nothing. What goes out: plain values. It must never import
// another package of this module, hold configuration, or do input and output.
package telemetry

import "context"

// Rows takes spans and log records that are ready to be stored or sent on.
// An error means that nothing of the batch was taken and that it can be sent
// again; nil means that the batch survives a crash of the process.
// Implementers copy what they keep, texts too: the caller may use the memory of
// all of it again.
type Rows interface {
	Spans(ctx context.Context, spans []Span) error
	Logs(ctx context.Context, logs []LogRecord) error
}

// Sink is the one place where the gateway half and the observability half
// meet, and the door for every receiver.
type Sink interface {
	Rows
	// Exchange takes ownership of e. It never blocks: when the queue is full
	// the record is dropped, counted and recycled.
	Exchange(e *Exchange)
}

// Discard is a Sink that recycles exchanges and forgets the rest. The gateway
// runs on it when telemetry is off.
type Discard struct{}

func (Discard) Spans(context.Context, []Span) error     { return nil }
func (Discard) Logs(context.Context, []LogRecord) error { return nil }
func (Discard) Exchange(e *Exchange)                    { e.Release() }
