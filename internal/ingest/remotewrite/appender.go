package remotewrite

import (
	"context"
	"errors"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// appendable counts what a request writes. A request of version 1 is undone by
// upstream at its first error, so that one series over the limit would keep all
// others out for ever: what the workspace itself refuses is left out instead.
type appendable struct {
	next     storage.Appendable
	receiver *Receiver
}

func (a *appendable) Appender(ctx context.Context) storage.Appender {
	state, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		state = &request{}
	}
	return &appender{Appender: a.next.Appender(ctx), receiver: a.receiver, state: state}
}

type appender struct {
	storage.Appender
	receiver *Receiver
	state    *request
}

func (a *appender) Append(ref storage.SeriesRef, ls labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	out, err := a.Appender.Append(ref, ls, t, v)
	return out, a.counted(err)
}

func (a *appender) AppendHistogram(ref storage.SeriesRef, ls labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (storage.SeriesRef, error) {
	out, err := a.Appender.AppendHistogram(ref, ls, t, h, fh)
	return out, a.counted(err)
}

// Commit counts the samples when they are stored.
func (a *appender) Commit() error {
	if err := a.Appender.Commit(); err != nil {
		return err
	}
	a.receiver.counts.samples.Add(float64(a.state.taken))
	return nil
}

// Rollback forgets them.
func (a *appender) Rollback() error {
	a.state.taken = 0
	return a.Appender.Rollback()
}

func (a *appender) counted(err error) error {
	if err == nil {
		a.state.taken++
		return nil
	}
	why, own := reason(err)
	a.receiver.counts.refused.WithLabelValues(why).Inc()
	if !own || !a.state.v1 {
		return err
	}
	if a.state.dropped++; a.state.first == nil {
		a.state.first = err
	}
	return nil
}

// reason names an error; own is true for what the workspace refuses by a rule
// of its own, which has a reason.
func reason(err error) (name string, own bool) {
	var reasoned interface{ Reason() string }
	var invalid histogram.Error
	switch {
	case errors.As(err, &reasoned):
		return reasoned.Reason(), true
	case errors.Is(err, storage.ErrOutOfOrderSample):
		return "out_of_order", false
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		return "duplicate_timestamp", false
	case errors.Is(err, storage.ErrTooOldSample):
		return "too_old", false
	case errors.Is(err, storage.ErrOutOfBounds):
		return "out_of_bounds", false
	case errors.As(err, &invalid):
		return "invalid_histogram", false
	}
	return "storage", false
}
