package backend

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/textproto"
)

// verifyChain checks that a certificate is signed by a known authority and
// valid now, whatever its name.
func verifyChain(o Options) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("the backend showed no certificate")
		}
		chain := x509.VerifyOptions{Roots: o.RootCAs, Intermediates: x509.NewCertPool(), CurrentTime: o.Now()}
		for _, c := range state.PeerCertificates[1:] {
			chain.Intermediates.AddCert(c)
		}
		_, err := state.PeerCertificates[0].Verify(chain)
		return err
	}
}

func canonicalName(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }
