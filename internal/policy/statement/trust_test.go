package statement

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// trust reads the lines of context that say whom to trust and what others give:
//
//	issuer URL: ISSUER               discovery document with the key of testdata/signing-key.pem
//	identity RESOURCE [CLIENT]: TOKEN  of a managed identity; without such a line all get one
//	grant PROVIDER/AUTHORIZATION: TOKEN  of a connection
//	certificate ID: FILE [without-key]   of the service, from testdata/certificates
//	client-certificate: FILE             that the client showed
//	revoked: yes                         or unknown
//	logger ID: TYPE KEY=VALUE ...        with its credentials
//	address dapr: URL                    or dapr-token, event-hubs, service-bus
//
// What authority.pem signed is trusted.
func (g *goldenCase) trust(env *policy.Environment) {
	a := &env.Addresses
	for name, into := range map[string]*string{"dapr": &a.Dapr, "dapr-token": &a.DaprToken, "event-hubs": &a.EventHubs, "service-bus": &a.ServiceBus} {
		*into = g.settings["address "+name]
	}
	for key, value := range g.settings {
		if id, ok := strings.CutPrefix(key, "logger "); ok {
			if env.Service == nil {
				env.Service = &apim.Service{}
			}
			words := strings.Fields(value)
			one := &apim.Logger{ID: id, Type: words[0], Credentials: map[string]string{}}
			for _, w := range words[1:] {
				name, v, _ := strings.Cut(w, "=")
				one.Credentials[name] = v
			}
			env.Service.Loggers = append(env.Service.Loggers, one)
		}
		if id, ok := strings.CutPrefix(key, "certificate "); ok {
			if env.Service == nil {
				env.Service = &apim.Service{}
			}
			file, bare := strings.CutSuffix(value, " without-key")
			c := testCertificate(g.t, file)
			one := &apim.Certificate{ID: id, Thumbprint: c.Thumbprint(), CertificatePEM: readFile(g.t, "testdata/certificates/"+file)}
			if one.CertificatePEM, one.KeyPEM, _ = strings.Cut(one.CertificatePEM, "-----BEGIN PRIVATE"); one.KeyPEM != "" {
				one.KeyPEM = "-----BEGIN PRIVATE" + one.KeyPEM
			}
			if bare {
				one.KeyPEM = ""
			}
			env.Service.Certificates = append(env.Service.Certificates, one)
		}
		if url, ok := strings.CutPrefix(key, "issuer "); ok {
			k := signingKey(g.t)
			g.services.keys[url] = &policy.Issuer{Issuer: value, Keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{KeyID: "test", Key: &k.PublicKey, Use: "sig"}}}}
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func testCertificate(t *testing.T, file string) *expr.Certificate {
	t.Helper()
	c, err := expr.ParseCertificate([]byte(readFile(t, "testdata/certificates/"+file)), "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// certify fills what a context knows of certificates.
func (g *goldenCase) certify(c *policy.Context) {
	if file := g.settings["client-certificate"]; file != "" {
		c.Request.Certificate = testCertificate(g.t, file)
	}
	c.Deployment.Trust = testTrust{g}
	for key, value := range g.settings {
		if id, ok := strings.CutPrefix(key, "certificate "); ok {
			file, _, _ := strings.Cut(value, " ")
			c.Deployment.Certificates = append(c.Deployment.Certificates, expr.NamedCertificate{ID: id, Certificate: testCertificate(g.t, file)})
		}
	}
}

// testTrust trusts authority.pem and knows what the case says of revocation.
type testTrust struct{ g *goldenCase }

func (t testTrust) Chains(c *expr.Certificate, at time.Time) ([][]*x509.Certificate, error) {
	roots := x509.NewCertPool()
	roots.AddCert(testCertificate(t.g.t, "authority.pem").X509)
	return c.X509.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
}

func (t testTrust) CheckRevocation([]*x509.Certificate, time.Time) error {
	switch t.g.settings["revoked"] {
	case "yes":
		return errors.New("a certificate is revoked")
	case "unknown":
		return errors.New("nothing is known")
	}
	return nil
}

func signingKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode([]byte(readFile(t, "testdata/signing-key.pem")))
	k, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var claimsToSign = regexp.MustCompile(`\$JW[TE](\{.*\})`)

// signTokens replaces $JWT{claims} of a request by a token, and $JWE{claims} by
// one that is encrypted for service.pem.
func signTokens(t *testing.T, request string) string {
	return claimsToSign.ReplaceAllStringFunc(request, func(m string) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: signingKey(t), KeyID: "test"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign([]byte(m[len("$JWT"):]))
		if err != nil {
			t.Fatal(err)
		}
		text, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(m, "$JWE") {
			return encryptToken(t, text)
		}
		return text
	})
}

func encryptToken(t *testing.T, text string) string {
	t.Helper()
	e, err := jose.NewEncrypter(jose.A256CBC_HS512, jose.Recipient{Algorithm: jose.RSA_OAEP, Key: testCertificate(t, "service.pem").X509.PublicKey, KeyID: "enc"}, (&jose.EncrypterOptions{}).WithContentType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Encrypt([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := out.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// fakeTokens gives the tokens of the case's context.
type fakeTokens struct{ g *goldenCase }

func (f fakeTokens) Token(ctx context.Context, resource, client string) (string, error) {
	if v, ok := f.g.settings[strings.TrimSpace("identity "+resource+" "+client)]; ok {
		return v, nil
	}
	for key := range f.g.settings {
		if strings.HasPrefix(key, "identity ") {
			return "", errors.New("managed identities are not configured")
		}
	}
	return namedTokens{}.Token(ctx, resource, client)
}

func (f fakeTokens) Grant(_ context.Context, q policy.GrantQuery) (*expr.Authorization, error) {
	v, ok := f.g.settings["grant "+q.Provider+"/"+q.Authorization]
	if !ok || q.IdentityType == "jwt" && q.Identity != "a-friend" {
		return nil, errors.New("the connection is not configured")
	}
	return &expr.Authorization{AccessToken: v, Claims: []expr.Claim{{Name: "scope", Value: "repo"}, {Name: "expires_in", Value: int64(3600)}}}, nil
}

// writeWay shows how a request goes out when that is not the ordinary way.
func writeWay(b *strings.Builder, p *policy.Proxy, c *policy.ClientCertificate) {
	if p != nil {
		fmt.Fprintf(b, "# proxy %s user %q password %q\n", p.URL.String(), p.Username, p.Password)
	}
	if c != nil {
		fmt.Fprintf(b, "# certificate %s\n", c.Key)
	}
}
