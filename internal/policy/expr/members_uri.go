package expr

import (
	"net/url"
	"strconv"
	"strings"
)

// URI is System.Uri.
type URI struct {
	text string
	u    *url.URL
}

// String is the URI as .NET prints it: an absolute one always has a path.
func (u *URI) String() string { return u.text }

func parseURI(s string, relative bool) (*URI, bool) {
	p, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		return nil, false
	}
	if p.Scheme == "" || p.Host == "" && p.Opaque == "" && p.Scheme != "file" {
		return &URI{s, p}, relative
	}
	p.Scheme, p.Host = strings.ToLower(p.Scheme), strings.ToLower(p.Host)
	if p.Path == "" && p.Opaque == "" {
		p.Path = "/"
	}
	if p.Port() == defaultPort(p.Scheme) {
		p.Host = strings.TrimSuffix(p.Host, ":"+p.Port())
	}
	return &URI{p.String(), p}, true
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	case "ftp":
		return "21"
	}
	return "-1"
}

func mustURI(s string) *URI {
	u, ok := parseURI(s, false)
	if !ok {
		throw("System.UriFormatException", "Invalid URI: The format of the URI could not be determined.")
	}
	return u
}

func (u *URI) port() int64 {
	p := u.u.Port()
	if p == "" {
		p = defaultPort(u.u.Scheme)
	}
	n, _ := strconv.ParseInt(p, 10, 64)
	return n
}

func (u *URI) query() string {
	if u.u.RawQuery == "" {
		return ""
	}
	return "?" + u.u.RawQuery
}

// left is the URI up to a UriPartial: Scheme, Authority, Path, Query.
func (u *URI) left(part int64) string {
	scheme := u.u.Scheme + "://"
	switch part {
	case 0:
		return scheme
	case 1:
		return scheme + u.u.Host
	case 2:
		return scheme + u.u.Host + u.u.EscapedPath()
	}
	return scheme + u.u.Host + u.u.EscapedPath() + u.query()
}

func (u *URI) authority() string { return strings.ToLower(u.u.Host) }

func uriRows() []row {
	get := func(f func(*URI) string) func(any) string { return func(v any) string { return f(v.(*URI)) } }
	return []row{
		{sig: "new(string s)", get: func(_ *frame, a []any) any { return mustURI(text(a, 0)) }},
		{sig: "new(string s, UriKind k)", get: func(_ *frame, a []any) any {
			u, ok := parseURI(text(a, 0), num(a, 1) != 1)
			if !ok {
				throw("System.UriFormatException", "Invalid URI: The format of the URI could not be determined.")
			}
			return u
		}},
		{sig: "new(Uri b, string s)", get: func(_ *frame, a []any) any {
			p, err := arg[*URI](a, 0).u.Parse(text(a, 1))
			if err != nil {
				throw("System.UriFormatException", "Invalid URI.")
			}
			return mustURI(p.String())
		}},
		{sig: "string Scheme", get: get(func(u *URI) string { return u.u.Scheme })}, {sig: "string Host", get: get(func(u *URI) string { return u.u.Hostname() })},
		{sig: "string DnsSafeHost", get: get(func(u *URI) string { return u.u.Hostname() })},
		{sig: "string Authority", get: get((*URI).authority)}, {sig: "string AbsolutePath", get: get(func(u *URI) string { return u.u.EscapedPath() })},
		{sig: "string AbsoluteUri", get: get((*URI).String)}, {sig: "string OriginalString", get: get((*URI).String)},
		{sig: "string LocalPath", get: get(func(u *URI) string { return u.u.Path })}, {sig: "string Query", get: get((*URI).query)},
		{sig: "string PathAndQuery", get: get(func(u *URI) string { return u.u.EscapedPath() + u.query() })},
		{sig: "string Fragment", get: get(func(u *URI) string {
			if u.u.Fragment == "" {
				return ""
			}
			return "#" + u.u.EscapedFragment()
		})},
		{sig: "string UserInfo", get: get(func(u *URI) string { return u.u.User.String() })},
		{sig: "int Port", get: func(v any) int64 { return v.(*URI).port() }},
		{sig: "bool IsAbsoluteUri", get: func(v any) bool { return v.(*URI).u.Scheme != "" }},
		{sig: "bool IsDefaultPort", get: func(v any) bool { return v.(*URI).u.Port() == "" }},
		{sig: "string[] Segments", get: func(_ *frame, a []any) any {
			return stringArray(strings.SplitAfter(strings.TrimSuffix(a[0].(*URI).u.EscapedPath(), "/"), "/"))
		}},
		{sig: "static bool op_==(Uri? a, Uri? b)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
		{sig: "string GetLeftPart(UriPartial p)", get: func(_ *frame, a []any) any { return a[0].(*URI).left(num(a, 1)) }},
		{sig: "static string EscapeDataString(string s)", get: escapeData},
		{sig: "static string EscapeUriString(string s)", get: func(s string) string { return escapeKeep(s, "-_.~!*'();:@&=+$,/?#[]%") }},
		{sig: "static string UnescapeDataString(string s)", get: percentDecode},
		{sig: "static bool TryCreate(string? s, UriKind k, out Uri u)", get: func(_ *frame, a []any) any {
			u, ok := parseURI(text(a, 0), num(a, 1) != 1)
			if !ok || a[0] == nil {
				a[2].(*outRef).set(nil)
				return false
			}
			a[2].(*outRef).set(u)
			return true
		}},
		{sig: "static bool IsWellFormedUriString(string? s, UriKind k)", get: func(_ *frame, a []any) any {
			u, ok := parseURI(text(a, 0), num(a, 1) != 1)
			return ok && !strings.Contains(text(a, 0), " ") && u != nil
		}},
	}
}

func escapeData(s string) string { return escapeKeep(s, "-_.~") }

func escapeKeep(s, keep string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// uriBuilder is System.UriBuilder.
type uriBuilder struct{ u url.URL }

// String is the URI.
func (b *uriBuilder) String() string { return b.u.String() }

func uriBuilderRows() []row {
	prop := func(name string, get func(*uriBuilder) string, set func(*uriBuilder, string)) row {
		return row{sig: "string " + name, get: func(v any) string { return get(v.(*uriBuilder)) },
			set: func(_ *frame, a []any) any { set(a[0].(*uriBuilder), text(a, 1)); return nil }}
	}
	from := func(u *URI) any { return &uriBuilder{*u.u} }
	return []row{
		{sig: "new(string s)", get: func(_ *frame, a []any) any { return from(mustURI(text(a, 0))) }},
		{sig: "new(Uri u)", get: func(_ *frame, a []any) any { return from(arg[*URI](a, 0)) }},
		prop("Scheme", func(b *uriBuilder) string { return b.u.Scheme }, func(b *uriBuilder, s string) { b.u.Scheme = s }),
		prop("Host", func(b *uriBuilder) string { return b.u.Hostname() }, func(b *uriBuilder, s string) { b.u.Host = s }),
		prop("Path", func(b *uriBuilder) string { return b.u.EscapedPath() }, func(b *uriBuilder, s string) {
			b.u.Path, b.u.RawPath = percentDecode(s), s
		}),
		prop("Query", func(b *uriBuilder) string {
			if b.u.RawQuery == "" {
				return ""
			}
			return "?" + b.u.RawQuery
		}, func(b *uriBuilder, s string) { b.u.RawQuery = strings.TrimPrefix(s, "?") }),
		{sig: "Uri Uri", get: func(v any) any { return mustURI(v.(*uriBuilder).String()) }},
	}
}
