package statement

import (
	"gatehouse/internal/policy"
)

// getAuthorizationContextStatement keeps the access token of a connection of
// the credential manager in a variable.
type getAuthorizationContextStatement struct {
	provider, authorization, variable, identityType, identity policy.String
	ignoreError                                               policy.Bool
}

const authorizationContextName = "get-authorization-context"

func getAuthorizationContext() *policy.Definition {
	return &policy.Definition{Name: authorizationContextName, Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"provider-id", "authorization-id", "context-variable-name", "identity-type", "identity", "ignore-error"},
		Compile:    compileGetAuthorizationContext}
}

func compileGetAuthorizationContext(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &getAuthorizationContextStatement{provider: required(k, e, "provider-id"), authorization: required(k, e, "authorization-id"),
		variable: required(k, e, "context-variable-name"), identityType: k.String(e, "identity-type", "managed"),
		identity: k.String(e, "identity", ""), ignoreError: k.Bool(e, "ignore-error", false)}
	for _, name := range []string{"provider-id", "authorization-id", "context-variable-name"} {
		if a := e.Attr(name); a != nil && !a.Value.Expression && a.Value.Text == "" {
			k.Errorf(a.Value.Pos, "%s must not be empty", name)
		}
	}
	a := e.Attr("identity-type")
	switch {
	case a == nil || a.Value.Expression:
	case a.Value.Text != "managed" && a.Value.Text != "jwt":
		k.Errorf(a.Value.Pos, "identity-type=%q: expected managed or jwt", a.Value.Text)
	case a.Value.Text == "jwt" && e.Attr("identity") == nil:
		k.Errorf(e.Pos, "<%s> needs the attribute \"identity\" with a token when identity-type is jwt", e.Name)
	}
	return s
}

func (s *getAuthorizationContextStatement) Run(c *policy.Context) error {
	var q policy.GrantQuery
	var variable string
	for _, one := range []struct {
		value *policy.String
		into  *string
	}{{&s.provider, &q.Provider}, {&s.authorization, &q.Authorization}, {&s.identityType, &q.IdentityType}, {&s.identity, &q.Identity}, {&s.variable, &variable}} {
		text, err := one.value.Eval(c)
		if err != nil {
			return err
		}
		*one.into = text
	}
	if q.IdentityType != "managed" && q.IdentityType != "jwt" {
		return invalid(c, authorizationContextName, "identity-type must be managed or jwt.")
	}
	ignore, err := s.ignoreError.Eval(c)
	if err != nil {
		return err
	}
	granted, err := c.Services.Grants.Grant(c.Std, q)
	if err == nil {
		c.Conceal(granted.AccessToken)
		c.Variables.Set(variable, granted)
		return nil
	}
	if err := tokenFailed(c, authorizationContextName, err, ignore); err != nil {
		return err
	}
	c.Variables.Set(variable, nil)
	return nil
}
