package track

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"gatehouse/internal/telemetry"
)

// ErrForbidden is what Options.Authorize gives for a sender that is known and
// lacks the right.
var ErrForbidden = errors.New("not permitted")

// batch is one request's items on their way to the store.
type batch struct {
	r       *Receiver
	req     *http.Request
	ctx     context.Context
	now     time.Time
	dry     bool // validate: nothing is stored or counted against limits
	answer  *answer
	allowed map[string]*fault // of workspaces, by name

	spans    []telemetry.Span
	logs     []telemetry.LogRecord
	spanRows []taken
	logRows  []taken
}

// taken is an item that waits for the store's answer.
type taken struct {
	index, size int
	workspace   telemetry.Workspace
	kind        string
}

func (r *Receiver) track(w http.ResponseWriter, req *http.Request, dry bool) (*answer, *fault) {
	select {
	// The slot comes before the body: it bounds the memory of bodies.
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		return nil, &fault{status: http.StatusTooManyRequests, message: "too many requests at a time; send the items again"}
	}
	waiting := &pending{of: r}
	defer waiting.release()
	body, f := r.read(w, req, waiting)
	if f != nil {
		return nil, f
	}
	items, f := split(body, r.options.MaxItems)
	if f != nil {
		return nil, f
	}
	b := &batch{r: r, req: req, ctx: req.Context(), now: r.options.Now(), dry: dry, answer: &answer{Received: len(items)}, allowed: map[string]*fault{}}
	r.counts.received.Add(float64(len(items)))
	for i, raw := range items {
		if f := b.add(i, raw); f != nil {
			b.refuse(i, f)
		}
	}
	b.store()
	b.answer.settle()
	if b.answer.status == statusDailyCap && fromPage(req) {
		b.answer.status = http.StatusTooManyRequests // pages drop their items at 439
	}
	return b.answer, nil
}

func (b *batch) refuse(index int, f *fault) {
	reason := f.reason
	if reason == "" {
		reason = "invalid"
	}
	b.r.counts.rejected.WithLabelValues(reason).Inc()
	b.answer.refuse(index, f)
}

// add makes a row of an item, or says what is wrong with it.
func (b *batch) add(index int, raw json.RawMessage) *fault {
	if len(raw) > b.r.options.MaxItemBytes {
		return &fault{status: http.StatusBadRequest, reason: "too_large", message: "the item is larger than the limit; send less text or fewer stack frames"}
	}
	e, f := readEnvelope(raw)
	if f != nil {
		return f
	}
	w, f := b.workspace(e.key())
	if f != nil {
		return f
	}
	it := &item{o: &b.r.options, e: e, now: b.now, workspace: w, sender: b.req}
	kind, f := it.build()
	if f != nil {
		return f
	}
	if !b.dry {
		if f := b.r.meter.take(&w, len(raw), b.now); f != nil {
			return f
		}
		b.note(it)
	}
	at := taken{index, len(raw), w, kind}
	if it.span != nil {
		b.spans, b.spanRows = append(b.spans, *it.span), append(b.spanRows, at)
	} else {
		b.logs, b.logRows = append(b.logs, *it.log), append(b.logRows, at)
	}
	return nil
}

// note counts what was done to an item.
func (b *batch) note(it *item) {
	for _, field := range it.cuts {
		name, _, _ := strings.Cut(field, ".") // names of custom dimensions are the sender's
		b.r.counts.truncated.WithLabelValues(name).Inc()
	}
	if it.age != "" {
		b.r.counts.aged.WithLabelValues(it.age).Inc()
	}
}

// workspace finds where an item goes and whether its sender may send there.
func (b *batch) workspace(key string) (telemetry.Workspace, *fault) {
	w, ok := b.r.options.Workspace(key)
	if !ok {
		// SDKs know this text and stop sending.
		return w, &fault{status: http.StatusBadRequest, reason: "unknown_key", message: "Invalid instrumentation key"}
	}
	if b.answer.AppID == nil {
		b.answer.AppID = &w.ApplicationID
	}
	f, known := b.allowed[w.Name]
	if !known {
		f = b.r.authorize(b.req, w)
		b.allowed[w.Name] = f
	}
	return w, f
}

func (r *Receiver) authorize(req *http.Request, w telemetry.Workspace) *fault {
	if r.options.Reach != nil {
		if err := r.options.Reach(req, w); err != nil {
			return &fault{status: http.StatusForbidden, reason: "network", message: err.Error()}
		}
	}
	if !w.RequireIdentity {
		return nil
	}
	err := errors.New("no authority")
	if r.options.Authorize != nil {
		err = r.options.Authorize(req, w)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrForbidden):
		return &fault{status: http.StatusForbidden, reason: "forbidden", message: "this identity may not send to the workspace: it lacks the role Monitoring Metrics Publisher"}
	}
	return &fault{status: http.StatusUnauthorized, reason: "unauthorized", message: "the workspace requires an identity: send Authorization: Bearer <token>, not the instrumentation key alone"}
}

// store hands the rows over. What the store does not take is given back to the
// sender item by item, so that nothing is stored twice.
func (b *batch) store() {
	if b.dry {
		b.answer.Accepted = len(b.spans) + len(b.logs)
		return
	}
	var err error
	if len(b.spans) > 0 {
		err = b.r.options.Rows.Spans(b.ctx, b.spans)
		b.settle(b.spanRows, err)
	}
	if len(b.logs) > 0 {
		// A store that took no spans is not asked again: a request that is refused as
		// a whole is sent again by SDKs that lose the refused part of one.
		if err == nil {
			err = b.r.options.Rows.Logs(b.ctx, b.logs)
		}
		b.settle(b.logRows, err)
	}
}

func (b *batch) settle(rows []taken, err error) {
	if err == nil {
		b.answer.Accepted += len(rows)
		for i := range rows {
			b.r.counts.accepted.WithLabelValues(rows[i].kind, rows[i].workspace.Title()).Inc()
		}
		return
	}
	b.r.complain(err)
	for i := range rows {
		b.r.meter.giveBack(&rows[i].workspace, rows[i].size)
		b.refuse(rows[i].index, &fault{status: http.StatusServiceUnavailable, reason: "store", retry: b.r.options.RetryAfter, message: "the store takes no items now; send them again"})
	}
}

// complain logs at most one line a minute: a full disk meets every request.
func (r *Receiver) complain(err error) {
	now, last := time.Now().UnixNano(), r.complained.Load()
	if now-last > int64(time.Minute) && r.complained.CompareAndSwap(last, now) {
		r.options.Logger.Warn("Application Insights items are not stored; their senders are asked to send them again", "error", err)
	}
}
