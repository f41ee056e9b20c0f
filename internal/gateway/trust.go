package gateway

import (
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// trust implements expr.Trust: authorities of the system and of the settings,
// and what these publish about revoked certificates.
type trust struct {
	roots       *x509.CertPool // nil: the system's
	revocations *revocations
}

// Chains implements expr.Trust.
func (t *trust) Chains(c *expr.Certificate, at time.Time) ([][]*x509.Certificate, error) {
	o := x509.VerifyOptions{Roots: t.roots, Intermediates: x509.NewCertPool(), CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, one := range c.Chain {
		o.Intermediates.AddCert(one)
	}
	return c.X509.Verify(o)
}

// CheckRevocation implements expr.Trust. What cannot be found out counts as
// revoked.
func (t *trust) CheckRevocation(chain []*x509.Certificate, at time.Time) error {
	for i := 0; i+1 < len(chain); i++ {
		if err := t.revocations.check(chain[i], chain[i+1], at); err != nil {
			return err
		}
	}
	return nil
}

// clientCertificate is what the client showed in the TLS handshake.
func clientCertificate(r *http.Request) *expr.Certificate {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return &expr.Certificate{X509: r.TLS.PeerCertificates[0], Chain: r.TLS.PeerCertificates[1:]}
}

// certificates are those of the service, for context.Deployment.
func (k *compilation) certificates() []expr.NamedCertificate {
	var out []expr.NamedCertificate
	for _, c := range k.service.Certificates {
		if c.CertificatePEM == "" {
			continue
		}
		parsed, err := expr.ParseCertificate([]byte(c.CertificatePEM+"\n"+c.KeyPEM), "")
		if err != nil {
			k.report(policy.Messages{{Pos: apim.Position{File: "certificates/" + c.ID, Line: 1, Column: 1}, Text: err.Error()}})
			continue
		}
		out = append(out, expr.NamedCertificate{ID: c.ID, Certificate: parsed})
	}
	return out
}

// withCertificates gives backends the client certificates that they name.
func (k *compilation) withCertificates(backends []*apim.Backend) []*apim.Backend {
	out := make([]*apim.Backend, len(backends))
	for i, b := range backends {
		out[i] = b
		name := b.Credentials.Certificate
		if name == "" || b.Credentials.CertificatePEM != "" {
			continue
		}
		own := *b
		c, err := usable(k.service.FindCertificate(name))
		if err != nil {
			k.report(policy.Messages{{Pos: apim.Position{File: "backends/" + b.ID, Line: 1, Column: 1}, Warning: true,
				Text: "names the client certificate " + name + ": " + err.Error() + "; requests go out without one"}})
			continue
		}
		own.Credentials.CertificatePEM, own.Credentials.KeyPEM = c.CertificatePEM, c.KeyPEM
		out[i] = &own
	}
	return out
}

// usable tells why a certificate cannot be shown to a backend.
func usable(c *apim.Certificate) (*apim.Certificate, error) {
	switch {
	case c == nil:
		return nil, errors.New("the service has no such certificate; name its file in service.certificates")
	case c.KeyPEM == "":
		return nil, errors.New("it has no private key; name its file in service.certificates")
	}
	return c, nil
}
