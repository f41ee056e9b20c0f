package backend

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// HTTP versions of a call, as in forward-request's http-version.
const (
	HTTP1    = "1"
	HTTP2    = "2"    // TLS with ALPN h2, or h2c with prior knowledge
	HTTP2or1 = "2or1" // by ALPN; HTTP/1.1 without TLS
)

// Call is what one call wants apart from its request.
type Call struct {
	Timeout time.Duration // until the response's headers, dialling included; 0: Options.HeaderTimeout
	Version string        // HTTP1, HTTP2, HTTP2or1; "" is HTTP1 for http and HTTP2or1 for https
	// Endless is a call that may be silent for as long as it likes, such as a
	// stream of gRPC: without Timeout it has none, nor between two reads.
	Endless bool
}

// Transport sends requests over connections with the same TLS and proxy
// settings. It is an http.RoundTripper and safe for concurrent use.
type Transport struct {
	options Options
	tls     *tls.Config
	proxy   *url.URL
	dialer  net.Dialer
	idle    idleConns
	buffers sync.Pool // of *[]byte, for writing requests

	mu       sync.Mutex
	versions map[string]*http.Transport // by Call.Version, made on first use
	ways     map[Way]*Transport         // made on first use
}

// NewTransport makes a transport that checks certificates against
// Options.RootCAs and uses no proxy.
func NewTransport(o Options) *Transport { return newTransport(o.withDefaults(), nil, nil) }

func newTransport(o Options, config *tls.Config, proxy *url.URL) *Transport {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.RootCAs == nil {
		config.RootCAs = o.RootCAs
	}
	t := &Transport{options: o, tls: config, proxy: proxy, versions: map[string]*http.Transport{}}
	t.dialer = net.Dialer{Timeout: o.DialTimeout, KeepAlive: 30 * time.Second}
	t.idle.init(o)
	return t
}

// RoundTrip sends a request with the defaults of Call. See Do.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) { return t.Do(r, Call{}) }

// Do sends a request and returns when the response's headers have come. The
// request's context aborts the call and the response body. Hop-by-hop headers
// are dropped both ways, except that an upgrade (Connection: Upgrade) is kept;
// the body of its 101 response is an io.ReadWriteCloser. r.ContentLength must
// be right: -1 when it is unknown. The response body must be closed. It
// streams: Read returns what is there. FailureOf tells the kind of an error.
func (t *Transport) Do(r *http.Request, c Call) (*http.Response, error) {
	if c.Timeout <= 0 && !c.Endless {
		c.Timeout = t.options.HeaderTimeout
	}
	if err := checkRequest(r); err != nil {
		closeBody(r)
		return nil, err
	}
	if t.options.Answer != nil {
		if resp, err := t.options.Answer(r); resp != nil || err != nil {
			return resp, err
		}
	}
	if !c.Endless && t.lockstepFits(r, c) {
		return t.lockstep(r, c.Timeout)
	}
	return t.stream(r, c)
}

// CloseIdle closes the pooled connections, and those in use as soon as they
// are free.
func (t *Transport) CloseIdle() {
	t.idle.close()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range t.versions {
		one.CloseIdleConnections()
	}
	for _, one := range t.ways {
		one.CloseIdle()
	}
}

// checkRequest refuses what no path could send.
func checkRequest(r *http.Request) error {
	switch {
	case r.URL == nil || r.URL.Host == "":
		return fmt.Errorf("%w: its URL has no host", ErrRequest)
	case r.URL.Scheme != "http" && r.URL.Scheme != "https":
		return fmt.Errorf("%w: the scheme of its URL is not http or https", ErrRequest)
	case !isToken(r.Method):
		return fmt.Errorf("%w: its method is not a token", ErrRequest)
	case r.URL.Opaque != "":
		return fmt.Errorf("%w: its URL is opaque", ErrRequest)
	}
	return nil
}

// lockstepFits tells whether a request can run on the caller's goroutine:
// nothing may arrive while it is written, so it must be small and known.
func (t *Transport) lockstepFits(r *http.Request, c Call) bool {
	o := &t.options
	switch {
	case o.DisableLockstep, !canCheckIdle, t.proxy != nil, r.URL.Scheme != "http":
		return false
	case c.Version == HTTP2, r.Method == http.MethodConnect, r.Close:
		return false
	case len(r.TransferEncoding) > 0, len(r.Trailer) > 0, r.ContentLength > o.MaxBufferedBody:
		return false
	case r.ContentLength <= 0 && hasBody(r): // 0 with a body means unknown
		return false
	}
	h := r.Header
	return len(h["Upgrade"]) == 0 && len(h["Expect"]) == 0 && len(h["Te"]) == 0 && plainHost(r)
}

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

// plainHost tells whether the names of a request need no conversion.
func plainHost(r *http.Request) bool {
	return isPlainHost(r.URL.Host) && (r.Host == "" || isPlainHost(r.Host))
}

func isPlainHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(".-_:[]", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// dial connects to "host:port", or to what ConnectTo says instead.
func (t *Transport) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if other, ok := t.options.ConnectTo[address]; ok {
		address = other
	}
	return t.dialer.DialContext(ctx, network, address)
}
