package gateway

import (
	"strings"
	"testing"

	"gatehouse/internal/apim"
)

// The document of cross-domain belongs to no API.
func TestCrossDomainDocument(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.Policy = &apim.Document{File: "policy.xml", Text: `<policies><inbound><cross-domain><cross-domain-policy><allow-access-from domain="*"/></cross-domain-policy></cross-domain></inbound><backend><forward-request/></backend></policies>`}
	h := newHarness(t, s, nil)
	resp, body := h.call(t, "GET", "/crossdomain.xml", nil)
	e := h.recorder.last(t)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/x-cross-domain-policy" || !strings.Contains(body, `<allow-access-from domain="*"/>`) || e.Failure.Reason != "" || len(e.Steps) != 1 {
		t.Errorf("%s %v %s %+v", resp.Status, resp.Header, body, e.Failure)
	}
	for _, path := range []string{"/crossdomain.xml/", "/nothing"} {
		if resp, body := h.call(t, "GET", path, nil); resp.StatusCode != 404 {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
		h.recorder.last(t)
	}
	if resp, _ := h.call(t, "POST", "/crossdomain.xml", nil); resp.StatusCode != 404 {
		t.Error(resp.Status)
	}
}
