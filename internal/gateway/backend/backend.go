// Package backend sends one request to one backend.
//
// What comes in: backend resources once (NewSet), and then requests built by
// the gateway from parsed fields. What goes out: responses whose framing was
// checked, or an error of a known kind. Plain HTTP/1.1 requests with a small
// or no body run lockstep: request and response on the caller's goroutine over
// a pooled connection; all else takes net/http's Transport. It must never
// forward a raw byte of a head, reuse a connection after a doubt, send a
// request twice unless it is safe, or decide what a client sees.
package backend

import (
	"crypto/x509"
	"math/rand/v2"
	"net/http"
	"time"
)

// Options are the limits and surroundings of all connections to backends.
type Options struct {
	DialTimeout     time.Duration // connecting, and apart from it the TLS handshake
	HeaderTimeout   time.Duration // from the start of a call to the response's headers, when the call sets none
	BodyIdleTimeout time.Duration // between two reads of a response body; 0: none
	IdleTimeout     time.Duration // of an unused pooled connection
	MaxIdle         int           // pooled connections per host and port
	MaxIdleTotal    int           // pooled connections of one Transport
	MaxHeaderBytes  int           // of a response's head, and of a chunked body's trailer
	MaxInterim      int           // 1xx responses before the final one
	MaxBufferedBody int64         // larger request bodies are streamed by net/http's Transport
	DisableLockstep bool          // all requests take net/http's Transport
	RootCAs         *x509.CertPool
	ConnectTo       map[string]string // "host:port" -> "host:port" to dial instead; names and certificates stay
	Now             func() time.Time
	Random          func() uint64
	// Answer takes the place of the network, for tools that stub backends; when it
	// gives neither response nor error the network is used. Nil in a gateway.
	Answer func(r *http.Request) (*http.Response, error)
}

// DefaultOptions are the defaults of a gateway.
func DefaultOptions() Options {
	return Options{
		DialTimeout:     10 * time.Second,
		HeaderTimeout:   300 * time.Second,
		BodyIdleTimeout: 300 * time.Second,
		IdleTimeout:     90 * time.Second,
		MaxIdle:         256,
		MaxIdleTotal:    2048,
		MaxHeaderBytes:  256 << 10,
		MaxInterim:      8,
		MaxBufferedBody: 64 << 10,
		Now:             time.Now,
		Random:          rand.Uint64,
	}
}

// withDefaults fills what is unset.
func (o Options) withDefaults() Options {
	d := DefaultOptions()
	set := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.DialTimeout, d.DialTimeout)
	set(&o.HeaderTimeout, d.HeaderTimeout)
	set(&o.IdleTimeout, d.IdleTimeout)
	setInt(&o.MaxIdle, d.MaxIdle)
	setInt(&o.MaxIdleTotal, d.MaxIdleTotal)
	setInt(&o.MaxHeaderBytes, d.MaxHeaderBytes)
	setInt(&o.MaxInterim, d.MaxInterim)
	if o.MaxBufferedBody <= 0 {
		o.MaxBufferedBody = d.MaxBufferedBody
	}
	if o.Now == nil {
		o.Now = d.Now
	}
	if o.Random == nil {
		o.Random = d.Random
	}
	return o
}

func setInt(v *int, d int) {
	if *v <= 0 {
		*v = d
	}
}
