package statement

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// fakeServices answers from the files of a case and writes down what was asked.
type fakeServices struct {
	g         *goldenCase
	backend   []string
	requester []string
	cache     memoryCache
	counters  memoryCounters
	keys      fixedKeys
	quotas    *memoryQuotas
	vectors   *memoryVectors
}

func newFakeServices(g *goldenCase) *fakeServices {
	split := func(text string) []string {
		if text == "" {
			return nil
		}
		return strings.Split(text, "---\n")
	}
	return &fakeServices{g: g, backend: split(g.files["backend"]), requester: split(g.files["requester"]),
		cache: memoryCache{}, counters: memoryCounters{}, keys: fixedKeys{},
		quotas: newMemoryQuotas(g), vectors: &memoryVectors{}}
}

func (f *fakeServices) policy() *policy.Services {
	return &policy.Services{Forward: forwarding{f}, HTTP: f, Counters: f.counters, Cache: f.cache, Keys: f.keys,
		Quotas: f.quotas, Tokens: fakeTokens{f.g}, Grants: fakeTokens{f.g}, Vectors: f.vectors, Events: publishedEvents{f.g}, Databases: fakeDatabases{f.g}}
}

// next takes the next response; the last one stays.
func next(list *[]string) (*expr.Response, error) {
	if len(*list) == 0 {
		return &expr.Response{StatusCode: 200, StatusReason: "OK", Header: expr.Header{}}, nil
	}
	text := (*list)[0]
	if len(*list) > 1 {
		*list = (*list)[1:]
	}
	switch strings.TrimSpace(text) {
	case "!timeout":
		return nil, context.DeadlineExceeded
	case "!connect":
		return nil, errors.New("connection refused")
	}
	head, body, _ := strings.Cut(text, "\n\n")
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(strings.TrimRight(head, "\n")+"\n\n")), nil)
	if err != nil {
		return nil, err
	}
	_, reason, _ := strings.Cut(r.Status, " ")
	out := &expr.Response{StatusCode: r.StatusCode, StatusReason: reason, Header: expr.Header(r.Header)}
	if body = strings.TrimSuffix(body, "\n"); body != "" {
		out.Body = expr.StreamBody(io.NopCloser(strings.NewReader(body)), int64(len(body)))
	}
	return out, nil
}

// forwarding is the forwarder of a case.
type forwarding struct{ *fakeServices }

func (f forwarding) Forward(c *policy.Context, o policy.ForwardOptions) error {
	b := f.g.writer("backend-request")
	u := c.Request.URL
	if c.Target.Backend != "" {
		fmt.Fprintf(b, "backend %s\n", c.Target.Backend)
		u.Scheme, u.Host, u.Port = "backend", c.Target.Backend, 0
	} else {
		u.Scheme, u.Host, u.Port = c.Target.URL.Scheme, c.Target.URL.Host, c.Target.URL.Port
		u.Path = joinPath(c.Target.URL.Path, u.Path)
	}
	fmt.Fprintf(b, "%s %s\n", c.Request.Method, u.String())
	if o != (policy.ForwardOptions{HTTPVersion: "1", BufferResponse: true}) {
		fmt.Fprintf(b, "# %+v\n", o)
	}
	writeWay(b, c.Proxy, c.Certificate)
	writeHeader(b, c.Request.Header)
	if o.BufferRequestBody {
		if err := c.Request.Body.Buffer(); err != nil {
			return err
		}
	}
	if body, _ := c.Request.Body.Take(); body != nil {
		data, err := io.ReadAll(body)
		writeBody(b, data, err)
	}
	r, err := next(&f.backend)
	if err != nil {
		return sendFailure(c, "forward-request", err)
	}
	c.Response = r
	if o.FailOnErrorStatus && r.StatusCode >= 400 {
		return &policy.Error{Source: "forward-request", Reason: "BackendStatusCode", Status: r.StatusCode, KeepResponse: true}
	}
	return nil
}

// Send implements policy.Requester.
func (f *fakeServices) Send(c *policy.Context, r *policy.OutgoingRequest) (*expr.Response, error) {
	b := f.g.writer("sent")
	target := r.URL.String()
	if r.Backend != "" {
		target = "backend " + r.Backend + " " + strings.TrimPrefix(target, "://")
	}
	fmt.Fprintf(b, "%s %s %s\n# timeout %s\n", r.Source, r.Method, target, r.Timeout)
	writeWay(b, r.Proxy, r.Certificate)
	writeHeader(b, r.Header)
	writeBody(b, r.Body, nil)
	out, err := next(&f.requester)
	if err != nil {
		return nil, err
	}
	return out, out.Body.Buffer()
}

type memoryCache map[string]any

func (m memoryCache) Get(key string) (any, bool) {
	v, ok := m[key]
	return v, ok
}
func (m memoryCache) Set(key string, value any, _ time.Duration) { m[key] = value }
func (m memoryCache) Delete(key string)                          { delete(m, key) }

// memoryCounters counts in one window that never ends.
type memoryCounters map[string]int64

func (m memoryCounters) Add(key string, n, limit int64, window time.Duration) policy.Count {
	if m[key]+max(n, 1) > limit { // 0 asks for 1
		return policy.Count{RetryAfter: window}
	}
	m[key] += n
	return policy.Count{Allowed: true, Remaining: limit - m[key]}
}

func (m memoryCounters) Record(key string, n, limit int64, window time.Duration) policy.Count {
	m[key] += n
	if m[key] > limit {
		return policy.Count{RetryAfter: window}
	}
	return policy.Count{Allowed: true, Remaining: limit - m[key]}
}

// fixedKeys are issuers by the URL of their discovery document.
type fixedKeys map[string]*policy.Issuer

func (f fixedKeys) Issuer(_ context.Context, url string, _ bool) (*policy.Issuer, error) {
	if i := f[url]; i != nil {
		return i, nil
	}
	return nil, errors.New("not found")
}
