package statement

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// token is a token whose signature may not be checked yet.
type token struct {
	raw, algorithm, keyID, signature string
	claims                           map[string]any
}

// jwtKey is a key with the id that tokens name it by, "" for any.
type jwtKey struct {
	id        string
	algorithm string // the only one that it is for, "" for any of its kind
	key       any    // []byte, *rsa.PublicKey or *ecdsa.PublicKey
}

// maxToken bounds what is decoded before the signature is checked.
const maxToken = 64 << 10

// parseToken reads a signed token, or an unsigned one in three parts.
func parseToken(raw string) (*token, error) {
	malformed := refuseToken("JwtInvalid", "The token is not a JWT. Access denied.")
	parts := strings.Split(raw, ".")
	if len(parts) != 3 || len(raw) > maxToken {
		return nil, malformed
	}
	var head struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
	}
	t := &token{raw: raw, signature: parts[2]}
	if !decodePart(parts[0], &head) || !decodePart(parts[1], &t.claims) || t.claims == nil {
		return nil, malformed
	}
	t.algorithm, t.keyID = head.Algorithm, head.KeyID
	if strings.EqualFold(t.algorithm, "none") {
		t.algorithm = "none"
	} else if keyKind(t.algorithm) == 0 {
		return nil, refuseToken("JwtInvalid", "The signature algorithm of the token is not supported. Access denied.")
	}
	return t, nil
}

func decodePart(part string, into any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(into) == nil
}

// kind of a key. A token's algorithm decides which kind may verify it, so that
// a public key is never taken for a secret.
type kind uint8

const (
	secretKey kind = iota + 1
	rsaKey
	ecKey
)

func keyKind(algorithm string) kind {
	switch jose.SignatureAlgorithm(algorithm) {
	case jose.HS256, jose.HS384, jose.HS512:
		return secretKey
	case jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512:
		return rsaKey
	case jose.ES256, jose.ES384, jose.ES512:
		return ecKey
	}
	return 0
}

func kindOf(key any) kind {
	switch key.(type) {
	case []byte:
		return secretKey
	case *rsa.PublicKey:
		return rsaKey
	case *ecdsa.PublicKey:
		return ecKey
	}
	return 0
}

// publishedKey takes a key of a discovery document: public keys for signatures.
func publishedKey(k *jose.JSONWebKey) (jwtKey, bool) {
	if k.Use == "enc" || k.Key == nil {
		return jwtKey{}, false
	}
	switch kindOf(k.Key) {
	case rsaKey, ecKey:
		return jwtKey{id: k.KeyID, algorithm: k.Algorithm, key: k.Key}, true
	}
	return jwtKey{}, false
}

// candidateKeys are the keys that may have made the token's signature.
func candidateKeys(t *token, keys []jwtKey) []any {
	var out []any
	want := keyKind(t.algorithm)
	for i := range keys {
		k := &keys[i]
		if kindOf(k.key) != want || k.algorithm != "" && k.algorithm != t.algorithm {
			continue
		}
		if t.keyID == "" || k.id == "" || k.id == t.keyID {
			out = append(out, k.key)
		}
	}
	return out
}

// text gives a claim that is a text, "" for all else.
func (t *token) text(name string) string {
	s, _ := t.claims[name].(string)
	return s
}

// values gives a claim as texts: one, or those of a list.
func (t *token) values(name string) []string {
	switch v := t.claims[name].(type) {
	case nil:
		return nil
	case []any:
		out := make([]string, 0, len(v))
		for _, one := range v {
			out = append(out, claimText(one))
		}
		return out
	default:
		return []string{claimText(v)}
	}
}

func claimText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	case nil:
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// time gives a claim in seconds since 1970, and whether it is there.
func (t *token) time(name string) (at time.Time, found bool, err error) {
	v, found := t.claims[name]
	if !found || v == nil {
		return at, false, nil
	}
	n, ok := v.(json.Number)
	if !ok {
		return at, true, refuseToken("JwtInvalid", "The claim "+name+" is not a time. Access denied.")
	}
	seconds, err := n.Float64()
	if err != nil || math.Abs(seconds) > 1<<40 {
		return at, true, refuseToken("JwtInvalid", "The claim "+name+" is not a time. Access denied.")
	}
	return time.Unix(int64(seconds), 0), true, nil
}
