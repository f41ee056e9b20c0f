package gateway

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/apim"
	recording "gatehouse/internal/policy/record"
)

func TestDisguises(t *testing.T) {
	const secret = "S3cret/Val+ue?>"
	x := newDisguiseIndex([]string{secret, "short", "sixsix"})
	for before := range 7 {
		for after := range 4 {
			text := strings.Repeat("u", before) + secret + strings.Repeat("v", after)
			for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
				encoded := encoding.EncodeToString([]byte(text))
				got := x.mask("Basic " + encoded + ", next")
				rest := strings.TrimSuffix(strings.TrimPrefix(got, "Basic "), ", next")
				if !strings.Contains(rest, maskText) || len(rest) > len(maskText)+2 {
					t.Errorf("%s in %s: %s", text, encoded, got)
				}
			}
		}
	}
	for _, c := range [][2]string{
		{"sixsix and SIXSIX", "sixsix and SIXSIX"}, {"s3cret/val+ue?>", "***"}, {"x S3CRET/VAL+UE?>.", "x ***."}, {"?q=s3cret%2Fval%2Bue%3F%3E&b", "?q=***&b"},
		{"5333637265742f56616c2b75653f3e", "***"}, {"736978736978", "***"}, {"/a/" + base64.StdEncoding.EncodeToString([]byte("sixsix")) + "/b", "/a***b"},
		{"nothing of the kind", "nothing of the kind"},
	} {
		if got := x.mask(c[0]); got != c[1] {
			t.Errorf("%q: %q, want %q", c[0], got, c[1])
		}
	}
}

// TestDisguisedSecretsStayOutOfATrace traces a request whose policy encodes its
// secrets before it shows them.
func TestDisguisedSecretsStayOutOfATrace(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.NamedValues = []*apim.NamedValue{{ID: "named", Name: "named", Value: "Value-That-Is-Named", Secret: true}}
	s.Subscriptions[0].AllowTracing = true
	s.APIs[0].Policy = document(`
<set-variable name="a" value="@(Convert.ToBase64String(Encoding.UTF8.GetBytes("user:{{named}}")))"/>
<set-variable name="b" value="@("{{named}}".ToLower() + " " + "{{named}}".ToUpperInvariant())"/>
<set-variable name="c" value="@(Uri.EscapeDataString("? {{named}}") + " " + Convert.ToBase64String(Encoding.UTF8.GetBytes(context.Subscription.Key)))"/>
<authentication-basic username="svc" password="{{named}}"/>
<set-variable name="d" value="@(context.Request.Headers.GetValueOrDefault("Authorization","").Substring(6))"/>
<trace source="t" severity="error"><message>@("said " + context.Variables["a"] + " " + context.Variables["b"] + " " + context.Variables["c"] + " " + context.Variables["d"])</message></trace>
<set-header name="X-Shown" exists-action="override"><value>@((string)context.Variables["a"])</value></set-header>
<set-query-parameter name="q" exists-action="override"><value>@((string)context.Variables["a"])</value></set-query-parameter>`)
	desk := recording.NewDesk(recording.DefaultDeskOptions())
	h := newHarness(t, s, func(o *Options) { o.Observer = desk })
	resp, body := h.call(t, "GET", "/closed/items/1", nil, "Ocp-Apim-Trace", "true", "Ocp-Apim-Subscription-Key", "key-gold-1")
	encoded := base64.StdEncoding.EncodeToString([]byte("user:Value-That-Is-Named"))
	if !strings.Contains(body, encoded) {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	r := desk.Find(resp.Header.Get("Apim-Trace-Id"))
	if r == nil {
		t.Fatal("no recording")
	}
	trace, err := json.Marshal(r.Trace())
	if err != nil {
		t.Fatal(err)
	}
	exchange := fmt.Sprintf("%+v", h.recorder.last(t).Events)
	key := base64.StdEncoding.EncodeToString([]byte("key-gold-1"))
	for _, secret := range []string{encoded, encoded[8:20], "value-that-is-named", "VALUE-THAT-IS-NAMED", "Value-That", key[:12], base64.StdEncoding.EncodeToString([]byte("svc:Value-That-Is-Named"))} {
		if at := strings.Index(string(trace), secret); at >= 0 {
			t.Errorf("the recording holds %s: ...%s", secret, trace[max(0, at-80):min(len(trace), at+40)])
		}
		if strings.Contains(exchange, secret) && secret != key[:12] {
			t.Errorf("the record holds %s: %s", secret, exchange)
		}
	}
	if !strings.Contains(string(trace), "said ***") {
		t.Errorf("what is not secret is gone: %s", trace)
	}
}
