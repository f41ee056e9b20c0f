package apim

import "strings"

// Certificate is an X.509 certificate of the service with its private key.
type Certificate struct {
	ID                     string
	Thumbprint             string // SHA-1, upper-case hex
	CertificatePEM, KeyPEM string // the certificate first, then its chain; KeyPEM is secret; "" when there is none
}

// FindCertificate gives the certificate with that id or thumbprint, nil when
// there is none.
func (s *Service) FindCertificate(name string) *Certificate {
	print := NormalThumbprint(name)
	for _, c := range s.Certificates {
		if strings.EqualFold(c.ID, name) || print != "" && c.Thumbprint == print {
			return c
		}
	}
	return nil
}

// NormalThumbprint is a thumbprint as .NET writes it: people paste them with
// spaces, colons, in lower case, and with invisible marks of a certificate
// viewer. It is "" when the text is none.
func NormalThumbprint(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'F':
			b.WriteRune(r)
		case r >= 'a' && r <= 'f':
			b.WriteRune(r - 'a' + 'A')
		case r == ' ', r == ':', r == '\u200e', r == '\u200f', r == '\ufeff':
		default:
			return ""
		}
	}
	if b.Len() != 40 {
		return ""
	}
	return b.String()
}
