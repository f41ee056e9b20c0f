package expr

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// Certificate is X509Certificate2. It is shared: it must be treated as immutable.
type Certificate struct {
	X509  *x509.Certificate
	Chain []*x509.Certificate // what came with it, its issuer first
	Key   crypto.PrivateKey   // nil without one
}

// Trust tells whether certificates are trusted. Safe for concurrent use.
type Trust interface {
	// Chains builds the chains from c to a trusted authority that are valid at
	// a time, c first.
	Chains(c *Certificate, at time.Time) ([][]*x509.Certificate, error)
	// CheckRevocation fails unless each certificate of the chain but its root is
	// known not to be revoked.
	CheckRevocation(chain []*x509.Certificate, at time.Time) error
}

// maxPFX bounds what a policy may decode.
const maxPFX = 64 << 10

// ParseCertificate reads a certificate in DER or PEM, or a PFX with its key.
func ParseCertificate(data []byte, password string) (*Certificate, error) {
	if block, _ := pem.Decode(data); block != nil {
		return parsePEM(data)
	}
	if c, err := x509.ParseCertificate(data); err == nil {
		return &Certificate{X509: c}, nil
	}
	if len(data) > maxPFX {
		return nil, errors.New("it is too large for a certificate")
	}
	key, leaf, chain, err := pkcs12.DecodeChain(data, password)
	if err == nil {
		return &Certificate{X509: leaf, Chain: chain, Key: key}, nil
	}
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, errors.New("the password is not correct")
	}
	if list, trustErr := pkcs12.DecodeTrustStore(data, password); trustErr == nil && len(list) > 0 {
		return &Certificate{X509: list[0], Chain: list[1:]}, nil
	}
	return nil, errors.New("it is neither a certificate in DER or PEM nor a PFX")
}

// parsePEM reads the certificates of a text, and the key when it is the first
// certificate's.
func parsePEM(data []byte) (*Certificate, error) {
	out := &Certificate{}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, errors.New("a certificate in it cannot be read")
			}
			if out.X509 == nil {
				out.X509 = c
			} else {
				out.Chain = append(out.Chain, c)
			}
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			key, err := ParsePrivateKey(block.Bytes)
			if err != nil {
				return nil, err
			}
			out.Key = key
		}
	}
	if out.X509 == nil {
		return nil, errors.New("it holds no certificate")
	}
	if out.Key != nil && !fits(out.X509, out.Key) {
		return nil, errors.New("its key does not belong to its certificate")
	}
	return out, nil
}

// ParsePrivateKey reads a key in DER.
func ParsePrivateKey(der []byte) (crypto.PrivateKey, error) {
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return k, nil
	}
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		return k, nil
	}
	return nil, errors.New("its key cannot be read; an encrypted one must be decrypted first")
}

func fits(c *x509.Certificate, key crypto.PrivateKey) bool {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return false
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}

// Thumbprint is the SHA-1 of the certificate in upper-case hex.
func (c *Certificate) Thumbprint() string { return Thumbprint(c.X509) }

// Thumbprint is the SHA-1 of a certificate in upper-case hex.
func Thumbprint(c *x509.Certificate) string {
	h := sha1.Sum(c.Raw)
	return strings.ToUpper(hex.EncodeToString(h[:]))
}

// SerialNumber is the serial number in upper-case hex as .NET shows it, with
// the zero that keeps it positive.
func SerialNumber(c *x509.Certificate) string {
	b := c.SerialNumber.Bytes()
	if len(b) == 0 || b[0] >= 0x80 {
		b = append([]byte{0}, b...)
	}
	return strings.ToUpper(hex.EncodeToString(b))
}

// DistinguishedName shows a name as .NET does: most specific first, a comma and
// a space between, quotes around what needs them.
func DistinguishedName(n *pkix.Name) string {
	var parts []string
	list := n.Names
	if len(list) == 0 {
		for _, set := range n.ToRDNSequence() {
			list = append(list, set...)
		}
	}
	for i := len(list) - 1; i >= 0; i-- {
		name, ok := attributeNames[list[i].Type.String()]
		if !ok {
			name = "OID." + list[i].Type.String()
		}
		parts = append(parts, name+"="+quoteName(ToString(list[i].Value)))
	}
	return strings.Join(parts, ", ")
}

var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "S", "2.5.4.9": "STREET",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "T", "2.5.4.13": "Description", "2.5.4.17": "PostalCode", "2.5.4.20": "Phone",
	"2.5.4.42": "G", "2.5.4.43": "I", "0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "OID.0.9.2342.19200300.100.1.1",
	"1.2.840.113549.1.9.1": "E",
}

func quoteName(v string) string {
	if v == "" || strings.ContainsAny(v, ",+=\"\n\r<>#;") || strings.TrimSpace(v) != v {
		return `"` + strings.ReplaceAll(v, `"`, `""`) + `"`
	}
	return v
}

// Same tells whether two certificates are one.
func (c *Certificate) Same(other *x509.Certificate) bool { return bytes.Equal(c.X509.Raw, other.Raw) }
