package expr

import (
	"net/url"
	"strconv"
	"strings"
)

func uriRows() []row {
	get := func(f func(*URI) string) func(any) string { return func(v any) string { return f(v.(*URI)) } }
	part := func(f func(*url.URL) string) func(any) string {
		return func(v any) string { return f(v.(*URI).must()) }
	}
	return append([]row{
		{sig: "string Scheme", get: part(func(u *url.URL) string { return u.Scheme })}, {sig: "string Host", get: part(func(u *url.URL) string {
			if strings.Contains(u.Hostname(), ":") {
				return "[" + u.Hostname() + "]"
			}
			return u.Hostname()
		})},
		{sig: "string DnsSafeHost", get: part((*url.URL).Hostname)}, {sig: "string IdnHost", get: part((*url.URL).Hostname)},
		{sig: "string Authority", get: part(func(u *url.URL) string { return strings.ToLower(u.Host) })}, {sig: "string AbsolutePath", get: part((*url.URL).EscapedPath)},
		{sig: "string AbsoluteUri", get: func(v any) string { v.(*URI).must(); return v.(*URI).text }}, {sig: "string OriginalString", get: get(func(u *URI) string { return u.original })},
		{sig: "string LocalPath", get: part(func(u *url.URL) string { return u.Path })}, {sig: "string Query", get: get((*URI).query)},
		{sig: "string PathAndQuery", get: get(func(u *URI) string { return u.must().EscapedPath() + u.query() })},
		{sig: "string Fragment", get: get((*URI).fragment)}, {sig: "string UserInfo", get: part(func(u *url.URL) string { return u.User.String() })},
		{sig: "int Port", get: func(v any) int64 { return v.(*URI).port() }},
		{sig: "bool IsAbsoluteUri", get: func(v any) bool { return v.(*URI).absolute() }}, {sig: "bool IsDefaultPort", get: func(v any) bool { return v.(*URI).must().Port() == "" }},
		{sig: "bool IsLoopback", get: func(v any) bool { return v.(*URI).loopback() }}, {sig: "bool IsFile", get: func(v any) bool { return v.(*URI).must().Scheme == "file" }},
		{sig: "bool IsUnc", get: func(any) bool { return false }},
		{sig: "UriHostNameType HostNameType", get: func(v any) int64 {
			if h := v.(*URI).must().Hostname(); h != "" {
				return hostType(h)
			}
			return hostBasic
		}},
		{sig: "string[] Segments", get: func(_ *frame, a []any) any { return stringArray(a[0].(*URI).segments()) }},
		{sig: "static bool op_==(Uri? a, Uri? b)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
		{sig: "string GetLeftPart(UriPartial p)", get: func(_ *frame, a []any) any { return a[0].(*URI).left(num(a, 1)) }},
		{sig: "Uri MakeRelativeUri(Uri u)", get: func(_ *frame, a []any) any { return a[0].(*URI).relative(arg[*URI](a, 1)) }},
		{sig: "bool IsBaseOf(Uri u)", get: func(_ *frame, a []any) any { return a[0].(*URI).isBase(arg[*URI](a, 1)) }},
		{sig: "bool IsWellFormedOriginalString()", get: func(_ *frame, a []any) any { return wellFormed(a[0].(*URI).original, uriAny) }},
	}, append(uriNew(), uriStatics()...)...)
}

func uriNew() []row {
	of := func(u *URI, ok bool) any {
		if !ok {
			badURI()
		}
		return u
	}
	return []row{
		{sig: "new(string s)", get: func(_ *frame, a []any) any { return mustURI(text(a, 0)) }},
		{sig: "new(string s, UriKind k)", get: func(_ *frame, a []any) any { return of(parseURI(text(a, 0), num(a, 1))) }},
		{sig: "new(Uri b, string s)", get: func(_ *frame, a []any) any { return of(arg[*URI](a, 0).resolve(text(a, 1))) }},
		{sig: "new(Uri b, Uri s)", get: func(_ *frame, a []any) any { return of(arg[*URI](a, 0).resolve(arg[*URI](a, 1).original)) }},
	}
}

func wellFormed(s string, kind int64) bool {
	u, ok := parseURI(s, kind)
	return ok && u != nil && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || strings.ContainsRune("<>\"{}|\\^`", r) }) < 0
}

func uriStatics() []row {
	try := func(out *outRef, u *URI, ok bool) any {
		if !ok {
			out.set(nil)
			return false
		}
		out.set(u)
		return true
	}
	rows := []row{
		{sig: "static string EscapeDataString(string s)", get: escapeData},
		{sig: "static string EscapeUriString(string s)", get: func(s string) string { return escapeKeep(s, "-_.~!*'();:@&=+$,/?#[]%") }},
		{sig: "static string UnescapeDataString(string s)", get: percentDecode},
		{sig: "static string HexEscape(char c)", get: func(_ *frame, a []any) any {
			if num(a, 0) > 255 {
				throw("System.ArgumentOutOfRangeException", "Specified argument was out of the range of valid values. (Parameter 'character')")
			}
			return escapeKeep(string([]byte{byte(num(a, 0))}), "")
		}},
		{sig: "static bool TryCreate(string? s, UriKind k, out Uri u)", get: func(_ *frame, a []any) any {
			u, ok := parseURI(text(a, 0), num(a, 1))
			return try(a[2].(*outRef), u, ok && a[0] != nil)
		}},
		{sig: "static bool TryCreate(Uri? b, string? s, out Uri u)", get: func(_ *frame, a []any) any {
			b, ok := a[0].(*URI)
			if !ok || a[1] == nil || !b.absolute() {
				return try(a[2].(*outRef), nil, false)
			}
			u, ok := b.resolve(text(a, 1))
			return try(a[2].(*outRef), u, ok)
		}},
		{sig: "static bool IsWellFormedUriString(string? s, UriKind k)", get: func(_ *frame, a []any) any { return wellFormed(text(a, 0), num(a, 1)) }},
		{sig: "static UriHostNameType CheckHostName(string? s)", get: func(s string) int64 { return hostType(s) }},
		{sig: "static bool CheckSchemeName(string? s)", get: func(s string) bool {
			u, err := url.Parse(s + "://h")
			return err == nil && u.Scheme != ""
		}},
	}
	for _, s := range [][2]string{{"Http", "http"}, {"Https", "https"}, {"Ftp", "ftp"}, {"File", "file"}, {"Ws", "ws"}, {"Wss", "wss"}, {"Mailto", "mailto"}} {
		rows = append(rows, row{sig: "static string UriScheme" + s[0], get: fixedValue(s[1])})
	}
	return append(rows, row{sig: "static string SchemeDelimiter", get: fixedValue("://")})
}

// uriBuilder is System.UriBuilder.
type uriBuilder struct{ u url.URL }

// String is the URI with its port, which a builder from a URI always has.
func (b *uriBuilder) String() string { return b.u.String() }

func uriBuilderRows() []row {
	prop := func(name string, get func(*uriBuilder) string, set func(*uriBuilder, string)) row {
		return row{sig: "string " + name, get: func(v any) string { return get(v.(*uriBuilder)) },
			set: func(_ *frame, a []any) any { set(a[0].(*uriBuilder), text(a, 1)); return nil }}
	}
	from := func(u *URI) any {
		b := &uriBuilder{*u.u}
		if n := u.port(); n >= 0 {
			b.port(n)
		}
		return b
	}
	create := func(_ *frame, a []any) any {
		b := &uriBuilder{url.URL{Scheme: "http", Host: "localhost", Path: "/"}}
		if len(a) > 1 {
			b.u.Scheme, b.u.Host = text(a, 0), text(a, 1)
		}
		if len(a) > 2 {
			b.port(num(a, 2))
		}
		if len(a) > 3 {
			b.path(text(a, 3))
		}
		return b
	}
	return []row{
		{sig: "new()", get: create}, {sig: "new(string scheme, string host)", get: create}, {sig: "new(string scheme, string host, int port)", get: create},
		{sig: "new(string scheme, string host, int port, string path)", get: create},
		{sig: "new(string s)", get: func(_ *frame, a []any) any {
			if !strings.Contains(text(a, 0), "://") {
				return from(mustURI("http://" + text(a, 0)))
			}
			return from(mustURI(text(a, 0)))
		}},
		{sig: "new(Uri u)", get: func(_ *frame, a []any) any { arg[*URI](a, 0).must(); return from(a[0].(*URI)) }},
		prop("Scheme", func(b *uriBuilder) string { return b.u.Scheme }, func(b *uriBuilder, s string) {
			b.u.Scheme, _, _ = strings.Cut(strings.ToLower(s), ":")
		}),
		prop("Host", func(b *uriBuilder) string { return b.u.Hostname() }, func(b *uriBuilder, s string) {
			if p := b.u.Port(); p != "" {
				s += ":" + p
			}
			b.u.Host = s
		}),
		{sig: "int Port", get: func(v any) int64 {
			n, err := strconv.ParseInt(v.(*uriBuilder).u.Port(), 10, 64)
			if err != nil {
				n, _ = strconv.ParseInt(defaultPort(v.(*uriBuilder).u.Scheme), 10, 64)
			}
			return n
		}, set: func(_ *frame, a []any) any { a[0].(*uriBuilder).port(num(a, 1)); return nil }},
		prop("Path", func(b *uriBuilder) string { return b.u.EscapedPath() }, (*uriBuilder).path),
		prop("Query", func(b *uriBuilder) string {
			if b.u.RawQuery == "" {
				return ""
			}
			return "?" + b.u.RawQuery
		}, func(b *uriBuilder, s string) { b.u.RawQuery = strings.TrimPrefix(s, "?") }),
		prop("Fragment", func(b *uriBuilder) string {
			if b.u.Fragment == "" {
				return ""
			}
			return "#" + b.u.EscapedFragment()
		}, func(b *uriBuilder, s string) { b.u.Fragment, b.u.RawFragment = strings.TrimPrefix(s, "#"), "" }),
		{sig: "Uri Uri", get: func(v any) any { return mustURI(v.(*uriBuilder).String()) }},
	}
}

func (b *uriBuilder) path(s string) {
	if !strings.HasPrefix(s, "/") {
		s = "/" + s
	}
	s = escapeRaw(strings.ReplaceAll(s, "\\", "/"))
	b.u.Path, b.u.RawPath = percentDecode(s), s
}

// port -1 is the default one of the scheme.
func (b *uriBuilder) port(n int64) {
	b.u.Host = b.u.Hostname()
	if strings.Contains(b.u.Host, ":") {
		b.u.Host = "[" + b.u.Host + "]"
	}
	if n < -1 || n > 65535 {
		throw("System.ArgumentOutOfRangeException", "Specified argument was out of the range of valid values. (Parameter 'value')")
	}
	if n >= 0 {
		b.u.Host += ":" + strconv.FormatInt(n, 10)
	}
}
