// Package appinsights sends spans and log records to Application Insights, or
// to anything that speaks its ingestion protocol.
//
// What comes in: rows. What goes out: envelopes, first into a queue and from
// there to the endpoint of a connection string. It must never put a key into
// the queue, an error or a status, send a token to a host that the settings or
// Azure do not name, or trace its own calls.
package appinsights

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/export"
	"gatehouse/internal/telemetry"
)

// Options of an Exporter. Name, Connection and Queue must be set.
type Options struct {
	Name       string
	Connection telemetry.ConnectionString
	// Token gives the bearer token of an identity; nil: the key alone is sent.
	Token func(ctx context.Context) (string, error)
	Queue telemetry.Queue

	MaxItems   int // of a request; default 500
	BatchDelay time.Duration
	MaxAge     time.Duration
	FirstPause time.Duration
	Timeout    time.Duration
	Transport  http.RoundTripper // default: one of its own
	Now        func() time.Time
	Logger     *slog.Logger
}

// Exporter is a telemetry.Rows.
type Exporter struct {
	queue  telemetry.Queue
	sender *export.Exporter
	client *http.Client
	now    func() time.Time
	target atomic.Pointer[target]
	name   string

	zippers sync.Pool // of *zipper
	batches sync.Pool // of *batch
}

// target is where items go and who sends them. It may change at any time.
type target struct {
	key   string
	url   *url.URL // of the track endpoint
	moved *url.URL // where a redirect pointed
	token func(ctx context.Context) (string, error)
}

// New starts an exporter.
func New(o Options) (*Exporter, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxItems <= 0 {
		o.MaxItems = 500
	}
	if o.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 8
		o.Transport = t
	}
	e := &Exporter{queue: o.Queue, now: o.Now, name: o.Name, client: &http.Client{Transport: o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	e.zippers.New = newZipper
	e.batches.New = func() any { return &batch{} }
	if err := e.Update(o.Connection, o.Token); err != nil {
		return nil, err
	}
	t := e.target.Load()
	e.sender = export.Start(export.Options{Name: o.Name, Kind: "appinsights", Endpoint: t.url.Scheme + "://" + t.url.Host, Queue: o.Queue, Join: join, Send: e.send,
		MaxItems: o.MaxItems, BatchDelay: o.BatchDelay, MaxAge: o.MaxAge, FirstPause: o.FirstPause, Timeout: o.Timeout, Now: o.Now, Logger: o.Logger})
	return e, nil
}

// Update changes the key and the endpoint. Items that wait go to the new ones.
func (e *Exporter) Update(c telemetry.ConnectionString, token func(ctx context.Context) (string, error)) error {
	u, err := url.Parse(c.IngestionEndpoint)
	if err != nil || u.Host == "" || c.InstrumentationKey == "" {
		return fmt.Errorf("the connection string of %s has no usable IngestionEndpoint or InstrumentationKey", e.name)
	}
	e.target.Store(&target{key: c.InstrumentationKey, url: u.JoinPath("v2.1", "track"), token: token})
	return nil
}

// Spans queues the items of spans.
func (e *Exporter) Spans(ctx context.Context, spans []telemetry.Span) error {
	b := e.fresh()
	defer e.batches.Put(b)
	for n := range spans {
		if spans[n].Source != copied {
			b.span(&spans[n])
		}
	}
	return e.put(ctx, b)
}

// Logs queues the items of log records.
func (e *Exporter) Logs(ctx context.Context, logs []telemetry.LogRecord) error {
	b := e.fresh()
	defer e.batches.Put(b)
	for n := range logs {
		if logs[n].Source != copied {
			b.log(&logs[n])
		}
	}
	return e.put(ctx, b)
}

// copied marks rows that stand in a second workspace of this process.
const copied = "gateway-copy"

func (e *Exporter) fresh() *batch {
	b := e.batches.Get().(*batch)
	b.reset()
	return b
}

func (e *Exporter) put(ctx context.Context, b *batch) error {
	if b.err != nil {
		return fmt.Errorf("make items for %s: %w", e.name, b.err)
	}
	if b.items == 0 {
		return ctx.Err()
	}
	if err := e.queue.Put(ctx, b.out, b.items); err != nil {
		return fmt.Errorf("queue for %s: %w", e.name, err)
	}
	return nil
}

// Status tells how the destination does.
func (e *Exporter) Status() export.Status { return e.sender.Status() }

// Close ends sending; what waits stays in the queue.
func (e *Exporter) Close(ctx context.Context) error {
	err := e.sender.Close(ctx)
	e.client.CloseIdleConnections()
	return err
}

var errUnreadable = errors.New("a batch of the queue was written by another version")
