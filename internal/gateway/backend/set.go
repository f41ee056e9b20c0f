package backend

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/apim"
)

// Target is one backend that a call may go to. It is shared by all requests:
// not to be changed.
type Target struct {
	ID        string   // backend resource id; of the member when a pool was asked for
	URL       *url.URL // base URL
	Transport *Transport
	// Credentials to put on the request. They are secret.
	Header        map[string][]string // canonical names
	Query         map[string][]string
	Authorization string // whole value, "" is none

	circuit *breaker // nil without a circuit breaker
}

// Report tells the circuit breaker how a call to the target ended: the
// response's status, or the error of Do. Call it exactly once for each Pick,
// also when the call was given up (then with the context's error). retryAfter
// is the response's Retry-After, 0 without one.
func (t *Target) Report(status int, err error, retryAfter time.Duration) {
	if t.circuit != nil {
		t.circuit.report(status, FailureOf(err), retryAfter)
	}
}

// Set is all backends of a service, compiled. Safe for concurrent use.
type Set struct {
	options Options
	entries map[string]*entry // by lower-case id
	direct  *Transport
}

// entry is a backend or a pool.
type entry struct {
	source *apim.Backend
	target *Target // nil: a pool
	groups []group // of a pool, by priority
}

// NewSet compiles backends. From previous (may be nil), which stays usable, it
// takes over the connections and circuits of backends that did not change.
// The error joins all that is wrong, each naming its backend.
func NewSet(backends []*apim.Backend, previous *Set, o Options) (*Set, error) {
	s := &Set{options: o.withDefaults(), entries: make(map[string]*entry, len(backends))}
	if previous != nil && sameSurroundings(&previous.options, &s.options) {
		s.direct = previous.direct
	} else {
		previous, s.direct = nil, NewTransport(o)
	}
	var problems []error
	for _, b := range backends {
		key := strings.ToLower(b.ID)
		if s.entries[key] != nil {
			problems = append(problems, fmt.Errorf("backends/%s: there are two backends with this id", b.ID))
			continue
		}
		e, err := s.compile(b, previous)
		if err != nil {
			problems = append(problems, fmt.Errorf("backends/%s: %w", b.ID, err))
			continue
		}
		s.entries[key] = e
	}
	for _, b := range backends {
		if err := s.link(b); err != nil {
			problems = append(problems, fmt.Errorf("backends/%s: %w", b.ID, err))
		}
	}
	return s, errors.Join(problems...)
}

// sameSurroundings tells whether connections made with a serve b too.
func sameSurroundings(a, b *Options) bool {
	x, y := *a, *b
	if x.RootCAs != y.RootCAs {
		return false
	}
	x.RootCAs, y.RootCAs, x.Now, y.Now, x.Random, y.Random = nil, nil, nil, nil, nil, nil
	return reflect.DeepEqual(x, y)
}

// compile makes the entry of one backend; pools are linked afterwards.
func (s *Set) compile(b *apim.Backend, previous *Set) (*entry, error) {
	e := &entry{source: b}
	if len(b.Pool) > 0 {
		return e, nil
	}
	u, err := url.Parse(b.URL)
	if err != nil { // url's error would quote it, with what it may hold
		return nil, errors.New("its url cannot be read")
	}
	u.Scheme = HTTPScheme(u.Scheme)
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, errors.New("its url is not an absolute http or https URL")
	case u.User != nil:
		return nil, errors.New("its url has a user name or password; use credentials instead")
	}
	e.target = &Target{ID: b.ID, URL: u, Query: b.Credentials.Query, Authorization: b.Credentials.Authorization}
	e.target.Header = canonicalHeader(b.Credentials.Header)
	var old *entry
	if previous != nil {
		old = previous.entries[strings.ToLower(b.ID)]
	}
	if old == nil || old.target == nil {
		old = nil
	}
	if e.target.Transport, err = s.transport(b, u, old); err != nil {
		return nil, err
	}
	e.target.circuit, err = s.circuit(b, old)
	return e, err
}

func canonicalHeader(in map[string][]string) map[string][]string {
	out := make(map[string][]string, len(in))
	for name, values := range in {
		out[canonicalName(name)] = values
	}
	return out
}

// transport shares the direct transport, keeps the old one, or makes one.
func (s *Set) transport(b *apim.Backend, u *url.URL, old *entry) (*Transport, error) {
	plainTLS := u.Scheme == "http" || b.TLS.ValidateChain && b.TLS.ValidateName && b.TLS.ServerName == ""
	if plainTLS && b.Proxy == "" && b.Credentials.CertificatePEM == "" {
		return s.direct, nil
	}
	if old != nil && old.source.TLS == b.TLS && old.source.Proxy == b.Proxy && old.target.URL.Scheme == u.Scheme &&
		old.source.Credentials.CertificatePEM == b.Credentials.CertificatePEM && old.source.Credentials.KeyPEM == b.Credentials.KeyPEM {
		return old.target.Transport, nil
	}
	config, err := tlsConfig(b, s.options)
	if err != nil {
		return nil, err
	}
	var proxy *url.URL
	if b.Proxy != "" {
		if proxy, err = url.Parse(b.Proxy); err != nil || proxy.Host == "" {
			return nil, errors.New("its proxy is not an absolute URL")
		}
	}
	return newTransport(s.options, config, proxy), nil
}

// circuit keeps the old circuit breaker when its rule is the same.
func (s *Set) circuit(b *apim.Backend, old *entry) (*breaker, error) {
	if b.CircuitBreaker == nil {
		return nil, nil
	}
	if old != nil && old.target.circuit != nil && old.source.URL == b.URL && reflect.DeepEqual(old.source.CircuitBreaker, b.CircuitBreaker) {
		return old.target.circuit, nil
	}
	return newBreaker(b.CircuitBreaker, s.options.Now)
}

// link resolves the members of a pool.
func (s *Set) link(b *apim.Backend) error {
	e := s.entries[strings.ToLower(b.ID)]
	if e == nil || e.source != b || len(b.Pool) == 0 {
		return nil
	}
	var problems []error
	byPriority := map[int]*group{}
	for _, m := range b.Pool {
		target, err := s.member(m)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		g := byPriority[m.Priority]
		if g == nil {
			g = &group{priority: m.Priority}
			byPriority[m.Priority] = g
		}
		g.members = append(g.members, member{target: target, weight: uint64(m.Weight)})
	}
	for _, g := range byPriority {
		g.balance()
		e.groups = append(e.groups, *g)
	}
	slices.SortFunc(e.groups, func(a, b group) int { return cmp.Compare(a.priority, b.priority) })
	return errors.Join(problems...)
}

// member finds the target of a pool's member.
func (s *Set) member(m apim.PoolMember) (*Target, error) {
	e := s.entries[strings.ToLower(m.ID)]
	switch {
	case e == nil:
		return nil, fmt.Errorf("its pool names backends/%s, which does not exist or has errors", m.ID)
	case e.target == nil:
		return nil, fmt.Errorf("its pool names backends/%s, which is a pool itself", m.ID)
	case m.Weight < 0:
		return nil, fmt.Errorf("its pool gives backends/%s a negative weight", m.ID)
	}
	return e.target, nil
}

// Direct is the transport for URLs that are no backend resource.
func (s *Set) Direct() *Transport { return s.direct }

// Has tells whether there is a backend or pool with this id; any letter case.
func (s *Set) Has(id string) bool { return s.find(id) != nil }

func (s *Set) find(id string) *entry {
	if e := s.entries[id]; e != nil {
		return e
	}
	return s.entries[strings.ToLower(id)]
}

// Retire closes the connections that next does not go on using. Requests in
// flight finish. next nil closes all.
func (s *Set) Retire(next *Set) {
	kept := map[*Transport]bool{}
	if next != nil {
		kept[next.direct] = true
		for _, e := range next.entries {
			if e.target != nil {
				kept[e.target.Transport] = true
			}
		}
	}
	if !kept[s.direct] {
		s.direct.CloseIdle()
	}
	for _, e := range s.entries {
		if e.target != nil && !kept[e.target.Transport] {
			e.target.Transport.CloseIdle()
		}
	}
}

// tlsConfig makes what a backend's certificate is checked by.
func tlsConfig(b *apim.Backend, o Options) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs, ServerName: b.TLS.ServerName}
	switch {
	case !b.TLS.ValidateChain:
		// The name alone proves nothing when anyone may sign it.
		config.InsecureSkipVerify = true
	case !b.TLS.ValidateName:
		config.InsecureSkipVerify = true
		config.VerifyConnection = verifyChain(o)
	}
	if b.Credentials.CertificatePEM != "" {
		pair, err := tls.X509KeyPair([]byte(b.Credentials.CertificatePEM), []byte(b.Credentials.KeyPEM))
		if err != nil {
			return nil, errors.New("its client certificate and key cannot be read or do not belong together")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
