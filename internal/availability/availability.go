// Package availability asks addresses again and again whether they answer as
// they should, as the standard tests of Application Insights do.
//
// What comes in: tests, and the places from which to run them. What goes out:
// one row of type availability for each run, metrics, and requests to the
// addresses of the tests. It must never show a secret of a test, read an answer
// without a bound, or run a test that was not checked.
package availability

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/telemetry"
)

// Options of a Monitor. Locations and Rows must be set; zero means default.
type Options struct {
	Locations []Location
	Rows      telemetry.Rows
	// Gateway gives the base URL of the gateway's own endpoint, "" when it has none.
	Gateway func() string
	Roots   *x509.CertPool // authorities of all tests; nil: the system's
	// Workspace gives the id of a workspace by its name; nil: names are ids.
	Workspace func(name string) (id string, ok bool)
	// Deny are networks that no test may reach, whatever its name resolves to.
	Deny     []netip.Prefix
	MaxTests int // default 100
	Running  int // runs at the same time; default 16
	Now      func() time.Time
	Logger   *slog.Logger
}

// DefaultDeny are the link-local networks: the metadata services of clouds,
// which give credentials to whoever asks, are there.
func DefaultDeny() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("fd00:ec2::254/128")}
}

func (o Options) withDefaults() Options {
	if o.MaxTests <= 0 {
		o.MaxTests = 100
	}
	if o.Running <= 0 {
		o.Running = 16
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Gateway == nil {
		o.Gateway = func() string { return "" }
	}
	if o.Workspace == nil {
		o.Workspace = func(name string) (string, bool) { return name, true }
	}
	return o
}

// Monitor runs tests. All methods may be called from any goroutine.
type Monitor struct {
	options Options
	slots   chan struct{}
	lost    atomic.Int64 // results that could not be stored

	mu      sync.Mutex
	started bool
	closed  bool
	tests   map[string]*running // by name in lower case
	ctx     context.Context
	cancel  context.CancelFunc
	group   sync.WaitGroup
}

// running is a test with its loops.
type running struct {
	test   *compiled
	cancel context.CancelFunc
	last   map[string]Result // by location
	counts map[countKey]int64
}

type countKey struct {
	location string
	success  bool
}

// ErrUnknown is the answer about a test that is not there.
var ErrUnknown = errors.New("there is no such availability test")

// New makes a monitor that runs nothing before Start.
func New(o Options) (*Monitor, error) {
	o = o.withDefaults()
	if err := checkLocations(o.Locations); err != nil {
		return nil, err
	}
	m := &Monitor{options: o, slots: make(chan struct{}, o.Running), tests: map[string]*running{}}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m, nil
}

// Start runs the tests that are there and those that come.
func (m *Monitor) Start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.started = true
	for _, r := range m.tests {
		m.launch(r)
	}
}

// Close ends all runs; those under way leave no result.
func (m *Monitor) Close() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.cancel()
	m.group.Wait()
	return nil
}

// Check says what is wrong with a test, nil when it could be put.
func (m *Monitor) Check(t Test) error {
	_, err := m.compile(t)
	return err
}

// Put adds a test or replaces the one of its name. It runs at once.
func (m *Monitor) Put(t Test) error {
	c, err := m.compile(t)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := strings.ToLower(c.Name)
	old := m.tests[key]
	switch {
	case m.closed:
		return errors.New("the monitor is closed")
	case old == nil && len(m.tests) >= m.options.MaxTests:
		return fmt.Errorf("there are %d availability tests already, which is the most (availability.maxTests)", len(m.tests))
	}
	r := &running{test: c, last: map[string]Result{}, counts: map[countKey]int64{}, cancel: func() {}}
	if old != nil {
		old.cancel()
		r.counts = old.counts
	}
	m.tests[key] = r
	if m.started {
		m.launch(r)
	}
	return nil
}

// Delete ends a test.
func (m *Monitor) Delete(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := strings.ToLower(name)
	r := m.tests[key]
	if r == nil {
		return ErrUnknown
	}
	r.cancel()
	delete(m.tests, key)
	return nil
}

// launch starts the loops of a test; m.mu is held.
func (m *Monitor) launch(r *running) {
	if !r.test.enabled() {
		return
	}
	ctx, cancel := context.WithCancel(m.ctx)
	r.cancel = cancel
	for n, l := range r.test.locations {
		// The places take turns within an interval.
		first := time.Duration(r.test.Frequency) * time.Duration(n) / time.Duration(len(r.test.locations))
		m.group.Go(func() { m.loop(ctx, r, l, first) })
	}
}

func (m *Monitor) loop(ctx context.Context, r *running, l Location, first time.Duration) {
	if !sleep(ctx, first) {
		return
	}
	tick := time.NewTicker(time.Duration(r.test.Frequency))
	defer tick.Stop()
	for {
		m.once(ctx, r, l)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Run runs a test now, from each of its places, beside its schedule.
func (m *Monitor) Run(ctx context.Context, name string) ([]Result, error) {
	m.mu.Lock()
	r := m.tests[strings.ToLower(name)]
	if r == nil || m.closed {
		m.mu.Unlock()
		return nil, ErrUnknown
	}
	m.group.Add(1)
	m.mu.Unlock()
	defer m.group.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(m.ctx, cancel)()
	out := make([]Result, len(r.test.locations))
	var group sync.WaitGroup
	for n, l := range r.test.locations {
		group.Go(func() { out[n], _ = m.once(ctx, r, l) })
	}
	group.Wait()
	return out, ctx.Err()
}

// once runs a test from one place and keeps what came out.
func (m *Monitor) once(ctx context.Context, r *running, l Location) (Result, bool) {
	select {
	case m.slots <- struct{}{}:
	case <-ctx.Done():
		return Result{}, false
	}
	result := m.run(ctx, r.test, l)
	<-m.slots
	if ctx.Err() != nil {
		return result, false // cut off by us: it says nothing of the address
	}
	m.mu.Lock()
	r.last[l.Name] = result
	r.counts[countKey{l.Name, result.Success}]++
	m.mu.Unlock()
	m.store(ctx, r.test, result)
	return result, true
}

// store writes the row, a few times if need be.
func (m *Monitor) store(ctx context.Context, t *compiled, result Result) {
	row := []telemetry.LogRecord{rowOf(t, &result)}
	var err error
	for range storeTries {
		if err = m.options.Rows.Logs(ctx, row); err == nil {
			return
		}
		if !sleep(ctx, storePause) {
			break
		}
	}
	m.lost.Add(1)
	m.options.Logger.Warn("a result of an availability test was not stored", "test", t.Name, "error", err)
}

const (
	storeTries = 3
	storePause = time.Second
)

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// State is a test and what its places said last.
type State struct {
	Test            Test     `json:"test"` // without secrets
	Locations       []string `json:"locations"`
	AlertLocations  int      `json:"alertLocations"` // so many must fail for the alert
	FailedLocations []string `json:"failedLocations"`
	Last            []Result `json:"last"` // one for each place, in the order of Locations
}

// List gives the tests by name.
func (m *Monitor) List() []State {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]State, 0, len(m.tests))
	for _, r := range m.tests {
		out = append(out, r.state())
	}
	slices.SortFunc(out, func(a, b State) int { return strings.Compare(a.Test.Name, b.Test.Name) })
	return out
}

// Get gives one test.
func (m *Monitor) Get(name string) (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.tests[strings.ToLower(name)]; r != nil {
		return r.state(), nil
	}
	return State{}, ErrUnknown
}

func (r *running) state() State {
	s := State{Test: r.test.shown(), AlertLocations: r.test.alertLocations(), Locations: []string{}, FailedLocations: []string{}, Last: []Result{}}
	for _, l := range r.test.locations {
		s.Locations = append(s.Locations, l.Name)
		last, known := r.last[l.Name]
		if !known {
			continue
		}
		s.Last = append(s.Last, last)
		if !last.Success {
			s.FailedLocations = append(s.FailedLocations, l.Name)
		}
	}
	return s
}
