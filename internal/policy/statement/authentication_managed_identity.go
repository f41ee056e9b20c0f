package statement

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// managedIdentityStatement sends a token of one of the service's identities to
// the backend, or keeps it in a variable.
type managedIdentityStatement struct {
	resource, clientID policy.String
	variable           string // "": the token goes into the header Authorization
	ignoreError        policy.Bool
}

const managedIdentityName = "authentication-managed-identity"

func authenticationManagedIdentity() *policy.Definition {
	return &policy.Definition{Name: managedIdentityName, Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"resource", "client-id", "output-token-variable-name", "ignore-error"}, Compile: compileManagedIdentity}
}

func compileManagedIdentity(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &managedIdentityStatement{resource: required(k, e, "resource"), clientID: k.String(e, "client-id", ""),
		variable: k.Literal(e, "output-token-variable-name", ""), ignoreError: k.Bool(e, "ignore-error", false)}
	if a := e.Attr("resource"); a != nil && !a.Value.Expression && a.Value.Text == "" {
		k.Errorf(a.Value.Pos, "resource must not be empty; it is the App ID URI of what the token is for, such as https://vault.azure.net")
	}
	return s
}

func (s *managedIdentityStatement) Run(c *policy.Context) error {
	return s.apply(c, header(c, true))
}

// EditRequest puts the token on the request of send-request.
func (s *managedIdentityStatement) EditRequest(c *policy.Context, r *policy.OutgoingRequest) error {
	return s.apply(c, r.Header)
}

func (s *managedIdentityStatement) apply(c *policy.Context, h expr.Header) error {
	resource, err := s.resource.Eval(c)
	if err != nil {
		return err
	}
	client, err := s.clientID.Eval(c)
	if err != nil {
		return err
	}
	ignore, err := s.ignoreError.Eval(c)
	if err != nil {
		return err
	}
	token, err := c.Services.Tokens.Token(c.Std, resource, client)
	if err != nil {
		return tokenFailed(c, managedIdentityName, err, ignore)
	}
	c.Conceal(token)
	if s.variable != "" {
		c.Variables.Set(s.variable, token)
		return nil
	}
	h["Authorization"] = []string{"Bearer " + token}
	return nil
}

// ignored makes a failure that a policy asks to ignore an event of the trace.
func ignored(c *policy.Context, source string, err error) error {
	if errors.Is(err, policy.ErrClientClosed) {
		return err
	}
	c.Event(telemetry.SeverityWarning, source, failureText(err), nil)
	return nil
}

// tokenFailed is the failure to get a token from outside; ignored, it is an
// event of the trace.
func tokenFailed(c *policy.Context, source string, err error, ignore bool) error {
	if errors.Is(err, context.Canceled) && c.Std.Err() != nil {
		return policy.ErrClientClosed
	}
	if ignore {
		return ignored(c, source, fmt.Errorf("no token: %w", err))
	}
	e := c.Fail(source, "TokenNotObtained", "The access token could not be obtained: "+err.Error()+".", http.StatusInternalServerError)
	e.Body, e.Err = "Internal server error", err
	return e
}
