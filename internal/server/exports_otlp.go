package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"gatehouse/internal/export/otlp"
)

// Values of compression.
const (
	compressionGzip = "gzip"
	compressionNone = "none"
)

func (e *exports) openOTLP(c *ExportConfig) (exporter, error) {
	if c.Identity != "" || c.ConnectionString != (Secret{}) {
		return nil, errors.New("identity and connectionString are for the type appinsights; here endpoint and headers say it all")
	}
	if c.Compression != "" && c.Compression != compressionGzip && c.Compression != compressionNone {
		return nil, fmt.Errorf("compression: %q is not one of %s, %s", c.Compression, compressionGzip, compressionNone)
	}
	if u, err := url.Parse(c.Endpoint); err == nil && e.own(u) {
		return nil, errors.New("endpoint: it is a door of this process, which has everything already")
	}
	o := otlp.Options{Name: c.Name, Endpoint: c.Endpoint, Protocol: c.Protocol, Headers: map[string]string{}, Plain: c.Compression == compressionNone,
		MaxAge: time.Duration(c.MaxAge), Logger: e.log}
	for name, secret := range c.Headers {
		var err error
		if o.Headers[name], err = secret.read(); err != nil {
			return nil, fmt.Errorf("headers.%s: %w", name, err)
		}
		if o.Headers[name] == "" {
			return nil, fmt.Errorf("headers.%s: it is empty; name a file or env", name)
		}
	}
	var err error
	if o.TLS, err = c.clientTLS(); err != nil {
		return nil, err
	}
	if o.Queue, err = e.queue(c.Name, c.MaxBytes, time.Duration(c.MaxAge)); err != nil {
		return nil, err
	}
	out, err := otlp.New(o)
	if err != nil {
		return nil, err
	}
	e.running = append(e.running, out)
	if c.Logger == "" {
		e.metrics = append(e.metrics, out)
	}
	return out, nil
}

func (c *ExportConfig) clientTLS() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		data, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("caFile: %w", err)
		}
		if out.RootCAs = x509.NewCertPool(); !out.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("caFile: %s holds no PEM certificate", c.CAFile)
		}
	}
	if (c.CertificateFile == "") != (c.KeyFile == "") {
		return nil, errors.New("certificateFile and keyFile go together")
	}
	if c.CertificateFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertificateFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certificateFile: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// ownEndpoint tells whether a URL is one of this process's receiving doors.
func (s *Server) ownEndpoint(u *url.URL) bool {
	host := u.Hostname()
	if host != "localhost" && !isLoopback(host) {
		return false
	}
	l := s.config.Listen
	for _, address := range []string{l.OTLPGRPC, l.OTLPHTTP, l.Monitor, l.MonitorTLS} {
		if _, port, err := net.SplitHostPort(address); err == nil && port == u.Port() {
			return true
		}
	}
	return false
}

// receivedMetrics queues metrics that were received and stored. A queue that is
// full or a disk that is are told and counted by it.
func (e *exports) receivedMetrics(ctx context.Context, m pmetric.Metrics) {
	for _, one := range e.metrics {
		if err := one.Metrics(ctx, m); err != nil {
			e.log.Warn("metrics were not queued for a destination outside", "error", err)
		}
	}
}
