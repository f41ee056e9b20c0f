package expr

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"strings"
)

// keyInfo is what a certificate says of its public key.
type keyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Key       asn1.BitString
}

// publicKey is PublicKey: the key and how it is written.
type publicKey struct {
	key  any
	info keyInfo
}

// asnData is AsnEncodedData.
type asnData struct {
	id  oid
	raw []byte
}

// certificateExtension is X509Extension.
type certificateExtension struct {
	pkix.Extension
	of *x509.Certificate
}

// oidNames are the friendly names that policies meet.
var oidNames = map[string]string{"1.2.840.113549.1.1.1": "RSA", "1.2.840.10045.2.1": "ECC", "1.2.840.113549.1.1.11": "sha256RSA",
	"1.2.840.113549.1.1.12": "sha384RSA", "1.2.840.113549.1.1.13": "sha512RSA", "1.2.840.113549.1.1.5": "sha1RSA", "1.2.840.10045.4.3.2": "sha256ECDSA",
	"1.2.840.10045.4.3.3": "sha384ECDSA", "2.5.29.14": "Subject Key Identifier", "2.5.29.15": "Key Usage", "2.5.29.17": "Subject Alternative Name",
	"2.5.29.19": "Basic Constraints", "2.5.29.35": "Authority Key Identifier", "2.5.29.37": "Enhanced Key Usage"}

func namedOid(id asn1.ObjectIdentifier) *oid {
	return &oid{value: id.String(), name: oidNames[id.String()]}
}

func certificatePartTypes() []typeRow {
	return []typeRow{
		{decl: "class " + cryptoSpace + "AsnEncodedData", is: instance[*asnData], rows: []row{
			{sig: "Oid Oid", get: func(v any) any { return &v.(*asnData).id }},
			{sig: "byte[] RawData", get: func(v any) any { return v.(*asnData).raw }},
		}},
		{decl: "class " + certificateSpace + "PublicKey", is: instance[*publicKey], rows: []row{
			{sig: "Oid Oid", get: func(v any) any { return namedOid(v.(*publicKey).info.Algorithm.Algorithm) }},
			{sig: "AsymmetricAlgorithm Key", get: func(v any) any {
				k, ok := v.(*publicKey).key.(*rsa.PublicKey)
				if !ok {
					throw("System.NotSupportedException", "The certificate key algorithm is not supported.")
				}
				return &rsaKey{public: k}
			}},
			{sig: "RSA GetRSAPublicKey()", get: func(_ *frame, a []any) any { return rsaPublic(a[0].(*publicKey).key) }},
			{sig: "AsnEncodedData EncodedKeyValue", get: func(v any) any {
				p := v.(*publicKey)
				return &asnData{*namedOid(p.info.Algorithm.Algorithm), p.info.Key.Bytes}
			}},
			{sig: "AsnEncodedData EncodedParameters", get: func(v any) any {
				p := v.(*publicKey)
				return &asnData{*namedOid(p.info.Algorithm.Algorithm), p.info.Algorithm.Parameters.FullBytes}
			}},
		}},
		{decl: "class " + certificateSpace + "X509Extension", is: instance[*certificateExtension], rows: []row{
			{sig: "Oid Oid", get: func(v any) any { return namedOid(v.(*certificateExtension).Id) }},
			{sig: "bool Critical", get: func(v any) bool { return v.(*certificateExtension).Critical }},
			{sig: "byte[] RawData", get: func(v any) any { return v.(*certificateExtension).Value }},
			{sig: "string Format(bool lines)", get: func(_ *frame, a []any) any { return a[0].(*certificateExtension).format(a[1] == true) }},
		}},
		{decl: "class " + certificateSpace + "X509ExtensionCollection : IEnumerable<X509Extension>", is: instance[*extensionList], rows: []row{
			{sig: "int Count", get: func(v any) int64 { return int64(len(v.(*extensionList).list)) }},
			{sig: "X509Extension this[int i]", get: func(_ *frame, a []any) any {
				l, i := a[0].(*extensionList).list, num(a, 1)
				if i < 0 || i >= int64(len(l)) {
					badIndex()
				}
				return l[i]
			}},
			{sig: "X509Extension this[string oid]", get: func(_ *frame, a []any) any {
				for _, e := range a[0].(*extensionList).list {
					if e.Id.String() == text(a, 1) || oidNames[e.Id.String()] == text(a, 1) {
						return e
					}
				}
				return nil
			}},
		}},
		{decl: "static " + certificateSpace + "RSACertificateExtensions", rows: []row{
			{sig: "static RSA GetRSAPublicKey(this X509Certificate2 c)", get: func(_ *frame, a []any) any { return rsaPublic(arg[*Certificate](a, 0).X509.PublicKey) }},
			{sig: "static RSA GetRSAPrivateKey(this X509Certificate2 c)", get: func(_ *frame, a []any) any { return rsaPrivate(arg[*Certificate](a, 0)) }},
		}},
	}
}

type extensionList struct{ list []*certificateExtension }

func rsaPublic(key any) any {
	k, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil
	}
	return &rsaKey{public: k}
}

func rsaPrivate(c *Certificate) any {
	k, ok := c.Key.(*rsa.PrivateKey)
	if !ok {
		return nil
	}
	return &rsaKey{private: k, public: &k.PublicKey}
}

func extensionsOf(v any) any {
	c := v.(*Certificate).X509
	out := &extensionList{}
	for _, e := range c.Extensions {
		out.list = append(out.list, &certificateExtension{e, c})
	}
	return out
}

func publicKeyOf(v any) any {
	c := v.(*Certificate).X509
	p := &publicKey{key: c.PublicKey}
	if _, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &p.info); err != nil {
		cryptoFailed(err)
	}
	return p
}

// format writes the names of a subject, and any other extension as hexadecimal.
func (e *certificateExtension) format(lines bool) string {
	var parts []string
	if e.Id.String() == "2.5.29.17" {
		for _, n := range e.of.DNSNames {
			parts = append(parts, "DNS Name="+n)
		}
		for _, n := range e.of.EmailAddresses {
			parts = append(parts, "RFC822 Name="+n)
		}
		for _, n := range e.of.URIs {
			parts = append(parts, "URL="+n.String())
		}
		for _, n := range e.of.IPAddresses {
			parts = append(parts, "IP Address="+n.String())
		}
		if lines {
			return strings.Join(parts, newline)
		}
		return strings.Join(parts, ", ")
	}
	for _, b := range e.Value {
		parts = append(parts, hex.EncodeToString([]byte{b}))
	}
	return strings.Join(parts, " ")
}

// signatureAlgorithm is the name of how the certificate was signed.
func signatureAlgorithm(v any) any {
	var outer struct {
		Body      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(v.(*Certificate).X509.Raw, &outer); err != nil {
		cryptoFailed(err)
	}
	return namedOid(outer.Algorithm.Algorithm)
}

// keyAlgorithm is GetKeyAlgorithm: the identifier of the key's kind.
func keyAlgorithm(c *x509.Certificate) string {
	switch c.PublicKey.(type) {
	case *rsa.PublicKey:
		return "1.2.840.113549.1.1.1"
	case *ecdsa.PublicKey:
		return "1.2.840.10045.2.1"
	}
	return ""
}
