// Package verify recognises callers by tokens: JSON Web Tokens of the issuers that
// the settings name, and of the own one.
//
// What comes in: the text of a token, from anybody. What goes out: the caller that
// it proves, or why it proves none. It must never take a key or an algorithm from
// the token itself, ask an issuer for keys more often than every half minute, or
// repeat a token in an error.
package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/identity"
)

// Bounds of tokens.
const (
	maxToken  = 16 << 10
	maxGroups = 1000
	skew      = time.Minute // between the clocks of the issuer and here
)

// algorithms are those with a public key: a signature that anybody with the public
// key could make, or none, proves nothing.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}
}

// Issuer is one whose tokens are believed.
type Issuer struct {
	Name      string   // in rules
	URL       string   // claim iss, and where it is discovered
	Audiences []string // one of which a token must be for
	Tenants   []string // claim tid; none: any
	Subject   string   // claim with the id of the principal; "": oid, else sub
	Groups    string   // claim with the names of groups; "": groups
	// Keys gives the keys of the own issuer; nil: they are fetched.
	Keys   func() jose.JSONWebKeySet
	Client *http.Client // nil: http.DefaultClient
}

// Verifier is safe for concurrent use.
type Verifier struct {
	issuers map[string]*trusted // by claim iss
	now     func() time.Time
}

type trusted struct {
	Issuer
	verifier *oidc.IDTokenVerifier
}

// New makes a verifier; it asks nobody yet.
func New(list []Issuer, now func() time.Time) (*Verifier, error) {
	v := &Verifier{issuers: map[string]*trusted{}, now: now}
	for _, one := range list {
		switch {
		case one.URL == "" || one.Name == "":
			return nil, fmt.Errorf("an issuer needs a name and a URL")
		case len(one.Audiences) == 0:
			return nil, fmt.Errorf("issuer %s: name at least one audience: tokens for others must not open this door", one.Name)
		case v.issuers[one.URL] != nil:
			return nil, fmt.Errorf("issuer %s is there twice", one.URL)
		}
		var keys oidc.KeySet
		if one.Keys != nil {
			keys = ownKeys(one.Keys)
		} else {
			keys = newRemoteKeys(one.URL, one.Client, now)
		}
		var names []string
		for _, a := range algorithms() {
			names = append(names, string(a))
		}
		v.issuers[one.URL] = &trusted{Issuer: one, verifier: oidc.NewVerifier(one.URL, keys,
			// Audience and times are checked below, for several audiences and with a skew.
			&oidc.Config{SkipClientIDCheck: true, SkipExpiryCheck: true, SupportedSigningAlgs: names, Now: now})}
	}
	return v, nil
}

// claims are what a token says.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Object    string   `json:"oid"`
	Tenant    string   `json:"tid"`
	Expiry    *float64 `json:"exp"`
	NotBefore float64  `json:"nbf"`
}

// ErrRefused is about a token that proves nobody.
var ErrRefused = errors.New("the token is refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// Looks says whether a text may be a JSON Web Token.
func Looks(token string) bool { return strings.Count(token, ".") == 2 }

// Verify gives the caller that a token proves.
func (v *Verifier) Verify(ctx context.Context, token string) (*identity.Caller, error) {
	t, err := v.issuerOf(token)
	if err != nil {
		return nil, err
	}
	return v.by(ctx, t, token)
}

// Subject verifies a token of one issuer for other audiences than those of the
// door, and gives its subject: such a token stands for a secret.
func (v *Verifier) Subject(ctx context.Context, issuer, token string, audiences []string) (string, error) {
	t, err := v.issuerOf(token)
	if err != nil {
		return "", err
	}
	if t.Name != issuer {
		return "", refuse("it is of issuer %s", t.Name)
	}
	other := *t
	other.Audiences, other.Issuer.Subject = audiences, "sub"
	caller, err := v.by(ctx, &other, token)
	if err != nil {
		return "", err
	}
	return caller.Object, nil
}

// issuerOf reads which issuer a token names, before anything of it is believed.
func (v *Verifier) issuerOf(token string) (*trusted, error) {
	if len(token) > maxToken {
		return nil, refuse("it has more than %d bytes", maxToken)
	}
	parsed, err := jose.ParseSignedCompact(token, algorithms())
	if err != nil || len(parsed.Signatures) != 1 {
		return nil, refuse("it is no JSON Web Token signed with a private key")
	}
	var c claims
	if err := json.Unmarshal(parsed.UnsafePayloadWithoutVerification(), &c); err != nil {
		return nil, refuse("its claims cannot be read")
	}
	t := v.issuers[c.Issuer]
	if t == nil {
		return nil, refuse("its issuer is not known here")
	}
	return t, nil
}

func (v *Verifier) by(ctx context.Context, t *trusted, token string) (*identity.Caller, error) {
	id, err := t.verifier.Verify(ctx, token)
	if err != nil {
		return nil, refuse("issuer %s: %s", t.Name, reason(err))
	}
	var c claims
	var all map[string]any
	if id.Claims(&c) != nil || id.Claims(&all) != nil {
		return nil, refuse("its claims cannot be read")
	}
	now := v.now()
	switch {
	case c.Expiry == nil:
		return nil, refuse("it never ends")
	case !now.Before(at(*c.Expiry).Add(skew)):
		return nil, refuse("it has ended")
	case now.Add(skew).Before(at(c.NotBefore)):
		return nil, refuse("it is not valid yet")
	case !slices.ContainsFunc(id.Audience, t.takes):
		return nil, refuse("its audience is not one of this door: %s", strings.Join(t.Audiences, ", "))
	case len(t.Tenants) > 0 && !slices.ContainsFunc(t.Tenants, func(s string) bool { return strings.EqualFold(s, c.Tenant) }):
		return nil, refuse("its tenant is not one that is let in")
	}
	object := c.Object
	switch {
	case t.Subject != "":
		object, _ = all[t.Subject].(string)
	case object == "":
		object = c.Subject
	}
	if object == "" || len(object) > 200 {
		return nil, refuse("it names no principal")
	}
	return &identity.Caller{Kind: identity.KindToken, Name: t.Name + "/" + object, Issuer: t.Name, Object: object, Groups: groupsOf(all, t.Groups)}, nil
}

// takes says whether a token for an audience opens the door.
func (t *trusted) takes(audience string) bool {
	audience = strings.TrimRight(audience, "/") // Azure's resources are written with and without
	return slices.ContainsFunc(t.Audiences, func(s string) bool { return strings.TrimRight(s, "/") == audience })
}

func at(seconds float64) time.Time {
	if seconds > 1e11 || seconds < 0 {
		return time.Time{} // of no sense: long over
	}
	return time.Unix(int64(seconds), 0)
}

// groupsOf are the names of groups that a token has.
func groupsOf(all map[string]any, claim string) []string {
	if claim == "" {
		claim = "groups"
	}
	list, _ := all[claim].([]any)
	var out []string
	for _, one := range list[:min(len(list), maxGroups)] {
		if text, ok := one.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

// reason words an error of the library, which may quote parts of the token, and
// has errors of a key set as text alone.
func reason(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, errUnknownKey.Error()):
		return "its key is not one of the issuer's"
	case strings.Contains(text, errNoKeys.Error()):
		return text[strings.Index(text, errNoKeys.Error()):]
	}
	return "its signature is wrong"
}
