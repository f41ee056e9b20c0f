package statement

import (
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/policy"
)

// entraTenant is whose tokens validate-azure-ad-token lets in: those that a
// tenant of Microsoft Entra ID signed for the listed applications.
type entraTenant struct {
	tenant    policy.String
	authority policy.String
	fixed     []string        // the discovery URLs of a literal tenant
	clients   []policy.String // that asked for the token
	backends  []policy.String // that the token is for
}

const azureADTokenName = "validate-azure-ad-token"

func validateAzureADToken() *policy.Definition {
	return &policy.Definition{Name: azureADTokenName, Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"tenant-id", "header-name", "query-parameter-name", "token-value", "authentication-endpoint",
			"failed-validation-httpcode", "failed-validation-error-message", "output-token-variable-name"},
		Compile: compileValidateAzureADToken}
}

func compileValidateAzureADToken(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "backend-application-ids", "client-application-ids", "audiences", "required-claims", "decryption-keys")
	s := &validateJWTStatement{
		source: azureADTokenName, code: k.Int(e, "failed-validation-httpcode", 401), message: k.String(e, "failed-validation-error-message", ""),
		customMessage: e.Attr("failed-validation-error-message") != nil,
		requireExpiry: policy.Bool{Literal: true}, requireSigned: policy.Bool{Literal: true}, variable: k.Literal(e, "output-token-variable-name", ""),
	}
	checkFailureCode(k, e, s)
	if e.Attr("query-parameter-name") == nil && e.Attr("token-value") == nil && e.Attr("header-name") == nil {
		s.header = &policy.String{Literal: "Authorization"}
	} else {
		s.compileSource(k, e)
	}
	s.tenant = compileTenant(k, e)
	s.audiences = compileList(k, e, "audiences", "audience")
	s.claims = compileClaims(k, only(k, e, "required-claims"))
	s.decryption = compileKeys(k, only(k, e, "decryption-keys"), false)
	return s
}

func compileTenant(k *policy.Compiler, e *policy.Element) *entraTenant {
	t := &entraTenant{tenant: required(k, e, "tenant-id"), authority: k.String(e, "authentication-endpoint", k.Environment().EntraAuthority()),
		clients: compileList(k, e, "client-application-ids", "application-id"), backends: compileList(k, e, "backend-application-ids", "application-id")}
	a := e.Attr("tenant-id")
	if a == nil || t.tenant.Dynamic() || a.Value.Expression || t.authority.Dynamic() {
		return t
	}
	if t.fixed = discoveryURLs(t.authority.Literal, t.tenant.Literal); t.fixed == nil {
		report(k, &a.Value, a.Value.Pos, "tenant-id: expected the id, domain or URL of a tenant, or organizations, common or consumers")
	}
	return t
}

// discoveryURLs are the documents of a tenant for both versions of its tokens;
// nil when the tenant cannot be one.
func discoveryURLs(authority, tenant string) []string {
	tenant = strings.TrimSpace(tenant)
	if u, err := url.Parse(tenant); err == nil && u.Host != "" && strings.Trim(u.Path, "/") == "" {
		tenant = u.Host
	} else if err == nil && u.Host != "" { // the URL of a tenant at its authority
		authority, tenant = u.Scheme+"://"+u.Host, strings.Trim(u.Path, "/")
	}
	bad := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.')
	}
	if tenant == "" || strings.ContainsFunc(tenant, bad) || strings.Trim(tenant, ".") == "" {
		return nil
	}
	base := strings.TrimSuffix(authority, "/") + "/" + tenant
	return []string{base + "/v2.0/.well-known/openid-configuration", base + "/.well-known/openid-configuration"}
}

// discovery gives the discovery documents of the tenant.
func (t *entraTenant) discovery(c *policy.Context) ([]string, error) {
	if t.fixed != nil {
		return t.fixed, nil
	}
	tenant, err := t.tenant.Eval(c)
	if err != nil {
		return nil, err
	}
	authority, err := t.authority.Eval(c)
	if err != nil {
		return nil, err
	}
	urls := discoveryURLs(authority, tenant)
	if urls == nil {
		return nil, invalid(c, azureADTokenName, "tenant-id is not the id, domain or URL of a tenant.")
	}
	return urls, nil
}

// checkApplications compares who asked for the token and whom it is for. The
// two versions of tokens name the client differently.
func (t *entraTenant) checkApplications(c *policy.Context, have *token) error {
	client := have.text("azp")
	if client == "" {
		client = have.text("appid")
	}
	found, err := contains(c, t.clients, func(want string) bool { return client != "" && strings.EqualFold(client, want) })
	if err != nil {
		return err
	}
	if !found {
		return refuseToken("TokenClaimValueNotAllowed", "The client application of the token is not allowed. Access denied.")
	}
	audiences := have.values("aud")
	found, err = contains(c, t.backends, func(want string) bool {
		return slices.ContainsFunc(audiences, func(a string) bool { return strings.EqualFold(strings.TrimPrefix(a, "api://"), want) })
	})
	if err == nil && !found {
		err = refuseToken("TokenAudienceNotAllowed", "The backend application of the token is not allowed. Access denied.")
	}
	return err
}

// contains tells whether one of the values fits; an empty list allows all.
func contains(c *policy.Context, list []policy.String, fits func(string) bool) (bool, error) {
	for i := range list {
		want, err := list[i].Eval(c)
		if err != nil {
			return false, err
		}
		if fits(strings.TrimSpace(want)) {
			return true, nil
		}
	}
	return len(list) == 0, nil
}
