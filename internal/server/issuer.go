package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/api"
	"gatehouse/internal/identity"
	"gatehouse/internal/identity/issuer"
	"gatehouse/internal/identity/verify"
)

// check refuses settings of identities that cannot work or are unsafe.
func (c *IdentityConfig) check() error {
	var errs []error
	o := &c.Issuer
	if o.ManagedListen != "" && !loopback(o.ManagedListen) {
		errs = append(errs, fmt.Errorf("identity.issuer.managedListen %q: tokens of managed identities are for programs of this machine: use a loopback address", o.ManagedListen))
	}
	if o.Listen == "" && (o.ManagedListen != "" || o.URL != "" || o.IMDSPrincipal != "") {
		errs = append(errs, errors.New("identity.issuer: listen is missing: without it the own issuer is off"))
	}
	if o.URL != "" && (!absolute(o.URL) || !strings.HasPrefix(o.URL, "https://")) {
		errs = append(errs, fmt.Errorf("identity.issuer.url %q is not an https URL", o.URL))
	}
	if _, err := uuid.Parse(o.Tenant); o.Tenant != "" && err != nil {
		errs = append(errs, fmt.Errorf("identity.issuer.tenant %.60q is not a UUID", o.Tenant))
	}
	for i, one := range c.Issuers {
		if one.Name == "" || one.Name == identity.Local || !absolute(one.URL) || len(one.Audiences) == 0 {
			errs = append(errs, fmt.Errorf("identity.issuers[%d]: needs a name (not %s), a URL and at least one audience", i, identity.Local))
		}
	}
	return errors.Join(append(errs, c.checkProxies())...)
}

// doorAudiences are what tokens of the own issuer may be for to open the monitor
// doors: those that Azure's clients ask for.
func (s *Server) doorAudiences() []string {
	out := []string{"api://gatehouse", "https://management.azure.com", "https://management.core.windows.net", "https://prometheus.monitor.azure.com",
		"https://monitor.azure.com", "https://api.applicationinsights.io", "https://api.loganalytics.io"}
	for _, address := range []string{s.config.Listen.MonitorTLS, s.config.Listen.Monitor} {
		if address != "" {
			out = append(out, "https://"+local(address), "http://"+local(address))
		}
	}
	return out
}

const tenantDocument = "identity-tenant"

// openIssuer makes the own issuer, when the settings want one.
func (s *Server) openIssuer() (err error) {
	c := s.config.Identity.Issuer
	if c.Listen == "" {
		return nil
	}
	tenant := strings.ToLower(c.Tenant)
	if tenant == "" {
		if tenant, err = s.keptTenant(); err != nil {
			return err
		}
	}
	base := strings.TrimSuffix(c.URL, "/")
	if base == "" {
		base = "https://" + local(c.Listen)
	}
	s.issuer, err = issuer.New(issuer.Options{URL: base, Tenant: tenant, Audiences: append(s.doorAudiences(), c.Audiences...), Access: s.identities.current,
		Assertion: func(ctx context.Context, name, token string, audiences []string) (string, error) {
			return s.recogniser.tokens.Subject(ctx, name, token, audiences)
		},
		IMDS: c.IMDSPrincipal, Load: s.catalog.Load, Save: s.catalog.Save, Logger: s.log})
	return err
}

// keptTenant is the id of the tenant, made once.
func (s *Server) keptTenant() (string, error) {
	data, err := s.catalog.Load(tenantDocument)
	if err != nil || len(data) > 0 {
		return string(data), err
	}
	made := uuid.NewString()
	return made, s.catalog.Save(tenantDocument, []byte(made))
}

// trustIssuers makes the verifier of tokens.
func (s *Server) trustIssuers() (err error) {
	var list []verify.Issuer
	if s.issuer != nil {
		list = append(list, verify.Issuer{Name: identity.Local, URL: s.issuer.Name(), Audiences: s.doorAudiences(), Keys: s.issuer.Keys})
	}
	for _, c := range s.config.Identity.Issuers {
		one, err := trustedIssuer(&c)
		if err != nil {
			return err
		}
		list = append(list, one)
	}
	s.recogniser.access = s.identities.current
	s.recogniser.tokens, err = verify.New(list, time.Now)
	return err
}

// reviewAccess answers GET /api/access-review: who has which roles, where and
// since when, and what is to be looked at.
func (s *Server) reviewAccess(w http.ResponseWriter, _ *http.Request) {
	api.WriteJSON(w, http.StatusOK, s.identities.current().Review(time.Now()))
}
