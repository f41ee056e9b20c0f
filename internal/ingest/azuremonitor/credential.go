package azuremonitor

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Kinds of credentials.
const (
	KindSecret      = "clientSecret"
	KindCertificate = "clientCertificate"
	KindManaged     = "managedIdentity"
	KindWorkload    = "workloadIdentity"
)

// CredentialOptions say who asks.
type CredentialOptions struct {
	Kind     string
	Tenant   string // of a service principal and a workload identity
	ClientID string // of a managed identity: "" is the system-assigned one
	Secret   string // of KindSecret
	// Certificate with its key, PEM or PFX, and the PFX's password.
	Certificate []byte
	Password    string
	TokenFile   string // of KindWorkload; "" is what the platform says
	Cloud       cloud.Configuration
	Transport   *http.Client
}

// NewCredential makes what gets tokens. It asks for none yet.
func NewCredential(o CredentialOptions) (azcore.TokenCredential, error) {
	shared := azcore.ClientOptions{Cloud: o.Cloud}
	if o.Transport != nil {
		shared.Transport = o.Transport
	}
	principal := o.Kind == KindSecret || o.Kind == KindCertificate
	if principal && (o.Tenant == "" || o.ClientID == "") {
		return nil, fmt.Errorf("%s needs tenantId and clientId", o.Kind)
	}
	unknown := !knownAuthority(o.Cloud.ActiveDirectoryAuthorityHost)
	switch o.Kind {
	case KindSecret:
		if o.Secret == "" {
			return nil, errors.New("clientSecret needs a secret: a file or an environment variable")
		}
		return azidentity.NewClientSecretCredential(o.Tenant, o.ClientID, o.Secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: shared, DisableInstanceDiscovery: unknown})
	case KindCertificate:
		certs, key, err := azidentity.ParseCertificates(o.Certificate, []byte(o.Password))
		if err != nil {
			return nil, errors.New("the certificate is neither a PEM with its key nor a PFX that the password opens")
		}
		return azidentity.NewClientCertificateCredential(o.Tenant, o.ClientID, certs, key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: shared, DisableInstanceDiscovery: unknown})
	case KindManaged:
		m := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: shared}
		if o.ClientID != "" {
			m.ID = azidentity.ClientID(o.ClientID)
		}
		return azidentity.NewManagedIdentityCredential(m)
	case KindWorkload:
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: shared, ClientID: o.ClientID, TenantID: o.Tenant, TokenFilePath: o.TokenFile, DisableInstanceDiscovery: unknown})
	}
	return nil, fmt.Errorf("%q is not one of %s", o.Kind, strings.Join([]string{KindSecret, KindCertificate, KindManaged, KindWorkload}, ", "))
}

// knownAuthority tells whether Microsoft's own list has an authority: others
// cannot be checked there.
func knownAuthority(address string) bool {
	u, err := url.Parse(address)
	return err == nil && slices.Contains([]string{"login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn", "login.partner.microsoftonline.cn"}, strings.ToLower(u.Hostname()))
}

// Place is where a cloud is. Name is "" or public, usGovernment, china; the other
// fields take the place of what it has.
type Place struct{ Name, Endpoint, Audience, Authority string }

// Configuration gives the library's form of a place. A plain HTTP address is for
// this machine alone: tokens are sent there.
func (p Place) Configuration() (cloud.Configuration, error) {
	base := map[string]cloud.Configuration{"": cloud.AzurePublic, "public": cloud.AzurePublic, "usGovernment": cloud.AzureGovernment, "china": cloud.AzureChina}
	known, ok := base[p.Name]
	if !ok {
		return cloud.Configuration{}, fmt.Errorf("cloud %q is not one of public, usGovernment, china", p.Name)
	}
	manager := known.Services[cloud.ResourceManager]
	out := cloud.Configuration{ActiveDirectoryAuthorityHost: known.ActiveDirectoryAuthorityHost}
	var errs []error
	if p.Authority != "" {
		errs = append(errs, checkAddress("authority", p.Authority))
		out.ActiveDirectoryAuthorityHost = p.Authority
	}
	if p.Endpoint != "" {
		errs = append(errs, checkAddress("endpoint", p.Endpoint))
		manager.Endpoint, manager.Audience = strings.TrimSuffix(p.Endpoint, "/"), strings.TrimSuffix(p.Endpoint, "/")
	}
	if p.Audience != "" {
		manager.Audience = p.Audience
	}
	out.Services = map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: manager}
	return out, errors.Join(errs...)
}

func checkAddress(name, address string) error {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return fmt.Errorf("%s %q is not an absolute URL such as https://management.azure.com", name, address)
	}
	if u.Scheme == "http" && !local(u.Hostname()) {
		return fmt.Errorf("%s %q: tokens are sent over HTTPS, plain HTTP is for addresses of this machine", name, address)
	}
	return nil
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
