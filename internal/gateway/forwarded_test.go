package gateway

import (
	"encoding/json"
	"net/netip"
	"testing"
)

// TestPoliciesDecideAboutForwarded shows which X-Forwarded headers reach the
// backend: what a policy decided, else what the gateway knows.
func TestPoliciesDecideAboutForwarded(t *testing.T) {
	const forged = "203.0.113.9"
	override := `<set-header name="X-Forwarded-For" exists-action="override"><value>198.51.100.1</value></set-header>`
	for _, one := range []struct {
		name, inbound    string
		trusted          bool
		sent             []string
		for_, host, prot string // "": absent; "own": what the gateway knows
	}{
		{name: "no policy", sent: []string{"X-Forwarded-For", forged, "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "gopher"}, for_: "own", host: "own", prot: "own"},
		{name: "override", inbound: override, sent: []string{"X-Forwarded-For", forged, "X-Forwarded-Host", "evil.example"}, for_: "198.51.100.1", host: "own", prot: "own"},
		{name: "by a computed name", inbound: `<set-header name="@("x-forwarded-" + "host")" exists-action="override"><value>api.example.com</value></set-header>`, for_: "own", host: "api.example.com", prot: "own"},
		{name: "all three", inbound: override + `<set-header name="X-Forwarded-Host"><value>api.example.com</value></set-header><set-header name="X-Forwarded-Proto"><value>@("https")</value></set-header>`,
			for_: "198.51.100.1", host: "api.example.com", prot: "https"},
		{name: "delete", inbound: `<set-header name="X-Forwarded-For" exists-action="delete"/><set-header name="X-Forwarded-Host" exists-action="delete"/>`, sent: []string{"X-Forwarded-Host", "evil.example"}, prot: "own"},
		{name: "skip lets no client decide", inbound: `<set-header name="X-Forwarded-For" exists-action="skip"><value>198.51.100.1</value></set-header>`, sent: []string{"X-Forwarded-For", forged}, for_: "own", host: "own", prot: "own"},
		{name: "skip without the header", inbound: `<set-header name="X-Forwarded-For" exists-action="skip"><value>198.51.100.1</value></set-header>`, for_: "198.51.100.1", host: "own", prot: "own"},
		{name: "another header", inbound: `<set-header name="X-Forwarded-Port"><value>443</value></set-header>`, sent: []string{"X-Forwarded-For", forged}, for_: "own", host: "own", prot: "own"},
		{name: "trusted proxy", trusted: true, sent: []string{"X-Forwarded-For", forged, "X-Forwarded-Proto", "https"}, for_: forged + ", 127.0.0.1", prot: "https"},
		{name: "policy behind a trusted proxy", trusted: true, inbound: override, sent: []string{"X-Forwarded-For", forged, "X-Forwarded-Proto", "https"}, for_: "198.51.100.1", prot: "https"},
	} {
		s := testService(echoBackend(t).URL)
		s.APIs[2].Policy = document(one.inbound)
		h := newHarness(t, s, func(o *Options) {
			if one.trusted {
				o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			}
		})
		_, body := h.call(t, "GET", "/free/items/1", nil, one.sent...)
		var got struct{ Header map[string][]string }
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%s: %s", one.name, body)
		}
		own := map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": h.URL[len("http://"):], "X-Forwarded-Proto": "http"}
		for name, want := range map[string]string{"X-Forwarded-For": one.for_, "X-Forwarded-Host": one.host, "X-Forwarded-Proto": one.prot} {
			if want == "own" {
				want = own[name]
			}
			values := got.Header[name]
			if (want == "" && len(values) > 0) || (want != "" && (len(values) != 1 || values[0] != want)) {
				t.Errorf("%s: %s is %q, expected %q", one.name, name, values, want)
			}
		}
	}
}
