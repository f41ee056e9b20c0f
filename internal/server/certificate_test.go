package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"gatehouse/internal/apim"
)

func TestCertificatesOfTheSettings(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(5), Subject: pkix.Name{CommonName: "c"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(key)
	pfx, err := pkcs12.Modern.Encode(key, leaf, []*x509.Certificate{leaf}, "pass")
	if err != nil {
		t.Fatal(err)
	}
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	for name, text := range map[string]string{"both.pem": certificate + private, "cert.pem": certificate, "key.pem": private, "own.pfx": string(pfx), "password": "pass\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	s := &apim.Service{Certificates: []*apim.Certificate{{ID: "Folder", Thumbprint: strings.Repeat("A", 40)}}}
	err = addCertificates(s, []CertificateConfig{
		{ID: "folder", File: file("both.pem")}, {ID: "two-files", File: file("cert.pem"), KeyFile: file("key.pem")},
		{ID: "pfx", File: file("own.pfx"), Password: Secret{File: file("password")}}, {ID: "public", File: file("cert.pem")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Certificates) != 4 || s.Certificates[0].ID != "Folder" || len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0].Message, "which is used") {
		t.Errorf("%+v", s)
	}
	for _, c := range s.Certificates {
		if (c.KeyPEM != "") != (c.ID != "public") || len(c.Thumbprint) != 40 || !strings.HasPrefix(c.CertificatePEM, "-----BEGIN CERTIFICATE") {
			t.Errorf("%s: %+v", c.ID, c)
		}
	}
	err = addCertificates(s, []CertificateConfig{{ID: "a", File: file("missing")}, {ID: "b", File: file("own.pfx")}, {ID: "pfx", File: file("both.pem")}, {File: "x"}, {ID: "k", File: file("key.pem")}})
	for _, want := range []string{"certificates[0] a", "certificates[1] b", "the password is not correct", "there are two with the id pfx", "needs id and file", "holds no certificate"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}
