package expr

import (
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

const certificateSpace = cryptoSpace + "X509Certificates."

// distinguishedName is X500DistinguishedName.
type distinguishedName string

// String is the name.
func (d distinguishedName) String() string { return string(d) }

func certificateTypes() []typeRow {
	return []typeRow{
		{decl: "class " + certificateSpace + "X500DistinguishedName", is: instance[distinguishedName], rows: []row{
			{sig: "string Name", get: func(v any) string { return string(v.(distinguishedName)) }},
		}},
		{decl: "enum " + certificateSpace + "X509NameType", enum: "SimpleName EmailName UpnName DnsName DnsFromAlternativeName UrlName"},
		{decl: "enum " + certificateSpace + "X509ContentType", enum: "Unknown Cert SerializedCert Pfx SerializedStore Pkcs7 Authenticode"},
		{decl: "enum " + certificateSpace + "X509KeyStorageFlags", enum: "DefaultKeySet UserKeySet MachineKeySet Exportable=4 UserProtected=8 PersistKeySet=16 EphemeralKeySet=32"},
		{decl: "class " + certificateSpace + "X509Certificate : IDisposable", is: instance[*Certificate], rows: baseCertificateRows()},
		{decl: "class " + certificateSpace + "X509Certificate2 : X509Certificate", is: instance[*Certificate], rows: certificateRows()},
	}
}

// ofCertificate reads a text of a certificate.
func ofCertificate(f func(*x509.Certificate) string) func(any) string {
	return func(v any) string { return f(v.(*Certificate).X509) }
}

// callCertificate is the same as a method.
func callCertificate(f func(*x509.Certificate) string) tableFunc {
	return func(_ *frame, a []any) any { return f(a[0].(*Certificate).X509) }
}

func subjectOf(c *x509.Certificate) string { return DistinguishedName(&c.Subject) }
func issuerOf(c *x509.Certificate) string  { return DistinguishedName(&c.Issuer) }

func baseCertificateRows() []row {
	date := func(t time.Time) string { return t.UTC().Format("01/02/2006 15:04:05") }
	return []row{
		{sig: "string Subject", get: ofCertificate(subjectOf)}, {sig: "string Issuer", get: ofCertificate(issuerOf)},
		{sig: "string GetCertHashString()", get: callCertificate(Thumbprint)},
		{sig: "byte[] GetCertHash()", get: func(_ *frame, a []any) any { b, _ := hex.DecodeString(a[0].(*Certificate).Thumbprint()); return b }},
		{sig: "string GetSerialNumberString()", get: callCertificate(SerialNumber)},
		{sig: "string GetEffectiveDateString()", get: callCertificate(func(c *x509.Certificate) string { return date(c.NotBefore) })},
		{sig: "string GetExpirationDateString()", get: callCertificate(func(c *x509.Certificate) string { return date(c.NotAfter) })},
		{sig: "byte[] GetPublicKey()", get: func(_ *frame, a []any) any { return publicKeyOf(a[0]).(*publicKey).info.Key.Bytes }},
		{sig: "string GetPublicKeyString()", get: func(_ *frame, a []any) any {
			return strings.ToUpper(hex.EncodeToString(publicKeyOf(a[0]).(*publicKey).info.Key.Bytes))
		}},
		{sig: "string GetKeyAlgorithm()", get: callCertificate(keyAlgorithm)},
		{sig: "string GetFormat()", get: callCertificate(func(*x509.Certificate) string { return "X509" })},
		{sig: "byte[] GetSerialNumber()", get: func(_ *frame, a []any) any {
			b, _ := hex.DecodeString(SerialNumber(a[0].(*Certificate).X509))
			slices.Reverse(b)
			return b
		}},
		{sig: "byte[] GetRawCertData()", get: func(_ *frame, a []any) any { return a[0].(*Certificate).X509.Raw }},
		{sig: "string GetRawCertDataString()", get: callCertificate(func(c *x509.Certificate) string { return strings.ToUpper(hex.EncodeToString(c.Raw)) })},
	}
}

func certificateRows() []row {
	return []row{
		{sig: "new(byte[] b)", get: readCertificate}, {sig: "new(byte[] b, string? password)", get: readCertificate},
		{sig: "new(byte[] b, string? password, X509KeyStorageFlags f)", get: readCertificate},
		{sig: "string Thumbprint", get: ofCertificate(Thumbprint)},
		{sig: "string SerialNumber", get: ofCertificate(SerialNumber)},
		{sig: "string FriendlyName", get: ofCertificate(func(*x509.Certificate) string { return "" })},
		{sig: "X500DistinguishedName SubjectName", get: func(v any) any { return distinguishedName(subjectOf(v.(*Certificate).X509)) }},
		{sig: "X500DistinguishedName IssuerName", get: func(v any) any { return distinguishedName(issuerOf(v.(*Certificate).X509)) }},
		{sig: "int Version", get: func(v any) int64 { return int64(v.(*Certificate).X509.Version) }},
		{sig: "DateTime NotBefore", get: func(v any) any { return NewDateTime(v.(*Certificate).X509.NotBefore) }},
		{sig: "DateTime NotAfter", get: func(v any) any { return NewDateTime(v.(*Certificate).X509.NotAfter) }},
		{sig: "byte[] RawData", get: func(v any) any { return v.(*Certificate).X509.Raw }},
		{sig: "bool HasPrivateKey", get: func(v any) bool { return v.(*Certificate).Key != nil }},
		{sig: "string GetNameInfo(X509NameType t, bool issuer)", get: func(_ *frame, a []any) any {
			return nameInfo(a[0].(*Certificate).X509, num(a, 1), a[2].(bool))
		}},
		{sig: "bool Verify()", get: func(f *frame, a []any) any { return verifyCertificate(f, a[0].(*Certificate), true) }},
		{sig: "bool VerifyNoRevocation()", get: func(f *frame, a []any) any { return verifyCertificate(f, a[0].(*Certificate), false) }},
		{sig: "AsymmetricAlgorithm PrivateKey", get: func(v any) any { return rsaPrivate(v.(*Certificate)) }},
		{sig: "PublicKey PublicKey", get: publicKeyOf},
		{sig: "X509ExtensionCollection Extensions", get: extensionsOf},
		{sig: "Oid SignatureAlgorithm", get: signatureAlgorithm},
		{sig: "byte[] Export(X509ContentType t)", get: exportCertificate}, {sig: "byte[] Export(X509ContentType t, string? password)", get: exportCertificate},
	}
}

// exportCertificate gives the certificate as DER. A private key never leaves
// the gateway, so the forms that would hold one are refused.
func exportCertificate(_ *frame, a []any) any {
	if num(a, 1) != 1 {
		throw(cryptoSpace+"CryptographicException", "A certificate can be exported as X509ContentType.Cert only.")
	}
	return a[0].(*Certificate).X509.Raw
}

func readCertificate(f *frame, a []any) any {
	f.step(1000)
	b, password := arg[[]byte](a, 0), ""
	if len(a) > 1 && a[1] != nil {
		password = text(a, 1)
	}
	c, err := ParseCertificate(b, password)
	if err != nil {
		throw(cryptoSpace+"CryptographicException", "The certificate could not be read: %s.", err)
	}
	return c
}

// nameInfo is one name of the subject or the issuer.
func nameInfo(c *x509.Certificate, kind int64, issuer bool) string {
	name, common := &c.Subject, c.Subject.CommonName
	emails, hosts, links := c.EmailAddresses, c.DNSNames, c.URIs
	if issuer {
		name, common, emails, hosts, links = &c.Issuer, c.Issuer.CommonName, nil, nil, nil
	}
	switch {
	case kind == 1 && len(emails) > 0:
		return emails[0]
	case kind == 1 || kind == 2: // UPN stands in a name form that is not decoded
		return ""
	case (kind == 3 || kind == 4) && len(hosts) > 0:
		return hosts[0]
	case kind == 4:
		return ""
	case kind == 5:
		if len(links) == 0 {
			return ""
		}
		return links[0].String()
	case common != "":
		return common
	}
	for i := len(name.Names) - 1; i >= 0; i-- {
		if t := attributeNames[name.Names[i].Type.String()]; t == "OU" || t == "O" || t == "E" {
			return ToString(name.Names[i].Value)
		}
	}
	return ""
}

// verifyCertificate asks the gateway's trust; without one nothing is trusted
// but what the system trusts, and nothing is known of revocation.
func verifyCertificate(f *frame, c *Certificate, revocation bool) bool {
	f.step(1000)
	now := f.ctx.Now()
	if f.ctx.Deployment == nil || f.ctx.Deployment.Trust == nil {
		_, err := c.X509.Verify(x509.VerifyOptions{CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		return err == nil && !revocation
	}
	trust := f.ctx.Deployment.Trust
	chains, err := trust.Chains(c, now)
	if err != nil {
		return false
	}
	for _, chain := range chains {
		if !revocation || trust.CheckRevocation(chain, now) == nil {
			return true
		}
	}
	return false
}
