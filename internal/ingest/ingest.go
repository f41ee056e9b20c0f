// Package ingest is the way into the stores: it takes the gateway's exchanges
// off the request path and makes metrics, spans and log records of them.
//
// What comes in: one telemetry.Exchange for each request, and rows that
// receivers have ready. What goes out: a Prometheus registry that counts every
// exchange, and batches of rows to the writers it was given. It must never
// block the sender of an exchange, lose one without counting it, open a file,
// or know which stores there are.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"gatehouse/internal/telemetry"
)

// Options of an Ingest. DefaultOptions gives the numbers; zero means default.
type Options struct {
	// Rows are the writers of spans and log records. The first decides whether a
	// row was kept; the losses of the others are counted apart.
	Rows []telemetry.Rows
	// Beside are more metrics that WriteMetrics gets: those of the process.
	Beside []prometheus.Gatherer
	// WriteMetrics gets the registry's content every Interval and at Close; nil: never.
	WriteMetrics func(ctx context.Context, families []*dto.MetricFamily, t time.Time) error
	Interval     time.Duration // default 5 s

	QueueSize  int           // exchanges that wait for the worker; default 16,384
	BatchSize  int           // rows of a batch; default 256
	BatchDelay time.Duration // age at which a smaller batch goes out; default 200 ms
	// PendingBatches is how many batches wait for one writer; default 128.
	PendingBatches int
	RetryFor       time.Duration // how long a batch is tried again; default 30 s

	// Destination says where the rows of a logger go; nil: all to the default
	// workspace. It is asked once for each endpoint and logger, by the worker.
	Destination func(logger string) Destination
	// DailyCaps are bytes of items in a UTC day by workspace; absent: no cap.
	DailyCaps map[string]int64
	// Observe sees every exchange on the worker, before it is recycled; it must be
	// quick and keep nothing of it. nil: nobody.
	Observe func(*telemetry.Exchange)
	// VerbosityOfTraces makes the verbosity "error" of a diagnostic concern trace
	// messages alone; otherwise it keeps failed requests only.
	VerbosityOfTraces bool
	// AggregationInterval is the time over which values of a custom metric are put
	// into one row; default 10 s.
	AggregationInterval time.Duration
	// WorkspaceSeries is how many series of custom metrics a workspace has within
	// SeriesWindow; more are put into one. Default 50,000 in 12 h.
	WorkspaceSeries int
	SeriesWindow    time.Duration

	MaxSeries     int // of each metric; what is beyond counts as "_overflow"; default 5,000
	MaxEndpoints  int // (API, operation, product) with metrics of their own; default 5,000
	CustomMetrics int // names of emit-metric; default 200
	CustomSeries  int // of each of them; default 1,000

	Service  string // service.name of exchanges without an endpoint; default "gatehouse"
	Instance string // service.instance.id; default the host name
	Now      func() time.Time
	Logger   *slog.Logger
}

// DefaultOptions are those of a gateway with one lake.
func DefaultOptions() Options { return Options{}.withDefaults() }

func (o Options) withDefaults() Options {
	orDefault(&o.Interval, 5*time.Second)
	orDefault(&o.QueueSize, 16_384)
	orDefault(&o.BatchSize, 256)
	orDefault(&o.BatchDelay, 200*time.Millisecond)
	orDefault(&o.PendingBatches, 128)
	orDefault(&o.RetryFor, 30*time.Second)
	orDefault(&o.AggregationInterval, 10*time.Second)
	orDefault(&o.WorkspaceSeries, 50_000)
	orDefault(&o.SeriesWindow, 12*time.Hour)
	orDefault(&o.MaxSeries, 5_000)
	orDefault(&o.MaxEndpoints, 5_000)
	orDefault(&o.CustomMetrics, 200)
	orDefault(&o.CustomSeries, 1_000)
	orDefault(&o.Service, "gatehouse")
	if o.Instance == "" {
		o.Instance, _ = os.Hostname()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Ingest is a telemetry.Sink. All methods may be called from any goroutine.
type Ingest struct {
	options    Options
	metrics    *metrics
	rows       *rowBuilder // this and the next four are used by the worker only
	main       *stream     // of the stores
	exports    map[telemetry.Rows]*stream
	writers    []*writer // of all streams
	aggregates *aggregates
	caps       map[string]*dailyCap // by workspace; not changed

	queue   chan *telemetry.Exchange
	flushes chan chan struct{}
	senders atomic.Int64 // calls of Exchange that are under way
	closed  atomic.Bool
	once    sync.Once
	unseen  atomic.Uint64 // exchanges that the worker did not get
	stop    chan struct{} // ends worker and interval
	abandon context.Context
	cancel  context.CancelFunc // ends writes and retries
	worker  sync.WaitGroup
	writing sync.WaitGroup
	ticking sync.WaitGroup
	fault   error // of Close
}

// New starts the worker, the writers and the metrics interval. Close ends them.
func New(o Options) (*Ingest, error) {
	o = o.withDefaults()
	if o.QueueSize < 1 || o.BatchSize < 1 || o.PendingBatches < 1 {
		return nil, errors.New("open ingest: queue and batch sizes must be positive")
	}
	m, err := newMetrics(&o)
	if err != nil {
		return nil, fmt.Errorf("open ingest: %w", err)
	}
	i := &Ingest{
		options: o, metrics: m, rows: newRowBuilder(&o),
		queue: make(chan *telemetry.Exchange, o.QueueSize), flushes: make(chan chan struct{}), stop: make(chan struct{}),
		exports: map[telemetry.Rows]*stream{},
	}
	i.main = &stream{batch: i.rows.fresh()}
	i.caps = newCaps(&o)
	i.rows.caps = i.caps
	i.aggregates = newAggregates(&o, m)
	i.abandon, i.cancel = context.WithCancel(context.Background())
	for n, r := range o.Rows {
		w := newWriter(i, r, n)
		i.main.writers = append(i.main.writers, w)
		i.writing.Go(w.run)
	}
	i.writers = append(i.writers, i.main.writers...)
	i.worker.Go(i.work)
	i.ticking.Go(i.tick)
	return i, nil
}

// Exchange takes the record over. It never blocks: when the queue is full the
// request is still counted in the metrics, and its rows are dropped and counted.
func (i *Ingest) Exchange(e *telemetry.Exchange) {
	i.senders.Add(1)
	defer i.senders.Add(-1)
	i.metrics.exchanges.Inc()
	if i.closed.Load() {
		i.shed(e, dropClosed)
		return
	}
	select {
	case i.queue <- e:
	default:
		i.shed(e, dropQueueFull)
	}
}

// Shed counts the exchanges that Observe never saw, as the queue was full or
// closed.
func (i *Ingest) Shed() uint64 {
	return i.unseen.Load()
}

func (i *Ingest) shed(e *telemetry.Exchange, reason dropReason) {
	i.metrics.record(e, false)
	i.metrics.drop(reason, 1)
	i.unseen.Add(1)
	e.Release()
}

// Spans hands rows of a receiver straight to the writers. The error is that of
// the first writer; the caller may then send the batch again.
func (i *Ingest) Spans(ctx context.Context, spans []telemetry.Span) error {
	err := i.through(ctx, len(spans), tableSpans, func(r telemetry.Rows) error { return r.Spans(ctx, spans) })
	if err == nil && len(i.caps) > 0 {
		i.takeSpans(spans)
	}
	return err
}

// Logs is Spans for log records.
func (i *Ingest) Logs(ctx context.Context, logs []telemetry.LogRecord) error {
	err := i.through(ctx, len(logs), tableLogs, func(r telemetry.Rows) error { return r.Logs(ctx, logs) })
	if err == nil {
		i.aggregates.meters.received(logs, i.options.Now(), i.metrics)
	}
	if err == nil && len(i.caps) > 0 {
		i.takeLogs(logs)
	}
	return err
}

var errClosed = errors.New("ingest is closed")

func (i *Ingest) through(ctx context.Context, n int, table string, write func(telemetry.Rows) error) error {
	if i.closed.Load() {
		return errClosed
	}
	if n == 0 || len(i.main.writers) == 0 {
		return ctx.Err()
	}
	// The others must not be asked before the first has the rows: the sender
	// would repeat what they already took.
	for k, w := range i.main.writers {
		err := write(w.rows)
		switch {
		case err != nil && k == 0:
			return fmt.Errorf("write %s: %w", table, err)
		case err != nil:
			i.metrics.exportDropped.WithLabelValues(table).Add(float64(n))
			w.complain(err)
		case k == 0:
			i.metrics.rows.WithLabelValues(table).Add(float64(n))
		}
	}
	return nil
}

// Registry holds all metrics, for exposition.
func (i *Ingest) Registry() *prometheus.Registry { return i.metrics.registry }

// Stats are counts of exchanges since the start. After Flush or Close,
// Sent = Kept + Sampled + Dropped.
type Stats struct{ Sent, Kept, Sampled, Dropped uint64 }

// Stats gives the counts.
func (i *Ingest) Stats() Stats {
	m := i.metrics
	s := Stats{Sent: count(m.exchanges), Kept: m.kept.Load(), Sampled: count(m.sampled)}
	for _, c := range m.dropped {
		s.Dropped += count(c)
	}
	return s
}

// Flush returns when everything that was handed over before the call is
// written or counted as dropped, or ctx is done.
func (i *Ingest) Flush(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case i.flushes <- done:
	case <-i.stop:
		return errClosed
	case <-ctx.Done():
		return fmt.Errorf("flush ingest: %w", ctx.Err())
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("flush ingest: %w", ctx.Err())
	}
}

// Close takes no more exchanges, writes what is queued and the metrics a last
// time. What is not written when ctx is done is counted as dropped.
func (i *Ingest) Close(ctx context.Context) error {
	i.once.Do(func() { i.fault = i.close(ctx) })
	return i.fault
}

func (i *Ingest) close(ctx context.Context) error {
	defer i.cancel()
	i.closed.Store(true)
	// Senders never block, so this ends at once; after it the queue only shrinks.
	for i.senders.Load() > 0 {
		time.Sleep(10 * time.Microsecond)
	}
	abandon := context.AfterFunc(ctx, i.cancel)
	defer abandon()
	close(i.stop)
	i.worker.Wait()
	for _, w := range i.writers {
		close(w.batches)
	}
	i.writing.Wait()
	i.ticking.Wait()
	// Slow writers may have used the time up; the last totals are worth a moment.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return i.writeMetrics(last)
}
