// Package gateway is the data plane: it answers requests by running compiled
// policies and forwarding to backends.
//
// What comes in: an apim.Service to compile and HTTP requests to serve. What
// goes out: responses, and one telemetry.Exchange for each request. It must
// never import stores, queries, receivers or the monitor APIs: it serves with a
// frozen Snapshot and a deaf Sink.
package gateway

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/gateway/backend"
	"gatehouse/internal/gateway/cache"
	"gatehouse/internal/gateway/quota"
	"gatehouse/internal/gateway/sqlserver"
	"gatehouse/internal/gateway/subscribe"
	"gatehouse/internal/gateway/token"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// Options of the data plane.
type Options struct {
	Sink telemetry.Sink
	Log  *slog.Logger
	Now  func() time.Time
	// Observer chooses requests that are watched statement by statement; nil: none.
	Observer policy.Observer
	// Branches is told of every branch of every expression; see policy.Environment.
	Branches func(at apim.Position, b *expr.Branch)
	// Application gives the id of the application that a logger belongs to, "" when
	// it is not known; nil: never. The older correlation protocol tells it to others.
	Application func(*apim.Logger) string
	// Multiplex sends to the loggers of both diagnostics where one of an API
	// overrides that of the service; otherwise only the API's gets anything.
	Multiplex bool
	// ManyDimensions lets emit-metric have more dimensions than Azure takes.
	ManyDimensions bool
	// StrictStreams counts a client that leaves an event stream as one that did not
	// get its whole response, as Azure does.
	StrictStreams bool
	// Definitions is the statement table.
	Definitions map[string]*policy.Definition
	// Profile chooses the .NET types that expressions may use.
	Profile expr.Profile
	// TrustedProxies may name the client in X-Forwarded-For.
	TrustedProxies []netip.Prefix
	// MaxBodyBytes is the largest request body that is forwarded, 0: no limit.
	MaxBodyBytes int64
	// BodyIdleTimeout is how long a client may pause within a request body, 0:
	// for ever.
	BodyIdleTimeout time.Duration
	// UpgradeIdleTimeout is how long nothing may pass through an upgraded
	// connection (WebSocket), 0: for ever.
	UpgradeIdleTimeout time.Duration
	// MaxPolicyBodyBytes is the largest body that a policy may read.
	MaxPolicyBodyBytes int64
	// MethodNotAllowed answers 405 with Allow when only the verb is wrong.
	// Azure answers 404.
	MethodNotAllowed bool
	// LenientNames makes unknown named values and fragments warnings.
	LenientNames bool
	// ClientRoots sign the certificates of clients; nil: the system's.
	ClientRoots *x509.CertPool
	// Authority is where tenants of Microsoft Entra ID sign in.
	Authority string
	// Addresses of services of the platform; for statements.
	Addresses policy.Addresses
	// Managed says where tokens of managed identities come from; Transport and
	// Now are the gateway's.
	Managed token.ManagedOptions
	// Grants are the connections of the credential manager.
	Grants  []token.Grant
	Backend backend.Options
	Cache   cache.Options
	Quota   quota.Options
	// External is the cache for caching-type external and prefer-external; nil:
	// there is none.
	External policy.ExternalCache
	// Load and Save keep documents over a restart, such as the counts of
	// quotas. Nil: they live in memory only.
	Load func(name string) ([]byte, error)
	Save func(name string, data []byte) error
}

// DefaultOptions are the options of a plain installation; Sink, Log and
// Definitions are left to the caller.
func DefaultOptions() Options {
	return Options{
		Sink: telemetry.Discard{}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		BodyIdleTimeout: 5 * time.Minute, UpgradeIdleTimeout: 15 * time.Minute, MaxBodyBytes: 1 << 30, MaxPolicyBodyBytes: expr.DefaultMaxBody,
		Authority: "https://login.microsoftonline.com",
		Backend:   backend.DefaultOptions(), Cache: cache.DefaultOptions(), Quota: quota.DefaultOptions(),
	}
}

// Gateway serves the current Snapshot.
type Gateway struct {
	options   Options
	current   atomic.Pointer[Snapshot]
	services  policy.Services
	databases *databases
	requests  *requester
	quotas    *quotaState
	trust     *trust
	inflight  sync.Pool // of *exchange
	hub       subscribe.Hub
}

// New makes a gateway that answers 503 until the first Swap.
func New(o Options) *Gateway {
	g := &Gateway{options: o}
	g.requests = newRequester(o, g.Current)
	g.databases = &databases{all: sqlserver.New(), maxBytes: o.MaxPolicyBodyBytes}
	counts := quota.NewFixed(o.Quota)
	g.quotas = keepQuotas(&g.options, counts)
	g.services = policy.Services{
		Forward:  forwarder{g},
		HTTP:     g.requests,
		Counters: counters{quota.New(o.Quota)},
		Cache:    cache.New(o.Cache),
		External: o.External,
		Events:   events{&g.hub},

		Databases: g.databases,
		Vectors:   cache.NewVectors(cache.Options{Now: o.Now, MaxBytes: maxVectorBytes}),
		Keys:      newKeySets(g.requests, o.Now),
		Quotas:    quotas{counts, quota.NewPlaces()},

		Background: policy.NewBackground(maxBackground),
	}
	g.identities()
	g.services.Background.Panicked = func(value any) { o.Log.Error("a one-way request failed inside", "panic", value) }
	g.services.Background.Failed = newFailures(&g.options).report
	g.inflight.New = func() any { return new(exchange) }
	return g
}

// identities are the tokens that the gateway itself sends, and whom it trusts.
func (g *Gateway) identities() {
	o := &g.options
	g.trust = &trust{roots: o.ClientRoots, revocations: newRevocations(g.requests)}
	managed := o.Managed
	managed.Transport, managed.Now = g.requests.transport, o.Now
	g.services.Tokens = token.NewManaged(managed)
	warn := func(text string) { o.Log.Warn("identity", "message", text) }
	g.services.Grants = grants{Grants: token.NewGrants(o.Grants, g.requests.transport, o.Now, warn), keys: g.services.Keys, authority: o.Authority, now: o.Now}
}

// maxVectorBytes bounds what semantic caches hold.
const maxVectorBytes = 128 << 20

// maxBackground bounds one-way requests under way; more are refused.
const maxBackground = 64

// Close waits for one-way requests until ctx ends, then cancels them, and saves
// the counts of quotas.
func (g *Gateway) Close(ctx context.Context) {
	g.services.Background.Close(ctx)
	g.quotas.close()
	g.databases.all.Close()
}

// Swap makes s the snapshot for all requests that start from now on.
func (g *Gateway) Swap(s *Snapshot) {
	if old := g.current.Swap(s); old != nil {
		old.backends.Retire(s.backends)
	}
}

// Current is the snapshot being served, nil before the first Swap.
func (g *Gateway) Current() *Snapshot { return g.current.Load() }

// counters adapts the quota room to what statements ask for.
type counters struct{ *quota.Counters }

func (c counters) Add(key string, n, limit int64, window time.Duration) policy.Count {
	return policy.Count(c.Counters.Add(key, n, limit, window))
}

func (c counters) Record(key string, n, limit int64, window time.Duration) policy.Count {
	return policy.Count(c.Counters.Record(key, n, limit, window))
}

// random64 is the randomness of ids and of Random in expressions.
func random64() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return binary.LittleEndian.Uint64(b[:])
}
