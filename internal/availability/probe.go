package availability

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"gatehouse/internal/telemetry"
)

// Kinds of failures.
const (
	FailedConnection  = "connection"
	FailedTimeout     = "timeout"
	FailedCertificate = "certificate"
	FailedRedirect    = "redirect"
	FailedStatus      = "status"
	FailedContent     = "content"
	FailedResponse    = "response" // it is not one of HTTP, or broke off
)

// Bounds of what is read of an answer.
const (
	maxRead          = 1 << 20  // bytes of the body, which is where text is looked for
	maxKept          = 8 << 10  // bytes of a failed one that are kept
	maxHeaderBytes   = 64 << 10 // of all headers
	maxKeptHeaders   = 50
	maxKeptHeader    = 1 << 10
	userAgent        = "Gatehouse-Availability/1.0"
	handshakeTimeout = 20 * time.Second
)

// probe is one try of a test from one place.
type probe struct {
	test     *compiled
	location Location
	options  *Options
	trace    telemetry.TraceID
	span     telemetry.SpanID
	expires  time.Time // of the certificate that ends first, on the way through redirects
	result   Result
}

// run tries a test until a try succeeds or there are no more.
func (m *Monitor) run(ctx context.Context, t *compiled, l Location) Result {
	for n := 0; ; n++ {
		p := &probe{test: t, location: l, options: &m.options}
		p.try(ctx)
		p.result.Attempts = n + 1
		if p.result.Success || n == *t.Retries || !sleep(ctx, time.Duration(t.RetryPause)) {
			return p.result
		}
	}
}

func (p *probe) try(ctx context.Context) {
	_, _ = rand.Read(p.trace[:]) // never fails
	_, _ = rand.Read(p.span[:])
	start := p.options.Now()
	p.result = Result{Test: p.test.Name, Location: p.location.Name, ID: p.span.String(), Trace: p.trace.String(), Time: start.UTC()}
	began := time.Now()
	timed, cancel := context.WithTimeout(ctx, time.Duration(p.test.Timeout))
	defer cancel()
	kind, err := p.ask(timed)
	if timed.Err() != nil && err != nil {
		kind, err = FailedTimeout, fmt.Errorf("there was no whole answer within %v", time.Duration(p.test.Timeout))
	}
	p.result.Duration = time.Since(began)
	p.result.CertificateExpires = p.certificate()
	if p.result.Success = err == nil; err != nil {
		p.result.Failure, p.result.Message = kind, p.test.scrub(err.Error())
		return
	}
	p.result.Message, p.result.Response = "Passed", nil
}

func (p *probe) certificate() *time.Time {
	if p.expires.IsZero() {
		return nil
	}
	at := p.expires.UTC()
	return &at
}

// ask sends the request and judges the answer. The kind says what failed.
func (p *probe) ask(ctx context.Context) (kind string, err error) {
	address := p.test.URL
	if p.test.Gateway {
		base := p.options.Gateway()
		if base == "" {
			return FailedConnection, errors.New("the gateway has no open door")
		}
		path := p.test.Path
		if path == "" {
			path = StatusPath
		}
		address = strings.TrimSuffix(base, "/") + path
	}
	req, err := p.request(ctx, address)
	if err != nil {
		return FailedConnection, err
	}
	transport := p.transport()
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, CheckRedirect: p.redirect}).Do(req)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		if resp != nil { // of a redirect too many; its body is closed
			p.keep(resp, nil, false)
		}
		return p.explain(err)
	}
	return p.judge(resp)
}

func (p *probe) request(ctx context.Context, address string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, p.test.Method, address, strings.NewReader(p.test.Body))
	if err != nil {
		return nil, errors.New("the address is not valid")
	}
	if p.test.Body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Traceparent", telemetry.FormatTraceparent(p.trace, p.span, true))
	for name, value := range p.test.Headers {
		if strings.EqualFold(name, "host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	return req, nil
}

// transport opens a connection of its own for each try: finding, connecting and
// greeting are part of what is tested.
func (p *probe) transport() *http.Transport {
	dialer := &net.Dialer{Control: p.control}
	if ip := net.ParseIP(p.location.LocalAddress); ip != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: ip}
	}
	t := &http.Transport{DialContext: dialer.DialContext, Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		MaxResponseHeaderBytes: maxHeaderBytes, TLSHandshakeTimeout: handshakeTimeout,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: p.options.Roots, InsecureSkipVerify: p.test.Certificate.Ignore,
			VerifyConnection: func(s tls.ConnectionState) error {
				p.seen(s.PeerCertificates[0].NotAfter)
				return nil
			}}}
	if p.location.Proxy != "" {
		u, err := url.Parse(p.location.Proxy)
		t.Proxy = func(*http.Request) (*url.URL, error) { return u, err }
	}
	return t
}

func (p *probe) seen(expires time.Time) {
	if p.expires.IsZero() || expires.Before(p.expires) {
		p.expires = expires
	}
}

// deniedError is about an address that tests may not reach.
type deniedError struct{ address netip.Addr }

func (e deniedError) Error() string {
	return fmt.Sprintf("the address %s is in a network that tests may not reach (availability.denyNetworks)", e.address)
}

// control sees the address behind a name, also after a redirect.
func (p *probe) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := to.Addr().Unmap().WithZone("")
	for _, network := range p.options.Deny {
		if network.Contains(ip) {
			return deniedError{ip}
		}
	}
	return nil
}

var (
	errRedirects = fmt.Errorf("it was redirected more than %d times", maxRedirects)
	errSchema    = errors.New("it was redirected to something that is neither http nor https")
)

// redirect follows; secrets stay with the host that they are for.
func (p *probe) redirect(req *http.Request, via []*http.Request) error {
	switch {
	case !p.test.follows():
		return http.ErrUseLastResponse
	case len(via) > maxRedirects:
		return errRedirects
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return errSchema
	}
	first := via[0].URL
	if !strings.EqualFold(req.URL.Host, first.Host) || (first.Scheme == "https" && req.URL.Scheme == "http") {
		for name := range req.Header {
			if p.test.secret(name) {
				req.Header.Del(name)
			}
		}
		req.Header.Del("Referer") // it may hold a key of the first address
	}
	return nil
}

// explain says in plain words why there was no answer, without the address,
// which may hold a secret.
func (p *probe) explain(err error) (string, error) {
	var invalid *tls.CertificateVerificationError
	var denied deniedError
	var network net.Error
	switch {
	case errors.Is(err, errRedirects), errors.Is(err, errSchema):
		return FailedRedirect, errors.Unwrap(err)
	case errors.As(err, &invalid):
		if len(invalid.UnverifiedCertificates) > 0 {
			p.seen(invalid.UnverifiedCertificates[0].NotAfter)
		}
		return FailedCertificate, fmt.Errorf("the certificate is not valid: %w", invalid.Err)
	case errors.As(err, &denied):
		return FailedConnection, denied
	case errors.As(err, &network) && network.Timeout():
		return FailedTimeout, errors.New("there was no answer in time")
	}
	var wrapped *url.Error
	for errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return FailedConnection, fmt.Errorf("no connection: %w", err)
	}
	return FailedResponse, fmt.Errorf("no answer: %w", err)
}

// judge reads the answer within bounds and compares it with what is expected.
func (p *probe) judge(resp *http.Response) (string, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRead+1))
	more := len(body) > maxRead
	if more {
		body = body[:maxRead]
	}
	p.result.Status, p.result.Size = resp.StatusCode, int64(len(body))
	p.keep(resp, body, more)
	switch {
	case !p.test.expects(resp.StatusCode):
		return FailedStatus, fmt.Errorf("the status is %d, expected is %s", resp.StatusCode, p.test.expected())
	case err != nil:
		return FailedResponse, errors.New("the answer broke off")
	}
	if err := p.test.matches(string(body), more); err != nil {
		return FailedContent, err
	}
	return p.lifetime()
}

func (p *probe) lifetime() (string, error) {
	if p.test.Certificate.MinDays == 0 || p.expires.IsZero() {
		return "", nil
	}
	left := p.expires.Sub(p.options.Now())
	if days := left.Hours() / 24; days < float64(p.test.Certificate.MinDays) {
		return FailedCertificate, fmt.Errorf("the certificate is valid for %.1f days more, expected are %d", days, p.test.Certificate.MinDays)
	}
	return "", nil
}

func (t *Test) expected() string {
	if len(t.Status) == 0 {
		return "200 to 299"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(t.Status), " ", ", "), "[]")
}

func (c *compiled) matches(body string, more bool) error {
	looked := ""
	if more {
		looked = fmt.Sprintf(" within its first %d bytes", maxRead)
	}
	has := strings.Contains
	if c.Match.IgnoreCase {
		has = func(s, part string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(part)) }
	}
	switch {
	case c.Match.Contains != "" && !has(body, c.Match.Contains):
		return fmt.Errorf("the body has no %q%s", c.Match.Contains, looked)
	case c.Match.NotContains != "" && has(body, c.Match.NotContains):
		return fmt.Errorf("the body has %q", c.Match.NotContains)
	case c.pattern != nil && !c.pattern.MatchString(body):
		return fmt.Errorf("the body does not match %q%s", c.Match.Pattern, looked)
	}
	return nil
}
