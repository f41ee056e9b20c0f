package statement

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// speedCase is one statement as it is mostly written.
type speedCase struct{ name, section, xml string }

// speedCases are the statements that published policies use most, and a few
// that are known to be dear.
func speedCases() []speedCase {
	jwt := `<validate-jwt header-name="Authorization"><issuer-signing-keys><key>MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=</key></issuer-signing-keys></validate-jwt>`
	return []speedCase{
		{"(nothing)", "inbound", ``},
		{"set-variable, literal", "inbound", `<set-variable name="a" value="1"/>`},
		{"set-variable, expression", "inbound", `<set-variable name="a" value="@(context.Request.Headers.GetValueOrDefault("X-Caller","none"))"/>`},
		{"choose, two conditions", "inbound", `<choose><when condition="@(context.Request.Method == "PUT")"><set-method>GET</set-method></when><when condition="@(context.Request.Headers.GetValueOrDefault("X-Caller","") == "tester")"/></choose>`},
		{"set-header, literal", "inbound", `<set-header name="X-A" exists-action="override"><value>1</value></set-header>`},
		{"set-header, expression", "inbound", `<set-header name="X-A" exists-action="override"><value>@(context.Api.Id + "-" + context.RequestId)</value></set-header>`},
		{"return-response", "inbound", `<return-response><set-status code="200" reason="OK"/><set-header name="Content-Type"><value>application/json</value></set-header><set-body>{"ok":true}</set-body></return-response>`},
		{"set-backend-service", "inbound", `<set-backend-service base-url="https://other.example/base"/>`},
		{"authentication-managed-identity", "inbound", `<authentication-managed-identity resource="https://cognitiveservices.azure.com"/>`},
		{"cache-store-value", "inbound", `<cache-store-value key="k" value="v" duration="60"/>`},
		{"cache-lookup-value", "inbound", `<cache-lookup-value key="k" variable-name="v"/>`},
		{"cache-remove-value", "inbound", `<cache-remove-value key="k"/>`},
		{"send-request", "inbound", `<send-request mode="new" response-variable-name="r"><set-url>https://other.example/x</set-url><set-method>GET</set-method></send-request>`},
		{"forward-request", "backend", `<forward-request timeout="10"/>`},
		{"trace", "inbound", `<trace source="s" severity="information"><message>@("called " + context.Api.Id)</message></trace>`},
		{"validate-jwt, HS256", "inbound", jwt},
		{"retry, no repetition", "inbound", `<retry condition="@(false)" count="3" interval="1"><set-variable name="a" value="1"/></retry>`},
		{"set-body, expression", "inbound", `<set-body>@(new JObject(new JProperty("id", context.RequestId)).ToString())</set-body>`},
		{"set-query-parameter", "inbound", `<set-query-parameter name="q" exists-action="override"><value>1</value></set-query-parameter>`},
		{"rewrite-uri", "inbound", `<rewrite-uri template="/v2/items/{id}"/>`},
		{"rate-limit-by-key", "inbound", `<rate-limit-by-key calls="1000000000" renewal-period="60" counter-key="@(context.Request.IpAddress)"/>`},
		{"check-header", "inbound", `<check-header name="X-Caller" failed-check-httpcode="401" failed-check-error-message="no" ignore-case="false"><value>tester</value></check-header>`},
		{"ip-filter", "inbound", `<ip-filter action="allow"><address-range from="192.0.2.0" to="192.0.2.255"/></ip-filter>`},
		{"cors", "inbound", `<cors><allowed-origins><origin>https://app.example</origin></allowed-origins><allowed-headers><header>*</header></allowed-headers></cors>`},
		{"emit-metric, two dimensions", "inbound", `<emit-metric name="calls"><dimension name="API ID"/><dimension name="caller" value="@(context.Request.Headers.GetValueOrDefault("X-Caller",""))"/></emit-metric>`},
		{"find-and-replace", "outbound", `<find-and-replace from="a" to="b"/>`},
		{"set-status", "outbound", `<set-status code="202" reason="Accepted"/>`},
		{"quota-by-key", "inbound", `<quota-by-key calls="1000000000" renewal-period="3600" counter-key="@(context.Request.IpAddress)"/>`},
		{"limit-concurrency", "inbound", `<limit-concurrency key="k" max-count="5"><set-variable name="a" value="1"/></limit-concurrency>`},
		{"json-to-xml", "inbound", `<json-to-xml apply="always" consider-accept-header="false"/>`},
		{"set-body, liquid", "inbound", `<set-body template="liquid">{"id":"{{context.Request.Headers.X-Caller}}"}</set-body>`},
		{"log-to-eventhub", "inbound", `<log-to-eventhub logger-id="hub">@(context.Api.Id)</log-to-eventhub>`},
		{"validate-parameters", "inbound", `<validate-parameters specified-parameter-action="ignore" unspecified-parameter-action="ignore"/>`},
		{"azure-openai-emit-token-metric", "inbound", `<azure-openai-emit-token-metric namespace="n"><dimension name="API ID"/></azure-openai-emit-token-metric>`},
	}
}

const speedRequest = "POST /echo/items/7?x=1 HTTP/1.1\nHost: gw.example\nX-Caller: tester\nOrigin: https://app.example\nContent-Type: application/json\nAuthorization: Bearer " +
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJleHAiOjQxMDI0NDQ4MDB9.TOKEN\n\n{\"a\":1}\n"

// BenchmarkStatement is the cost of one execution of each statement; the page
// docs/reference/speed.md is made of it.
func BenchmarkStatement(b *testing.B) {
	for _, one := range speedCases() {
		b.Run(strings.ReplaceAll(one.name, " ", "_"), func(b *testing.B) {
			f := newJWTFixture(&testing.T{})
			token := f.sign(jose.HS256, []byte("01234567890123456789012345678901"), "", map[string]any{"sub": "ann", "exp": 4102444800})
			request := strings.ReplaceAll(speedRequest, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJleHAiOjQxMDI0NDQ4MDB9.TOKEN", token)
			g := newCase(&testing.T{}, map[string]string{"request": request, "context": "parameter id: 7\n",
				"policy.xml": "<policies><" + one.section + ">" + one.xml + "</" + one.section + "></policies>"})
			g.scope = policy.Global
			runSpeed(b, g)
		})
	}
}

func runSpeed(b *testing.B, g *goldenCase) {
	p := g.compile()
	if p == nil {
		b.Fatalf("does not compile: %s", g.out["messages"])
	}
	pristine := g.context()
	answer := &expr.Response{StatusCode: 200, Header: expr.Header{}, Body: expr.BytesBody([]byte("aaa"))}
	pristine.Services.Forward, pristine.Services.Counters, pristine.Services.HTTP = sameAnswer{answer}, plainCounter{}, sameReply{}
	pristine.Response = answer
	c := new(policy.Context)
	b.ReportAllocs()
	for b.Loop() {
		*c = *pristine
		e := c.Exchange
		e.Steps, e.Events, e.Measurements = e.Steps[:0], e.Events[:0], e.Measurements[:0]
		if failure := p.Run(c, fallback); failure != nil {
			b.Fatal(failure)
		}
	}
}

// sameReply answers what statements ask over HTTP.
type sameReply struct{}

func (sameReply) Send(*policy.Context, *policy.OutgoingRequest) (*expr.Response, error) {
	return &expr.Response{StatusCode: 200, Header: expr.Header{}}, nil
}

// BenchmarkCompile is what scanning, resolving and compiling 1,000 documents
// costs: published ones where they are at hand, else one of ours.
func BenchmarkCompile1000(b *testing.B) {
	texts := publishedTexts()
	if len(texts) == 0 {
		texts = []string{`<policies><inbound><base/><set-header name="a" exists-action="override"><value>@(context.Api.Id)</value></set-header></inbound></policies>`}
	}
	table := Table()
	b.ReportAllocs()
	for b.Loop() {
		for i := range 1000 {
			set, _ := policy.NewSet(nil, nil)
			set.Lenient = true
			d, _ := set.Parse(apim.Document{File: "policy.xml", Text: texts[i%len(texts)]}, policy.API)
			if d != nil {
				policy.Compile(policy.Merge(d), &policy.Environment{Definitions: table, Profile: expr.Extended})
			}
		}
	}
	b.ReportMetric(float64(len(texts)), "documents")
}

func publishedTexts() []string {
	var out []string
	files, _ := filepath.Glob(published + "/*/*/*.xml")
	more, _ := filepath.Glob(published + "/*/*/*/*.xml")
	for _, f := range append(files, more...) {
		if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), "<policies") {
			out = append(out, string(text))
		}
	}
	return out
}

// BenchmarkTraced is what the record of ten statements costs a request.
func BenchmarkTraced(b *testing.B) {
	xml := strings.Repeat(`<set-variable name="a" value="1"/>`, 10)
	g := newCase(&testing.T{}, map[string]string{"request": "GET / HTTP/1.1\nHost: a\n", "policy.xml": fmt.Sprintf("<policies><inbound>%s</inbound></policies>", xml)})
	g.scope = policy.Global
	p := g.compile()
	c := g.context()
	c.Exchange = telemetry.NewExchange()
	c.Exchange.Start = time.Now()
	b.ReportAllocs()
	for b.Loop() {
		c.Exchange.Steps = c.Exchange.Steps[:0]
		if failure := p.Run(c, fallback); failure != nil {
			b.Fatal(failure)
		}
	}
}
