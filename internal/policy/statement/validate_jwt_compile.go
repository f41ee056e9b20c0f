package statement

import (
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"strings"

	"gatehouse/internal/policy"
)

func validateJWT() *policy.Definition {
	return &policy.Definition{Name: "validate-jwt", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"header-name", "query-parameter-name", "token-value", "failed-validation-httpcode",
			"failed-validation-error-message", "require-expiration-time", "require-scheme", "require-signed-tokens",
			"clock-skew", "output-token-variable-name"},
		Compile: compileValidateJWT}
}

func compileValidateJWT(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "openid-config", "issuer-signing-keys", "decryption-keys", "audiences", "issuers", "required-claims")
	s := &validateJWTStatement{
		source: e.Name, code: k.Int(e, "failed-validation-httpcode", 401), message: k.String(e, "failed-validation-error-message", ""),
		customMessage: e.Attr("failed-validation-error-message") != nil,
		requireExpiry: k.Bool(e, "require-expiration-time", true), requireSigned: k.Bool(e, "require-signed-tokens", true),
		scheme: k.String(e, "require-scheme", ""), skew: k.Int(e, "clock-skew", 0), variable: k.Literal(e, "output-token-variable-name", ""),
	}
	checkFailureCode(k, e, s)
	s.compileSource(k, e)
	for _, c := range e.Children {
		if c.Name == "openid-config" {
			checkAttributes(k, c, "url")
			s.discovery = append(s.discovery, required(k, c, "url"))
		}
	}
	s.keys = compileKeys(k, only(k, e, "issuer-signing-keys"), true)
	s.decryption = compileKeys(k, only(k, e, "decryption-keys"), false)
	s.audiences = compileList(k, e, "audiences", "audience")
	s.issuers = compileList(k, e, "issuers", "issuer")
	s.claims = compileClaims(k, only(k, e, "required-claims"))
	if len(s.discovery) == 0 && only(k, e, "issuer-signing-keys") == nil && !s.requireSigned.Dynamic() && s.requireSigned.Literal {
		k.Errorf(e.Pos, "<validate-jwt> needs <openid-config> or <issuer-signing-keys>: without keys no token is valid")
	}
	return s
}

func checkFailureCode(k *policy.Compiler, e *policy.Element, s *validateJWTStatement) {
	if a := e.Attr("failed-validation-httpcode"); a != nil && s.code.Known() && !validStatus(s.code.Literal) {
		k.Errorf(a.Value.Pos, "failed-validation-httpcode=%q: expected a status code from 100 to 999", a.Value.Text)
	}
}

// compileSource reads where the token is.
func (s *validateJWTStatement) compileSource(k *policy.Compiler, e *policy.Element) {
	count := 0
	for _, source := range []struct {
		name string
		into **policy.String
	}{{"header-name", &s.header}, {"query-parameter-name", &s.query}, {"token-value", &s.token}} {
		if e.Attr(source.name) == nil {
			continue
		}
		v := k.String(e, source.name, "")
		*source.into = &v
		if count++; count > 1 {
			k.Errorf(e.Attr(source.name).Pos, "<%s> takes one of header-name, query-parameter-name and token-value", e.Name)
		}
	}
	if count == 0 {
		k.Errorf(e.Pos, "<validate-jwt> needs header-name, query-parameter-name or token-value")
	}
}

// compileList compiles a list such as audiences > audience.
func compileList(k *policy.Compiler, e *policy.Element, list, item string) []policy.String {
	c := only(k, e, list)
	if c == nil {
		return nil
	}
	checkAttributes(k, c)
	checkChildren(k, c, item)
	out := texts(k, c, item)
	if len(out) == 0 {
		k.Errorf(c.Pos, "<%s> needs at least one <%s>", list, item)
	}
	return out
}

// compileKeys compiles the keys of a list. Public keys can verify, not decrypt.
func compileKeys(k *policy.Compiler, e *policy.Element, public bool) []jwtKey {
	if e == nil {
		return nil
	}
	checkAttributes(k, e)
	checkChildren(k, e, "key")
	var out []jwtKey
	for _, c := range e.Children {
		if c.Name != "key" {
			continue
		}
		checkAttributes(k, c, "id", "certificate-id", "n", "e")
		checkChildren(k, c)
		if key, ok := compileKey(k, c, public); ok {
			out = append(out, key)
		}
	}
	if len(e.Children) == 0 {
		k.Errorf(e.Pos, "<%s> needs at least one <key>", e.Name)
	}
	return out
}

func compileKey(k *policy.Compiler, e *policy.Element, public bool) (jwtKey, bool) {
	id := k.Literal(e, "id", "")
	if a := e.Attr("certificate-id"); a != nil {
		return compileCertificateKey(k, a, id, public)
	}
	if e.Attr("n") != nil || e.Attr("e") != nil {
		if !public {
			k.Errorf(e.Pos, "n and e are a public key, which decrypts nothing; give a Base64 key")
			return jwtKey{}, false
		}
		return compileRSA(k, e, id)
	}
	k.Reads(e.Text)
	if e.Text.Expression {
		k.Errorf(e.Text.Pos, "<key> takes no expression")
		return jwtKey{}, false
	}
	secret, ok := decodeBase64(e.Text.Text)
	switch {
	case !ok && strings.HasPrefix(e.Text.Text, "{") && strings.HasSuffix(e.Text.Text, "}") && !e.Text.Secret:
		k.Warnf(e.Text.Pos, "<key> holds the placeholder %s: no token is valid before a Base64 key stands in its place", e.Text.Text)
		return jwtKey{}, false
	case !ok:
		k.Errorf(e.Pos, "<key> needs a key in Base64")
		return jwtKey{}, false
	}
	return jwtKey{id: id, key: secret}, true
}

// compileCertificateKey takes the public key of a certificate of the service,
// or its private key for decryption.
func compileCertificateKey(k *policy.Compiler, a *policy.Attr, id string, public bool) (jwtKey, bool) {
	if a.Value.Expression {
		k.Errorf(a.Value.Pos, "certificate-id takes no expression")
		return jwtKey{}, false
	}
	c := serviceCertificate(k, a, !public)
	switch {
	case c == nil:
		return jwtKey{}, false
	case public && kindOf(c.X509.PublicKey) == 0:
		k.Errorf(a.Value.Pos, "certificate-id: the key of the certificate is neither RSA nor of an elliptic curve")
		return jwtKey{}, false
	case public:
		return jwtKey{id: id, key: c.X509.PublicKey}, true
	}
	if _, ok := c.Key.(*rsa.PrivateKey); !ok {
		k.Errorf(a.Value.Pos, "certificate-id: only an RSA key decrypts tokens; the certificate has another kind")
		return jwtKey{}, false
	}
	return jwtKey{id: id, key: c.Key}, true
}

func compileRSA(k *policy.Compiler, e *policy.Element, id string) (jwtKey, bool) {
	n, okN := decodeBase64(requiredLiteral(k, e, "n"))
	exponent, okE := decodeBase64(requiredLiteral(k, e, "e"))
	if !okN || !okE || len(exponent) > 4 {
		if e.Attr("n") != nil && e.Attr("e") != nil {
			k.Errorf(e.Pos, "<key> needs n and e in Base64url")
		}
		return jwtKey{}, false
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(exponent).Int64())}
	if key.N.BitLen() < 1024 || key.E < 3 || key.E%2 == 0 {
		k.Errorf(e.Pos, "n and e are no RSA key of 1024 bits or more")
		return jwtKey{}, false
	}
	return jwtKey{id: id, key: key}, true
}

// decodeBase64 reads both alphabets, with and without padding.
func decodeBase64(text string) ([]byte, bool) {
	text = strings.Map(func(r rune) rune {
		switch r {
		case '-':
			return '+'
		case '_':
			return '/'
		case '=', '\n', '\r', ' ', '\t':
			return -1
		}
		return r
	}, text)
	b, err := base64.RawStdEncoding.DecodeString(text)
	return b, err == nil && len(b) > 0
}
