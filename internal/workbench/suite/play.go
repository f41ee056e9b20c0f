package suite

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/workbench/stage"
)

// player plays the steps of one case.
type player struct {
	file    *file
	service *apim.Service
	stage   *stage.Stage
	cover   *Coverage
	hidden  []string // secrets that do not come from the test file
	fresh   bool     // no step was played yet

	mu    sync.Mutex // branches of a request make calls at the same time
	now   time.Time
	spec  *caseSpec
	taken map[*messages]int // answers that were given
	calls []call
	wild  []string // requests that no answer matches
}

// call is a request that left the gateway.
type call struct {
	source, method, url string
	header              http.Header
	body                []byte
}

// observed is what came of a step.
type observed struct {
	*stage.Outcome
	backend, requests []call
	unanswered        []string
}

// defaultClock is the time of a case that names none.
var defaultClock = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func prepare(f *file, c *testCase, cover *Coverage) (*player, error) {
	source, err := f.source(&c.spec)
	if err != nil {
		return nil, err
	}
	service, err := source.Load()
	if err != nil {
		return nil, err
	}
	p := &player{file: f, service: service, cover: cover, now: c.spec.Clock, fresh: true}
	if p.now.IsZero() {
		p.now = defaultClock
	}
	p.hidden = hidden(service, f.spec.NamedValues)
	o := stage.Options{Extended: f.spec.ExtendedTypes, Network: p.answer, Now: p.clock, Wait: p.advance}
	if cover != nil {
		o.Branches = cover.branch(f)
	}
	if p.stage, err = stage.New(service, o); err != nil {
		return nil, err
	}
	if cover != nil {
		cover.add(f, p.stage)
	}
	return p, nil
}

// hidden are secrets of the service that must not be written into tests.
func hidden(s *apim.Service, own map[string]namedValue) []string {
	var out []string
	for _, v := range s.NamedValues {
		if _, known := own[v.Name]; v.Secret && !known && len(v.Value) > 3 {
			out = append(out, v.Value)
		}
	}
	for _, b := range s.Backends {
		for _, values := range b.Credentials.Header {
			out = append(out, values...)
		}
		out = append(out, b.Credentials.Authorization)
	}
	return out
}

func (p *player) hide(text string) string {
	for _, secret := range p.hidden {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, wildcard)
		}
	}
	return text
}

func (p *player) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *player) advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

// send plays one step.
func (p *player) send(s *caseSpec) (*observed, error) {
	p.advance(time.Duration(s.Advance))
	p.spec, p.taken, p.calls, p.wild = s, map[*messages]int{}, nil, nil
	r, err := p.request(s)
	if err != nil {
		return nil, err
	}
	play := stage.Play{Request: r, Begin: func(c *policy.Context) { p.begin(c, s) }}
	if p.cover != nil {
		play.Record = func(*policy.Context, policy.Observed) policy.Recorder { return p.cover.recorder(p.file) }
	}
	out := &observed{Outcome: p.stage.Run(play)}
	p.fresh = false
	for _, c := range p.calls {
		if c.source == forwarding {
			out.backend = append(out.backend, c)
		} else {
			out.requests = append(out.requests, c)
		}
	}
	out.unanswered = p.wild
	return out, nil
}

const forwarding = "forward-request"

// request makes the client's request.
func (p *player) request(s *caseSpec) (*http.Request, error) {
	m := &s.Request
	target := cmp.Or(m.URL, "/")
	if strings.HasPrefix(target, "/") {
		target = "https://gateway.example" + target
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	header := m.header()
	body, err := p.body(m, header)
	if err != nil {
		return nil, err
	}
	if err := p.key(s, u.Path, header); err != nil {
		return nil, err
	}
	return stage.Request(cmp.Or(m.Method, http.MethodGet), u, header, body, cmp.Or(m.IP, "192.0.2.7")), nil
}

func (m *message) header() http.Header {
	h := http.Header{}
	for name, list := range m.Headers {
		if list != nil {
			h[http.CanonicalHeaderKey(name)] = *list
		}
	}
	return h
}

// body gives the bytes of a message; a JSON body gets its content type.
func (p *player) body(m *message, h http.Header) ([]byte, error) {
	switch {
	case m.JSON.Kind != 0:
		data, err := jsonText(&m.JSON)
		if err != nil {
			return nil, err
		}
		if h.Get("Content-Type") == "" {
			h.Set("Content-Type", "application/json")
		}
		return data, nil
	case m.BodyFile != "":
		return p.file.read(m.BodyFile)
	case m.Body != nil:
		return []byte(*m.Body), nil
	}
	return nil, nil
}

// key puts the key of the case's subscription into the header that the API of
// the path wants.
func (p *player) key(s *caseSpec, requested string, h http.Header) error {
	if s.Subscription.ID == "" {
		return nil
	}
	key, err := stage.Key(p.service, s.Subscription.ID)
	if err != nil {
		return err
	}
	h.Set(stage.KeyHeader(p.service, requested), key)
	return nil
}

// defaultRequestID is context.RequestId of a case that names none.
const defaultRequestID = "00000000-0000-4000-8000-000000000001"

// begin fixes what policies can see of the world.
func (p *player) begin(c *policy.Context, s *caseSpec) {
	c.RequestID = parseGuid(cmp.Or(s.RequestID, defaultRequestID))
	draws := 0
	var mu sync.Mutex
	c.Random = func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		f := 0.5
		if n := len(s.Random); n > 0 {
			f = s.Random[min(draws, n-1)]
		}
		draws++
		return uint64(min(max(f, 0), math.Nextafter(1, 0)) * (1 << 64))
	}
	if u := s.User; u != nil {
		c.User = &expr.User{ID: u.ID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName}
		for _, g := range u.Groups {
			c.User.Groups = append(c.User.Groups, expr.Group{ID: g, Name: g})
		}
	}
	for name, v := range s.Variables {
		c.Variables.Set(name, value(v))
	}
	c.Services.Tokens, c.Services.Grants, c.Services.Databases = s.Tokens, s.Grants, nil // a test reaches nothing outside
	if p.fresh {
		for name, v := range s.Cache {
			c.Services.Cache.Set(name, value(v), 24*time.Hour)
		}
	}
}

func parseGuid(text string) (g expr.Guid) {
	text = strings.ReplaceAll(text, "-", "")
	for i := 0; i < len(g) && 2*i+1 < len(text); i++ {
		_, _ = fmt.Sscanf(text[2*i:2*i+2], "%02x", &g[i])
	}
	return g
}

// value is a value of YAML as an expression would make it.
func value(v any) any {
	switch v := v.(type) {
	case int:
		if v >= math.MinInt32 && v <= math.MaxInt32 {
			return int32(v)
		}
		return int64(v)
	case map[string]any, []any:
		data, err := json.Marshal(v)
		if err != nil {
			return nil
		}
		if t, err := expr.ParseJSON(data); err == nil {
			return t
		}
		return string(data)
	}
	return v
}

// answer is the network of a case.
func (p *player) answer(c stage.Call) (*http.Response, error) {
	r := c.Request
	made := call{source: c.Source, method: r.Method, url: r.URL.String(), header: r.Header.Clone()}
	if r.Host != "" && r.Host != r.URL.Host {
		made.header.Set("Host", r.Host)
	}
	if r.Body != nil {
		var err error
		if made.body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	p.calls = append(p.calls, made)
	m := p.next(&made)
	p.mu.Unlock()
	if m == nil {
		return nil, stage.ErrConnect
	}
	p.advance(time.Duration(m.Delay))
	return p.response(m, r)
}

// next chooses the answer: of the first stub that matches, else, for what is
// forwarded, the next one of the backend. The last answer stays.
func (p *player) next(c *call) *message {
	for i := range p.spec.Requests {
		s := &p.spec.Requests[i]
		if (s.Method == "" || strings.EqualFold(s.Method, c.method)) && matches(strings.ReplaceAll(s.URL, "*", wildcard), c.url) {
			return p.take(&s.Answer)
		}
	}
	if c.source == forwarding {
		return p.take(&p.spec.Backend)
	}
	p.wild = append(p.wild, c.method+" "+c.url)
	return nil
}

func (p *player) take(list *messages) *message {
	if len(*list) == 0 {
		return &message{Status: http.StatusOK}
	}
	i := min(p.taken[list], len(*list)-1)
	p.taken[list]++
	return &(*list)[i]
}

func (p *player) response(m *message, r *http.Request) (*http.Response, error) {
	switch m.Fail {
	case "timeout":
		return nil, stage.ErrTimeout
	case "connect":
		return nil, stage.ErrConnect
	case "", "close":
	default:
		return nil, fmt.Errorf("fail: %q is none of timeout, connect, close", m.Fail)
	}
	header := m.header()
	data, err := p.body(m, header)
	if err != nil {
		return nil, err
	}
	status := cmp.Or(m.Status, http.StatusOK)
	out := &http.Response{StatusCode: status, Status: fmt.Sprintf("%d %s", status, cmp.Or(m.Reason, http.StatusText(status))),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Request: r, Body: http.NoBody, ContentLength: int64(len(data))}
	if len(data) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(data))
	}
	if m.Fail == "close" {
		out.ContentLength = int64(len(data)) + 1
		out.Body = io.NopCloser(io.MultiReader(bytes.NewReader(data), broken{}))
	}
	return out, nil
}

// broken is a connection that breaks.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the connection broke") }

// shown is the path of a document as a user can open it.
func shown(f *file, name string) string {
	if f.spec.Service != "" {
		return filepath.Join(f.beside(f.spec.Service), name)
	}
	if f.archive != nil {
		return f.path + "/" + name
	}
	return f.beside(name)
}
