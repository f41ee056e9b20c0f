package conformance

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/apim"
	"gatehouse/internal/apim/apiops"
	"gatehouse/internal/gateway"
	"gatehouse/internal/policy/statement"
)

// TestConformanceAPIOps serves the published sample folder as it stands and
// calls every HTTP operation of it through its policies, in front of an echo
// backend that stands in for the hosts that the folder names.
func TestConformanceAPIOps(t *testing.T) {
	dir, err := filepath.Abs("../../../shared/corpus/apiops/SampleArtifacts")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the published sample folder is not here")
	}
	service, err := apiops.Load(dir, apiops.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range service.Subscriptions {
		s.PrimaryKey = fmt.Sprintf("sample-key-%d", i)
	}
	echo := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.Method, r.URL) }))
	defer echo.Close()
	g := sampleGateway(t, service, echo)
	passed, total := 0, 0
	for _, a := range service.APIs {
		if a.Type != "" && a.Type != apim.TypeHTTP {
			continue
		}
		for _, op := range a.Operations {
			total++
			if status, body := callOperation(g, service, a, op); status == http.StatusOK {
				passed++
			} else {
				t.Errorf("apis/%s;rev=%s/%s: %d %s", a.ID, a.Revision, op.ID, status, body)
			}
		}
	}
	fmt.Printf("apiops/sample-artifacts %d/%d\n", passed, total)
}

func sampleGateway(t *testing.T, service *apim.Service, echo *httptest.Server) *gateway.Gateway {
	t.Helper()
	u, err := url.Parse(echo.URL)
	if err != nil {
		t.Fatal(err)
	}
	o := gateway.DefaultOptions()
	o.Definitions = statement.Table()
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // httptest's client
	o.Backend.ConnectTo = map[string]string{"httpbin.org:443": u.Host, "postman-echo.com:443": u.Host, "example.com:443": u.Host}
	o.Backend.RootCAs = echo.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for _, a := range service.APIs { // the echo's certificate is for example.com alone
		a.ServiceURL = strings.NewReplacer("httpbin.org", "example.com").Replace(a.ServiceURL)
	}
	for _, b := range service.Backends {
		b.URL = "https://example.com"
	}
	for _, v := range service.NamedValues {
		v.Value = strings.ReplaceAll(v.Value, "httpbin.org", "example.com")
	}
	g := gateway.New(o)
	snapshot, err := g.Compile(service)
	if err != nil {
		t.Fatal(err)
	}
	g.Swap(snapshot)
	return g
}

func callOperation(g http.Handler, service *apim.Service, a *apim.API, op *apim.Operation) (int, string) {
	path := "/" + a.Path
	if !a.IsCurrent {
		path += ";rev=" + a.Revision
	}
	path += strings.NewReplacer("{", "", "}", "").Replace(op.URLTemplate)
	r := httptest.NewRequest(op.Method, path, nil)
	r.Header.Set("X-Forwarded-For", "10.0.0.1") // the one address that the sample's ip-filter allows
	if a.SubscriptionRequired {
		for _, s := range service.Subscriptions {
			if covers(service, s, a) {
				r.Header.Set("Ocp-Apim-Subscription-Key", s.PrimaryKey)
			}
		}
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func covers(service *apim.Service, s *apim.Subscription, a *apim.API) bool {
	if s.Scope == "/apis/"+a.ID {
		return true
	}
	for _, p := range service.Products {
		if s.Scope == "/products/"+p.ID {
			for _, id := range p.APIs {
				if id == a.ID {
					return true
				}
			}
		}
	}
	return false
}
