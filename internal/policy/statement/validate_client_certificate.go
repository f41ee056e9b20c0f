package statement

import (
	"crypto/x509"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// validateClientCertificateStatement lets in requests of clients that showed a
// fitting certificate only.
type validateClientCertificateStatement struct {
	revocation, trust, notBefore, notAfter bool
	ignoreError                            bool
	identities                             []certificateIdentity
}

// certificateIdentity is what a certificate must say, all of it; "" is anything.
type certificateIdentity struct {
	thumbprint, serial, commonName, subject, dnsName string
	issuerSubject, issuerThumbprint                  string
}

const (
	validateCertificateName = "validate-client-certificate"
	maxIdentities           = 10
)

func validateClientCertificate() *policy.Definition {
	return &policy.Definition{Name: validateCertificateName, Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"validate-revocation", "validate-trust", "validate-not-before", "validate-not-after", "ignore-error"},
		Compile:    compileValidateClientCertificate}
}

func compileValidateClientCertificate(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "identities")
	s := &validateClientCertificateStatement{revocation: literalBool(k, e, "validate-revocation", true), trust: literalBool(k, e, "validate-trust", true),
		notBefore: literalBool(k, e, "validate-not-before", true), notAfter: literalBool(k, e, "validate-not-after", true),
		ignoreError: literalBool(k, e, "ignore-error", false)}
	list := only(k, e, "identities")
	if list == nil {
		return s
	}
	checkAttributes(k, list)
	checkChildren(k, list, "identity")
	for _, c := range list.Children {
		if c.Name == "identity" {
			s.identities = append(s.identities, compileIdentity(k, c))
		}
	}
	switch n := len(s.identities); {
	case n == 0:
		k.Errorf(list.Pos, "<identities> needs at least one <identity>")
	case n > maxIdentities:
		k.Errorf(list.Pos, "<identities> takes %d of <identity> at most; it has %d", maxIdentities, n)
	}
	return s
}

func compileIdentity(k *policy.Compiler, e *policy.Element) certificateIdentity {
	checkAttributes(k, e, "thumbprint", "serial-number", "common-name", "subject", "dns-name", "issuer-subject", "issuer-thumbprint", "issuer-certificate-id")
	checkChildren(k, e)
	i := certificateIdentity{serial: normalSerial(k.Literal(e, "serial-number", "")), commonName: k.Literal(e, "common-name", ""),
		subject: k.Literal(e, "subject", ""), dnsName: k.Literal(e, "dns-name", ""), issuerSubject: k.Literal(e, "issuer-subject", ""),
		thumbprint: compileThumbprint(k, e, "thumbprint"), issuerThumbprint: compileThumbprint(k, e, "issuer-thumbprint")}
	if a := e.Attr("issuer-certificate-id"); a != nil {
		if e.Attr("issuer-thumbprint") != nil || e.Attr("issuer-subject") != nil {
			k.Errorf(a.Pos, "<identity> takes issuer-certificate-id or issuer-subject and issuer-thumbprint, not both")
		}
		// A certificate that is not found must not leave the identity open.
		i.issuerThumbprint = "unknown"
		if c := serviceCertificate(k, a, false); c != nil {
			i.issuerThumbprint = c.Thumbprint()
		}
	}
	for _, a := range e.Attrs {
		if a.Name != "id" && !a.Value.Expression && strings.TrimSpace(a.Value.Text) == "" {
			k.Errorf(a.Value.Pos, "%s must not be empty: it would allow any certificate", a.Name)
		}
	}
	if i == (certificateIdentity{}) {
		k.Errorf(e.Pos, "<identity> needs at least one attribute, such as thumbprint or subject")
	}
	return i
}

func compileThumbprint(k *policy.Compiler, e *policy.Element, name string) string {
	a := e.Attr(name)
	if a == nil {
		return ""
	}
	text := k.Literal(e, name, "")
	if print := apim.NormalThumbprint(text); print != "" {
		return print
	}
	if !a.Value.Expression {
		report(k, &a.Value, a.Value.Pos, "%s: expected the 40 hex digits of a SHA-1 thumbprint", name)
	}
	return "unknown"
}

// sameThumbprint compares with what a person wrote.
func sameThumbprint(have, want string) bool {
	print := apim.NormalThumbprint(want)
	return print != "" && print == have
}

func normalSerial(text string) string {
	text = strings.ToUpper(strings.NewReplacer(" ", "", ":", "").Replace(text))
	if trimmed := strings.TrimLeft(text, "0"); trimmed != "" || text == "" {
		return trimmed
	}
	return "0"
}

func (s *validateClientCertificateStatement) Run(c *policy.Context) error {
	reason, message := s.check(c)
	if reason == "" {
		return nil
	}
	if s.ignoreError {
		c.Event(telemetry.SeverityWarning, validateCertificateName, message, nil)
		return nil
	}
	return c.Fail(validateCertificateName, reason, message, http.StatusForbidden)
}

// check gives why a certificate is refused, "" when it is let in.
func (s *validateClientCertificateStatement) check(c *policy.Context) (reason, message string) {
	cert := c.Request.Certificate
	if cert == nil {
		return "ClientCertificateNotPresent", "No client certificate was shown."
	}
	now, at := c.Now(), c.Now()
	switch {
	case now.Before(cert.X509.NotBefore):
		if s.notBefore {
			return "ClientCertificateNotYetValid", "The client certificate is not valid yet."
		}
		at = cert.X509.NotBefore
	case now.After(cert.X509.NotAfter):
		if s.notAfter {
			return "ClientCertificateExpired", "The client certificate has expired."
		}
		at = cert.X509.NotAfter
	}
	chains, reason, message := s.chains(c, cert, at)
	if reason != "" {
		return reason, message
	}
	if len(s.identities) == 0 || slices.ContainsFunc(s.identities, func(i certificateIdentity) bool { return i.fits(cert, chains) }) {
		return "", ""
	}
	return "ClientCertificateIdentityNotAllowed", "The client certificate is none of the allowed identities."
}

// chains checks trust and revocation and gives the chains that passed. Without
// a trusted chain a certificate that signed itself is its own root, which no
// list revokes; of any other nothing can be known.
func (s *validateClientCertificateStatement) chains(c *policy.Context, cert *expr.Certificate, at time.Time) (chains [][]*x509.Certificate, reason, message string) {
	const unknown = "It could not be found out whether the client certificate is revoked."
	var trust expr.Trust
	if c.Deployment != nil {
		trust = c.Deployment.Trust
	}
	if trust != nil {
		chains, _ = trust.Chains(cert, at)
	}
	if len(chains) == 0 && s.trust {
		return nil, "ClientCertificateNotTrusted", "The client certificate is not signed by a trusted authority."
	}
	if len(chains) == 0 {
		chains = [][]*x509.Certificate{append([]*x509.Certificate{cert.X509}, issuerOf(cert)...)}
		if s.revocation && !selfSigned(cert.X509) {
			return nil, "ClientCertificateRevocationUnknown", unknown
		}
		return chains, "", ""
	}
	if !s.revocation {
		return chains, "", ""
	}
	var failure error
	chains = slices.DeleteFunc(slices.Clone(chains), func(one []*x509.Certificate) bool {
		err := trust.CheckRevocation(one, at)
		if err != nil {
			failure = err
		}
		return err != nil
	})
	if len(chains) == 0 {
		return nil, "ClientCertificateRevoked", "The client certificate did not pass the check for revocation: " + failure.Error() + "."
	}
	return chains, "", ""
}

// issuerOf is the issuer among what came with a certificate, when its
// signature proves it.
func issuerOf(c *expr.Certificate) []*x509.Certificate {
	for _, one := range c.Chain {
		if c.X509.CheckSignatureFrom(one) == nil {
			return []*x509.Certificate{one}
		}
	}
	return nil
}

// selfSigned tells whether a certificate signed itself, authority or not.
func selfSigned(c *x509.Certificate) bool {
	return c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

func (i *certificateIdentity) fits(c *expr.Certificate, chains [][]*x509.Certificate) bool {
	x := c.X509
	is := func(want, have string) bool { return want == "" || strings.EqualFold(want, have) }
	return is(i.thumbprint, c.Thumbprint()) && is(i.serial, normalSerial(expr.SerialNumber(x))) && is(i.commonName, x.Subject.CommonName) &&
		is(plainName(i.subject), plainName(expr.DistinguishedName(&x.Subject))) && is(plainName(i.issuerSubject), plainName(expr.DistinguishedName(&x.Issuer))) &&
		(i.dnsName == "" || slices.ContainsFunc(x.DNSNames, func(n string) bool { return strings.EqualFold(n, i.dnsName) })) &&
		(i.issuerThumbprint == "" || issuedBy(x, chains, i.issuerThumbprint))
}

// issuedBy tells whether the issuer of a chain has a thumbprint.
func issuedBy(x *x509.Certificate, chains [][]*x509.Certificate, print string) bool {
	return slices.ContainsFunc(chains, func(chain []*x509.Certificate) bool {
		if len(chain) == 1 {
			return selfSigned(x) && expr.Thumbprint(x) == print
		}
		return expr.Thumbprint(chain[1]) == print
	})
}

// plainName lets names be written with or without a space after the comma.
func plainName(name string) string {
	return strings.ReplaceAll(strings.TrimSpace(name), ", ", ",")
}
