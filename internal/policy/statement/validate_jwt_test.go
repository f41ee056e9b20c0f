package statement

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/policy"
)

var (
	testSecret = []byte("0123456789abcdef0123456789abcdef")
	future     = testTime.Unix() + 60
)

// jwtFixture makes keys once for all cases.
type jwtFixture struct {
	t      *testing.T
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey
	issuer *policy.Issuer
}

func newJWTFixture(t *testing.T) *jwtFixture {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &jwtFixture{t: t, rsa: r, ec: e, issuer: &policy.Issuer{Issuer: "https://login.example/", Keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{KeyID: "r1", Key: &r.PublicKey, Use: "sig"}, {KeyID: "e1", Key: &e.PublicKey, Algorithm: "ES256"}, {KeyID: "s1", Key: testSecret},
	}}}}
}

func (f *jwtFixture) sign(algorithm jose.SignatureAlgorithm, key any, id string, claims map[string]any) string {
	o := (&jose.SignerOptions{}).WithType("JWT")
	if id != "" {
		o = o.WithHeader("kid", id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, o)
	if err != nil {
		f.t.Fatal(err)
	}
	payload, _ := json.Marshal(claims)
	signed, err := signer.Sign(payload)
	if err != nil {
		f.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		f.t.Fatal(err)
	}
	return text
}

func unsigned(claims map[string]any) string {
	payload, _ := json.Marshal(claims)
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

func (f *jwtFixture) encrypt(text string) string {
	e, err := jose.NewEncrypter(jose.A128CBC_HS256, jose.Recipient{Algorithm: jose.DIRECT, Key: testSecret}, (&jose.EncrypterOptions{}).WithContentType("JWT"))
	if err != nil {
		f.t.Fatal(err)
	}
	out, err := e.Encrypt([]byte(text))
	if err != nil {
		f.t.Fatal(err)
	}
	compact, err := out.CompactSerialize()
	if err != nil {
		f.t.Fatal(err)
	}
	return compact
}

// run sends a token through a validate-jwt with the given attributes and
// children and gives the reason of the refusal, "" when the token is let in.
func (f *jwtFixture) run(attributes, children, header string) string {
	g := newCase(f.t, map[string]string{
		"policy.xml": "<policies><inbound><base/><validate-jwt " + attributes + ">" + children + "</validate-jwt></inbound></policies>",
		"request":    "GET /a?token=" + strings.TrimPrefix(header, "Bearer ") + " HTTP/1.1\nHost: gw.example\nAuthorization: " + header + "\n",
	})
	g.services.keys["https://login.example/config"] = f.issuer
	g.services.keys["https://many.example/config"] = &policy.Issuer{Issuer: "https://many.example/{tenantid}/", Keys: f.issuer.Keys}
	p := g.compile()
	if p == nil {
		f.t.Fatalf("does not compile: %s", g.out["messages"])
	}
	failure := p.Run(g.context(), fallback)
	if failure == nil {
		return ""
	}
	var e *policy.Error
	if !errors.As(failure, &e) || e.Source != "validate-jwt" {
		f.t.Fatalf("unexpected failure %v", failure)
	}
	return e.Reason
}

func TestValidateJWT(t *testing.T) {
	f := newJWTFixture(t)
	type claims = map[string]any
	const header = `header-name="Authorization"`
	secret := "<issuer-signing-keys><key>" + base64.StdEncoding.EncodeToString(testSecret) + "</key></issuer-signing-keys>"
	const openid = `<openid-config url="https://login.example/config"/>`
	const many = `<openid-config url="https://many.example/config"/>`
	n := base64.RawURLEncoding.EncodeToString(f.rsa.N.Bytes())
	e := base64.RawURLEncoding.EncodeToString(big.NewInt(int64(f.rsa.E)).Bytes())
	modulus := `<issuer-signing-keys><key n="` + n + `" e="` + e + `"/></issuer-signing-keys>`
	good := claims{"exp": future, "iss": "https://login.example/", "aud": []string{"a", "b"}, "scp": "read write", "roles": []string{"x", "y"}, "n": 5}
	with := func(changes claims) claims {
		out := claims{}
		for k, v := range good {
			out[k] = v
		}
		for k, v := range changes {
			if out[k] = v; v == nil {
				delete(out, k)
			}
		}
		return out
	}
	hs := func(c claims) string { return "Bearer " + f.sign(jose.HS256, testSecret, "", c) }
	publicAsSecret := f.rsa.N.Bytes()
	for _, test := range []struct {
		name, attributes, children, token, reason string
	}{
		{"secret", header, secret, hs(good), ""},
		{"without scheme", header, secret, strings.TrimPrefix(hs(good), "Bearer "), ""},
		{"scheme required", header + ` require-scheme="bearer"`, secret, hs(good), ""},
		{"scheme missing", header + ` require-scheme="Bearer"`, secret, strings.TrimPrefix(hs(good), "Bearer "), "TokenNotPresent"},
		{"query", `query-parameter-name="token"`, secret, hs(good), ""},
		{"absent query", `query-parameter-name="other"`, secret, hs(good), "TokenNotPresent"},
		{"wrong secret", header, "<issuer-signing-keys><key>AAAA</key></issuer-signing-keys>", hs(good), "TokenSignatureInvalid"},
		{"second key", header, strings.Replace(secret, "<key>", "<key>AAAA</key><key>", 1), hs(good), ""},
		{"key id fits", header, strings.Replace(secret, "<key>", `<key id="k">`, 1), "Bearer " + f.sign(jose.HS256, testSecret, "k", good), ""},
		{"key id differs", header, strings.Replace(secret, "<key>", `<key id="k">`, 1), "Bearer " + f.sign(jose.HS256, testSecret, "other", good), "TokenSignatureKeyNotFound"},
		{"tampered", header, secret, hs(good)[:60] + "x" + hs(good)[61:], "JwtInvalid|TokenSignatureInvalid"},
		{"expired", header, secret, hs(with(claims{"exp": testTime.Unix() - 5})), "TokenExpired"},
		{"clock skew", header + ` clock-skew="10"`, secret, hs(with(claims{"exp": testTime.Unix() - 5})), ""},
		{"no expiry", header, secret, hs(with(claims{"exp": nil})), "JwtInvalid"},
		{"no expiry wanted", header + ` require-expiration-time="false"`, secret, hs(with(claims{"exp": nil})), ""},
		{"expiry is text", header, secret, hs(with(claims{"exp": "soon"})), "JwtInvalid"},
		{"not yet", header, secret, hs(with(claims{"nbf": testTime.Unix() + 5})), "JwtInvalid"},
		{"none", header, secret, "Bearer " + unsigned(good), "TokenSignatureInvalid"},
		{"none, keys of an issuer", header, openid, "Bearer " + unsigned(good), "TokenSignatureInvalid"},
		{"none allowed", header + ` require-signed-tokens="false"`, "", "Bearer " + unsigned(good), ""},
		{"none with a signature", header + ` require-signed-tokens="false"`, "", "Bearer " + unsigned(good) + "AAAA", "TokenSignatureInvalid"},
		{"modulus", header, modulus, "Bearer " + f.sign(jose.RS256, f.rsa, "", good), ""},
		{"modulus, PS256", header, modulus, "Bearer " + f.sign(jose.PS256, f.rsa, "", good), ""},
		{"public key as secret", header, modulus, "Bearer " + f.sign(jose.HS256, publicAsSecret, "", good), "TokenSignatureKeyNotFound"},
		{"issuer", header, openid, "Bearer " + f.sign(jose.RS256, f.rsa, "r1", good), ""},
		{"issuer, without key id", header, openid, "Bearer " + f.sign(jose.RS256, f.rsa, "", good), ""},
		{"issuer, ES256", header, openid, "Bearer " + f.sign(jose.ES256, f.ec, "e1", good), ""},
		{"issuer, unknown key id", header, openid, "Bearer " + f.sign(jose.RS256, f.rsa, "r9", good), "TokenSignatureKeyNotFound"},
		{"issuer publishes a secret", header, openid, "Bearer " + f.sign(jose.HS256, testSecret, "s1", good), "TokenSignatureKeyNotFound"},
		{"issuer, wrong key", header, openid, "Bearer " + f.sign(jose.RS256, mustRSA(t), "r1", good), "TokenSignatureInvalid"},
		{"issuer differs", header, openid, "Bearer " + f.sign(jose.RS256, f.rsa, "r1", with(claims{"iss": "https://evil.example/"})), "TokenIssuerNotAllowed"},
		{"issuer unreachable", header, `<openid-config url="https://gone.example"/>`, "Bearer " + f.sign(jose.RS256, f.rsa, "r1", good), "TokenSignatureKeyNotFound"},
		{"issuer listed", header, secret + "<issuers><issuer>x</issuer><issuer>https://login.example/</issuer></issuers>", hs(good), ""},
		{"issuer not listed", header, secret + "<issuers><issuer>x</issuer></issuers>", hs(good), "TokenIssuerNotAllowed"},
		{"any tenant", header, many, "Bearer " + f.sign(jose.RS256, f.rsa, "r1", with(claims{"iss": "https://many.example/t1/", "tid": "t1"})), ""},
		{"tenant differs", header, many, "Bearer " + f.sign(jose.RS256, f.rsa, "r1", with(claims{"iss": "https://many.example/t1/", "tid": "t2"})), "TokenIssuerNotAllowed"},
		{"tenant not listed", header, many + "<issuers><issuer>https://many.example/t9/</issuer></issuers>", "Bearer " + f.sign(jose.RS256, f.rsa, "r1", with(claims{"iss": "https://many.example/t1/", "tid": "t1"})), "TokenIssuerNotAllowed"},
		{"audience", header, secret + "<audiences><audience>c</audience><audience>b</audience></audiences>", hs(good), ""},
		{"audience differs", header, secret + "<audiences><audience>A</audience></audiences>", hs(good), "TokenAudienceNotAllowed"},
		{"claim all", header, secret + `<required-claims><claim name="roles"><value>x</value><value>y</value></claim><claim name="n"><value>5</value></claim></required-claims>`, hs(good), ""},
		{"claim all fails", header, secret + `<required-claims><claim name="roles" match="all"><value>x</value><value>z</value></claim></required-claims>`, hs(good), "TokenClaimValueNotAllowed"},
		{"claim any", header, secret + `<required-claims><claim name="roles" match="any"><value>z</value><value>y</value></claim></required-claims>`, hs(good), ""},
		{"claim any fails", header, secret + `<required-claims><claim name="roles" match="any"><value>z</value></claim></required-claims>`, hs(good), "TokenClaimValueNotAllowed"},
		{"claim separator", header, secret + `<required-claims><claim name="scp" separator=" "><value>write</value></claim></required-claims>`, hs(good), ""},
		{"claim without separator", header, secret + `<required-claims><claim name="scp"><value>write</value></claim></required-claims>`, hs(good), "TokenClaimValueNotAllowed"},
		{"claim present", header, secret + `<required-claims><claim name="scp"/></required-claims>`, hs(good), ""},
		{"claim missing", header, secret + `<required-claims><claim name="gone"/><claim name="scp"><value>no</value></claim></required-claims>`, hs(good), "TokenClaimNotFound"},
		{"encrypted", header, secret + strings.ReplaceAll(secret, "issuer-signing-keys", "decryption-keys"), "Bearer " + f.encrypt(strings.TrimPrefix(hs(good), "Bearer ")), ""},
		{"encrypted without key", header, secret, "Bearer " + f.encrypt(strings.TrimPrefix(hs(good), "Bearer ")), "JwtInvalid"},
		{"encrypted, other key", header, secret + "<decryption-keys><key>AAAA</key></decryption-keys>", "Bearer " + f.encrypt(strings.TrimPrefix(hs(good), "Bearer ")), "JwtInvalid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inner := *f
			inner.t = t
			got := inner.run(test.attributes, test.children, test.token)
			if got != test.reason && (got == "" || !strings.Contains(test.reason, got)) {
				t.Errorf("reason %q, want %q", got, test.reason)
			}
		})
	}
}

func mustRSA(t *testing.T) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func FuzzParseToken(f *testing.F) {
	f.Add("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.AAAA")
	f.Add("..")
	f.Fuzz(func(t *testing.T, raw string) {
		tok, err := parseToken(raw)
		if err != nil {
			return
		}
		_, _, _ = tok.time("exp")
		_ = tok.values("aud")
	})
}
