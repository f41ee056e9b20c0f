package policy

import "github.com/go-jose/go-jose/v4"

// Issuer is an OpenID Connect issuer with its signing keys.
type Issuer struct {
	Issuer string
	Keys   jose.JSONWebKeySet
}
