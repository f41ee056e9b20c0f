package backend

import (
	"crypto/tls"
	"net/url"
)

// Way is how one call reaches its backend where it differs from what its
// transport says: a client certificate, a proxy, or both. Connections are
// shared only between calls of the same way.
type Way struct {
	Certificate string // tells certificates apart; "" keeps the transport's
	Proxy       Proxy  // the zero value keeps the transport's
}

// Proxy is an HTTP proxy.
type Proxy struct {
	Scheme, Host       string // Host with its port
	Username, Password string
}

// maxWays bounds the ways of one transport that are kept: keys and addresses
// may come from expressions.
const maxWays = 128

// Via gives the transport for a way. certificate is what Way.Certificate
// stands for.
func (t *Transport) Via(w Way, certificate *tls.Certificate) *Transport {
	if w == (Way{}) {
		return t
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.ways[w]; known != nil {
		return known
	}
	if len(t.ways) >= maxWays {
		t.dropWay()
	}
	config, proxy := t.tls.Clone(), t.proxy
	if w.Certificate != "" && certificate != nil {
		config.Certificates = []tls.Certificate{*certificate}
	}
	if w.Proxy.Host != "" {
		proxy = w.Proxy.url()
	}
	made := newTransport(t.options, config, proxy)
	if t.ways == nil {
		t.ways = map[Way]*Transport{}
	}
	t.ways[w] = made
	return made
}

// dropWay forgets any one way; its requests in flight finish.
func (t *Transport) dropWay() {
	for w, one := range t.ways {
		delete(t.ways, w)
		one.CloseIdle()
		return
	}
}

func (p *Proxy) url() *url.URL {
	u := &url.URL{Scheme: p.Scheme, Host: p.Host}
	if p.Username != "" {
		u.User = url.UserPassword(p.Username, p.Password)
	}
	return u
}
