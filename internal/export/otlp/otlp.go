// Package otlp sends spans, log records and metrics to a receiver of
// OpenTelemetry's protocol, over gRPC or HTTP.
//
// What comes in: rows, and metrics that were received. What goes out: requests
// of the protocol, first into a queue and from there to an endpoint. It must
// never put a header into the queue, an error or a status, follow a redirect,
// or trace its own calls.
package otlp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"golang.org/x/net/http/httpguts"

	"gatehouse/internal/export"
	"gatehouse/internal/telemetry"
)

// Protocols.
const (
	GRPC = "grpc"
	HTTP = "http/protobuf"
)

// Options of an Exporter. Name, Endpoint and Queue must be set; zero means default.
type Options struct {
	Name     string
	Endpoint string            // URL; https means TLS. Of HTTP: the base, to which /v1/traces is added
	Protocol string            // GRPC, HTTP; default GRPC
	Headers  map[string]string // sent with each request; secrets
	TLS      *tls.Config       // default: the system's authorities
	Plain    bool              // do not compress
	Queue    telemetry.Queue

	MaxItems   int // of a request; default 500
	BatchDelay time.Duration
	MaxAge     time.Duration
	MaxTries   int
	FirstPause time.Duration
	Timeout    time.Duration
	Now        func() time.Time
	Logger     *slog.Logger
}

// transport makes one request and judges the answer.
type transport interface {
	// send returns what became of a request: body is the encoded request of the
	// signal with this number of items. Left of the result is nil or body.
	send(ctx context.Context, s signal, body []byte, items int) (out export.Result, tooLarge bool)
	close() error
}

// Exporter is a telemetry.Rows.
type Exporter struct {
	name      string
	queue     telemetry.Queue
	sender    *export.Exporter
	transport transport
}

// New starts an exporter. It connects when there is something to send.
func New(o Options) (*Exporter, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxItems <= 0 {
		o.MaxItems = 500
	}
	if o.Protocol == "" {
		o.Protocol = GRPC
	}
	u, err := url.Parse(o.Endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("endpoint: it is not an absolute http or https URL such as https://collector.example:4317")
	}
	for name, value := range o.Headers {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("headers: %q is not a valid header", name) // without its value: it is a secret
		}
	}
	e := &Exporter{name: o.Name, queue: o.Queue}
	switch o.Protocol {
	case GRPC:
		if strings.Trim(u.Path, "/") != "" {
			return nil, errors.New("endpoint: one of gRPC has no path")
		}
		e.transport, err = newGRPC(u, &o)
	case HTTP:
		e.transport = newHTTP(u, &o)
	default:
		err = fmt.Errorf("protocol: %q is not one of %s, %s", o.Protocol, GRPC, HTTP)
	}
	if err != nil {
		return nil, err
	}
	e.sender = export.Start(export.Options{Name: o.Name, Kind: "otlp", Endpoint: u.Scheme + "://" + u.Host + u.Path, Queue: o.Queue, Join: join, Send: e.send,
		MaxItems: o.MaxItems, BatchDelay: o.BatchDelay, MaxAge: o.MaxAge, MaxTries: o.MaxTries, FirstPause: o.FirstPause, Timeout: o.Timeout, Now: o.Now, Logger: o.Logger})
	return e, nil
}

// clientTransport is HTTP's, with redirects left alone: headers would go along.
func clientTransport(o *Options) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 8
	t.TLSClientConfig = o.TLS
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Metrics queues metrics as they were received.
func (e *Exporter) Metrics(ctx context.Context, m pmetric.Metrics) error {
	data, err := pmetricotlp.NewExportRequestFromMetrics(m).MarshalProto()
	return e.put(ctx, metrics, data, m.DataPointCount(), err)
}

func (e *Exporter) put(ctx context.Context, s signal, data []byte, items int, err error) error {
	if err != nil {
		return fmt.Errorf("make a request for %s: %w", e.name, err)
	}
	if items == 0 {
		return ctx.Err()
	}
	if err := e.queue.Put(ctx, frame(nil, s, items, data), items); err != nil {
		return fmt.Errorf("queue for %s: %w", e.name, err)
	}
	return nil
}

// Status tells how the destination does.
func (e *Exporter) Status() export.Status { return e.sender.Status() }

// Close ends sending; what waits stays in the queue.
func (e *Exporter) Close(ctx context.Context) error {
	return errors.Join(e.sender.Close(ctx), e.transport.close())
}
