package token

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Sources of the tokens of managed identities.
const (
	SourceAuto        = ""            // what the platform's environment variables say
	SourceIMDS        = "imds"        // instance metadata of Azure's virtual machines and nodes
	SourceAppService  = "appService"  // IDENTITY_ENDPOINT of App Service, Functions, Container Apps
	SourceWorkload    = "workload"    // a federated token, as Kubernetes mounts it
	SourceApplication = "application" // client id and secret of an application
	SourceCommand     = "command"     // a program that prints a token
)

// ManagedOptions say where tokens of managed identities come from.
type ManagedOptions struct {
	Source       string
	Endpoint     string // of imds and appService; "" is the platform's
	Authority    string // of workload and application, e.g. https://login.microsoftonline.com
	Tenant       string
	ClientID     string // used when a policy names none
	ClientSecret string // of application; of appService its identity header
	TokenFile    string // of workload
	Command      []string
	Transport    http.RoundTripper           // nil: http.DefaultTransport
	Now          func() time.Time            // nil: time.Now
	LookupEnv    func(string) (string, bool) // nil: os.LookupEnv
}

// Managed gives the tokens of managed identities. Safe for concurrent use.
type Managed struct {
	options  ManagedOptions
	endpoint endpoint
	cache    *cache
}

const (
	imdsEndpoint     = "http://169.254.169.254/metadata/identity/oauth2/token"
	defaultAuthority = "https://login.microsoftonline.com"
	assertionType    = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// NewManaged fills what is unset from the platform's environment variables.
func NewManaged(o ManagedOptions) *Managed {
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	env := func(into *string, name string) {
		if v, ok := o.LookupEnv(name); ok && *into == "" {
			*into = v
		}
	}
	if o.Source == SourceAuto {
		o.Source = detect(o.LookupEnv)
	}
	switch o.Source {
	case SourceAppService:
		if o.Endpoint == "" { // the header belongs to that endpoint alone
			env(&o.Endpoint, "IDENTITY_ENDPOINT")
			env(&o.ClientSecret, "IDENTITY_HEADER")
		}
	case SourceWorkload:
		env(&o.TokenFile, "AZURE_FEDERATED_TOKEN_FILE")
		env(&o.ClientID, "AZURE_CLIENT_ID")
		env(&o.Tenant, "AZURE_TENANT_ID")
		env(&o.Authority, "AZURE_AUTHORITY_HOST")
	case SourceIMDS:
		if o.Endpoint == "" {
			o.Endpoint = imdsEndpoint
		}
	}
	if o.Authority == "" {
		o.Authority = defaultAuthority
	}
	return &Managed{options: o, endpoint: endpoint{o.Transport, o.Now}, cache: newCache(o.Now)}
}

// detect reads which platform this is. Instance metadata is asked only when
// the settings say so: elsewhere its address may belong to anyone.
func detect(lookup func(string) (string, bool)) string {
	_, federated := lookup("AZURE_FEDERATED_TOKEN_FILE")
	_, endpoint := lookup("IDENTITY_ENDPOINT")
	_, header := lookup("IDENTITY_HEADER")
	switch {
	case federated:
		return SourceWorkload
	case endpoint && header:
		return SourceAppService
	}
	return ""
}

// Token gives a token for a resource as the identity with that client id, ""
// is the configured or the system-assigned one.
func (m *Managed) Token(ctx context.Context, resource, clientID string) (string, error) {
	if resource == "" || strings.HasPrefix(resource, "-") || strings.ContainsAny(resource, " \t\r\n\x00") {
		return "", fmt.Errorf("the resource of the token is not the URI or id of an application")
	}
	if strings.HasPrefix(clientID, "-") || strings.ContainsAny(clientID, " \t\r\n\x00") {
		return "", fmt.Errorf("the client id of the identity is not valid")
	}
	if clientID == "" {
		clientID = m.options.ClientID
	}
	t, err := m.cache.get(ctx, clientID+" "+resource, func(ctx context.Context) (Token, error) { return m.fetch(ctx, resource, clientID) })
	return t.Value, err
}

func (m *Managed) fetch(ctx context.Context, resource, clientID string) (Token, error) {
	o := &m.options
	switch o.Source {
	case SourceIMDS:
		return m.metadata(ctx, resource, clientID, "2018-02-01", "Metadata", "true")
	case SourceAppService:
		return m.metadata(ctx, resource, clientID, "2019-08-01", "X-IDENTITY-HEADER", o.ClientSecret)
	case SourceWorkload:
		assertion, err := readSecret(o.TokenFile)
		if err != nil {
			return Token{}, fmt.Errorf("read the federated token: %w", err)
		}
		return m.application(ctx, resource, clientID, url.Values{"client_assertion_type": {assertionType}, "client_assertion": {assertion}})
	case SourceApplication:
		return m.application(ctx, resource, clientID, url.Values{"client_secret": {o.ClientSecret}})
	case SourceCommand:
		return m.command(ctx, resource, clientID)
	}
	return Token{}, fmt.Errorf("managed identities are %w: set identity.managed.source to imds, appService, workload, application or command", ErrNotConfigured)
}

// metadata asks an endpoint of the platform. One that is starting or busy is
// asked again while ctx lasts.
func (m *Managed) metadata(ctx context.Context, resource, clientID, version, header, value string) (Token, error) {
	query := url.Values{"api-version": {version}, "resource": {resource}}
	if clientID != "" {
		query.Set("client_id", clientID)
	}
	address := m.options.Endpoint
	if strings.Contains(address, "?") {
		address += "&" + query.Encode()
	} else {
		address += "?" + query.Encode()
	}
	for wait := 200 * time.Millisecond; ; wait *= 3 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return Token{}, fmt.Errorf("the address of the identity endpoint is not valid")
		}
		r.Header.Set(header, value)
		status, data, err := m.endpoint.exchange(r)
		switch {
		case err != nil:
			return Token{}, fmt.Errorf("ask the identity endpoint %s: %w", r.URL.Host, err)
		case status == http.StatusOK:
			return m.read(r, data)
		case !passing(status) || wait > 6*time.Second:
			return Token{}, fmt.Errorf("the identity endpoint %s answered with status %d%s", r.URL.Host, status, reasonOf(data))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return Token{}, ctx.Err()
		}
	}
}

func (m *Managed) read(r *http.Request, data []byte) (Token, error) {
	t, err := parse(data, m.options.Now())
	if err != nil {
		return Token{}, fmt.Errorf("the answer of the identity endpoint %s %w", r.URL.Host, err)
	}
	return t, nil
}

// passing tells the failures of instance metadata that pass.
func passing(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusGone || status >= 500
}

// application asks the authority for a token of an application.
func (m *Managed) application(ctx context.Context, resource, clientID string, proof url.Values) (Token, error) {
	o := &m.options
	if o.Tenant == "" || clientID == "" {
		return Token{}, fmt.Errorf("tokens of an application are %w: set identity.managed.tenantId and clientId", ErrNotConfigured)
	}
	proof.Set("grant_type", "client_credentials")
	proof.Set("client_id", clientID)
	proof.Set("scope", strings.TrimSuffix(resource, "/.default")+"/.default")
	return m.endpoint.post(ctx, strings.TrimSuffix(o.Authority, "/")+"/"+url.PathEscape(o.Tenant)+"/oauth2/v2.0/token", proof)
}

func readSecret(file string) (string, error) {
	data, err := os.ReadFile(file)
	return strings.TrimSpace(string(data)), err
}
