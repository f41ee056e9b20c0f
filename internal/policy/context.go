package policy

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"slices"
	"time"

	"gatehouse/internal/graphql"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// Context is one request on its way through a pipeline. It is pooled by the
// gateway: statements must not keep it after Run returns.
type Context struct {
	expr.Context // what expressions see

	Std      context.Context // ends when the client leaves
	Services *Services
	Exchange *telemetry.Exchange
	Pipeline *Pipeline
	Section  Section
	// Owner is the gateway's own state of the request, for its services.
	Owner any

	// Target is where forward-request sends the request; set-backend-service
	// changes it.
	Target Target
	// CORS or rate-limit headers that must stand on the final response,
	// whatever produced it.
	FinalHeader expr.Header

	// Proxy and Certificate are how the backend is reached: the policies proxy
	// and authentication-certificate set them. Nil: as the backend says.
	Proxy       *Proxy
	Certificate *ClientCertificate

	// Cacheable is set by cache-lookup for cache-store. Nil: the response is not
	// to be stored.
	Cacheable *Cacheable

	// Forwarding are the X-Forwarded headers of the request that policies
	// decided about: the gateway leaves these as they are.
	Forwarding Forwarding

	// Recorder watches the run statement by statement; nil but for requests
	// that somebody debugs.
	Recorder Recorder

	secrets []string // what must not be recorded
	// GraphQLGuard checks documents that come as messages of a WebSocket, and
	// takes out of them what is not allowed. Nil: nobody asked for it.
	GraphQLGuard func(c *Context, r *graphql.Request, size int) (removed graphql.Errors, err error)

	taps    []Tap    // see the response body as it is sent
	ended   bool     // a statement answered: the pipeline stops
	after   []func() // runs after outbound or on-error, in order
	counted []string // see CountOnce
	began   int64    // what the expressions held when the fork was made
	section sectionEnd
	// before runs when the backend section is over.
	before []func(c *Context) error
}

// Forwarding is a set of headers in which a gateway tells where a request came
// from.
type Forwarding uint8

const (
	ForwardedFor Forwarding = 1 << iota
	ForwardedHost
	ForwardedProto
)

// ForwardingOf is the set of the one header with that canonical name, empty
// when it is another.
func ForwardingOf(name string) Forwarding {
	switch name {
	case "X-Forwarded-For":
		return ForwardedFor
	case "X-Forwarded-Host":
		return ForwardedHost
	case "X-Forwarded-Proto":
		return ForwardedProto
	}
	return 0
}

// Target is a backend resource or a base URL.
type Target struct {
	Backend string   // resource id; "" when URL is used
	URL     expr.URL // base URL; Path is prefixed to the request's path
}

// End stops the pipeline: context.Response is the answer, no further section runs.
func (c *Context) End() { c.ended = true }

// Ended tells whether a statement answered.
func (c *Context) Ended() bool { return c.ended }

// After registers work for the moment the final response is known, such as
// counting by a condition on the response.
func (c *Context) After(f func()) { c.after = append(c.after, f) }

// BeforeOutbound registers work for the moment when the backend section is over
// and context.Response is the backend's answer. An error jumps to on-error.
func (c *Context) BeforeOutbound(f func(c *Context) error) { c.before = append(c.before, f) }

// CountOnce tells whether the request asks for the first time to be counted
// against a key: several policies may name the same.
func (c *Context) CountOnce(key string) bool {
	if slices.Contains(c.counted, key) {
		return false
	}
	c.counted = append(c.counted, key)
	return true
}

// Conceal keeps a text that a statement obtained, such as an access token, out
// of everything that is recorded of the request.
func (c *Context) Conceal(secret string) { c.secrets = append(c.secrets, secret) }

// Concealed are the texts of Conceal.
func (c *Context) Concealed() []string { return c.secrets }

// Tap sees the body of the final response on its way to the client, without
// buffering it.
type Tap interface {
	// See gets each piece in order. It must not keep or change p.
	See(p []byte)
	// Done is called once, whether the response was sent whole or not.
	Done(whole bool)
}

// ByteTap is a Tap for which the number of bytes is enough where they are not
// shown: on a connection that switched protocols.
type ByteTap interface {
	Tap
	Passed(n int64)
}

// TapResponse adds a Tap.
func (c *Context) TapResponse(t Tap) { c.taps = append(c.taps, t) }

// Taps are what watches the response body; the gateway feeds them.
func (c *Context) Taps() []Tap { return c.taps }

// Recorder is told before and after each executed statement. index is the
// statement's place in Pipeline.Info.Steps. The branches of a request may run
// beside each other, each with a Context of its own: a Recorder is safe for
// concurrent use.
type Recorder interface {
	Before(c *Context, index uint16)
	After(c *Context, index uint16, err error)
	// Done is called when the response is known and before it is sent. failure
	// is what on-error saw, nil when nothing failed. It may be called twice.
	Done(c *Context, failure *Error)
}

// Observer decides which requests somebody watches.
type Observer interface {
	// Watches tells at once whether a request may be watched: it is asked of all.
	Watches(c *Context) bool
	// Observe is asked when API, product and subscription of such a request are
	// known, and before any of its policies run. Nil: nobody watches it.
	Observe(c *Context, o Observed) Recorder
}

// Observed is what an Observer learns of a request beside its Context.
type Observed struct {
	AllowTracing bool                // the subscription allows Ocp-Apim-Trace
	Mask         func(string) string // takes the secrets that the gateway knows out of a text
	KeyHeader    string              // header and query parameter of the subscription key
	KeyQuery     string
}

// Proxy is an HTTP proxy in front of a backend.
type Proxy struct {
	URL                expr.URL
	Username, Password string
}

// ClientCertificate is what the gateway shows a backend over TLS. Key tells two
// of them apart, so that connections are shared only where they may be.
type ClientCertificate struct {
	Key         string
	Certificate tls.Certificate
}

// SetFinalHeader puts a header on the final response, whatever produced it.
func (c *Context) SetFinalHeader(name string, values ...string) {
	if c.FinalHeader == nil {
		c.FinalHeader = expr.Header{}
	}
	c.FinalHeader.Set(name, values...)
}

// Fail makes the error that jumps to on-error, placed at the running statement.
func (c *Context) Fail(source, reason, message string, status int) *Error {
	return &Error{Source: source, Reason: reason, Message: message, Status: status}
}

// Event adds a message to the trace of the request.
func (c *Context) Event(severity telemetry.Severity, source, message string, metadata []telemetry.Attribute) {
	e := c.Exchange
	if e == nil || len(e.Events) >= telemetry.MaxEvents {
		return
	}
	e.Events = append(e.Events, telemetry.Event{At: e.Since(), Severity: severity, Source: source, Message: message, Metadata: metadata})
}

// TraceMessage is what an expression told with context.Trace.
func (c *Context) TraceMessage(message string) {
	c.Event(telemetry.SeverityInformation, "context.Trace", message, nil)
}

// Services is what statements may ask of the gateway. One value for each
// snapshot; every field is set.
type Services struct {
	Forward  Forwarder
	HTTP     Requester
	Counters Counters
	Cache    Cache
	// External is the cache outside the process; nil when none is configured.
	External ExternalCache
	Keys     Keys
	Quotas   Quotas
	Tokens   Tokens
	Grants   Grants
	Vectors  Vectors
	Events   Events
	// Databases runs statements of data sources; nil: there are no databases.
	Databases Databases
	// Background runs what a request does not wait for. It may be nil: then the
	// request waits.
	Background *Background
	// Wait waits between attempts; nil: in real time. Tools let a clock of their
	// own pass.
	Wait func(ctx context.Context, d time.Duration)
}

// Events carries what resolvers publish to the clients that subscribed to it.
// Safe for concurrent use; Publish never waits.
type Events interface {
	Publish(t Topic, event []byte)
}

// Topic is a field of the subscription type of a GraphQL API.
type Topic struct{ API, Revision, Field string }

// Forwarder sends context.Request to its Target and sets context.Response
// when the response's headers have come. A failure is an *Error with Reason
// BackendConnectionFailure or Timeout.
type Forwarder interface {
	Forward(c *Context, o ForwardOptions) error
}

// ForwardOptions are the attributes of forward-request.
type ForwardOptions struct {
	Timeout           time.Duration // 0: 300 s
	FollowRedirects   bool
	BufferRequestBody bool
	BufferResponse    bool
	FailOnErrorStatus bool
	HTTPVersion       string // "1", "2", "2or1"
}

// Requester makes requests of send-request. Bodies of responses are buffered
// within the limit of expr.DefaultMaxBody.
type Requester interface {
	Send(c *Context, r *OutgoingRequest) (*expr.Response, error)
}

// OutgoingRequest is a request that a statement makes.
type OutgoingRequest struct {
	Source  string // statement name
	Method  string
	URL     expr.URL
	Header  expr.Header
	Body    []byte
	Timeout time.Duration
	Attempt int
	// Backend is the id of a backend resource whose base URL, credentials and
	// TLS settings apply; URL then holds only path and query. "": URL is whole.
	Backend     string
	Proxy       *Proxy
	Certificate *ClientCertificate
}

// Databases runs statements on databases of SQL Server and Azure SQL.
type Databases interface {
	// Rows gives each row of the last result set as a JSON object, nil when the
	// statement made none. A failure is an *Error without its place.
	Rows(c *Context, s *DatabaseStatement) ([]json.RawMessage, error)
}

// DatabaseStatement is a statement with its parameters and where it runs.
type DatabaseStatement struct {
	Source      string // statement name
	Connection  string // connection string, secret
	Identity    bool   // the managed identity ClientID takes the place of user and password
	ClientID    string
	Certificate *ClientCertificate
	Text        string
	Parameters  []DatabaseParameter
	Timeout     time.Duration
}

// DatabaseParameter is a value of a statement: nil, bool, string or json.Number.
type DatabaseParameter struct {
	Name, Type string
	Value      any
}

// Counters keeps the counts behind rate limits. Safe for concurrent use.
type Counters interface {
	// Add counts n (may be 0 to only look) against key in a sliding window of
	// the given length and says how many calls are left of limit, and, when
	// the limit is exceeded, after how long it is worth trying again. A
	// refused call is not counted.
	Add(key string, n, limit int64, window time.Duration) Count
	// Record counts n whatever the limit, such as tokens that were used.
	Record(key string, n, limit int64, window time.Duration) Count
}

// Quotas keeps counts in fixed windows and what is under way. Safe for
// concurrent use.
type Quotas interface {
	// Add counts n against key whatever the limit, and gives the state after
	// it; n may be 0 to only look. Counts of a window survive a restart.
	Add(key string, n, limit int64, w Window) Count
	// Enter takes one of max places of key, which leave gives back; false when
	// all are taken.
	Enter(key string, max int64) (leave func(), ok bool)
}

// Window is a fixed window: periods of equal length counted from Start.
type Window struct {
	Start  time.Time
	Period time.Duration // 0: one window without end
}

// Tokens gives access tokens of the service's managed identities.
type Tokens interface {
	// Token gives a bearer token for a resource (an App ID URI) as the identity
	// with that client id, "" is the system-assigned one. It is cached until
	// shortly before it expires.
	Token(ctx context.Context, resource, clientID string) (string, error)
}

// Grants gives the access tokens that users granted to the service (the
// credential manager).
type Grants interface {
	Grant(ctx context.Context, q GrantQuery) (*expr.Authorization, error)
}

// GrantQuery names a connection of the credential manager.
type GrantQuery struct{ Provider, Authorization, IdentityType, Identity string }

// Vectors is a store of values by the nearness of vectors, for semantic caches.
// Safe for concurrent use. Values are shared: they must be treated as immutable.
type Vectors interface {
	// Nearest gives the value of a partition whose vector is nearest to v, when
	// their cosine similarity is at least 1-threshold.
	Nearest(partition string, v []float32, threshold float64) (any, bool)
	Add(partition string, v []float32, value any, ttl time.Duration)
}

// Count is the state of a counter.
type Count struct {
	Allowed    bool
	Remaining  int64
	RetryAfter time.Duration // when not Allowed
}

// Cache keeps values for cache-*-value. Safe for concurrent use. Values are
// shared: they must be treated as immutable.
type Cache interface {
	Get(key string) (any, bool)
	Set(key string, value any, ttl time.Duration)
	Delete(key string)
}

// ExternalCache keeps bytes outside the process. Its failures are misses.
type ExternalCache interface {
	Get(ctx context.Context, key string) ([]byte, bool)
	Set(ctx context.Context, key string, data []byte, ttl time.Duration)
	Delete(ctx context.Context, key string)
}

// Keys gives the signing keys of OpenID Connect issuers for validate-jwt.
type Keys interface {
	// Issuer returns issuer and key set of a discovery document, from a cache
	// of one hour. refresh asks for a fresh set because a key id is unknown;
	// it is honoured at most every five minutes.
	Issuer(ctx context.Context, discoveryURL string, refresh bool) (*Issuer, error)
}

func (c *Context) setLastError(e *Error) {
	c.LastError = &expr.LastError{Source: e.Source, Reason: e.Reason, Message: e.Message, Scope: e.Scope,
		Section: e.Section, Path: e.Path, PolicyID: e.PolicyID, HTTPErrorCode: e.Status}
}

// Reset makes c ready for the next request and keeps its memory.
func (c *Context) Reset() {
	variables := c.Variables
	variables.Reset()
	parameters := c.Request.MatchedParameters[:0]
	after, taps, before, counted, secrets := c.after, c.taps, c.before, c.counted, c.secrets
	clear(after)
	clear(taps)
	clear(before)
	clear(counted)
	clear(secrets)
	*c = Context{after: after[:0], taps: taps[:0], before: before[:0], counted: counted[:0], secrets: secrets[:0]}
	c.Variables = variables
	c.Request.MatchedParameters = parameters
}
