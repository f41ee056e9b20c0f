package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gatehouse/internal/store/ca"
)

// listen opens a TCP address; a taken port is named with the setting to change.
func listen(setting, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen on %s (listen.%s): the port is taken by another process; stop it or choose another address", address, setting)
	}
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("listen on %s (listen.%s): not permitted; ports below 1024 need rights", address, setting)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s (listen.%s): %w", address, setting, err)
	}
	return l, nil
}

// limited bounds the number of open connections: over the limit, accepting waits.
type limited struct {
	net.Listener
	slots chan struct{}
}

func limit(l net.Listener, n int) net.Listener {
	if n <= 0 {
		return l
	}
	return &limited{Listener: l, slots: make(chan struct{}, n)}
}

func (l *limited) Accept() (net.Conn, error) {
	l.slots <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: c, slots: l.slots}, nil
}

type limitedConn struct {
	net.Conn
	once  sync.Once
	slots chan struct{}
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { <-c.slots })
	return err
}

// gatewayServer is the front of the data plane: HTTP/1.1, HTTP/2 and h2c.
func gatewayServer(c GatewayConfig, h http.Handler, secure bool) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(secure)
	protocols.SetUnencryptedHTTP2(!secure)
	return &http.Server{
		Handler: h, Protocols: protocols, MaxHeaderBytes: c.MaxHeaderBytes,
		ReadHeaderTimeout: time.Duration(c.ReadHeaderTimeout), IdleTimeout: time.Duration(c.IdleTimeout),
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 250, MaxDecoderHeaderTableSize: 4096},
	}
}

func monitorServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, MaxHeaderBytes: 64 << 10, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
}

// certificates gives the certificate of a HTTPS door and renews it in time.
type certificates struct {
	authority *ca.Authority
	hosts     []string
	current   atomic.Pointer[tls.Certificate]
	mu        sync.Mutex
}

func (s *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	fresh := func(c *tls.Certificate) bool { return c != nil && time.Until(c.Leaf.NotAfter) > 30*24*time.Hour }
	if c := s.current.Load(); fresh(c) {
		return c, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.current.Load(); fresh(c) {
		return c, nil
	}
	c, err := s.authority.Issue(s.hosts)
	if err != nil {
		return nil, err
	}
	s.current.Store(c)
	return c, nil
}

func (s *certificates) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.get}
}

// localNames are the names that clients on this machine and in its network use.
func localNames() []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return names
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			names = append(names, n.IP.String())
		}
	}
	return names
}

// drain stops a server: no new connections, running requests may finish.
func drain(s *http.Server, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}
