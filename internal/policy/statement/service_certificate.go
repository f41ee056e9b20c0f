package statement

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// serviceCertificate finds a certificate of the service by id or thumbprint at
// compile time; nil with a message when there is none. Without a service
// around, as when one file is checked, it is a warning.
func serviceCertificate(k *policy.Compiler, a *policy.Attr, needsKey bool) *expr.Certificate {
	service, name := k.Environment().Service, a.Value.Text
	if a.Value.Secret {
		name = "(secret)"
	}
	if service == nil {
		k.Warnf(a.Value.Pos, "%s=%q is not known: no service is loaded around this document", a.Name, name)
		return nil
	}
	c := service.FindCertificate(a.Value.Text)
	switch {
	case c == nil:
		report(k, &a.Value, a.Value.Pos, "%s=%q: the service has no such certificate; name its file in service.certificates of the settings", a.Name, name)
		return nil
	case c.CertificatePEM == "" || needsKey && c.KeyPEM == "":
		k.Errorf(a.Value.Pos, "%s=%q: the certificate %s has no key here, as extracts hold none; name its file in service.certificates of the settings", a.Name, name, c.ID)
		return nil
	}
	parsed, err := expr.ParseCertificate([]byte(c.CertificatePEM+"\n"+c.KeyPEM), "")
	if err != nil {
		k.Errorf(a.Value.Pos, "%s=%q: the certificate %s cannot be used: %v", a.Name, name, c.ID, err)
		return nil
	}
	return parsed
}

// clientCertificate is a certificate as it is shown to a backend.
func clientCertificate(c *expr.Certificate) *policy.ClientCertificate {
	out := tls.Certificate{Certificate: [][]byte{c.X509.Raw}, PrivateKey: c.Key, Leaf: c.X509}
	for _, one := range c.Chain {
		out.Certificate = append(out.Certificate, one.Raw)
	}
	sum := sha256.Sum256(c.X509.Raw)
	return &policy.ClientCertificate{Key: hex.EncodeToString(sum[:]), Certificate: out}
}
