// Package siem carries the events of an activity log to where security people
// read them: a syslog receiver, a file or an HTTP endpoint, as syslog, CEF or
// OCSF.
//
// What comes in: the folder of a log, read behind a position that is kept on
// disk. What goes out: each event in order, at least once, also after a restart
// or an hour without a receiver. It must never pass over an event without saying
// so, hold up who writes the log, or send a secret of the settings anywhere but to
// the receiver.
package siem

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/activity"
)

// Options of a Sink.
type Options struct {
	Name     string // of the sink, in metrics and in the name of the file of its position
	Log      string // folder of the log
	State    string // folder of positions
	Format   string // syslog, cef, ocsf
	Address  string // udp://, tcp://, tls://host:port, file:///path, https://host/path
	Headers  map[string]string
	TLS      *tls.Config
	Host     string // of this machine, in headers of syslog
	Version  string
	Interval time.Duration // between two looks at the log; default 1s
	Settle   time.Duration // a connection must outlive a batch by this; default 250ms
	MaxWait  time.Duration // longest pause after failures; default 1m
	Logger   *slog.Logger
	Metrics  *Metrics
}

// batch is the largest number of events that are sent in one step.
const batch = 500

// Sink follows one log. Use: Open, Close.
type Sink struct {
	options Options
	encode  encoder
	out     receiver
	at      activity.Position
	failing bool

	stop context.CancelFunc
	done chan struct{}
}

// Open checks the options, reads the position and starts to send.
func Open(o Options) (*Sink, error) {
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.Settle <= 0 {
		o.Settle = 250 * time.Millisecond
	}
	if o.MaxWait <= 0 {
		o.MaxWait = time.Minute
	}
	s := &Sink{options: o, done: make(chan struct{})}
	var err error
	if s.encode, err = encoderOf(o); err != nil {
		return nil, err
	}
	if s.out, err = receiverOf(o); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.run(ctx)
	return s, nil
}

// Close ends sending. What was not delivered is sent after the next start.
func (s *Sink) Close() error {
	s.stop()
	<-s.done
	return s.out.close()
}

func (s *Sink) run(ctx context.Context) {
	defer close(s.done)
	wait := s.options.Interval
	for {
		n, err := s.step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.failed(err)
			wait = min(max(2*wait, s.options.Interval), s.options.MaxWait)
		default:
			s.recovered()
			wait = s.options.Interval
		}
		if err == nil && n == batch {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// step sends what is next in the log, and keeps how far that came.
func (s *Sink) step(ctx context.Context) (int, error) {
	b, damage := activity.Next(s.options.Log, s.at, batch)
	if len(b.Entries) > 0 {
		lines := make([][]byte, len(b.Entries))
		for i, e := range b.Entries {
			lines[i] = s.encode(e)
		}
		if err := s.out.send(ctx, lines); err != nil {
			return 0, err
		}
	}
	if b.Next != s.at {
		if err := s.keep(b.Next); err != nil {
			return 0, err
		}
		s.at = b.Next
		s.options.Metrics.sent.WithLabelValues(s.options.Name).Add(float64(len(b.Entries)))
	}
	if b.Gone > 0 {
		s.options.Metrics.lost.WithLabelValues(s.options.Name).Add(float64(b.Gone))
		s.options.Logger.Error("events left the activity log before they were sent: keep it longer with activity.retention and activity.maxBytes", "sink", s.options.Name, "events", b.Gone)
	}
	return len(b.Entries), damage
}

// failed tells of the first of several failures.
func (s *Sink) failed(err error) {
	s.options.Metrics.failures.WithLabelValues(s.options.Name).Inc()
	if !s.failing {
		s.options.Logger.Error("audit events are not delivered; they wait in the activity log and are sent again", "sink", s.options.Name, "error", err)
	}
	s.failing = true
}

func (s *Sink) recovered() {
	if s.failing {
		s.options.Logger.Info("audit events are delivered again", "sink", s.options.Name)
	}
	s.failing = false
}

func (s *Sink) path() string { return filepath.Join(s.options.State, s.options.Name+".json") }

// load reads the position; a sink without one begins with the oldest event.
func (s *Sink) load() error {
	data, err := os.ReadFile(s.path())
	if errors.Is(err, os.ErrNotExist) {
		return os.MkdirAll(s.options.State, 0o700)
	}
	if err != nil {
		return fmt.Errorf("read the position of the audit sink: %w", err)
	}
	if err := json.Unmarshal(data, &s.at); err != nil {
		return fmt.Errorf("read the position of the audit sink: %s: %w; remove the file to send all events again", s.path(), err)
	}
	return nil
}

// keep writes the position, so that a crash leaves the old one or the new one.
func (s *Sink) keep(at activity.Position) error {
	data, err := json.Marshal(at)
	if err != nil {
		return err
	}
	part := s.path() + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("keep the position of the audit sink: %w", err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keep the position of the audit sink: %w", err)
	}
	if err := os.Rename(part, s.path()); err != nil {
		return fmt.Errorf("keep the position of the audit sink: %w", err)
	}
	return nil
}

// Metrics of all sinks.
type Metrics struct{ sent, failures, lost *prometheus.CounterVec }

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"sink"})
	}
	m := &Metrics{sent: counter("gatehouse_siem_events_total", "Audit events that a receiver took."),
		failures: counter("gatehouse_siem_failures_total", "Attempts to deliver audit events that failed and are repeated."),
		lost:     counter("gatehouse_siem_lost_events_total", "Audit events that left the log before they were delivered.")}
	return m, errors.Join(r.Register(m.sent), r.Register(m.failures), r.Register(m.lost))
}
