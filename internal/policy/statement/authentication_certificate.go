package statement

import (
	"encoding/base64"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// authenticationCertificateStatement shows the backend a client certificate.
type authenticationCertificateStatement struct {
	fixed    *policy.ClientCertificate // a literal name; shared, never changed
	name     policy.String             // else: id or thumbprint
	body     *policy.Any               // else: the certificate itself
	password policy.String
}

const certificateName = "authentication-certificate"

func authenticationCertificate() *policy.Definition {
	return &policy.Definition{Name: certificateName, Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"thumbprint", "certificate-id", "body", "password"}, Compile: compileAuthenticationCertificate}
}

func compileAuthenticationCertificate(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &authenticationCertificateStatement{password: k.String(e, "password", "")}
	var chosen *policy.Attr
	for _, name := range []string{"thumbprint", "certificate-id", "body"} {
		a := e.Attr(name)
		if a != nil && chosen != nil {
			k.Errorf(a.Pos, "<%s> takes one of thumbprint, certificate-id and body", e.Name)
		}
		if a != nil {
			chosen = a
		}
	}
	switch {
	case chosen == nil:
		k.Errorf(e.Pos, "<%s> needs thumbprint, certificate-id or body", e.Name)
		return s
	case chosen.Name != "body" && e.Attr("password") != nil:
		k.Errorf(e.Attr("password").Pos, "<%s> takes a password with body only", e.Name)
	}
	switch {
	case chosen.Name == "body":
		body := k.AnyValue(chosen.Value)
		s.body = &body
	case chosen.Value.Expression:
		s.name = k.StringValue(chosen.Value)
	case chosen.Value.Text == "":
		k.Errorf(chosen.Value.Pos, "%s must not be empty", chosen.Name)
	default:
		if c := serviceCertificate(k, chosen, true); c != nil {
			s.fixed = clientCertificate(c)
		}
	}
	return s
}

func (s *authenticationCertificateStatement) Run(c *policy.Context) (err error) {
	c.Certificate, err = s.certificate(c)
	return err
}

// EditRequest shows the certificate where send-request goes.
func (s *authenticationCertificateStatement) EditRequest(c *policy.Context, r *policy.OutgoingRequest) (err error) {
	r.Certificate, err = s.certificate(c)
	return err
}

func (s *authenticationCertificateStatement) certificate(c *policy.Context) (*policy.ClientCertificate, error) {
	switch {
	case s.fixed != nil:
		return s.fixed, nil
	case s.body != nil:
		return s.fromBody(c)
	}
	name, err := s.name.Eval(c)
	if err != nil {
		return nil, err
	}
	if own := ownCertificate(c, name); own != nil && own.Key != nil {
		return clientCertificate(own), nil
	}
	return nil, invalid(c, certificateName, "The service has no certificate with this id or thumbprint and a private key.")
}

// ownCertificate finds a certificate of the service when a request runs.
func ownCertificate(c *policy.Context, name string) *expr.Certificate {
	if c.Deployment == nil {
		return nil
	}
	for i := range c.Deployment.Certificates {
		one := &c.Deployment.Certificates[i]
		if strings.EqualFold(one.ID, name) || sameThumbprint(one.Certificate.Thumbprint(), name) {
			return one.Certificate
		}
	}
	return nil
}

// fromBody reads the certificate that an expression gave, as bytes or Base64.
func (s *authenticationCertificateStatement) fromBody(c *policy.Context) (*policy.ClientCertificate, error) {
	value, err := s.body.Eval(c)
	if err != nil {
		return nil, err
	}
	password, err := s.password.Eval(c)
	if err != nil {
		return nil, err
	}
	var data []byte
	switch v := value.(type) {
	case []byte:
		data = v
	case string:
		if data, err = base64.StdEncoding.DecodeString(strings.TrimSpace(v)); err != nil {
			data = []byte(v)
		}
	default:
		return nil, invalid(c, certificateName, "body must be the bytes of a certificate or their Base64.")
	}
	parsed, err := expr.ParseCertificate(data, password)
	if err != nil {
		return nil, invalid(c, certificateName, "The certificate of body cannot be read: "+err.Error()+".")
	}
	if parsed.Key == nil {
		return nil, invalid(c, certificateName, "The certificate of body has no private key.")
	}
	return clientCertificate(parsed), nil
}
