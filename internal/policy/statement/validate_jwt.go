package statement

import (
	"context"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// validateJWTStatement lets in requests with a valid token only.
type validateJWTStatement struct {
	source               string         // the element's name
	header, query, token *policy.String // one of them is set
	code                 policy.Int
	message              policy.String
	customMessage        bool
	requireExpiry        policy.Bool
	requireSigned        policy.Bool
	scheme               policy.String
	skew                 policy.Int // seconds
	variable             string
	discovery            []policy.String
	tenant               *entraTenant // of validate-azure-ad-token
	keys                 []jwtKey     // of the policy itself
	decryption           []jwtKey
	audiences            []policy.String
	issuers              []policy.String
	claims               []claimRule
}

// tokenFailure says why a token is refused.
type tokenFailure struct{ reason, message string }

func (f *tokenFailure) Error() string { return f.message }

func refuseToken(reason, message string) error { return &tokenFailure{reason, message} }

func (s *validateJWTStatement) Run(c *policy.Context) error {
	failure := s.validate(c)
	if failure == nil {
		return nil
	}
	f, ok := failure.(*tokenFailure)
	if !ok {
		return failure
	}
	code, err := s.code.Eval(c)
	if err != nil {
		return err
	}
	if !validStatus(code) {
		return invalid(c, s.source, "failed-validation-httpcode must be from 100 to 999.")
	}
	e := c.Fail(s.source, f.reason, f.message, int(code))
	if s.customMessage {
		if e.Body, err = s.message.Eval(c); err != nil {
			return err
		}
	}
	return e
}

// validate returns a *tokenFailure for a token that is refused.
func (s *validateJWTStatement) validate(c *policy.Context) error {
	text, err := s.find(c)
	if err != nil {
		return err
	}
	if strings.Count(text, ".") == 4 {
		if text, err = s.decrypt(text); err != nil {
			return err
		}
	}
	t, err := parseToken(text)
	if err != nil {
		return err
	}
	found, err := s.verify(c, t)
	if err != nil {
		return err
	}
	for _, check := range []func() error{
		func() error { return s.checkLifetime(c, t) },
		func() error { return s.checkAudience(c, t) },
		func() error { return s.checkIssuer(c, t, found) },
		func() error { return s.checkApplications(c, t) },
		func() error { return checkClaims(c, s.claims, t) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	if s.variable == "" {
		return nil
	}
	value, ok := expr.ParseJwt(text)
	if !ok {
		return refuseToken("JwtInvalid", "The token cannot be read. Access denied.")
	}
	c.Variables.Set(s.variable, value)
	return nil
}

const jwtNotPresent = "JWT not present."

// find gives the text of the token.
func (s *validateJWTStatement) find(c *policy.Context) (string, error) {
	text := ""
	switch {
	case s.token != nil:
		value, err := s.token.Eval(c)
		if err != nil {
			return "", err
		}
		text = strings.TrimSpace(value)
	case s.query != nil:
		name, err := s.query.Eval(c)
		if err != nil {
			return "", err
		}
		text, _ = parameter(c.Request.URL.RawQuery, name)
	default:
		name, err := s.header.Eval(c)
		if err != nil {
			return "", err
		}
		scheme, err := s.scheme.Eval(c)
		if err != nil {
			return "", err
		}
		text = tokenOfHeader(c.Request.Header.Get(name), name, scheme)
	}
	if text == "" {
		return "", refuseToken("TokenNotPresent", jwtNotPresent)
	}
	return text, nil
}

// tokenOfHeader takes the scheme off. A required scheme counts in the header
// Authorization only.
func tokenOfHeader(value, name, scheme string) string {
	value = strings.TrimSpace(value)
	first, rest, two := strings.Cut(value, " ")
	if scheme != "" && strings.EqualFold(name, "Authorization") {
		if !two || !strings.EqualFold(first, scheme) {
			return ""
		}
		return strings.TrimSpace(rest)
	}
	if two {
		return strings.TrimSpace(rest)
	}
	return value
}

// verify checks the signature and gives what the discovery documents told.
func (s *validateJWTStatement) verify(c *policy.Context, t *token) (found discovered, err error) {
	if t.algorithm == "none" {
		required, err := s.requireSigned.Eval(c)
		if err != nil {
			return found, err
		}
		if required || t.signature != "" {
			return found, refuseToken("TokenSignatureInvalid", "The token has no signature. Access denied.")
		}
		return s.discover(c, false)
	}
	if found, err = s.discover(c, false); err != nil {
		return found, err
	}
	candidates := candidateKeys(t, append(found.keys[:len(found.keys):len(found.keys)], s.keys...))
	if len(candidates) == 0 && (len(s.discovery) > 0 || s.tenant != nil) {
		if found, err = s.discover(c, true); err != nil {
			return found, err
		}
		candidates = candidateKeys(t, append(found.keys[:len(found.keys):len(found.keys)], s.keys...))
	}
	if len(candidates) == 0 && found.incomplete {
		return found, refuseToken("TokenSignatureKeyNotFound", "The signing keys of the issuer could not be read. Access denied.")
	}
	if len(candidates) == 0 {
		return found, refuseToken("TokenSignatureKeyNotFound", "No key fits the signature of the token. Access denied.")
	}
	signed, err := jose.ParseSignedCompact(t.raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(t.algorithm)})
	if err != nil {
		return found, refuseToken("JwtInvalid", "The token cannot be read. Access denied.")
	}
	for _, k := range candidates {
		if _, err := signed.Verify(k); err == nil {
			return found, nil
		}
	}
	return found, refuseToken("TokenSignatureInvalid", "The signature of the token is not valid. Access denied.")
}

// discovered is what discovery documents told.
type discovered struct {
	keys       []jwtKey
	issuers    []string
	incomplete bool // one of them could not be read
}

// discover reads the discovery documents.
func (s *validateJWTStatement) discover(c *policy.Context, refresh bool) (out discovered, err error) {
	urls, err := s.discoveryURLs(c)
	if err != nil {
		return out, err
	}
	for _, url := range urls {
		found, err := c.Services.Keys.Issuer(c.Std, url, refresh)
		if err != nil {
			if c.Std.Err() == context.Canceled {
				return out, policy.ErrClientClosed
			}
			c.Event(telemetry.SeverityWarning, s.source, "the keys of an issuer could not be read: "+err.Error(), nil)
			out.incomplete = true
			continue
		}
		if found.Issuer != "" {
			out.issuers = append(out.issuers, found.Issuer)
		}
		for j := range found.Keys.Keys {
			if k, ok := publishedKey(&found.Keys.Keys[j]); ok {
				out.keys = append(out.keys, k)
			}
		}
	}
	return out, nil
}

// discoveryURLs are the discovery documents of the issuers.
func (s *validateJWTStatement) discoveryURLs(c *policy.Context) ([]string, error) {
	if s.tenant != nil {
		return s.tenant.discovery(c)
	}
	urls := make([]string, len(s.discovery))
	for i := range s.discovery {
		var err error
		if urls[i], err = s.discovery[i].Eval(c); err != nil {
			return nil, err
		}
	}
	return urls, nil
}

func (s *validateJWTStatement) decrypt(text string) (string, error) {
	if len(s.decryption) == 0 {
		return "", refuseToken("JwtInvalid", "The token is encrypted and the policy has no decryption key. Access denied.")
	}
	encrypted, err := jose.ParseEncryptedCompact(text,
		[]jose.KeyAlgorithm{jose.DIRECT, jose.A128KW, jose.A192KW, jose.A256KW, jose.A128GCMKW, jose.A192GCMKW, jose.A256GCMKW,
			jose.RSA_OAEP, jose.RSA_OAEP_256},
		[]jose.ContentEncryption{jose.A128CBC_HS256, jose.A192CBC_HS384, jose.A256CBC_HS512, jose.A128GCM, jose.A192GCM, jose.A256GCM})
	if err != nil {
		return "", refuseToken("JwtInvalid", "The encrypted token cannot be read. Access denied.")
	}
	for _, k := range s.decryption {
		if k.id != "" && encrypted.Header.KeyID != "" && k.id != encrypted.Header.KeyID {
			continue
		}
		if plain, err := encrypted.Decrypt(k.key); err == nil {
			return string(plain), nil
		}
	}
	return "", refuseToken("JwtInvalid", "No key decrypts the token. Access denied.")
}
