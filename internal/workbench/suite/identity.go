package suite

import (
	"context"
	"fmt"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// tokens are the managed identities of a case.
type tokens map[string]string

// Token implements policy.Tokens: the one that the case names for the resource,
// or a text that names it.
func (t tokens) Token(_ context.Context, resource, _ string) (string, error) {
	if token, ok := t[resource]; ok {
		return token, nil
	}
	return "token-for-" + resource, nil
}

// grants are the credential manager of a case.
type grants map[string]string

// Grant implements policy.Grants.
func (g grants) Grant(_ context.Context, q policy.GrantQuery) (*expr.Authorization, error) {
	token, ok := g[q.Provider+"/"+q.Authorization]
	if !ok {
		return nil, fmt.Errorf("the test names no grant %s/%s", q.Provider, q.Authorization)
	}
	return &expr.Authorization{AccessToken: token}, nil
}
