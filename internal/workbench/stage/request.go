package stage

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
)

// Request makes a request as a server would have read it.
func Request(method string, u *url.URL, header http.Header, body []byte, ip string) *http.Request {
	r := &http.Request{Method: method, Header: header, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		URL: &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}, RequestURI: u.RequestURI(),
		RemoteAddr: net.JoinHostPort(ip, "50000"), Body: http.NoBody}
	if host := header.Get("Host"); host != "" {
		r.Host = host
		header.Del("Host")
	}
	if u.Scheme == "https" {
		r.TLS = &tls.ConnectionState{}
	}
	if len(body) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return r
}
