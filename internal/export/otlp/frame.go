package otlp

import (
	"context"
	"encoding/binary"
	"errors"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"gatehouse/internal/export"
)

// signal is what a request holds.
type signal byte

const (
	traces signal = iota + 1
	logs
	metrics
	afterSignals
)

// path is that of HTTP.
func (s signal) path() string { return [...]string{"", "/v1/traces", "/v1/logs", "/v1/metrics"}[s] }

// method is that of gRPC.
func (s signal) method() string {
	return [...]string{"", "/opentelemetry.proto.collector.trace.v1.TraceService/Export", "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
		"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"}[s]
}

// A batch of the queue is a row of frames: signal, number of items, length,
// encoded request. Requests of one signal are joined by writing one behind the
// other: each is nothing but a list.
const frameHeader = 9

var errUnreadable = errors.New("a batch of the queue was written by another version")

func frame(to []byte, s signal, items int, request []byte) []byte {
	to = append(to, byte(s))
	to = binary.LittleEndian.AppendUint32(to, uint32(items))
	to = binary.LittleEndian.AppendUint32(to, uint32(len(request)))
	return append(to, request...)
}

// parts are the requests of one signal, joined.
type part struct {
	request []byte
	items   int
}

func unframe(data []byte) (out [afterSignals]part, err error) {
	for len(data) > 0 {
		if len(data) < frameHeader || data[0] == 0 || signal(data[0]) >= afterSignals {
			return out, errUnreadable
		}
		items, length := binary.LittleEndian.Uint32(data[1:]), uint64(binary.LittleEndian.Uint32(data[5:]))
		if length > uint64(len(data)-frameHeader) {
			return out, errUnreadable
		}
		p := &out[data[0]]
		p.items += int(items)
		p.request = append(p.request, data[frameHeader:frameHeader+length]...)
		data = data[frameHeader+length:]
	}
	return out, nil
}

func join(batches [][]byte) ([]byte, error) {
	var out []byte
	for _, b := range batches {
		if _, err := unframe(b); err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return out, nil
}

// send makes a request for each signal of a batch.
func (e *Exporter) send(ctx context.Context, data []byte, items int) export.Result {
	var out export.Result
	parts, err := unframe(data)
	if err != nil {
		return export.Result{Dropped: map[string]int{export.ReasonUnread: items}, Err: err}
	}
	for s := traces; s < afterSignals; s++ {
		if parts[s].items > 0 {
			out = out.Plus(e.part(ctx, s, parts[s]))
		}
	}
	return out
}

// part sends one request, in halves when it is too large.
func (e *Exporter) part(ctx context.Context, s signal, p part) export.Result {
	out, tooLarge := e.transport.send(ctx, s, p.request, p.items)
	if tooLarge && p.items > 1 {
		if a, b, ok := s.halves(p); ok {
			return e.part(ctx, s, a).Plus(e.part(ctx, s, b))
		}
	}
	if tooLarge {
		return export.Result{Dropped: map[string]int{export.ReasonTooLarge: p.items}, Err: out.Err}
	}
	if out.Left != nil {
		out.Left = frame(nil, s, out.LeftItems, out.Left)
	}
	return out
}

// rejected reads an answer: how many items the receiver did not take, and why.
func (s signal) rejected(answer []byte) (n int64, message string) {
	switch s {
	case traces:
		r := ptraceotlp.NewExportResponse()
		if r.UnmarshalProto(answer) == nil {
			return r.PartialSuccess().RejectedSpans(), r.PartialSuccess().ErrorMessage()
		}
	case logs:
		r := plogotlp.NewExportResponse()
		if r.UnmarshalProto(answer) == nil {
			return r.PartialSuccess().RejectedLogRecords(), r.PartialSuccess().ErrorMessage()
		}
	case metrics:
		r := pmetricotlp.NewExportResponse()
		if r.UnmarshalProto(answer) == nil {
			return r.PartialSuccess().RejectedDataPoints(), r.PartialSuccess().ErrorMessage()
		}
	}
	return 0, ""
}

var errPartial = errors.New("the receiver did not take all of a request; it will not take them later either")

// taken is the result of an answer that means success.
func (s signal) taken(answer []byte, items int) export.Result {
	n, _ := s.rejected(answer) // its words are left out: they may repeat what is secret
	rejected := int(min(max(n, 0), int64(items)))
	if rejected == 0 {
		return export.Result{Sent: items}
	}
	return export.Result{Sent: items - rejected, Dropped: map[string]int{export.ReasonRejected: rejected}, Err: errPartial}
}
