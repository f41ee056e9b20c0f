package otlp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// encoding of a request and of its answer.
type encoding int

const (
	protobuf encoding = iota
	jsonText
)

// unmarshaler is what the three pdata requests share.
type unmarshaler interface {
	UnmarshalProto([]byte) error
	UnmarshalJSON([]byte) error
}

// answer is what the three pdata responses share.
type answer interface {
	MarshalProto() ([]byte, error)
	MarshalJSON() ([]byte, error)
}

// export takes one request in: check, decode, make rows, write them.
func (r *Receiver) export(ctx context.Context, s signal, e encoding, body []byte) (answer, *fault) {
	if f := r.check(s, e, body); f != nil {
		return nil, f
	}
	switch s {
	case traces:
		return r.exportTraces(ctx, e, body)
	case logs:
		return r.exportLogs(ctx, e, body)
	}
	return r.exportMetrics(ctx, e, body)
}

func (r *Receiver) exportTraces(ctx context.Context, e encoding, body []byte) (answer, *fault) {
	request := ptraceotlp.NewExportRequest()
	if f := decode(e, body, request); f != nil {
		return nil, f
	}
	td := request.Traces()
	if td.SpanCount() > r.options.MaxItems {
		return nil, r.tooManyItems(traces)
	}
	spans, refused := newRowBuilder(&r.options).spans(td)
	if len(spans) > 0 {
		if err := r.options.Rows.Spans(ctx, spans); err != nil {
			return nil, r.failed(ctx, traces, err)
		}
	}
	r.counts.outcome(traces, len(spans), &refused)
	response := ptraceotlp.NewExportResponse()
	if n := refused.total(); n > 0 {
		response.PartialSuccess().SetRejectedSpans(int64(n))
		response.PartialSuccess().SetErrorMessage(refused.message(traces.items()))
	}
	return response, nil
}

// exportLogs refuses no record: a record without ids or times is still a record.
func (r *Receiver) exportLogs(ctx context.Context, e encoding, body []byte) (answer, *fault) {
	request := plogotlp.NewExportRequest()
	if f := decode(e, body, request); f != nil {
		return nil, f
	}
	ld := request.Logs()
	if ld.LogRecordCount() > r.options.MaxItems {
		return nil, r.tooManyItems(logs)
	}
	records := newRowBuilder(&r.options).logs(ld)
	if len(records) > 0 {
		if err := r.options.Rows.Logs(ctx, records); err != nil {
			return nil, r.failed(ctx, logs, err)
		}
	}
	r.counts.outcome(logs, len(records), &refusals{})
	return plogotlp.NewExportResponse(), nil
}

func (r *Receiver) exportMetrics(ctx context.Context, e encoding, body []byte) (answer, *fault) {
	if r.options.Metrics == nil {
		return nil, notServed(metrics)
	}
	request := pmetricotlp.NewExportRequest()
	if f := decode(e, body, request); f != nil {
		return nil, f
	}
	md := request.Metrics()
	points := md.DataPointCount()
	if points > r.options.MaxItems {
		return nil, r.tooManyItems(metrics)
	}
	response := pmetricotlp.NewExportResponse()
	var refused refusals
	if points > 0 {
		partial, f := r.writeMetrics(ctx, md)
		if f != nil {
			return nil, f
		}
		if partial != nil {
			refused[notStored] = min(partial.points, points)
			response.PartialSuccess().SetRejectedDataPoints(int64(refused[notStored]))
			response.PartialSuccess().SetErrorMessage(clip(partial.Error(), maxMessage))
		}
	}
	r.counts.outcome(metrics, points-refused.total(), &refused)
	return response, nil
}

// maxMessage bounds what a sender is told of an error that grows with its data.
const maxMessage = 1 << 10

func (r *Receiver) writeMetrics(ctx context.Context, md pmetric.Metrics) (*partialError, *fault) {
	maskMetrics(md)
	err := r.options.Metrics(ctx, md)
	if err == nil {
		return nil, nil
	}
	if partial := (*partialError)(nil); errors.As(err, &partial) {
		return partial, nil
	}
	if permanent := (*permanentError)(nil); errors.As(err, &permanent) {
		return nil, refusedMetrics(permanent)
	}
	return nil, r.failed(ctx, metrics, err)
}

const complaintInterval = 10 * time.Second

// failed reports that a writer did not take the data.
func (r *Receiver) failed(ctx context.Context, s signal, err error) *fault {
	// A sender that went away is no trouble of the writer's, and one line in a
	// while says that the writer is in trouble; requests are counted.
	now, last := r.options.Now().UnixNano(), r.complained.Load()
	if ctx.Err() == nil && now-last >= int64(complaintInterval) && r.complained.CompareAndSwap(last, now) {
		r.options.Logger.Warn("OTLP data is not stored; the sender is asked to send it again", "signal", s.String(), "error", err)
	}
	return r.unavailable(s)
}

// decode never panics: gRPC servers do not recover, and one request of an
// untrusted sender must not end the process.
func decode(e encoding, body []byte, into unmarshaler) (f *fault) {
	defer func() {
		if p := recover(); p != nil {
			f = malformed(fmt.Errorf("cannot be decoded: %v", p))
		}
	}()
	unmarshal := into.UnmarshalProto
	if e == jsonText {
		unmarshal = into.UnmarshalJSON
	}
	if err := unmarshal(body); err != nil {
		f = malformed(errors.New(clip(err.Error(), maxMessage)))
	}
	return f
}
