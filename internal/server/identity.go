package server

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/token"
	"gatehouse/internal/policy"
)

// identityOptions reads how the gateway proves who it is to others.
func identityOptions(o *gateway.Options, c IdentityConfig) error {
	o.Authority = strings.TrimSuffix(c.Authority, "/")
	if !absolute(o.Authority) {
		return fmt.Errorf("identity.authority: %q is not an absolute URL such as https://login.microsoftonline.com", c.Authority)
	}
	var err error
	if o.Managed, err = managedOptions(c.Managed, o.Authority); err != nil {
		return err
	}
	for i := range c.Grants {
		g, err := grantOptions(&c.Grants[i])
		if err != nil {
			return fmt.Errorf("identity.grants[%d]: %w", i, err)
		}
		o.Grants = append(o.Grants, g)
	}
	return nil
}

func managedOptions(c ManagedIdentity, authority string) (token.ManagedOptions, error) {
	o := token.ManagedOptions{Source: c.Source, Endpoint: c.Endpoint, Authority: authority, Tenant: c.TenantID, ClientID: c.ClientID, TokenFile: c.TokenFile, Command: c.Command}
	sources := []string{token.SourceAuto, token.SourceIMDS, token.SourceAppService, token.SourceWorkload, token.SourceApplication, token.SourceCommand}
	if !slices.Contains(sources, c.Source) {
		return o, fmt.Errorf("identity.managed.source: %q is not one of %s", c.Source, strings.Join(sources[1:], ", "))
	}
	if c.Endpoint != "" && !absolute(c.Endpoint) {
		return o, fmt.Errorf("identity.managed.endpoint: %q is not an absolute URL", c.Endpoint)
	}
	var err error
	if o.ClientSecret, err = c.ClientSecret.read(); err != nil {
		return o, fmt.Errorf("identity.managed.clientSecret: %w", err)
	}
	return o, nil
}

func grantOptions(c *GrantConfig) (token.Grant, error) {
	g := token.Grant{Provider: c.Provider, Authorization: c.Authorization, Endpoint: c.TokenEndpoint, Flow: c.Flow, ClientID: c.ClientID,
		RefreshTokenFile: c.RefreshToken.File, Scope: c.Scope, Parameters: c.Parameters, InHeader: c.BasicAuth}
	var errs []error
	if c.Provider == "" || c.Authorization == "" {
		errs = append(errs, errors.New("provider and authorization name the connection, both are needed"))
	}
	if !absolute(c.TokenEndpoint) {
		errs = append(errs, fmt.Errorf("tokenEndpoint: %q is not an absolute URL", c.TokenEndpoint))
	}
	if c.Flow != token.FlowRefresh && c.Flow != token.FlowCredentials {
		errs = append(errs, fmt.Errorf("flow: %q is not one of %s, %s", c.Flow, token.FlowRefresh, token.FlowCredentials))
	}
	var err error
	if g.ClientSecret, err = c.ClientSecret.read(); err != nil {
		errs = append(errs, fmt.Errorf("clientSecret: %w", err))
	}
	if c.RefreshToken.File == "" {
		if g.RefreshToken, err = c.RefreshToken.read(); err != nil {
			errs = append(errs, fmt.Errorf("refreshToken: %w", err))
		}
	}
	for _, a := range c.Access {
		if a.TenantID == "" || a.ObjectID == "" {
			errs = append(errs, errors.New("access: each needs tenantId and objectId"))
		}
		g.Access = append(g.Access, token.Principal{Tenant: a.TenantID, Object: a.ObjectID})
	}
	return g, errors.Join(errs...)
}

func absolute(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// read gives the secret, "" when none is named.
func (s Secret) read() (string, error) {
	switch {
	case s.File != "" && s.Env != "":
		return "", errors.New("takes a file or an env, not both")
	case s.File != "":
		data, err := os.ReadFile(s.File)
		return strings.TrimSpace(string(data)), err
	case s.Env != "":
		v, ok := os.LookupEnv(s.Env)
		if !ok {
			return "", fmt.Errorf("the environment variable %s is not set", s.Env)
		}
		return v, nil
	}
	return "", nil
}

// addresses reads where services of the platform are.
func addresses(c PlatformConfig) (policy.Addresses, error) {
	out := policy.Addresses{Dapr: c.Dapr, EventHubs: c.EventHubs, ServiceBus: c.ServiceBus}
	for name, address := range map[string]string{"dapr": c.Dapr, "eventHubs": c.EventHubs, "serviceBus": c.ServiceBus} {
		if address != "" && !absolute(address) {
			return out, fmt.Errorf("platform.%s: %q is not an absolute URL", name, address)
		}
	}
	var err error
	if out.DaprToken, err = c.DaprToken.read(); err != nil {
		return out, fmt.Errorf("platform.daprToken: %w", err)
	}
	return out, nil
}
