package statement

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// goldenCase is one policy with one request.
type goldenCase struct {
	t         *testing.T
	files     map[string]string
	settings  map[string]string
	scope     policy.Scope
	repeat    int
	sent      int
	preflight bool
	services  *fakeServices
	out       map[string]*strings.Builder
}

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// newCase reads the files. Lines of context: ip, scope, subscription, product,
// template (of the operation), path (after the API's), section, repeat (the
// request is sent so many times; see turn), subscribed (a time), preflight, api-id, backends (ids that exist),
// "parameter name", "variable name", "cache key", "mock status type" (example
// text) and "sample status type"; more in trust_test.go.
func newCase(t *testing.T, files map[string]string) *goldenCase {
	g := &goldenCase{t: t, files: files, settings: map[string]string{}, scope: policy.API, repeat: 1, out: map[string]*strings.Builder{}}
	for line := range strings.Lines(files["context"]) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			t.Fatalf("context: %q is not key: value", line)
		}
		g.settings[key] = value
	}
	for _, s := range []policy.Scope{policy.Global, policy.Product, policy.API, policy.Operation} {
		if s.String() == g.settings["scope"] {
			g.scope = s
		}
	}
	if n, err := strconv.Atoi(g.settings["repeat"]); err == nil {
		g.repeat = n
	}
	g.preflight = g.settings["preflight"] == "true"
	g.services = newFakeServices(g)
	for key, value := range g.settings {
		if name, ok := strings.CutPrefix(key, "cache "); ok {
			g.services.cache[name] = value
		}
	}
	return g
}

func (g *goldenCase) writer(part string) *strings.Builder {
	if g.out[part] == nil {
		g.out[part] = &strings.Builder{}
	}
	return g.out[part]
}

func (g *goldenCase) run() map[string]string {
	if g.files["resolver.xml"] != "" {
		return g.runResolver()
	}
	if pipeline := g.compile(); pipeline != nil && g.files["request"] != "" {
		for i := range g.repeat {
			if g.repeat > 1 {
				fmt.Fprintf(g.writer("response"), "# %d\n", i+1)
			}
			g.sent = i
			g.send(pipeline)
		}
	}
	got := map[string]string{}
	for part, b := range g.out {
		got[part] = b.String()
	}
	return got
}

const globalDocument = "<policies><inbound/><backend><forward-request/></backend><outbound/><on-error/></policies>"

func (g *goldenCase) namedValues() []*apim.NamedValue {
	var values []*apim.NamedValue
	for line := range strings.Lines(g.files["named-values"]) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "=")
		name, secret := strings.CutSuffix(name, "!")
		values = append(values, &apim.NamedValue{ID: name, Name: name, Value: value, Secret: secret})
	}
	return values
}

func (g *goldenCase) compile() *policy.Pipeline {
	set, messages := policy.NewSet(g.namedValues(), nil)
	global, more := set.Parse(apim.Document{File: "global.xml", Text: globalDocument}, policy.Global)
	messages = append(messages, more...)
	doc, more := set.Parse(apim.Document{File: "policy.xml", Text: g.files["policy.xml"]}, g.scope)
	messages = append(messages, more...)
	var pipeline *policy.Pipeline
	if !messages.Failed() {
		if g.scope == policy.Global {
			global = nil
		}
		pipeline, more = policy.Compile(policy.Merge(doc, global), g.environment())
		messages = append(messages, more...)
	}
	lines := make([]string, 0, len(messages))
	for _, m := range messages {
		lines = append(lines, m.String()+"\n")
	}
	if len(lines) > 0 {
		g.writer("messages").WriteString(strings.Join(lines, ""))
	}
	return pipeline
}

func (g *goldenCase) environment() *policy.Environment {
	env := &policy.Environment{Definitions: Table(), Profile: expr.Strict, Schema: g.schemaFile()}
	g.trust(env)
	g.serviceBackends(env)
	if list, ok := g.settings["backends"]; ok {
		env.Backends = map[string]bool{}
		for _, id := range strings.Fields(list) {
			env.Backends[id] = true
		}
	}
	g.declare(env)
	var keys []string
	for key := range g.settings {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		f := strings.Fields(key)
		if len(f) != 3 || f[0] != "mock" && f[0] != "sample" {
			continue
		}
		status, _ := strconv.Atoi(f[1])
		r := apim.Representation{ContentType: f[2], Example: g.settings[key]}
		if f[0] == "sample" {
			r.Example, r.Sample = "", g.settings[key]
		}
		env.Responses = append(env.Responses, apim.Response{StatusCode: status, Representations: []apim.Representation{r}})
	}
	return env
}

// send runs the pipeline with the request and writes what came of it.
func (g *goldenCase) send(p *policy.Pipeline) {
	c := g.context()
	var failure *policy.Error
	if g.preflight {
		fmt.Fprintf(g.writer("preflight"), "handles: %v\n", p.HandlesPreflight())
		failure = p.Preflight(c, fallback)
	} else {
		failure = p.Run(c, fallback)
	}
	if failure != nil {
		fmt.Fprintf(g.writer("error"), "source: %s\nreason: %s\nmessage: %s\nplace: %s %s %s\n",
			failure.Source, failure.Reason, failure.Message, failure.Scope, failure.Section, failure.Path)
	}
	if c.Response != nil {
		for name, values := range c.FinalHeader {
			c.Response.Header[name] = values
		}
		writeResponse(g.writer("response"), c.Response)
	}
	feedTaps(c)
	c.Variables.Each(func(name string, value any) {
		if _, given := g.settings["variable "+name]; !given {
			fmt.Fprintf(g.writer("variables"), "%s = %s\n", name, describeValue(value))
		}
	})
	for _, e := range c.Exchange.Events {
		fmt.Fprintf(g.writer("events"), "%d %s: %s%s\n", e.Severity, e.Source, e.Message, attributes(e.Metadata))
	}
	if m := c.Exchange.Model; m.Total > 0 {
		fmt.Fprintf(g.writer("model"), "%s of %s: %d+%d=%d streamed=%v\n", m.Model, m.Deployment, m.Prompt, m.Completion, m.Total, m.Streamed)
	}
	for _, m := range c.Exchange.Measurements {
		fmt.Fprintf(g.writer("metrics"), "%s/%s %v%s\n", m.Namespace, m.Name, m.Value, attributes(m.Dimensions))
	}
}

func attributes(list []telemetry.Attribute) string {
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintf(&b, " %s=%q", a.Key, a.Value)
	}
	return b.String()
}

// describeValue shows a variable with its run-time type.
func describeValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case *expr.Response:
		body, _ := v.Body.Buffered()
		return fmt.Sprintf("response %d %q", v.StatusCode, body)
	case string:
		return fmt.Sprintf("string %q", v)
	case *expr.JToken:
		return "json " + v.JSON(false)
	case *expr.Authorization:
		return fmt.Sprintf("Authorization %s %v", v.AccessToken, v.Claims)
	}
	return fmt.Sprintf("%T %v", v, v)
}

func (g *goldenCase) context() *policy.Context {
	c := &policy.Context{Std: context.Background(), Exchange: telemetry.NewExchange(), Services: g.services.policy()}
	c.Exchange.Start = time.Now()
	c.Tracer = c
	c.Now = func() time.Time { return testTime }
	c.Random = func() uint64 { return 1 << 63 }
	c.Timestamp = testTime
	c.Budget.Bytes = expr.DefaultBudgetBytes
	c.RequestID = expr.Guid{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	c.Deployment = &expr.Deployment{GatewayID: "managed", Region: "West Europe", ServiceName: "test"}
	g.certify(c)
	c.API = &expr.API{ID: "echo", Name: "Echo API", Path: "echo", Revision: "1", ServiceURL: expr.URL{Scheme: "https", Host: "backend.example"}}
	c.Operation = &expr.Operation{ID: "call", Name: "Call", Method: "*", URLTemplate: g.settings["template"]}
	c.Target = policy.Target{URL: c.API.ServiceURL}
	if id := g.settings["subscription"]; id != "" {
		c.Subscription = &expr.Subscription{ID: id, Name: id}
		c.Subscription.CreatedDate, _ = time.Parse(time.RFC3339, g.settings["subscribed"])
	}
	if id := g.settings["product"]; id != "" {
		c.Product = &expr.Product{ID: id, Name: id}
	}
	for key, value := range g.settings {
		if name, ok := strings.CutPrefix(key, "parameter "); ok {
			c.Request.MatchedParameters = append(c.Request.MatchedParameters, expr.Parameter{Name: name, Value: value})
		}
		if name, ok := strings.CutPrefix(key, "variable "); ok {
			c.Variables.Set(name, value)
		}
	}
	g.turn(c, g.sent)
	g.request(c)
	return c
}

// request reads the raw request into the context.
func (g *goldenCase) request(c *policy.Context) {
	head, body, _ := strings.Cut(signTokens(g.t, g.files["request"]), "\n\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimRight(head, "\n") + "\n\n")))
	if err != nil {
		g.t.Fatalf("request: %v", err)
	}
	c.Request.Method, c.Request.Header = r.Method, expr.Header(r.Header)
	c.Request.IPAddress = "192.0.2.7"
	if ip, ok := g.settings["ip"]; ok {
		c.Request.IPAddress = ip
	}
	c.Request.OriginalURL = expr.URL{Scheme: "https", Host: r.Host, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery}
	c.Request.URL = c.Request.OriginalURL
	if body != "" {
		body = strings.TrimSuffix(body, "\n")
		c.Exchange.RequestBytes = int64(len(body))
		c.Request.Body = expr.StreamBody(io.NopCloser(strings.NewReader(body)), int64(len(body)))
	}
}

// fallback is the default answer of the gateway.
func fallback(c *policy.Context, e *policy.Error) {
	if e.KeepResponse && c.Response != nil {
		return
	}
	text, status := e.Body, e.Status
	if text == "" {
		text = e.Message
	}
	if status == 0 {
		status = 500
	}
	quoted, _ := json.Marshal(text)
	h := expr.Header{"Content-Type": {"application/json"}}
	for name, value := range e.Header {
		h[name] = []string{value}
	}
	c.Response = &expr.Response{StatusCode: status, StatusReason: http.StatusText(status), Header: h,
		Body: expr.BytesBody(fmt.Appendf(nil, `{ "statusCode": %d, "message": %s }`, status, quoted))}
}

func writeResponse(b *strings.Builder, r *expr.Response) {
	fmt.Fprintf(b, "%d %s\n", r.StatusCode, r.StatusReason)
	writeHeader(b, r.Header)
	data, err := r.Body.Bytes(true)
	writeBody(b, data, err)
}

func writeHeader(b *strings.Builder, h expr.Header) {
	var names []string
	for n := range h {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		for _, v := range h[n] {
			fmt.Fprintf(b, "%s: %s\n", n, v)
		}
	}
}

func writeBody(b *strings.Builder, data []byte, err error) {
	if err != nil {
		fmt.Fprintf(b, "\n(%v)\n", err)
	} else if len(data) > 0 {
		fmt.Fprintf(b, "\n%s\n", data)
	}
}
