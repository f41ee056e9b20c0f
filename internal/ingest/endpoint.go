package ingest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/telemetry"
)

// endpoint is what an Endpoint pointer resolves to; used tells the sweep that
// its snapshot still serves.
type endpoint struct {
	*shared
	used atomic.Bool
}

// shared holds the metric children of one (API, operation, product), resolved
// once. Endpoints of later snapshots with the same names share it.
type shared struct {
	metrics          *metrics
	name             endpointName
	received, sent   prometheus.Counter
	gateway, backend prometheus.Observer
	cpu              prometheus.Counter
	gatewayTime      atomic.Int64 // ns in the gateway since the last CPU share

	mu         sync.Mutex
	duration   map[requestKey]*timed
	client     map[callKey]*timed
	rejections map[rejectionKey]prometheus.Counter
	outcomes   map[outcomeKey]prometheus.Counter
}

type (
	requestKey struct {
		method string
		status int
	}
	callKey struct {
		backend string
		status  int
	}
	rejectionKey struct{ source, reason string }
	outcomeKey   struct {
		status, backend int // backend: of the last call, 0: none or without an answer
		reason          string
	}
)

// timed is a histogram child that takes at most one exemplar a second.
type timed struct {
	observer prometheus.Observer
	last     atomic.Int64 // unix ns of the newest exemplar
}

const exemplarInterval = time.Second

func (t *timed) observe(seconds float64, trace telemetry.TraceID, now int64) {
	last := t.last.Load()
	if trace == (telemetry.TraceID{}) || now-last < int64(exemplarInterval) || !t.last.CompareAndSwap(last, now) {
		t.observer.Observe(seconds)
		return
	}
	if o, ok := t.observer.(prometheus.ExemplarObserver); ok {
		o.ObserveWithExemplar(seconds, prometheus.Labels{"trace_id": trace.String()})
		return
	}
	t.observer.Observe(seconds)
}

// record counts one exchange. stored tells that its trace can be looked up:
// only then it serves as an exemplar.
func (m *metrics) record(e *telemetry.Exchange, stored bool) {
	s := m.endpoint(e.Endpoint)
	var trace telemetry.TraceID
	if stored && e.Legacy.Root == "" {
		trace = e.TraceID
	}
	now := e.Start.UnixNano() + int64(e.Duration)
	inside := max(0, e.Duration-e.BackendTime)
	s.request(requestKey{method(e.Method), e.Status}).observe(e.Duration.Seconds(), trace, now)
	s.received.Add(float64(max(0, e.RequestBytes)))
	s.sent.Add(float64(max(0, e.ResponseBytes)))
	s.gateway.Observe(inside.Seconds())
	s.gatewayTime.Add(int64(inside))
	if len(e.Calls) > 0 {
		s.backend.Observe(e.BackendTime.Seconds())
	}
	for i := range e.Calls {
		c := &e.Calls[i]
		s.call(callKey{c.Backend, c.Status}).observe(time.Duration(c.Duration).Seconds(), trace, now)
	}
	s.outcome(outcomeOf(e)).Inc()
	if refused(e.Failure.Reason) {
		s.rejected(&e.Failure)
	}
	for i := range e.Measurements {
		m.custom.add(&e.Measurements[i])
	}
}

// endpoint resolves by pointer; names are looked up once for each snapshot.
func (m *metrics) endpoint(e *telemetry.Endpoint) *shared {
	m.mu.RLock()
	p := m.endpoints[e]
	m.mu.RUnlock()
	if p == nil {
		p = m.resolve(e)
	}
	if !p.used.Load() {
		p.used.Store(true)
	}
	return p.shared
}

func (m *metrics) resolve(e *telemetry.Endpoint) *endpoint {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.endpoints[e]; p != nil {
		return p
	}
	name := endpointName{none, none, none}
	if e != nil {
		name = endpointName{orNone(e.API), orNone(e.Operation), orNone(e.Product)}
		m.info.set(name.api, e.Tags)
	}
	s := m.names[name]
	if s == nil && len(m.names) >= m.options.MaxEndpoints {
		name = endpointName{overflow, overflow, overflow}
		s = m.names[name]
	}
	if s == nil {
		s = m.share(name)
		m.names[name] = s
	}
	p := &endpoint{shared: s}
	m.endpoints[e] = p
	return p
}

func (m *metrics) share(n endpointName) *shared {
	return &shared{
		metrics: m, name: n,
		received: m.received.series(n.api, n.operation, n.product), sent: m.sent.series(n.api, n.operation, n.product),
		gateway: m.gateway.series(n.api, n.operation), backend: m.backend.series(n.api, n.operation), cpu: m.cpu.series(n.api, n.operation),
		duration: map[requestKey]*timed{}, client: map[callKey]*timed{}, rejections: map[rejectionKey]prometheus.Counter{}, outcomes: map[outcomeKey]prometheus.Counter{},
	}
}

// sweep forgets the pointers of snapshots that served nothing since the last
// sweep. Their series stay: a counter must not fall.
func (m *metrics) sweep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for e, p := range m.endpoints {
		if !p.used.Swap(false) {
			delete(m.endpoints, e)
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return none
	}
	return s
}

func (s *shared) request(k requestKey) *timed {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.duration[k]
	if t == nil {
		t = &timed{observer: s.metrics.duration.series(s.name.api, s.name.operation, s.name.product, k.method, statusLabel(k.status))}
		s.duration[k] = t
	}
	return t
}

func (s *shared) call(k callKey) *timed {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.client[k]
	if t == nil {
		t = &timed{observer: s.metrics.client.series(orNone(k.backend), s.name.api, statusLabel(k.status))}
		if len(s.client) < s.metrics.options.MaxSeries {
			s.client[k] = t
		}
	}
	return t
}

func (s *shared) rejected(f *telemetry.Failure) {
	k := rejectionKey{s.metrics.source(f.Source), reason(f.Reason)}
	s.mu.Lock()
	c := s.rejections[k]
	if c == nil {
		c = s.metrics.rejections.series(s.name.api, s.name.operation, s.name.product, k.source, k.reason)
		s.rejections[k] = c
	}
	s.mu.Unlock()
	c.Inc()
}

// outcomeOf says how an exchange ended, at the client and at the backend.
func outcomeOf(e *telemetry.Exchange) outcomeKey {
	k := outcomeKey{status: e.Status, reason: e.Failure.Reason}
	if n := len(e.Calls); n > 0 {
		k.backend = e.Calls[n-1].Status
	}
	switch {
	case k.reason == "" || k.reason == "OK":
		k.reason = "None"
	case refused(k.reason):
		k.reason = reason(k.reason)
	}
	return k
}

func (s *shared) outcome(k outcomeKey) prometheus.Counter {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.outcomes[k]
	if c == nil {
		c = s.metrics.outcomes.series(s.name.api, statusLabel(k.status), statusLabel(k.backend), k.reason)
		if len(s.outcomes) < s.metrics.options.MaxSeries {
			s.outcomes[k] = c
		}
	}
	return c
}

// maxSources of rejections: the names of statements, far fewer than this.
const maxSources = 100

func (m *metrics) source(name string) string {
	if name == "" {
		return none
	}
	m.mu.RLock()
	known, full := m.sources[name], len(m.sources) >= maxSources
	m.mu.RUnlock()
	if known {
		return name
	}
	if full || len(name) > 64 {
		return "other"
	}
	m.mu.Lock()
	m.sources[name] = true
	m.mu.Unlock()
	return name
}

// method keeps the verbs of HTTP and names all others _OTHER, as OpenTelemetry does.
func method(m string) string {
	switch m {
	case "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE":
		return m
	}
	return "_OTHER"
}

// refused tells a refusal from the failures of client and backend, which have
// metrics of their own.
func refused(reason string) bool {
	switch reason {
	case "", "OK", "ClientConnectionFailure", "BackendConnectionFailure", "BackendStatusCode", "Timeout":
		return false
	}
	return true
}

// reason keeps the reasons that Azure API Management documents and those of
// the gateway itself; what a policy could make up is "other".
func reason(r string) string {
	switch r {
	case "OperationNotFound", "SubscriptionKeyNotFound", "SubscriptionKeyInvalid", "SubscriptionNotActive",
		"ExpressionValueEvaluationFailure", "InvalidUrl",
		"RateLimitExceeded", "QuotaExceeded", "CallbackParameterInvalid",
		"FailedToParseCallerIP", "CallerIpNotAllowed", "CallerIpBlocked", "HeaderNotFound", "HeaderValueNotAllowed",
		"TokenNotPresent", "TokenSignatureInvalid", "TokenAudienceNotAllowed", "TokenIssuerNotAllowed", "TokenExpired",
		"TokenSignatureKeyNotFound", "TokenClaimNotFound", "TokenClaimValueNotAllowed", "JwtInvalid",
		"InternalError", "MethodNotAllowed", "RequestBodyTooLarge", "CircuitBreakerOpen", "ConcurrencyLimitExceeded":
		return r
	}
	return "other"
}
