package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"gatehouse/internal/activity"
	"gatehouse/internal/identity"
	"gatehouse/internal/identity/proxy"
	"gatehouse/internal/identity/verify"
)

// IdentityProxy is a tool of other makers that people reach through a login.
type IdentityProxy struct {
	Name   string `yaml:"name"`
	Listen string `yaml:"listen"`
	// Plain serves HTTP, on a loopback address or behind something that ends TLS.
	Plain    bool   `yaml:"plain"`
	URL      string `yaml:"url"` // by which browsers call it; "": that of the address
	Upstream string `yaml:"upstream"`
	// UpstreamCAFile is the authority of an upstream with https; "": the system's.
	UpstreamCAFile string   `yaml:"upstreamCAFile"`
	Issuer         string   `yaml:"issuer"` // by its name in identity.issuers
	ClientID       string   `yaml:"clientId"`
	ClientSecret   Secret   `yaml:"clientSecret"` // none: a public client, PKCE alone
	Scopes         []string `yaml:"scopes"`       // none: openid profile email
	Groups         []string `yaml:"groups"`       // that let in
	Principals     []string `yaml:"principals"`   // that are let in, by id
	Session        Duration `yaml:"session"`      // default 8 h
	// SessionKey is a text of at least 32 characters, the same for all replicas;
	// none: one is made in the data folder.
	SessionKey Secret `yaml:"sessionKey"`
}

const (
	maxProxies   = 100
	maxSession   = 7 * 24 * time.Hour
	minKeyLength = 32
)

var proxyName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// check refuses what cannot work or is unsafe.
func (c *IdentityProxy) check(issuers []TrustedIssuer) error {
	known := slices.ContainsFunc(issuers, func(i TrustedIssuer) bool { return i.Name == c.Issuer })
	at, err := c.address()
	switch {
	case !proxyName.MatchString(c.Name):
		return fmt.Errorf("name %.60q: small letters, digits and hyphens, at most 40", c.Name)
	case c.Listen == "":
		return errors.New("listen is missing, such as :9447")
	case err != nil:
		return err
	case !absolute(c.Upstream):
		return fmt.Errorf("upstream %.200q is not an absolute URL such as http://127.0.0.1:3000", c.Upstream)
	case !known:
		return fmt.Errorf("issuer %.60q is none of identity.issuers", c.Issuer)
	case c.ClientID == "":
		return errors.New("clientId is missing: what the identity provider calls this proxy")
	case len(c.Groups) == 0 && len(c.Principals) == 0:
		return errors.New("name groups or principals: without any nobody is let in")
	case c.Session < 0 || time.Duration(c.Session) > maxSession:
		return errors.New("session must be at most 7 days")
	case c.Plain && at.Scheme != "https" && !loopback(c.Listen):
		return fmt.Errorf("plain and listen %s: sessions would cross the network unprotected; leave plain out, or give the https url of what ends TLS before it", c.Listen)
	case !c.Plain && at.Scheme != "https":
		return fmt.Errorf("url %.200q: the address is served with TLS: use https, or set plain", c.URL)
	}
	return nil
}

// address is the URL that browsers call.
func (c *IdentityProxy) address() (*url.URL, error) {
	text := c.URL
	if text == "" {
		text = "https://" + local(c.Listen)
		if c.Plain {
			text = "http://" + local(c.Listen)
		}
	}
	u, err := url.Parse(text)
	if err != nil || !absolute(text) || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("url %.200q is not an absolute URL without a path", text)
	}
	return u, nil
}

func (c *IdentityConfig) checkProxies() error {
	var errs []error
	if len(c.Proxies) > maxProxies {
		errs = append(errs, fmt.Errorf("identity.proxies: more than %d", maxProxies))
	}
	names := map[string]bool{}
	for i := range c.Proxies {
		one := &c.Proxies[i]
		if err := one.check(c.Issuers); err != nil {
			errs = append(errs, fmt.Errorf("identity.proxies[%d]: %w", i, err))
		}
		if names[one.Name] {
			errs = append(errs, fmt.Errorf("identity.proxies[%d]: there are two of the name %s", i, one.Name))
		}
		names[one.Name] = true
	}
	return errors.Join(errs...)
}

// guardedTool is a proxy with its address.
type guardedTool struct {
	IdentityProxy
	handler http.Handler
	host    string // of its URL
}

// openProxies makes the proxies of the settings; listenProxies opens them.
func (s *Server) openProxies() error {
	if len(s.config.Identity.Proxies) == 0 {
		return nil
	}
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_proxy_requests_total", Help: "Requests through identity-aware proxies by what became of them."}, []string{"proxy", "decision"})
	s.registry.MustRegister(decisions)
	for i := range s.config.Identity.Proxies {
		c := &s.config.Identity.Proxies[i]
		o, err := s.proxyOptions(c)
		if err != nil {
			return fmt.Errorf("identity.proxies %s: %w", c.Name, err)
		}
		counters := map[string]prometheus.Counter{}
		for _, d := range proxy.Decisions() {
			counters[d] = decisions.WithLabelValues(c.Name, d)
		}
		o.Decided = func(d string) { counters[d].Inc() }
		handler, err := proxy.New(o)
		if err != nil {
			return fmt.Errorf("identity.proxies %s: %w", c.Name, err)
		}
		s.guardedTools = append(s.guardedTools, guardedTool{*c, s.recordingProxy(c.Name, handler), o.URL.Hostname()})
	}
	return nil
}

func (s *Server) proxyOptions(c *IdentityProxy) (o proxy.Options, err error) {
	o = proxy.Options{Name: c.Name, ClientID: c.ClientID, Scopes: c.Scopes, Groups: c.Groups, Principals: c.Principals, Session: time.Duration(c.Session), Logger: s.log,
		Seen: func(r *http.Request, who *identity.Caller) { noteOf(r.Context()).caller = who }}
	if o.URL, err = c.address(); err != nil {
		return o, err
	}
	if o.Upstream, err = url.Parse(c.Upstream); err != nil {
		return o, fmt.Errorf("upstream: %w", err)
	}
	if o.Transport, err = trustingTransport("upstreamCAFile", c.UpstreamCAFile); err != nil {
		return o, err
	}
	for i := range s.config.Identity.Issuers {
		if s.config.Identity.Issuers[i].Name == c.Issuer {
			if o.Issuer, err = trustedIssuer(&s.config.Identity.Issuers[i]); err != nil {
				return o, err
			}
		}
	}
	if o.ClientSecret, err = c.ClientSecret.read(); err != nil {
		return o, fmt.Errorf("clientSecret: %w", err)
	}
	o.Key, err = s.sessionKey(c.SessionKey)
	return o, err
}

// trustedIssuer is an issuer of the settings with the authority of its address.
func trustedIssuer(c *TrustedIssuer) (verify.Issuer, error) {
	transport, err := trustingTransport("identity.issuers "+c.Name+" caFile", c.CAFile)
	if err != nil {
		return verify.Issuer{}, err
	}
	return verify.Issuer{Name: c.Name, URL: c.URL, Audiences: c.Audiences, Tenants: c.Tenants, Subject: c.Subject, Groups: c.Groups, Client: &http.Client{Transport: transport}}, nil
}

func trustingTransport(setting, file string) (*http.Transport, error) {
	roots, err := authorities(setting, file)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	return transport, nil
}

const sessionKeyDocument = "identity-session-key"

// sessionKey is that of the settings, or one of this data folder.
func (s *Server) sessionKey(c Secret) ([]byte, error) {
	text, err := c.read()
	if err != nil {
		return nil, fmt.Errorf("sessionKey: %w", err)
	}
	if text != "" {
		if len(text) < minKeyLength {
			return nil, fmt.Errorf("sessionKey: it has %d characters; use %d random ones or more", len(text), minKeyLength)
		}
		sum := sha256.Sum256([]byte(text))
		return sum[:], nil
	}
	kept, err := s.catalog.Load(sessionKeyDocument)
	if err != nil || len(kept) > 0 {
		return kept, err
	}
	made := make([]byte, minKeyLength)
	if _, err := rand.Read(made); err != nil {
		return nil, err
	}
	return made, s.catalog.Save(sessionKeyDocument, made)
}

// recordingProxy writes each request through a proxy into the activity log.
func (s *Server) recordingProxy(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		e := activity.Event{Time: start.UTC(), OperationName: "Gatehouse/proxies/" + verb(r.Method), Category: categoryOf(r.Method), ResourceID: standIn + "Gatehouse.Identity/proxies/" + name,
			CorrelationID: uuid.NewString(), Properties: map[string]string{"method": short(r.Method, 20), "path": short(r.URL.Path, 1000), "door": "proxy " + name, "userAgent": short(r.UserAgent(), 200)}}
		e.CallerAddress, _, _ = net.SplitHostPort(r.RemoteAddr)
		out, noted := &statusWriter{ResponseWriter: w}, &note{}
		defer func() {
			e.DurationMS = time.Since(start).Milliseconds()
			e.ResultSignature, e.ResultType, e.Level = result(out.status)
			noted.into(&e)
			// Who is not known is told of a few times, not as often as he likes.
			if noted.caller == nil && !s.refusals.room(start) {
				return
			}
			s.activity.Append(e)
		}()
		next.ServeHTTP(out, r.WithContext(withNote(r.Context(), noted)))
	})
}

// listenProxies opens the doors of the proxies.
func (s *Server) listenProxies() error {
	for i := range s.guardedTools {
		p := &s.guardedTools[i]
		var secure *tls.Config
		if !p.Plain {
			var err error
			if secure, err = s.frontTLS(append(localNames(), p.host)); err != nil {
				return err
			}
		}
		server := monitorServer(p.handler)
		server.ReadTimeout, server.WriteTimeout = 0, 0 // uploads and streams are the tool's matter
		if err := s.door("identity.proxies."+p.Name, p.Listen, secure, 1000, server); err != nil {
			return err
		}
	}
	return nil
}

// frontTLS has the certificate of the settings, or one of the own authority.
func (s *Server) frontTLS(hosts []string) (*tls.Config, error) {
	c := s.config.Listen
	if c.CertificateFile == "" {
		return (&certificates{authority: s.ca, hosts: hosts}).config(), nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertificateFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("listen.certificateFile: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}

// RunProxies serves the identity-aware proxies of the settings and nothing else,
// until ctx ends.
func RunProxies(ctx context.Context, config Config, version string, log *slog.Logger, out io.Writer) error {
	if err := config.Identity.check(); err != nil {
		return err
	}
	s := &Server{config: config, version: version, log: log, started: time.Now().UTC(), registry: prometheus.NewRegistry()}
	for _, open := range []func() error{s.openFolder, s.openActivityLog, s.openSinks, s.openProxies, s.listenProxies} {
		if err := open(); err != nil {
			for _, d := range s.doors {
				_ = d.stop(0)
			}
			return errors.Join(err, s.Close())
		}
	}
	for i := range s.guardedTools {
		at, _ := s.guardedTools[i].address() // it was read before
		fmt.Fprintf(out, "%s is at %s, before %s\n", s.guardedTools[i].Name, at, s.guardedTools[i].Upstream)
	}
	group, inner := errgroup.WithContext(ctx)
	s.serveDoors(group)
	group.Go(func() error {
		<-inner.Done()
		return s.closeDoors()
	})
	return errors.Join(group.Wait(), s.Close())
}
