package conformance

import (
	"errors"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/monitor/armmonitor"
)

// azureClients are what Azure's clients are given to use the issuer and the
// monitor door, as the guide on identity has it.
func (i *identities) azureClients() azcore.ClientOptions {
	return azcore.ClientOptions{Transport: i.client, Retry: policy.RetryOptions{MaxRetries: -1}, Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: i.issuer,
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: i.secure, Audience: "https://management.azure.com"}}}}
}

// listGroups lists the action groups with a credential of Azure's client and
// gives the status of the refusal, 200 when there is none.
func (i *identities) listGroups(t *testing.T, credential azcore.TokenCredential) int {
	t.Helper()
	client, err := armmonitor.NewActionGroupsClient(subscription, credential, &arm.ClientOptions{DisableRPRegistration: true, ClientOptions: i.azureClients()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.NewListBySubscriptionIDPager(nil).NextPage(t.Context())
	var refused *azcore.ResponseError
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &refused):
		return refused.StatusCode
	}
	t.Fatal(err)
	return 0
}

// azureIdentities are those of azidentity, unmodified: a service principal with
// and without a role, one with a wrong secret, and a workload.
func azureIdentities(t *testing.T, i *identities) {
	for name, want := range map[string]int{"watcher": http.StatusOK, "nobody": http.StatusForbidden} {
		credential, err := azidentity.NewClientSecretCredential("adfs", "client-"+name, i.secrets[name], &azidentity.ClientSecretCredentialOptions{ClientOptions: i.azureClients(), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		if status := i.listGroups(t, credential); status != want {
			t.Errorf("%s: %d, want %d", name, status, want)
		}
	}
	wrong, err := azidentity.NewClientSecretCredential("adfs", "client-watcher", "wrong", &azidentity.ClientSecretCredentialOptions{ClientOptions: i.azureClients(), DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	var failed *azidentity.AuthenticationFailedError
	if _, err := wrong.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com/.default"}}); !errors.As(err, &failed) {
		t.Errorf("a wrong secret: %v", err)
	}
	t.Setenv("IDENTITY_ENDPOINT", i.managed+"/msi/token")
	t.Setenv("IDENTITY_HEADER", i.secrets["work managed"])
	workload, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: azcore.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}}})
	if err != nil {
		t.Fatal(err)
	}
	if status := i.listGroups(t, workload); status != http.StatusForbidden { // it may write metrics alone
		t.Errorf("the workload: %d", status)
	}
}
