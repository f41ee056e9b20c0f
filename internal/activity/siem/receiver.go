package siem

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// receiver takes lines; an error means that all of them are sent again.
type receiver interface {
	send(ctx context.Context, lines [][]byte) error
	close() error
}

// timeout of one attempt.
const timeout = 30 * time.Second

// streams tells whether an address is one of a syslog receiver.
func streams(address string) bool {
	scheme, _, _ := strings.Cut(address, "://")
	return scheme == "udp" || scheme == "tcp" || scheme == "tls"
}

func receiverOf(o Options) (receiver, error) {
	u, err := url.Parse(o.Address)
	if err != nil || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("address: it is no URL such as tls://siem.example:6514, without a password and a query in it")
	}
	if len(o.Headers) > 0 && u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, errors.New("headers: they need an address of https, so that nobody on the way reads them")
	}
	switch u.Scheme {
	case "udp", "tcp", "tls":
		if u.Port() == "" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
			return nil, fmt.Errorf("address: %s://host:port is wanted", u.Scheme)
		}
		return &stream{network: u.Scheme, address: u.Host, name: u.Hostname(), tls: o.TLS, settle: o.Settle}, nil
	case "file":
		if u.Host != "" || !filepath.IsAbs(u.Path) {
			return nil, errors.New("address: file:///path with an absolute path is wanted")
		}
		return file{u.Path}, nil
	case "http", "https":
		if u.Host == "" {
			return nil, errors.New("address: the host is missing")
		}
		return newEndpoint(u.String(), o), nil
	}
	return nil, fmt.Errorf("address: %q is not one of udp, tcp, tls, file, http, https", u.Scheme)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// stream is a syslog receiver. Over TCP and TLS a message has its length in front
// (RFC 6587, RFC 5425). Syslog has no answers: a batch counts as taken when the
// connection is still whole a moment later. Over UDP nobody can know.
type stream struct {
	network, address, name string
	tls                    *tls.Config
	settle                 time.Duration
	conn                   net.Conn
}

// maxDatagram is what UDP takes.
const maxDatagram = 65000

func (s *stream) send(ctx context.Context, lines [][]byte) error {
	if s.conn == nil {
		conn, err := s.dial(ctx)
		if err != nil {
			return err
		}
		s.conn = conn
	}
	conn := s.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	if err := s.write(ctx, lines); err != nil {
		_ = s.conn.Close()
		s.conn = nil
		return fmt.Errorf("send to %s: %w", s.address, err)
	}
	return ctx.Err()
}

func (s *stream) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var d net.Dialer
	if s.network != "tls" {
		return d.DialContext(ctx, s.network, s.address)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.tls != nil {
		config = s.tls.Clone()
	}
	config.ServerName = s.name
	return (&tls.Dialer{NetDialer: &d, Config: config}).DialContext(ctx, "tcp", s.address)
}

func (s *stream) write(ctx context.Context, lines [][]byte) error {
	if err := errors.Join(s.conn.SetWriteDeadline(time.Now().Add(timeout)), ctx.Err()); err != nil {
		return err
	}
	if s.network == "udp" {
		for _, line := range lines {
			if _, err := s.conn.Write(line[:min(len(line), maxDatagram)]); err != nil {
				return err
			}
		}
		return nil
	}
	var all bytes.Buffer
	for _, line := range lines {
		fmt.Fprintf(&all, "%d %s", len(line), line)
	}
	if _, err := s.conn.Write(all.Bytes()); err != nil {
		return err
	}
	return s.whole(ctx)
}

// whole waits whether the receiver closes the connection, as one does that is
// going away; what lay unread there is lost with it.
func (s *stream) whole(ctx context.Context) error {
	if err := errors.Join(s.conn.SetReadDeadline(time.Now().Add(s.settle)), ctx.Err()); err != nil {
		return err
	}
	_, err := s.conn.Read(make([]byte, 512))
	var late net.Error
	if err == nil || (errors.As(err, &late) && late.Timeout()) {
		return nil
	}
	return err
}

func (s *stream) close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}

// file is opened for each batch, so that it may be moved away at any time.
type file struct{ path string }

func (f file) send(_ context.Context, lines [][]byte) error {
	out, err := os.OpenFile(f.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	before, err := out.Stat()
	if err != nil {
		return errors.Join(err, out.Close())
	}
	_, err = out.Write(append(bytes.Join(lines, []byte("\n")), '\n'))
	if err != nil && before.Mode().IsRegular() {
		return errors.Join(err, out.Truncate(before.Size()), out.Close())
	}
	if before.Mode().IsRegular() {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

func (file) close() error { return nil }

// endpoint takes lines as the body of a POST; any 2xx means that they are kept.
type endpoint struct {
	url, kind string
	headers   map[string]string
	client    *http.Client
}

func newEndpoint(url string, o Options) *endpoint {
	kind := "application/x-ndjson"
	if o.Format != OCSF {
		kind = "text/plain; charset=utf-8"
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: o.TLS, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute}
	return &endpoint{url: url, kind: kind, headers: o.Headers, client: &http.Client{Transport: transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}} // headers go to nobody else
}

func (e *endpoint) send(ctx context.Context, lines [][]byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(append(bytes.Join(lines, []byte("\n")), '\n')))
	if err != nil {
		return err
	}
	for name, value := range e.headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", e.kind)
	resp, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection is used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("send to %s: it answers %s; 2xx is wanted", e.url, resp.Status)
	}
	return nil
}

func (e *endpoint) close() error {
	e.client.CloseIdleConnections()
	return nil
}
