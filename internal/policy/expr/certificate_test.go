package expr

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// fakeTrust trusts what it is told.
type fakeTrust struct{ chain, revocation error }

func (f fakeTrust) Chains(c *Certificate, _ time.Time) ([][]*x509.Certificate, error) {
	return [][]*x509.Certificate{{c.X509, c.X509}}, f.chain
}
func (f fakeTrust) CheckRevocation([]*x509.Certificate, time.Time) error { return f.revocation }

func selfSigned(t *testing.T, public, private any) *x509.Certificate {
	t.Helper()
	subject := pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
		{Type: []int{2, 5, 4, 6}, Value: "DE"}, {Type: []int{2, 5, 4, 8}, Value: "Bavaria"}, {Type: []int{2, 5, 4, 10}, Value: `Acme, "The" Inc`},
		{Type: []int{2, 5, 4, 3}, Value: "ada"}, {Type: []int{1, 2, 840, 113549, 1, 9, 1}, Value: "a@b.c"}}}
	template := &x509.Certificate{SerialNumber: big.NewInt(0xABCD), Subject: subject, DNSNames: []string{"ada.example"}, NotBefore: time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC), NotAfter: time.Date(2035, 1, 2, 3, 4, 5, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertificateMembers(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := selfSigned(t, &key.PublicKey, key)
	pfx, err := pkcs12.Modern.Encode(key, c, nil, "pass")
	if err != nil {
		t.Fatal(err)
	}
	ctx := testContext()
	ctx.Request.Certificate = &Certificate{X509: c}
	ctx.Deployment = &Deployment{Certificates: []NamedCertificate{{ID: "own", Certificate: &Certificate{X509: c, Key: key}}}, Trust: fakeTrust{}}
	ctx.Variables.Set("pfx", pfx)
	print := Thumbprint(c)
	const shown = `context.Request.Certificate`
	for text, want := range map[string]string{
		shown + ".Thumbprint": print,
		shown + ".Subject":    `E=a@b.c, CN=ada, O="Acme, ""The"" Inc", S=Bavaria, C=DE`,
		shown + ".SubjectName.Name == " + shown + ".Subject":   "True",
		shown + ".Issuer == " + shown + ".Subject":             "True",
		shown + ".SerialNumber":                                "00ABCD",
		shown + ".HasPrivateKey":                               "False",
		shown + `.NotAfter.ToString("yyyy-MM-dd")`:             "2035-01-02",
		shown + ".GetNameInfo(X509NameType.SimpleName, false)": "ada",
		shown + ".GetNameInfo(X509NameType.DnsName, false)":    "ada.example",
		shown + ".GetEffectiveDateString()":                    "01/02/2025 03:04:05",
		shown + ".Verify()":                                    "True",
		`Convert.ToBase64String(` + shown + `.Export(X509ContentType.Cert)) == Convert.ToBase64String(` + shown + `.RawData)`: "True",
		shown + ".PrivateKey == null": "True",
		`(context.Deployment.Certificates["own"].PrivateKey as RSA).VerifyData(new byte[1], ((RSA)context.Deployment.Certificates["own"].PrivateKey).SignData(new byte[1], HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)`: "True",
		shown + ".VerifyNoRevocation()":                                                                                                "True",
		`context.Deployment.Certificates["own"].HasPrivateKey`:                                                                         "True",
		`context.Deployment.Certificates.ContainsKey("other")`:                                                                         "False",
		`context.Deployment.Certificates.Any(c => c.Value.Thumbprint == context.Request.Certificate.Thumbprint)`:                       "True",
		`((RSACryptoServiceProvider)context.Deployment.Certificates["own"].PrivateKey).SignData(new byte[1], "SHA256").Length`:         "256",
		`RSACertificateExtensions.GetRSAPrivateKey(context.Deployment.Certificates["own"]).KeySize`:                                    "2048",
		shown + ".PublicKey.Oid.FriendlyName + " + shown + ".PublicKey.Key.KeySize":                                                    "RSA2048",
		shown + ".PublicKey.EncodedKeyValue.RawData.Length == " + shown + ".GetPublicKey().Length":                                     "True",
		"BitConverter.ToString(" + shown + ".PublicKey.EncodedParameters.RawData)":                                                     "05-00",
		shown + `.Extensions["2.5.29.17"].Format(false)`:                                                                               "DNS Name=ada.example",
		shown + `.Extensions["2.5.29.99"] == null`:                                                                                     "True",
		shown + `.Extensions.Count == ` + shown + `.Extensions.Count(e => e.RawData.Length > 0 && !e.Critical)`:                        "True",
		shown + `.Extensions[0].Oid.FriendlyName`:                                                                                      "Subject Alternative Name",
		shown + ".SignatureAlgorithm.FriendlyName + " + shown + ".GetKeyAlgorithm()":                                                   "sha256RSA1.2.840.113549.1.1.1",
		shown + ".GetPublicKeyString().Length == 2 * " + shown + ".GetPublicKey().Length":                                              "True",
		shown + ".GetFormat() + " + shown + ".GetSerialNumber()[0]":                                                                    "X509205",
		`new X509Certificate2((byte[])context.Variables["pfx"], "pass").Thumbprint == context.Request.Certificate.Thumbprint`:          "True",
		`new X509Certificate2((byte[])context.Variables["pfx"], "pass", X509KeyStorageFlags.MachineKeySet).GetRSAPrivateKey() != null`: "True",
		`context.Request.Certificate == null || !context.Request.Certificate.Verify()`:                                                 "False",
	} {
		if got := certificateText(t, ctx, text); got != want {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
	}
	p, failure := Compile(shown+".Export(X509ContentType.Pfx)", false, Any, Strict)
	if failure != nil {
		t.Fatal(failure)
	}
	if _, err := p.Any(ctx); err == nil || !strings.Contains(err.Error(), "X509ContentType.Cert only") {
		t.Errorf("export as PFX: %v", err)
	}
	ctx.Deployment.Trust = fakeTrust{revocation: errors.New("revoked")}
	if got := certificateText(t, ctx, shown+".Verify() + \" \" + "+shown+".VerifyNoRevocation()"); got != "False True" {
		t.Errorf("revoked: %s", got)
	}
	ctx.Deployment.Trust = fakeTrust{chain: errors.New("unknown authority")}
	if got := certificateText(t, ctx, shown+".VerifyNoRevocation()"); got != "False" {
		t.Errorf("untrusted: %s", got)
	}
}

func certificateText(t *testing.T, ctx *Context, text string) string {
	t.Helper()
	p, failure := Compile(text, false, Any, Strict)
	if failure != nil {
		t.Fatalf("%s: %v", text, failure)
	}
	v, err := p.Any(ctx)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return ToString(v)
}

func TestParseCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := selfSigned(t, key.Public(), key)
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	ec, _ := x509.MarshalECPrivateKey(key)
	foreign, _ := x509.MarshalPKCS8PrivateKey(other)
	one := block("CERTIFICATE", c.Raw)
	for name, in := range map[string]struct {
		data      string
		key, fail bool
		chain     int
	}{
		"DER": {data: string(c.Raw)}, "PEM": {data: one}, "with its key": {data: one + block("EC PRIVATE KEY", ec), key: true},
		"key first": {data: block("EC PRIVATE KEY", ec) + one, key: true}, "chain": {data: one + one, chain: 1},
		"another's key": {data: one + block("PRIVATE KEY", foreign), fail: true}, "no certificate": {data: block("EC PRIVATE KEY", ec), fail: true},
		"encrypted key": {data: one + block("ENCRYPTED PRIVATE KEY", ec[:20]), fail: true}, "garbage": {data: "garbage", fail: true}, "nothing": {fail: true},
	} {
		got, err := ParseCertificate([]byte(in.data), "")
		if (err != nil) != in.fail || err == nil && ((got.Key != nil) != in.key || len(got.Chain) != in.chain || !got.Same(c)) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	pfx, err := pkcs12.Legacy.Encode(key, c, []*x509.Certificate{c}, "pass")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseCertificate(pfx, "pass"); err != nil || got.Key == nil || len(got.Chain) != 1 {
		t.Errorf("PFX: %+v %v", got, err)
	}
	if _, err := ParseCertificate(pfx, "wrong"); err == nil {
		t.Error("a wrong password opens a PFX")
	}
}
