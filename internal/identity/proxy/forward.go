package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/http/httputil"
	"strings"
)

// passage is who a request is let through as.
type passage struct {
	who    *session
	bearer bool
}

type passageKey struct{}

func withPassage(ctx context.Context, p passage) context.Context {
	return context.WithValue(ctx, passageKey{}, p)
}

// Headers by which the tool learns who asks; Grafana's auth.proxy and many others
// read one of them. The user is what the provider never gives to somebody else,
// the name what people choose.
const (
	headerUser   = "X-Forwarded-User"
	headerName   = "X-Forwarded-Preferred-Username"
	headerEmail  = "X-Forwarded-Email"
	headerGroups = "X-Forwarded-Groups"
)

// about are the headers that say who asks, in all spellings that servers take for
// the same.
func about(name string) bool {
	switch strings.ToLower(strings.ReplaceAll(name, "_", "-")) {
	case "x-forwarded-user", "x-forwarded-email", "x-forwarded-groups", "x-forwarded-preferred-username", "x-forwarded-access-token",
		"x-auth-request-user", "x-auth-request-email", "x-auth-request-groups", "x-webauth-user", "x-remote-user", "remote-user":
		return true
	}
	return false
}

func (p *Proxy) newForward() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: p.options.Transport,
		// A tool's streams, such as a live tail, are not held back.
		FlushInterval: -1,
		Rewrite:       p.rewrite,
		ErrorHandler:  p.failed,
	}
}

// rewrite makes the request to the tool. Headers that a client names in Connection
// are gone already.
func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	r.SetURL(p.options.Upstream)
	r.Out.Host = r.In.Host // tools make links of it and compare it with Origin
	for name := range r.Out.Header {
		if about(name) {
			delete(r.Out.Header, name)
		}
	}
	r.SetXForwarded()
	r.Out.Header.Set("X-Forwarded-Proto", p.options.URL.Scheme) // as the browser sees it
	withoutOwnCookies(r.Out)
	passed, ok := r.In.Context().Value(passageKey{}).(passage)
	if !ok {
		return // nobody comes here without
	}
	if passed.bearer {
		r.Out.Header.Del("Authorization")
	}
	r.Out.Header.Set(headerUser, plain(passed.who.Object))
	if passed.who.Name != "" {
		r.Out.Header.Set(headerName, plain(passed.who.Name))
	}
	if passed.who.Email != "" {
		r.Out.Header.Set(headerEmail, plain(passed.who.Email))
	}
	if len(passed.who.Groups) > 0 {
		r.Out.Header.Set(headerGroups, plain(strings.Join(passed.who.Groups, ",")))
	}
}

// plain keeps a claim from breaking a header.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}

func withoutOwnCookies(r *http.Request) {
	kept := r.Cookies()
	r.Header.Del("Cookie")
	for _, c := range kept {
		if !ours(c.Name) {
			r.AddCookie(c)
		}
	}
}

// failed answers when the tool does not.
func (p *Proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		return // the client is gone
	}
	p.options.Logger.Warn("a tool behind a proxy does not answer", "proxy", p.options.Name, "error", err)
	p.refuse(w, http.StatusBadGateway, p.options.Name+" does not answer; ask who runs it")
}
