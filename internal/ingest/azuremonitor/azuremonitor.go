// Package azuremonitor reads the metrics of real Azure API Management services
// from Azure Monitor, so that they can be watched beside one's own gateways.
//
// What comes in: resource ids, and a credential with a reader's role. What goes
// out: samples with Azure's own times, and answers to probes in Prometheus's
// text form. It must never change anything in Azure, ask for a minute that is
// not over, ask again before Azure's Retry-After, or show a credential.
package azuremonitor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/monitor/armmonitor"
)

// ClientOptions say where Azure is. Credential is required.
type ClientOptions struct {
	Credential azcore.TokenCredential
	// Cloud has the endpoint of Resource Manager; zero: the public cloud.
	Cloud     cloud.Configuration
	Transport *http.Client // nil: the library's own
	Retries   int          // of a call, default 3, negative: none
	MaxWait   time.Duration
	Now       func() time.Time
}

// Client asks Azure Resource Manager, always with GET. All its calls share one
// clock of throttling: after Retry-After nobody asks before it is over. It is
// safe for concurrent use.
type Client struct {
	options  *arm.ClientOptions
	endpoint string
	cred     azcore.TokenCredential
	pipeline runtime.Pipeline
	throttle *throttle
	calls    calls

	mu        sync.Mutex
	metrics   map[string]*armmonitor.MetricsClient // by subscription
	resources map[string]found                     // by subscription and filter
	now       func() time.Time
}

// userAgent begins what the calls say of who asks; Azure allows 24 characters.
const userAgent = "gatehouse"

// NewClient makes a client; it connects when it is first used.
func NewClient(o ClientOptions) (*Client, error) {
	if o.Credential == nil {
		return nil, errors.New("azure monitor: no credential is set")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxWait <= 0 {
		o.MaxWait = time.Minute
	}
	if o.Retries == 0 {
		o.Retries = 3
	}
	c := &Client{cred: o.Credential, metrics: map[string]*armmonitor.MetricsClient{}, resources: map[string]found{}, now: o.Now}
	c.throttle = &throttle{now: o.Now}
	c.options = c.armOptions(o)
	client, err := arm.NewClient(userAgent, "v1.0.0", c.cred, c.options)
	if err != nil {
		return nil, fmt.Errorf("azure monitor: %w", err)
	}
	c.endpoint, c.pipeline = strings.TrimSuffix(client.Endpoint(), "/"), client.Pipeline()
	return c, nil
}

func (c *Client) armOptions(o ClientOptions) *arm.ClientOptions {
	out := &arm.ClientOptions{DisableRPRegistration: true}
	out.Cloud = o.Cloud
	if out.Cloud.Services == nil {
		out.Cloud = cloud.AzurePublic
	}
	out.Telemetry.ApplicationID = userAgent
	// 529 is Azure Monitor's "back off". A longer Retry-After than MaxWait ends the
	// call: the next one waits for it.
	out.Retry = policy.RetryOptions{MaxRetries: int32(o.Retries), MaxRetryDelay: o.MaxWait, TryTimeout: time.Minute,
		StatusCodes: []int{http.StatusRequestTimeout, http.StatusTooManyRequests, 500, 502, 503, 504, statusBackOff}}
	out.PerRetryPolicies = []policy.Policy{&c.calls, c.throttle}
	out.InsecureAllowCredentialWithHTTP = plain(out.Cloud)
	if o.Transport != nil {
		out.Transport = o.Transport
	}
	return out
}

const statusBackOff = 529

// plain tells whether Resource Manager is asked over plain HTTP: only settings
// for this machine may say so, see Endpoint.
func plain(c cloud.Configuration) bool {
	u, err := url.Parse(c.Services[cloud.ResourceManager].Endpoint)
	return err == nil && u.Scheme == "http"
}

// metricsOf gives the client for the metrics of a subscription.
func (c *Client) metricsOf(subscription string) (*armmonitor.MetricsClient, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.metrics[subscription]; m != nil {
		return m, nil
	}
	if len(c.metrics) >= maxSubscriptions {
		clear(c.metrics)
	}
	m, err := armmonitor.NewMetricsClient(subscription, c.cred, c.options)
	if err != nil {
		return nil, fmt.Errorf("azure monitor: %w", err)
	}
	c.metrics[subscription] = m
	return m, nil
}

const maxSubscriptions = 100

// get reads one page of a list of Resource Manager.
func (c *Client) get(ctx context.Context, address string, into any) error {
	req, err := runtime.NewRequest(ctx, http.MethodGet, address)
	if err != nil {
		return err
	}
	req.Raw().Header.Set("Accept", "application/json")
	resp, err := c.pipeline.Do(req)
	if err != nil {
		return err
	}
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return runtime.NewResponseError(resp)
	}
	return runtime.UnmarshalAsJSON(resp, into)
}
