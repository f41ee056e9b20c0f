package proxy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/identity"
	"gatehouse/internal/identity/verify"
	"gatehouse/test/oidc"
)

// site is a proxy over a real connection, before a tool that tells what it gets.
type site struct {
	*Proxy
	url, tool string
	provider  *oidc.Provider
	now       atomic.Int64 // seconds that the clock is ahead

	mu        sync.Mutex
	decisions []string
	seen      []string
}

var (
	alice = oidc.User{Subject: "a-1", Name: "alice", Email: "alice@example.com", Groups: []string{"sre", "all"}}
	bob   = oidc.User{Subject: "b-2", Name: "bob", Groups: []string{"all"}}
)

func open(t *testing.T, change func(*Options)) *site {
	t.Helper()
	s := &site{provider: oidc.Start(t, "client", "shh")}
	tool := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "websocket" {
			upgraded(t, w)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "tool", Value: "x", Path: "/"})
		_ = json.NewEncoder(w).Encode(map[string]any{"path": r.URL.RequestURI(), "host": r.Host, "headers": r.Header})
	}))
	t.Cleanup(tool.Close)
	var handler http.Handler
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	s.url, s.tool = front.URL, tool.URL
	at, _ := url.Parse(front.URL)
	upstream, _ := url.Parse(tool.URL)
	o := Options{Name: "grafana", URL: at, Upstream: upstream, Issuer: verify.Issuer{Name: "idp", URL: s.provider.URL, Audiences: []string{"api://tools"}}, ClientID: "client", ClientSecret: "shh",
		Groups: []string{"sre"}, Key: bytes.Repeat([]byte{7}, keySize), Now: func() time.Time { return time.Now().Add(time.Duration(s.now.Load()) * time.Second) },
		Decided: func(d string) { s.mu.Lock(); s.decisions = append(s.decisions, d); s.mu.Unlock() },
		Seen:    func(_ *http.Request, c *identity.Caller) { s.mu.Lock(); s.seen = append(s.seen, c.Name); s.mu.Unlock() }}
	if change != nil {
		change(&o)
	}
	var err error
	if s.Proxy, err = New(o); err != nil {
		t.Fatal(err)
	}
	handler = s.Proxy
	return s
}

func upgraded(t *testing.T, w http.ResponseWriter) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	line, _ := buffered.ReadString('\n')
	_, _ = io.WriteString(conn, line)
}

// browser follows redirects and keeps cookies.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// get gives status and body, with headers as a browser sends them.
func get(t *testing.T, c *http.Client, address string, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequest("GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,*/*")
	for n := 0; n+1 < len(header); n += 2 {
		req.Header.Set(header[n], header[n+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// still does not follow redirects.
func still(c *http.Client) *http.Client {
	out := *c
	out.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &out
}

func TestAnybodyIsSentToTheProviderAndWhoMayGetsThrough(t *testing.T) {
	s := open(t, nil)
	s.provider.Login(alice)
	c := browser(t)
	status, _, h := get(t, still(c), s.url+"/d/board?from=now-1h")
	if to := h.Get("Location"); status != http.StatusFound || !strings.HasPrefix(to, s.provider.URL+"/authorize?") || !strings.Contains(to, "code_challenge_method=S256") {
		t.Fatalf("%d %s", status, to)
	}
	status, body, _ := get(t, c, s.url+"/d/board?from=now-1h", "X-Forwarded-User", "root", "X_Forwarded_Email", "root@example.com", "X-Webauth-User", "root", "Connection", "X-Forwarded-User")
	var got struct {
		Path, Host string
		Headers    http.Header
	}
	if err := json.Unmarshal([]byte(body), &got); status != http.StatusOK || err != nil {
		t.Fatalf("%d %s", status, body)
	}
	if got.Path != "/d/board?from=now-1h" || got.Host != strings.TrimPrefix(s.url, "http://") {
		t.Errorf("%+v", got)
	}
	// The tool is told by the proxy alone who asks, and gets nothing of the session.
	for name, want := range map[string]string{"X-Forwarded-User": "a-1", "X-Forwarded-Preferred-Username": "alice", "X-Forwarded-Email": "alice@example.com", "X-Forwarded-Groups": "sre", "X_forwarded_email": "", "X-Webauth-User": "", "Cookie": ""} {
		if got.Headers.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Headers.Get(name), want)
		}
	}
	_, body, _ = get(t, c, s.url+"/api")
	if !strings.Contains(body, `"Cookie":["tool=x"]`) {
		t.Errorf("the tool's own cookie does not come back to it: %s", body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := strings.Join(s.decisions, " "); got != "unknown unknown login allowed allowed" || strings.Join(s.seen, " ") != "alice@example.com alice@example.com alice@example.com" {
		t.Errorf("%s; %v", got, s.seen)
	}
}

func TestAWrongGroupIsRefused(t *testing.T) {
	s := open(t, nil)
	s.provider.Login(bob)
	status, body, _ := get(t, browser(t), s.url+"/")
	if status != http.StatusForbidden || !strings.Contains(body, "bob") || !strings.Contains(body, logoutPath) {
		t.Errorf("%d %s", status, body)
	}
	allowed := open(t, func(o *Options) { o.Groups, o.Principals = nil, []string{"b-2"} })
	allowed.provider.Login(bob)
	if status, body, _ := get(t, browser(t), allowed.url+"/"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
}

func TestProgramsSendTokens(t *testing.T) {
	s := open(t, nil)
	plain := &http.Client{}
	if status, _, h := get(t, plain, s.url+"/api/v1/query", "Accept", "application/json"); status != http.StatusUnauthorized || h.Get("WWW-Authenticate") == "" {
		t.Errorf("no token: %d", status)
	}
	for name, one := range map[string]struct {
		token string
		want  int
	}{
		"right":          {s.provider.Token(t, alice, "api://tools"), 200},
		"an id token":    {s.provider.Token(t, alice, "client"), 200},
		"wrong group":    {s.provider.Token(t, bob, "api://tools"), 403},
		"wrong audience": {s.provider.Token(t, alice, "api://other"), 401},
		"another issuer": {oidc.Start(t, "client", "shh").Token(t, alice, "client"), 401},
		"no token":       {"a.b.c", 401},
	} {
		status, body, _ := get(t, plain, s.url+"/api", "Authorization", "Bearer "+one.token)
		if status != one.want || strings.Contains(body, one.token) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	// A token that the session does not need is the tool's own, such as Grafana's.
	s.provider.Login(alice)
	c := browser(t)
	get(t, c, s.url+"/")
	if _, body, _ := get(t, c, s.url+"/", "Authorization", "Bearer glsa_own"); !strings.Contains(body, "glsa_own") {
		t.Error(body)
	}
}

func TestSessionsEndAndCannotBeMade(t *testing.T) {
	s := open(t, nil)
	s.provider.Login(alice)
	c := browser(t)
	if status, _, _ := get(t, c, s.url+"/"); status != http.StatusOK {
		t.Fatal(status)
	}
	at, _ := url.Parse(s.url)
	var cookie *http.Cookie
	for _, one := range c.Jar.Cookies(at) {
		if one.Name == s.cookieName(forSession) {
			cookie = one
		}
	}
	if cookie == nil {
		t.Fatal("no session")
	}
	try := func(value string) int {
		status, _, _ := get(t, still(&http.Client{}), s.url+"/", "Cookie", cookie.Name+"="+value)
		return status
	}
	if try(cookie.Value) != http.StatusOK {
		t.Error("the cookie itself is refused")
	}
	for n := range cookie.Value {
		changed := []byte(cookie.Value)
		changed[n] ^= 1
		if n < len(changed)-1 && try(string(changed)) != http.StatusFound { // the last letter has bits of no meaning
			t.Fatalf("a cookie changed at %d is taken", n)
		}
	}
	login, err := s.sealed(forLogin, session{Issuer: "idp", Object: "a-1", Groups: []string{"sre"}, Ends: 1 << 40})
	if err != nil || try(login) != http.StatusFound {
		t.Error("a cookie of a login is taken for a session")
	}
	other := open(t, func(o *Options) { o.Name = "prometheus" })
	made, err := other.sealed(forSession, session{Issuer: "idp", Object: "a-1", Groups: []string{"sre"}, Ends: 1 << 40})
	if err != nil || try(made) != http.StatusFound {
		t.Error("another proxy's session is taken")
	}
	s.now.Store(int64(8*time.Hour/time.Second) + 1)
	if try(cookie.Value) != http.StatusFound {
		t.Error("a session does not end")
	}
	s.now.Store(0)
	if status, _, _ := get(t, c, s.url+logoutPath, "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Error("another site logs people out")
	}
	get(t, c, s.url+logoutPath)
	if status, _, _ := get(t, still(c), s.url+"/"); status != http.StatusFound {
		t.Error("logged out and still in")
	}
}

// begin starts a login and gives the address of the provider's answer.
func (s *site) begin(t *testing.T, c *http.Client, path string) *url.URL {
	t.Helper()
	_, _, h := get(t, still(c), s.url+path)
	_, _, h = get(t, still(c), h.Get("Location"))
	back, err := url.Parse(h.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestLoginsThatAreNotWhatBegan(t *testing.T) {
	s := open(t, nil)
	s.provider.Login(alice)
	good := browser(t)
	back := s.begin(t, good, "/")
	if status, body, _ := get(t, browser(t), back.String()); status != http.StatusBadRequest {
		t.Errorf("another browser: %d %s", status, body)
	}
	q := back.Query()
	if status, _, _ := get(t, good, s.url+callbackPath+"?state=AAAAAAAAAAAAAAAAAAAAAAAAAA&code="+q.Get("code")); status != http.StatusBadRequest {
		t.Errorf("another state: %d", status)
	}
	if status, _, _ := get(t, good, s.url+callbackPath+"?state="+q.Get("state")+"&code=wrong"); status != http.StatusBadGateway {
		t.Errorf("a wrong code: %d", status)
	}
	if status, _, _ := get(t, good, back.String()); status != http.StatusBadRequest {
		t.Errorf("a login twice: %d", status)
	}
	late := s.begin(t, good, "/")
	s.now.Store(int64(loginLife/time.Second) + 1)
	if status, body, _ := get(t, good, late.String()); status != http.StatusBadRequest || !strings.Contains(body, "too long") {
		t.Errorf("too late: %d %s", status, body)
	}
	s.now.Store(0)
	s.provider.Edit(func(c map[string]any) { c["nonce"] = "other" })
	if status, body, _ := get(t, good, s.begin(t, good, "/").String()); status != http.StatusForbidden || !strings.Contains(body, "another login") {
		t.Errorf("a wrong nonce: %d %s", status, body)
	}
	s.provider.Edit(func(c map[string]any) { c["aud"] = "someone" })
	if status, _, _ := get(t, good, s.begin(t, good, "/").String()); status != http.StatusForbidden {
		t.Errorf("a wrong audience: %d", status)
	}
	s.provider.Edit(nil)
	s.provider.Login(oidc.User{})
	if status, body, _ := get(t, good, s.begin(t, good, "/").String()); status != http.StatusForbidden || !strings.Contains(body, "access_denied") {
		t.Errorf("refused by the provider: %d %s", status, body)
	}
}

// An address that nobody verified is no address: users of many providers choose it.
func TestAddressesThatAreNotVerified(t *testing.T) {
	s := open(t, nil)
	s.provider.Login(alice)
	s.provider.Edit(func(c map[string]any) { c["email_verified"] = false })
	if _, body, _ := get(t, browser(t), s.url+"/"); strings.Contains(body, "X-Forwarded-Email") || !strings.Contains(body, `"X-Forwarded-User":["a-1"]`) {
		t.Error(body)
	}
}

func TestOnlyPathsOfThisHostAreReturnedTo(t *testing.T) {
	for address, want := range map[string]string{
		"/d?x=1": "/d?x=1", "//evil.example/": "/", "/%5Cevil.example": "/%5Cevil.example", "/" + strings.Repeat("x", maxReturn): "/", "/a//b": "/a//b", "http://evil.example/x": "/x", "/\\evil": "/%5Cevil",
	} {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + address + " HTTP/1.1\r\nHost: here\r\n\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		if got := returnTo(r); got != want {
			t.Errorf("%.40s: %.60s, want %s", address, got, want)
		}
	}
}

// Without the provider nobody new gets in, and sessions go on.
func TestAProviderThatIsAway(t *testing.T) {
	s := open(t, func(o *Options) { o.Issuer.URL = "http://127.0.0.1:1" })
	status, body, h := get(t, browser(t), s.url+"/")
	if status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" {
		t.Errorf("%d %s", status, body)
	}
	cookie, err := s.sealed(forSession, session{Issuer: "idp", Object: "a-1", Groups: []string{"sre"}, Ends: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := get(t, &http.Client{}, s.url+"/", "Cookie", s.cookieName(forSession)+"="+cookie); status != http.StatusOK {
		t.Errorf("a session: %d", status)
	}
}

func TestWebSocketsGoThrough(t *testing.T) {
	s := open(t, nil)
	to := "websocket"
	ask := func(header string) *http.Response {
		req, _ := http.NewRequest("GET", s.url+"/api/live/ws", nil)
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", to)
		req.Header.Set("Accept", "text/html")
		if header != "" {
			req.Header.Set("Authorization", header)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	refused := ask("")
	_ = refused.Body.Close()
	if refused.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody: %d", refused.StatusCode)
	}
	resp := ask("Bearer " + s.provider.Token(t, alice, "api://tools"))
	defer resp.Body.Close()
	both, ok := resp.Body.(io.ReadWriter)
	if resp.StatusCode != http.StatusSwitchingProtocols || !ok {
		t.Fatal(resp.Status)
	}
	_, _ = io.WriteString(both, "hello\n")
	got := make([]byte, 6)
	if _, err := io.ReadFull(both, got); err != nil || string(got) != "hello\n" {
		t.Errorf("%q %v", got, err)
	}
	to = "h2c"
	other := ask("Bearer " + s.provider.Token(t, alice, "api://tools"))
	_ = other.Body.Close()
	if other.StatusCode != http.StatusNotImplemented {
		t.Errorf("another protocol: %d", other.StatusCode)
	}
}

func TestAToolThatIsAway(t *testing.T) {
	away, _ := url.Parse("http://127.0.0.1:1")
	s := open(t, func(o *Options) { o.Upstream = away })
	s.provider.Login(alice)
	if status, body, _ := get(t, browser(t), s.url+"/"); status != http.StatusBadGateway || strings.Contains(body, "127.0.0.1") {
		t.Errorf("%d %s", status, body)
	}
}

func TestOptions(t *testing.T) {
	at, _ := url.Parse("https://grafana.example.com")
	whole := Options{Name: "g", URL: at, Upstream: at, ClientID: "c", Groups: []string{"g"}, Key: make([]byte, 32), Issuer: verify.Issuer{Name: "i", URL: "https://idp"}}
	for want, change := range map[string]func(*Options){
		"clientId":     func(o *Options) { o.ClientID = "" },
		"groups":       func(o *Options) { o.Groups = nil },
		"32":           func(o *Options) { o.Key = nil },
		"name and a U": func(o *Options) { o.Issuer.URL = "" },
	} {
		o := whole
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	p, err := New(whole)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.setCookie(w, p.cookieName(forSession), "x", time.Hour)
	if got := w.Header().Get("Set-Cookie"); got != "__Host-gatehouse-session-g=x; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax" {
		t.Error(got)
	}
}
