package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"gatehouse/internal/apim"
)

// authority is a certificate authority with a list of revoked certificates and
// an OCSP server.
type authority struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	server *httptest.Server
	down   atomic.Bool
	asked  atomic.Int64
}

const revokedSerial = 666

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t)}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature}
	a.cert = a.create(template, template, a.key.Public())
	mux := http.NewServeMux()
	mux.HandleFunc("/list", a.list)
	mux.HandleFunc("/ocsp", a.ocsp)
	a.server = httptest.NewServer(mux)
	t.Cleanup(a.server.Close)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (a *authority) create(template, parent *x509.Certificate, public any) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

func (a *authority) list(w http.ResponseWriter, _ *http.Request) {
	a.asked.Add(1)
	if a.down.Load() {
		w.WriteHeader(503)
		return
	}
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(revokedSerial), RevocationTime: time.Now()}}}, a.cert, a.key)
	if err != nil {
		a.t.Error(err)
	}
	_, _ = w.Write(der)
}

func (a *authority) ocsp(w http.ResponseWriter, r *http.Request) {
	a.asked.Add(1)
	body, _ := io.ReadAll(r.Body)
	q, err := ocsp.ParseRequest(body)
	if err != nil {
		a.t.Error(err)
		return
	}
	status := ocsp.Good
	if q.SerialNumber.Int64() == revokedSerial {
		status = ocsp.Revoked
	}
	answer, err := ocsp.CreateResponse(a.cert, a.cert, ocsp.Response{Status: status, SerialNumber: q.SerialNumber, ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour), RevokedAt: time.Now()}, a.key)
	if err != nil {
		a.t.Error(err)
	}
	_, _ = w.Write(answer)
}

// client makes a client certificate that names the list or the OCSP server.
func (a *authority) client(serial int64, list, ocsp string) tls.Certificate {
	k := newKey(a.t)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "client"}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour)}
	if list != "" {
		template.CRLDistributionPoints = []string{list}
	}
	if ocsp != "" {
		template.OCSPServer = []string{ocsp}
	}
	c := a.create(template, a.cert, k.Public())
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: k, Leaf: c}
}

func TestClientCertificates(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	h := newHarness(t, policyService(echoBackend(t).URL, `<validate-client-certificate/>
		<return-response><set-body>@(context.Request.Certificate.Subject + " " + context.Request.Certificate.Verify() + " " + context.Deployment.Certificates.ContainsKey("own"))</set-body></return-response>`),
		func(o *Options) { o.ClientRoots = roots })
	front := httptest.NewUnstartedServer(h.gateway)
	front.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	front.StartTLS()
	defer front.Close()
	call := func(c *tls.Certificate) (int, string) {
		t.Helper()
		config := &tls.Config{InsecureSkipVerify: true}
		if c != nil {
			config.Certificates = []tls.Certificate{*c}
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
		resp, err := client.Get(front.URL + "/free/items/1")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	list, ocsp := a.server.URL+"/list", a.server.URL+"/ocsp"
	a.down.Store(true)
	for name, one := range map[string]struct {
		certificate *tls.Certificate
		want        string
	}{
		"none":                        {nil, "No client certificate"},
		"unreachable list":            {pointer(a.client(2, list, "")), "did not pass the check for revocation"},
		"unreachable list, then OCSP": {pointer(a.client(3, list, ocsp)), "CN=client True False"},
		"revoked, says OCSP":          {pointer(a.client(revokedSerial, "", ocsp)), "a certificate is revoked"},
		"nobody to ask":               {pointer(a.client(4, "", "ldap://x")), "could not be found out"},
		"another authority":           {pointer(other.client(5, list, "")), "not signed by a trusted authority"},
		"another authority's list":    {pointer(a.client(6, other.server.URL+"/list", "")), "could not be found out"},
	} {
		if _, body := call(one.certificate); !strings.Contains(body, one.want) {
			t.Errorf("%s: %s", name, body)
		}
	}
	if other.asked.Load() != 1 {
		t.Errorf("the other authority was asked %d times: addresses of untrusted certificates must not be", other.asked.Load())
	}
}

func TestRevocationListIsReadOnce(t *testing.T) {
	a := newAuthority(t)
	v := newRevocations(newRequester(DefaultOptions(), nil))
	for i := range 5 {
		if err := v.check(a.client(int64(10+i), a.server.URL+"/list", "").Leaf, a.cert, time.Now()); err != nil {
			t.Error(err)
		}
	}
	if err := v.check(a.client(revokedSerial, a.server.URL+"/list", "").Leaf, a.cert, time.Now()); err == nil {
		t.Error("a revoked certificate passes")
	}
	if n := a.asked.Load(); n != 1 {
		t.Errorf("the list was read %d times", n)
	}
}

func pointer[T any](v T) *T { return &v }

func pemOf(t *testing.T, c tls.Certificate) (certificate, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestCertificatesAreShownToBackends(t *testing.T) {
	backend, roots, _ := tlsBackend(t)
	service := policyService(backend.URL, `<choose><when condition="@(context.Request.Headers.ContainsKey("X-Id"))">
			<authentication-certificate certificate-id="@(context.Request.Headers.GetValueOrDefault("X-Id"))"/>
		</when><when condition="@(context.Request.Headers.ContainsKey("X-Backend"))">
			<set-backend-service backend-id="secured"/>
		</when></choose>`)
	for _, name := range []string{"one", "two"} {
		certificate, key := pemOf(t, testCertificate(t, name+".test"))
		service.Certificates = append(service.Certificates, &apim.Certificate{ID: name, CertificatePEM: certificate, KeyPEM: key})
	}
	service.Backends = []*apim.Backend{{ID: "secured", URL: backend.URL, TLS: apim.BackendTLS{ValidateChain: true, ValidateName: true}, Credentials: apim.BackendCredentials{Certificate: "two"}}}
	h := newHarness(t, service, func(o *Options) { o.Backend.RootCAs = roots })
	for _, one := range [][3]string{{"X-Id", "one", "one.test"}, {"X-None", "x", "none"}, {"X-Id", "two", "two.test"}, {"X-Backend", "x", "two.test"}} {
		resp, body := h.call(t, "GET", "/free/items/1", nil, one[0], one[1])
		if got := resp.Header.Get("X-Client"); got != one[2] {
			t.Errorf("%s %s: the backend saw %q (%d %s)", one[0], one[1], got, resp.StatusCode, body)
		}
	}
	if resp, _ := h.call(t, "GET", "/free/items/1", nil, "X-Id", "missing"); resp.StatusCode != 500 {
		t.Errorf("an unknown certificate: %d", resp.StatusCode)
	}
}
