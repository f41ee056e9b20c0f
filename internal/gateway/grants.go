package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gatehouse/internal/gateway/token"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// grants implements policy.Grants: the connections of the settings. The
// service's own identity may use all of them, anybody else what access lists.
type grants struct {
	*token.Grants
	keys      policy.Keys
	authority string
	now       func() time.Time
}

// grantAudience is whom the token of a caller must be for.
const grantAudience = "https://azure-api.net/authorization-manager"

// Grant gives the token of a connection.
func (g grants) Grant(ctx context.Context, q policy.GrantQuery) (*expr.Authorization, error) {
	if q.IdentityType == "jwt" {
		who, err := g.principal(ctx, q.Identity)
		if err != nil {
			return nil, fmt.Errorf("the token of identity: %w", err)
		}
		if !g.Allows(q.Provider, q.Authorization, who) {
			return nil, errors.New("the identity has no access to the connection")
		}
	}
	t, err := g.Token(ctx, q.Provider, q.Authorization)
	if err != nil {
		return nil, err
	}
	out := &expr.Authorization{AccessToken: t.Value}
	for _, name := range slices.Sorted(maps.Keys(t.Claims)) {
		out.Claims = append(out.Claims, expr.Claim{Name: name, Value: claimValue(t.Claims[name])})
	}
	return out, nil
}

// claimValue gives a member of the endpoint's answer a type that expressions know.
func claimValue(v any) any {
	switch v := v.(type) {
	case nil, string, bool:
		return v
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
		return v
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	t, err := expr.ParseJSON(data)
	if err != nil {
		return nil
	}
	return t
}

var tenantID = regexp.MustCompile(`^[0-9A-Za-z.-]{1,64}$`)

// principal checks a token of Microsoft Entra ID and says whose it is.
func (g grants) principal(ctx context.Context, text string) (token.Principal, error) {
	invalid := errors.New("is not valid")
	parsed, err := jwt.ParseSigned(strings.TrimPrefix(text, "Bearer "), []jose.SignatureAlgorithm{jose.RS256, jose.PS256})
	if err != nil {
		return token.Principal{}, invalid
	}
	var claims struct {
		jwt.Claims
		Tenant  string `json:"tid"`
		Object  string `json:"oid"`
		Version string `json:"ver"`
	}
	if parsed.UnsafeClaimsWithoutVerification(&claims) != nil || !tenantID.MatchString(claims.Tenant) || claims.Object == "" {
		return token.Principal{}, invalid
	}
	url := g.authority + "/" + claims.Tenant
	if claims.Version == "2.0" {
		url += "/v2.0"
	}
	url += "/.well-known/openid-configuration"
	issuer, err := g.keys.Issuer(ctx, url, false)
	if err == nil && len(parsed.Headers) > 0 && len(issuer.Keys.Key(parsed.Headers[0].KeyID)) == 0 {
		issuer, err = g.keys.Issuer(ctx, url, true)
	}
	if err != nil {
		return token.Principal{}, errors.New("cannot be checked: the keys of its tenant could not be read")
	}
	who := token.Principal{Tenant: claims.Tenant, Object: claims.Object}
	if parsed.Claims(issuer.Keys, &claims) != nil {
		return token.Principal{}, invalid
	}
	expected := jwt.Expected{Issuer: issuer.Issuer, AnyAudience: jwt.Audience{grantAudience, grantAudience + "/"}, Time: g.now()}
	if issuer.Issuer == "" || claims.Expiry == nil || claims.ValidateWithLeeway(expected, 0) != nil {
		return token.Principal{}, invalid
	}
	return who, nil
}
