package gateway

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/gateway/backend"
	"gatehouse/internal/gateway/route"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// exchange is one request in flight: the policy context with what the gateway
// itself needs. It is pooled.
type exchange struct {
	policy.Context
	gateway    *Gateway
	snapshot   *Snapshot
	w          http.ResponseWriter
	r          *http.Request
	api        *compiledAPI
	variant    *variant
	body       *requestBody       // nil without a body
	trailers   bool               // the client takes trailers
	grpc       bool               // it is a gRPC call
	origin     *http.Response     // the backend's last answer, whose trailer comes with the end of its body
	answer     *expr.Response     // that answer as context.Response
	expected   *compiledOperation // the only one that may be found; nil: any
	release    func()             // ends a deadline of the request; nil without one
	traceable  bool               // the subscription allows tracing
	response   tee
	parameters []route.Parameter
	wanted     route.Request // here so that it needs no allocation
	attempts   int
	upgradeTo  string // protocol that the client asks to switch to
	subscribes bool   // the gateway itself serves the WebSocket, for GraphQL
	brought    credentials
	host       [1]string // what Request.Headers holds as Host until a policy sets it
	abort      bool      // break the connection: the response is not whole
	// Bodies of the last backend attempt, when a diagnostic keeps them.
	sent, received *capturedBody
}

var (
	errRequestTooLarge = errors.New("the request body is larger than the gateway's limit")
	errNotReady        = errors.New("the gateway has no configuration yet")
)

// statusPath is where gateways of Azure tell load balancers and monitors that
// they serve.
const statusPath = "/status-0123456789abcdef"

// ServeHTTP answers one request and hands its record to the Sink.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := g.current.Load()
	if s == nil {
		http.Error(w, errNotReady.Error(), http.StatusServiceUnavailable)
		return
	}
	if r.URL.Path == statusPath {
		w.WriteHeader(http.StatusOK) // not a call of an API: it leaves no record
		return
	}
	if g.exchange(s, w, r, nil) {
		// net/http reads the rest of the request before it breaks the connection,
		// for which a client that waits for a "100 Continue" would wait for ever.
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
		panic(http.ErrAbortHandler) // net/http breaks the connection and logs nothing
	}
}

// exchange answers one request; with expected only when it means that operation.
// abort tells that the answer is not whole.
func (g *Gateway) exchange(s *Snapshot, w http.ResponseWriter, r *http.Request, expected *compiledOperation) (abort bool) {
	x := g.inflight.Get().(*exchange)
	x.begin(g, s, w, r)
	x.expected = expected
	x.serve()
	abort = x.abort
	x.finish()
	g.inflight.Put(x)
	return abort
}

func (x *exchange) begin(g *Gateway, s *Snapshot, w http.ResponseWriter, r *http.Request) {
	x.Context.Reset()
	x.Owner = x
	x.Tracer = &x.Context
	x.gateway, x.snapshot, x.w, x.r = g, s, w, r
	x.api, x.variant, x.attempts, x.abort = nil, nil, 0, false
	x.sent, x.received = nil, nil
	x.subscribes = false
	x.parameters, x.wanted, x.traceable = x.parameters[:0], route.Request{}, false
	x.body, x.response = nil, tee{}
	e := telemetry.NewExchange()
	e.Start = g.options.Now()
	x.Exchange = e
	x.Std = r.Context()
	x.Services = &g.services
	x.Now, x.Random = g.options.Now, random64
	x.Timestamp = e.Start.UTC()
	x.Deployment = s.deployment
	x.Budget.Bytes = expr.DefaultBudgetBytes
	newIDs(e)
	x.RequestID = expr.Guid(e.RequestID)
	x.describe(e)
	x.request()
}

// newIDs makes request id and span id; the trace id may be replaced by the caller's.
func newIDs(e *telemetry.Exchange) {
	binary.LittleEndian.PutUint64(e.RequestID[:8], random64())
	binary.LittleEndian.PutUint64(e.RequestID[8:], random64())
	e.RequestID[6] = e.RequestID[6]&0x0f | 0x40
	e.RequestID[8] = e.RequestID[8]&0x3f | 0x80
	e.SpanID = newSpanID()
}

func newSpanID() (id telemetry.SpanID) {
	binary.LittleEndian.PutUint64(id[:], random64()|1)
	return id
}

func (x *exchange) describe(e *telemetry.Exchange) {
	r := x.r
	e.Method, e.Scheme, e.Host, e.Path, e.UserAgent = r.Method, scheme(r), r.Host, r.URL.EscapedPath(), r.UserAgent()
	e.Protocol = "1.1"
	if r.ProtoMajor == 2 {
		e.Protocol = "2"
	} else if r.ProtoMinor == 0 {
		e.Protocol = "1.0"
	}
	e.ClientIP = x.clientIP()
}

// clientIP is the peer's address, or what a trusted proxy says: the last
// address of X-Forwarded-For that is not itself a trusted proxy.
func (x *exchange) clientIP() netip.Addr {
	peer := netip.Addr{}
	if ap, err := netip.ParseAddrPort(x.r.RemoteAddr); err == nil {
		peer = ap.Addr().Unmap()
	}
	trusted := x.gateway.options.TrustedProxies
	if !contains(trusted, peer) {
		return peer
	}
	hops := strings.Split(strings.Join(x.r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return peer
		}
		if peer = addr.Unmap(); !contains(trusted, peer) {
			return peer
		}
	}
	return peer
}

// trustedPeer tells whether the connection comes from a trusted proxy.
func (x *exchange) trustedPeer() bool {
	if len(x.gateway.options.TrustedProxies) == 0 {
		return false
	}
	ap, err := netip.ParseAddrPort(x.r.RemoteAddr)
	return err == nil && contains(x.gateway.options.TrustedProxies, ap.Addr().Unmap())
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// request fills context.Request.
func (x *exchange) request() {
	r, req := x.r, &x.Request
	req.Method = r.Method
	// Before any policy runs: a client must not be able to name a header in
	// Connection that a policy sets later, and have it dropped.
	x.upgradeTo = backend.UpgradeType(r.Header)
	x.trailers, x.grpc = backend.WantsTrailers(r.Header), isGRPC(r)
	x.brought = credentials{authorization: r.Header["Authorization"], proxy: r.Header["Proxy-Authorization"], cookie: r.Header["Cookie"]}
	backend.RemoveHopByHop(r.Header)
	req.Header = expr.Header(r.Header)
	if r.Host != "" && req.Header != nil {
		x.host[0] = r.Host
		req.Header["Host"] = x.host[:]
	}
	req.Certificate = clientCertificate(r)
	req.IPAddress = x.Exchange.ClientIP.String()
	host, port := splitHost(r.Host)
	req.OriginalURL = expr.URL{Scheme: x.Exchange.Scheme, Host: host, Port: port, Path: x.Exchange.Path, RawQuery: r.URL.RawQuery}
	req.URL = req.OriginalURL
	if r.Body != nil && r.Body != http.NoBody {
		x.body = &requestBody{ReadCloser: r.Body, max: x.gateway.options.MaxBodyBytes,
			idle: x.gateway.options.BodyIdleTimeout, limit: http.NewResponseController(x.w)}
		req.Body = expr.StreamBody(x.body, r.ContentLength)
	}
	req.Body.SetLimit(x.gateway.options.MaxPolicyBodyBytes)
}

func splitHost(authority string) (host string, port int) {
	host = authority
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		if n, err := strconv.Atoi(authority[i+1:]); err == nil && n > 0 && n < 65536 {
			host, port = authority[:i], n
		}
	}
	return strings.Trim(host, "[]"), port
}

// serve routes, authorizes and runs the pipeline, then writes the response.
func (x *exchange) serve() {
	defer x.contain()
	s := x.snapshot
	m := x.match(x.r.Method)
	if m.Outcome == route.NoAPI || x.r.Method == http.MethodConnect { // no tunnels, whatever an API's wildcard says
		x.variant = s.notFound
		x.correlate()
		x.watch()
		x.refuse(notFound())
		return
	}
	x.api = s.apis[m.APIIndex]
	x.brought.key = x.api.presentedKey(x.r)
	x.Context.API = x.api.context
	x.Request.URL.Path = m.Rest
	x.Target = x.api.target
	if to := &x.Target.URL; to.Host != "" { // as set-backend-service does
		x.Request.URL.Scheme, x.Request.URL.Host, x.Request.URL.Port = to.Scheme, to.Host, to.Port
	}
	if x.api.mcp != nil && m.Rest == "/mcp" {
		x.Request.URL.Path = x.api.mcp.endpoint
	}
	if x.api.soap != nil {
		if index, ok := x.soapOperation(m.Rest); ok {
			m.Outcome, m.OperationIndex = route.Found, index
		}
	}
	if m.Outcome != route.Found || x.expected != nil && x.expected != &x.api.operations[m.OperationIndex] {
		x.unmatched(m)
		return
	}
	op := &x.api.operations[m.OperationIndex]
	x.Context.Operation = op.operation
	index, sub, denied := s.authorize(x.api, x.brought.key, x.r)
	x.subscribe(sub)
	x.variant = op.variants[index]
	x.Context.Product = x.variant.product
	x.correlate()
	x.watch()
	if p := x.variant.capture; p != nil {
		x.captureHeaders(telemetry.FrontendRequest, &p.request, x.Request.Header)
		if x.body != nil {
			x.body.tee.limit = p.request.bodyBytes
			x.body.tee.expect(x.r.ContentLength)
		}
	}
	if failure := x.admit(denied); failure != nil {
		x.fail(failure)
	} else {
		x.record(x.variant.pipeline.Run(&x.Context, x.fallback))
	}
	x.respond()
}

// match finds API and operation for a verb and keeps the template parameters.
func (x *exchange) match(method string) route.Match {
	x.wanted = route.Request{Method: method, Path: x.Exchange.Path, RawQuery: x.r.URL.RawQuery, Header: x.r.Header}
	m := x.snapshot.table.Match(&x.wanted, x.parameters[:0])
	x.parameters = m.Parameters
	x.Request.MatchedParameters = x.Request.MatchedParameters[:0]
	for _, p := range m.Parameters {
		x.Request.MatchedParameters = append(x.Request.MatchedParameters, expr.Parameter(p))
	}
	return m
}

// admit refuses what no policy should see.
func (x *exchange) admit(denied *policy.Error) *policy.Error {
	if denied != nil {
		return denied
	}
	if limit := x.gateway.options.MaxBodyBytes; limit > 0 && x.r.ContentLength > limit {
		return tooLarge()
	}
	if x.api.admit != nil {
		return x.api.admit(x)
	}
	return nil
}

func tooLarge() *policy.Error {
	return &policy.Error{Source: "request", Reason: "RequestBodyTooLarge", Message: "The request body is larger than the gateway's limit.", Status: http.StatusRequestEntityTooLarge}
}

func notFound() *policy.Error {
	return &policy.Error{Source: "configuration", Reason: "OperationNotFound", Message: "Unable to match incoming request to an operation.",
		Status: http.StatusNotFound, Body: "Resource not found", Scope: "global", Section: "inbound"}
}

// unmatched answers a request that matches an API and none of its operations:
// a CORS preflight runs the cors policy of the operation that it asks about.
func (x *exchange) unmatched(m route.Match) {
	x.variant = x.api.fallback
	if x.preflight() {
		x.respond()
		return
	}
	x.correlate()
	x.watch()
	e := notFound()
	e.Scope = "api"
	if m.Outcome == route.MethodNotAllowed && x.gateway.options.MethodNotAllowed {
		e.Status, e.Body = http.StatusMethodNotAllowed, "Method not allowed"
		e.Header = map[string]string{"Allow": strings.Join(m.Allowed, ", ")}
	}
	x.refuse(e)
}

// refuse answers a request that matches no operation, unless a statement does.
func (x *exchange) refuse(e *policy.Error) {
	if failure, ok := x.variant.pipeline.Unmatched(&x.Context, x.fallback); ok {
		x.record(failure)
	} else {
		x.fail(e)
	}
	x.respond()
}

// preflight runs only cors, of the operation that the preflight asks about, as
// no key comes with it.
func (x *exchange) preflight() bool {
	method := x.r.Header.Get("Access-Control-Request-Method")
	if x.r.Method != http.MethodOptions || method == "" || x.r.Header.Get("Origin") == "" {
		return false
	}
	m := x.match(method)
	if m.Outcome != route.Found {
		return false
	}
	op := &x.api.operations[m.OperationIndex]
	v := op.variants[x.api.open]
	if !v.pipeline.HandlesPreflight() {
		return false
	}
	x.variant, x.Context.Operation, x.Context.Product = v, op.operation, v.product
	x.correlate()
	x.watch()
	x.record(v.pipeline.Preflight(&x.Context, x.fallback))
	return x.Ended() || x.Context.LastError != nil
}

func (x *exchange) subscribe(sub *subscription) {
	if sub == nil {
		return
	}
	x.Context.Subscription, x.Context.User = sub.subscription, sub.user
	x.Exchange.Subscription = sub.subscription.ID
	x.traceable = sub.allowTracing
	if sub.user != nil {
		x.Exchange.User = sub.user.ID
	}
}

// fail jumps to on-error with a failure that came before the pipeline.
func (x *exchange) fail(e *policy.Error) {
	x.record(x.variant.pipeline.Fail(&x.Context, e, x.fallback))
}

// record notes the failure in the exchange.
func (x *exchange) record(e *policy.Error) {
	if x.Recorder != nil {
		x.Recorder.Done(&x.Context, e)
	}
	if e == nil {
		return
	}
	t := x.Exchange
	t.Failure = telemetry.Failure{Source: e.Source, Reason: e.Reason, Message: e.Message, Scope: e.Scope, Section: e.Section, Path: e.Path, PolicyID: e.PolicyID}
	t.Outcome = telemetry.OutcomeError
	if errors.Is(e, policy.ErrClientClosed) || errors.Is(e, context.Canceled) && x.r.Context().Err() != nil {
		t.Outcome = telemetry.OutcomeClientClosed
		x.fallback(&x.Context, e) // the pipeline stopped without one; the client may still be listening
	} else if e.Reason == "Timeout" {
		t.Outcome = telemetry.OutcomeTimeout
	}
	if e.Status >= 500 && e.Err != nil {
		x.gateway.options.Log.Debug("request failed", "source", e.Source, "reason", e.Reason, "section", e.Section, "path", e.Path)
	}
}

// contain makes a panic, which is a bug of the gateway, the failure of this
// request alone: it is answered and recorded like any other.
func (x *exchange) contain() {
	value := recover()
	if value == nil {
		return
	}
	x.gateway.options.Log.Error("a request failed inside", "panic", value, "stack", string(debug.Stack()))
	if x.Exchange.Endpoint == nil {
		x.variant = x.snapshot.notFound
		x.correlate()
	}
	e := &policy.Error{Source: "gateway", Reason: "InternalError", Message: "The gateway failed inside.", Status: http.StatusInternalServerError, Body: "Internal server error"}
	x.record(e)
	if x.Exchange.Status != 0 { // the response has begun
		x.abort = true
		return
	}
	x.fallback(&x.Context, e)
	x.respond()
}

// finish completes the record and gives it away.
func (x *exchange) finish() {
	e := x.Exchange
	received, kept, _ := x.body.state()
	e.RequestBytes = max(e.RequestBytes, received) // an upgraded connection counted what it sent
	e.ResponseBytes = x.response.total
	e.Duration = time.Duration(e.Since())
	e.Query = maskQuery(x.r.URL.RawQuery, x.keyQuery(), e.Endpoint.Diagnostics)
	if x.variant.capture != nil {
		x.captureBody(telemetry.FrontendRequest, kept, received)
		x.captureBody(telemetry.FrontendResponse, x.response.kept.String(), x.response.total)
		x.captureBackendBodies()
	}
	for i := range e.Calls {
		if c := &e.Calls[i]; c.Source != "send-one-way-request" {
			e.BackendTime += time.Duration(c.Duration)
		}
	}
	for i := range e.Steps {
		if s := &e.Steps[i]; e.Endpoint.Pipeline.Steps[s.Index].Parent < 0 {
			e.PolicyTime += time.Duration(s.Duration)
		}
	}
	e.PolicyTime = max(0, e.PolicyTime-e.BackendTime)
	x.scrub()
	x.body.end()
	sink := x.gateway.options.Sink
	x.Exchange = nil
	x.drop()
	sink.Exchange(e)
}

// drop lets go of what must not live until the next request.
func (x *exchange) drop() {
	_ = x.Request.Body.Close()
	x.w, x.r, x.snapshot, x.api, x.variant, x.body, x.brought = nil, nil, nil, nil, nil, nil, credentials{}
	x.origin, x.answer, x.sent, x.received = nil, nil, nil, nil
	if x.release != nil {
		x.release()
		x.release = nil
	}
	if x.Context.Response != nil {
		_ = x.Context.Response.Body.Close()
	}
	x.Context.Reset()
}
