package azuremonitor

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

const service = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Shop/providers/Microsoft.ApiManagement/service/orders"

const (
	tenant   = "11111111-0000-0000-0000-000000000000"
	clientID = "22222222-0000-0000-0000-000000000000"
	secret   = "not-to-be-seen-anywhere"
)

// azure speaks the parts of Entra ID and Resource Manager that are read: one
// minute has as many requests as its number in the hour, for each of two APIs.
type azure struct {
	*httptest.Server
	mu       sync.Mutex
	asked    []url.Values // of metrics
	refuse   int          // answer so many calls of metrics with status
	status   int
	after    string // Retry-After
	tokens   int
	lists    int
	nextLink string
	missing  bool // a token is refused
}

func newAzure(t *testing.T) *azure {
	t.Helper()
	a := &azure{}
	a.Server = httptest.NewTLSServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *azure) client(t *testing.T) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (a *azure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		base := a.URL + "/" + tenant
		reply(w, 200, map[string]string{"issuer": base + "/v2.0", "token_endpoint": base + "/oauth2/v2.0/token", "authorization_endpoint": base + "/oauth2/v2.0/authorize", "jwks_uri": base + "/keys"})
	case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		a.token(w, r)
	case r.Header.Get("Authorization") != "Bearer reader":
		reply(w, 401, fault("AuthenticationFailed"))
	case strings.HasSuffix(r.URL.Path, "/resources"):
		a.list(w, r)
	case strings.HasSuffix(strings.ToLower(r.URL.Path), "/providers/microsoft.insights/metrics"):
		a.metrics(w, r)
	case strings.HasSuffix(strings.ToLower(r.URL.Path), "/providers/microsoft.insights/metricdefinitions"):
		reply(w, 200, map[string]any{"value": definitionsOf()})
	default:
		reply(w, 404, fault("ResourceNotFound"))
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func fault(code string) any {
	return map[string]any{"error": map[string]string{"code": code, "message": "no " + code}}
}

func (a *azure) token(w http.ResponseWriter, r *http.Request) {
	a.tokens++
	_ = r.ParseForm()
	if a.missing || r.Form.Get("client_id") != clientID || (r.Form.Get("client_secret") != secret && r.Form.Get("client_assertion") == "") {
		reply(w, 401, map[string]any{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided: " + r.Form.Get("client_secret")})
		return
	}
	reply(w, 200, map[string]any{"token_type": "Bearer", "expires_in": 3600, "ext_expires_in": 3600, "access_token": "reader"})
}

func (a *azure) list(w http.ResponseWriter, r *http.Request) {
	a.lists++
	page := map[string]any{"value": []any{
		map[string]any{"id": service, "type": "Microsoft.ApiManagement/service", "location": "westeurope", "tags": map[string]string{"Team": "shop", "owner": "ann", "metrics": "Requests, Capacity"}},
		map[string]any{"id": service + "2", "type": "Microsoft.ApiManagement/service", "location": "westeurope", "tags": map[string]string{}},
	}}
	if a.nextLink != "" {
		page["nextLink"] = a.nextLink
	}
	reply(w, 200, page)
}

// definitionsOf a service of a classic tier: it has no CpuPercent_Gateway.
func definitionsOf() []any {
	local := func(names ...string) (out []any) {
		for _, n := range names {
			out = append(out, map[string]string{"value": n, "localizedValue": n})
		}
		return out
	}
	one := func(name string, aggregations []string, dimensions []any) any {
		return map[string]any{"name": local(name)[0], "supportedAggregationTypes": aggregations, "dimensions": dimensions}
	}
	durations := []string{"Average", "Maximum", "Minimum"}
	return []any{
		one("Requests", []string{"Total", "Maximum"}, local("Location", "ApiId")),
		one("Duration", durations, local("Location", "ApiId")), one("BackendDuration", durations, local("Location", "ApiId")),
		one("Capacity", []string{"Average", "Maximum"}, local("Location")),
	}
}

func (a *azure) metrics(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	a.asked = append(a.asked, v)
	if a.refuse > 0 {
		a.refuse--
		if a.after != "" {
			w.Header().Set("Retry-After", a.after)
		}
		reply(w, a.status, fault("TooManyRequests"))
		return
	}
	first, last, _ := strings.Cut(v.Get("timespan"), "/")
	start, err := time.Parse(time.RFC3339, first)
	end, err2 := time.Parse(time.RFC3339, last)
	if err != nil || err2 != nil {
		reply(w, 400, fault("BadRequest"))
		return
	}
	var value []any
	for _, name := range strings.Split(v.Get("metricnames"), ",") {
		value = append(value, a.metric(name, v, start, end))
	}
	reply(w, 200, map[string]any{"cost": 0, "timespan": v.Get("timespan"), "interval": "PT1M", "namespace": "Microsoft.ApiManagement/service", "resourceregion": "westeurope", "value": value})
}

func (a *azure) metric(name string, v url.Values, start, end time.Time) any {
	series := []any{}
	for n, api := range []string{"basket", "checkout"} {
		data := []any{}
		for at := start.Truncate(time.Minute); !at.After(end); at = at.Add(time.Minute) { // one more than was asked for, as Azure may
			point := map[string]any{"timeStamp": at.Format(time.RFC3339)}
			for _, aggregation := range strings.Split(strings.ToLower(v.Get("aggregation")), ",") {
				point[aggregation] = float64(at.Minute() + n)
			}
			data = append(data, point)
		}
		metadata := []any{}
		if strings.Contains(v.Get("$filter"), "ApiId") {
			metadata = append(metadata, map[string]any{"name": map[string]string{"value": "apiid", "localizedValue": "apiid"}, "value": api})
		}
		if strings.Contains(v.Get("$filter"), "Location") {
			metadata = append(metadata, map[string]any{"name": map[string]string{"value": "location"}, "value": "West Europe"})
		}
		if strings.Contains(v.Get("$filter"), "Microsoft.ResourceId") {
			metadata = append(metadata, map[string]any{"name": map[string]string{"value": "microsoft.resourceid"}, "value": service})
		}
		if series = append(series, map[string]any{"metadatavalues": metadata, "data": data}); len(metadata) == 0 || !strings.Contains(v.Get("$filter"), "ApiId") {
			break
		}
	}
	unit := map[string]string{"Duration": "MilliSeconds", "BackendDuration": "MilliSeconds", "Capacity": "Percent"}[name]
	return map[string]any{"id": service + "/providers/Microsoft.Insights/metrics/" + name, "type": "Microsoft.Insights/metrics", "unit": fallback(unit, "Count"),
		"name": map[string]string{"value": name, "localizedValue": name}, "errorCode": "Success", "timeseries": series}
}

// queries gives those that were asked, and forgets them.
func (a *azure) queries() []url.Values {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.asked
	a.asked = nil
	return out
}

func (a *azure) refuseNext(n, status int, after string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse, a.status, a.after = n, status, after
}

func (a *azure) credential(t *testing.T) azcore.TokenCredential {
	t.Helper()
	place, err := Place{Endpoint: a.URL, Authority: a.URL}.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCredential(CredentialOptions{Kind: KindSecret, Tenant: tenant, ClientID: clientID, Secret: secret, Cloud: place, Transport: a.client(t)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (a *azure) connect(t *testing.T, retries int, wait time.Duration) *Client {
	t.Helper()
	place, err := Place{Endpoint: a.URL, Authority: a.URL}.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(ClientOptions{Credential: a.credential(t), Cloud: place, Transport: a.client(t), Retries: retries, MaxWait: wait})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// documents are what pullers keep.
type documents struct {
	mu    sync.Mutex
	list  map[string][]byte
	saves int // that succeed; 0: all
	full  bool
}

func (d *documents) load(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.list[name], nil
}

func (d *documents) save(name string, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return errors.New("disk full")
	}
	d.list[name] = data
	d.saves--
	d.full = d.saves == 0
	return nil
}
