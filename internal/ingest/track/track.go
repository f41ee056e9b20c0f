// Package track is the ingestion endpoint of Application Insights: /v2/track,
// /v2.1/track and /v2/validate, and the live metrics of its SDKs.
//
// What comes in: envelopes, as lines or as a JSON array, from senders that are
// not trusted. What goes out: telemetry.Span and telemetry.LogRecord rows to
// the writer of rows, and live points to who watches. It acknowledges an item
// only when the writer has taken it. It must never cut a value without a mark
// and a count, answer a redirect, let a credential that a sender put into an
// item through, or know which store is behind the writer.
package track

import (
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/telemetry"
)

// Options of a Receiver. Rows and Workspace must be set; zero numbers mean the
// defaults, which are those of Azure where it has a limit.
type Options struct {
	// Rows takes spans and log records. An error means that the sender keeps the
	// items and sends them again.
	Rows telemetry.Rows
	// Workspace finds the workspace of an instrumentation key, in any case.
	Workspace func(key string) (telemetry.Workspace, bool)
	// Authorize says whether a request may send to a workspace that requires an
	// identity; ErrForbidden is a known sender without the right. nil refuses all.
	Authorize func(*http.Request, telemetry.Workspace) error

	// Reach says why a workspace cannot be reached from where a request comes. nil:
	// each can.
	Reach func(*http.Request, telemetry.Workspace) error

	MaxBodyBytes   int           // of a request, as sent and decompressed; default 32 MiB
	MaxPending     int           // bytes of all bodies that are read and stored at a time, decompressed; default 128 MiB
	MaxItems       int           // of a request; default 50,000
	MaxItemBytes   int           // default 64 KiB
	ItemsPerSecond int           // of a workspace, over a minute; default 32,000
	Concurrency    int           // requests that are read and stored at a time; default 32
	ReadTimeout    time.Duration // for a body; default 15 s
	RetryAfter     time.Duration // what a sender is told when it is to try again; default 5 s
	Limits         Limits        // of the parts of an item

	// OldestItem and NewestItem are how far an item's time may be from now. An item
	// outside is marked, or with RefuseAge refused, as Azure does. Default 48 h, 2 h.
	OldestItem, NewestItem time.Duration
	RefuseAge              bool
	// CapStatus is the status of items beyond a workspace's daily cap: 439 as in
	// Azure, or 429, which every SDK keeps its items at. Default 439.
	CapStatus int
	// KeepAddresses stores where an item came from; otherwise addresses are dropped.
	KeepAddresses bool

	// Process gives what this process used: CPU seconds since its start, and bytes
	// of memory now. nil: the gateway's live points have none.
	Process func() (cpuSeconds, memoryBytes float64)

	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer // for the receiver's own metrics; nil: not registered
}

// Limits are in characters. What is longer is cut, named in the custom
// dimension "gatehouse.truncated" and counted.
type Limits struct {
	ID, Name, URL, Text, Data, Message, Key, Value int
	Entries                                        int // custom dimensions, and measurements, of an item
	Exceptions, Frames                             int
}

func (o Options) withDefaults() Options {
	for field, value := range map[*int]int{
		&o.MaxBodyBytes: 32 << 20, &o.MaxPending: 128 << 20, &o.MaxItems: 50_000, &o.MaxItemBytes: 64 << 10, &o.ItemsPerSecond: 32_000, &o.Concurrency: 32,
		&o.Limits.ID: 512, &o.Limits.Name: 1024, &o.Limits.URL: 2048, &o.Limits.Text: 1024, &o.Limits.Data: 8192, &o.Limits.Message: 32_768,
		&o.Limits.Key: 150, &o.Limits.Value: 8192, &o.Limits.Entries: 200, &o.Limits.Exceptions: 10, &o.Limits.Frames: 200,
	} {
		if *field <= 0 {
			*field = value
		}
	}
	for field, value := range map[*time.Duration]time.Duration{
		&o.ReadTimeout: 15 * time.Second, &o.RetryAfter: 5 * time.Second, &o.OldestItem: 48 * time.Hour, &o.NewestItem: 2 * time.Hour,
	} {
		if *field <= 0 {
			*field = value
		}
	}
	if o.CapStatus == 0 {
		o.CapStatus = statusDailyCap
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Receiver serves the protocol. All methods may be called from any goroutine.
type Receiver struct {
	options Options
	counts  *counts
	slots   chan struct{} // one for each request that is being read or stored
	meter   *meter
	hubs    *hubs
	pending atomic.Int64 // bytes of bodies

	complained atomic.Int64 // time of the last log line about a failing writer
}

// New makes a receiver. It starts nothing.
func New(o Options) *Receiver {
	o = o.withDefaults()
	return &Receiver{options: o, counts: newCounts(o.Registerer, o.Logger), slots: make(chan struct{}, o.Concurrency),
		meter: newMeter(o.ItemsPerSecond, o.CapStatus), hubs: newHubs(o.Now)}
}

type route int

const (
	routeNone route = iota
	routeTrack
	routeValidate
	routePing
	routePost
)

// Serves says whether a path is one of the protocol's, with any number of
// slashes and in any case.
func Serves(path string) bool { return routeOf(path) != routeNone }

func routeOf(path string) route {
	if len(path) > 100 {
		return routeNone
	}
	parts := strings.FieldsFunc(strings.ToLower(path), func(c rune) bool { return c == '/' })
	switch strings.Join(parts, "/") {
	case "v2/track", "v2.1/track":
		return routeTrack
	case "v2/validate", "v2.1/validate":
		return routeValidate
	case "quickpulseservice.svc/ping":
		return routePing
	case "quickpulseservice.svc/post":
		return routePost
	}
	return routeNone
}

// ServeHTTP answers a request of an SDK.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	at := routeOf(req.URL.Path)
	allowOrigin(w.Header(), req)
	switch {
	case at == routeNone:
		r.respond(w, nil, &fault{status: http.StatusNotFound, message: "send items to /v2/track or /v2.1/track"})
	case req.Method == http.MethodOptions:
		preflight(w, req)
	case req.Method != http.MethodPost:
		w.Header().Set("Allow", "POST, OPTIONS")
		r.respond(w, nil, &fault{status: http.StatusMethodNotAllowed, message: "items are sent by POST"})
	case at == routePing || at == routePost:
		r.live(w, req, at == routePost)
	default:
		a, f := r.track(w, req, at == routeValidate)
		r.respond(w, a, f)
	}
}
