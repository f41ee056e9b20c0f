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

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// trust reads the lines of context that say whom to trust and what others give:
//
//	issuer URL: ISSUER               discovery document with the key of testdata/signing-key.pem
//	identity RESOURCE [CLIENT]: TOKEN  of a managed identity; without such a line all get one
//	grant PROVIDER/AUTHORIZATION: TOKEN  of a connection
func (g *goldenCase) trust(*policy.Environment) {
	for key, value := range g.settings {
		if url, ok := strings.CutPrefix(key, "issuer "); ok {
			k := signingKey(g.t)
			g.services.keys[url] = &policy.Issuer{Issuer: value, Keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{KeyID: "test", Key: &k.PublicKey, Use: "sig"}}}}
		}
	}
}

func signingKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	data, err := os.ReadFile("testdata/signing-key.pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	k, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var claimsToSign = regexp.MustCompile(`\$JWT(\{.*\})`)

// signTokens replaces $JWT{claims} of a request by a token.
func signTokens(t *testing.T, request string) string {
	return claimsToSign.ReplaceAllStringFunc(request, func(m string) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: signingKey(t), KeyID: "test"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign([]byte(strings.TrimPrefix(m, "$JWT")))
		if err != nil {
			t.Fatal(err)
		}
		text, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	})
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
