package statement

import (
	"bytes"
	"errors"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// redirectContentURLsStatement rewrites links in a body: in outbound those to
// the backend become links to the gateway, in inbound the other way round. It
// never changes headers.
type redirectContentURLsStatement struct {
	request  bool
	backends map[string][]string // base URLs by the id of a backend resource
}

func redirectContentURLs() *policy.Definition {
	return &policy.Definition{Name: "redirect-content-urls", Sections: policy.Inbound | policy.Outbound, Scopes: policy.AnyScope,
		Compile: compileRedirectContentURLs}
}

func compileRedirectContentURLs(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Once(e)
	checkChildren(k, e)
	s := &redirectContentURLsStatement{request: editsRequest(k.Section()), backends: map[string][]string{}}
	service := k.Environment().Service
	if service == nil {
		return s
	}
	for _, b := range service.Backends {
		if b.URL != "" {
			s.backends[b.ID] = []string{b.URL}
		}
	}
	for _, b := range service.Backends {
		for _, m := range b.Pool {
			s.backends[b.ID] = append(s.backends[b.ID], s.backends[m.ID]...)
		}
	}
	return s
}

func (s *redirectContentURLsStatement) Run(c *policy.Context) error {
	body, h := &c.Request.Body, c.Request.Header
	if !s.request {
		if c.Response == nil {
			return nil
		}
		body, h = &c.Response.Body, c.Response.Header
	}
	if !body.Present() || !textual(h.Get("Content-Type")) {
		return nil
	}
	if coding := h.Get("Content-Encoding"); coding != "" && coding != "identity" {
		c.Event(telemetry.SeverityWarning, "redirect-content-urls", "the body is compressed: its links stay as they are", nil)
		return nil
	}
	links := s.links(c)
	if len(links) == 0 {
		return nil
	}
	data, err := body.Bytes(true)
	if errors.Is(err, expr.ErrBodyConsumed) {
		return nil
	}
	if err != nil {
		return err
	}
	if out, changed := redirect(data, links); changed {
		replaceBody(c, body, h, out)
	}
	return nil
}

// textual tells whether a body of that type is text that may hold links. An
// event stream is not read to its end.
func textual(contentType string) bool {
	t := strings.ToLower(mediaType(contentType))
	switch {
	case t == "text/event-stream":
		return false
	case t == "" || strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "+json") || strings.HasSuffix(t, "+xml"):
		return true
	}
	switch t {
	case "application/json", "application/xml", "application/javascript", "application/x-www-form-urlencoded", "application/problem+json":
		return true
	}
	return false
}

// link is the beginning of a link and what comes in its place.
type link struct{ from, to []byte }

// links are what to look for: every way to write the base URL that is hidden.
func (s *redirectContentURLsStatement) links(c *policy.Context) (out []link) {
	gateway, backends := gatewayBase(c), s.backends[c.Target.Backend]
	if c.Target.Backend == "" && c.Target.URL.Host != "" {
		backends = []string{c.Target.URL.String()}
	}
	if len(backends) == 0 {
		return nil
	}
	if s.request {
		return spellings(gateway, strings.TrimRight(backends[0], "/"))
	}
	for _, b := range backends {
		if u, err := expr.ParseURL(b); err == nil {
			out = append(out, spellings(u, baseText(&gateway))...)
		}
	}
	return out
}

// spellings are the ways to write a base URL: with http and https, with the
// default port, and with the escaped slashes of some JSON writers.
func spellings(u expr.URL, to string) (out []link) {
	for _, scheme := range []string{"https", "http"} {
		u.Scheme = scheme
		host := u.Authority()
		hosts := []string{host}
		if u.Port == 0 {
			hosts = []string{host + map[string]string{"https": ":443", "http": ":80"}[scheme], host}
		}
		for _, h := range hosts {
			from := scheme + "://" + h + strings.TrimRight(u.Path, "/")
			out = append(out, link{[]byte(from), []byte(to)},
				link{[]byte(strings.ReplaceAll(from, "/", `\/`)), []byte(strings.ReplaceAll(to, "/", `\/`))})
		}
	}
	return out
}

func baseText(u *expr.URL) string { return u.Scheme + "://" + u.Authority() + u.Path }

// gatewayBase is the URL of the API as the client called it: with the version
// in the path when it stands there.
func gatewayBase(c *policy.Context) expr.URL {
	u := c.Request.OriginalURL
	u.RawQuery = ""
	path := ""
	if c.API != nil && c.API.Path != "" {
		path = "/" + strings.Trim(c.API.Path, "/")
	}
	if c.API != nil && c.API.Version != "" {
		if versioned := path + "/" + c.API.Version; u.Path == versioned || strings.HasPrefix(u.Path, versioned+"/") {
			path = versioned
		}
	}
	u.Path = path
	return u
}

// redirect replaces links where they begin. What follows must not go on with
// the host or the path segment: another host is not hidden by accident.
func redirect(data []byte, links []link) ([]byte, bool) {
	var out []byte
	done := 0
	for i := 0; ; {
		at := bytes.Index(data[i:], []byte("http"))
		if at < 0 {
			break
		}
		i += at
		l := linkAt(data[i:], links)
		if l == nil {
			i += len("http")
			continue
		}
		out = append(append(out, data[done:i]...), l.to...)
		i += len(l.from)
		done = i
	}
	if done == 0 {
		return data, false
	}
	return append(out, data[done:]...), true
}

func linkAt(data []byte, links []link) *link {
	for i := range links {
		if from := links[i].from; bytes.HasPrefix(data, from) && ends(data[len(from):]) {
			return &links[i]
		}
	}
	return nil
}

// ends tells whether what follows a base URL begins something new.
func ends(rest []byte) bool {
	if len(rest) == 0 {
		return true
	}
	switch rest[0] {
	case '.': // the end of a sentence, or of a label
		return len(rest) == 1 || !inName(rest[1])
	case '%', ':', '@', '~':
		return false
	}
	return !inName(rest[0])
}

// inName tells whether a byte may stand in a host name or path segment.
func inName(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b >= 0x80 || b == '-' || b == '_'
}
