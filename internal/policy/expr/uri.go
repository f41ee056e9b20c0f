package expr

import (
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// URI is System.Uri.
type URI struct {
	text     string // AbsoluteUri, or a relative one as it was given
	original string
	u        *url.URL
}

// String is the URI for people to read: what need not be escaped is not.
func (u *URI) String() string {
	if !u.absolute() || !strings.Contains(u.text, "%") {
		return u.text
	}
	return unescapeSafe(u.text)
}

// unescapeSafe decodes what has no meaning of its own in a URI.
func unescapeSafe(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 0
		for i+3*n+2 < len(s) && s[i+3*n] == '%' && isHex(s[i+3*n+1]) && isHex(s[i+3*n+2]) {
			n++
		}
		if n == 0 {
			b.WriteByte(s[i])
			i++
			continue
		}
		raw := percentDecode(s[i : i+3*n])
		if len(raw) != n { // not UTF-8
			raw = ""
			b.WriteString(s[i : i+3*n])
		}
		for at, r := range raw {
			size := utf8.RuneLen(r)
			if r == utf8.RuneError || r < ' ' || r >= 0x7F && r <= 0x9F || strings.ContainsRune(";/?:@&=+$,#[]!'()*%\\", r) {
				b.WriteString(s[i+3*at : i+3*(at+max(size, 1))])
			} else {
				b.WriteRune(r)
			}
		}
		i += 3 * n
	}
	return b.String()
}

func isHex(c byte) bool { return isDigit(c) || lower(c) >= 'a' && lower(c) <= 'f' }

// escapeRaw escapes what must not stand in a URI, and leaves what is escaped.
func escapeRaw(s string) string { return escapeKeep(s, "-_.~!*'();:@&=+$,/?#[]%") }

func (u *URI) absolute() bool { return u.u.Scheme != "" }

// must is the URI when it is absolute; most members need that.
func (u *URI) must() *url.URL {
	if !u.absolute() {
		throw("System.InvalidOperationException", "This operation is not supported for a relative URI.")
	}
	return u.u
}

// Kinds of UriKind.
const (
	uriAny      = 0
	uriAbsolute = 1
	uriRelative = 2
)

func parseURI(s string, kind int64) (*URI, bool) {
	trimmed := strings.TrimSpace(s)
	p, err := url.Parse(trimmed)
	if err != nil {
		// .NET escapes what stands raw, such as a lone percent sign.
		if p, err = url.Parse(escapeKeep(trimmed, "-_.~!*'();:@&=+$,/?#[]")); err != nil {
			return nil, false
		}
	}
	if p.Scheme == "" || p.Host == "" && p.Opaque == "" && p.Scheme != "file" {
		return &URI{trimmed, s, p}, kind != uriAbsolute && p.Scheme == ""
	}
	if kind == uriRelative {
		return nil, false
	}
	p.Scheme, p.Host = strings.ToLower(p.Scheme), strings.ToLower(p.Host)
	if p.Path == "" && p.Opaque == "" {
		p.Path = "/"
	}
	if p.Port() == defaultPort(p.Scheme) {
		p.Host = strings.TrimSuffix(p.Host, ":"+p.Port())
	}
	p = withoutDots(p)
	p.RawQuery = escapeRaw(p.RawQuery)
	return &URI{p.String(), s, p}, true
}

// withoutDots removes the segments . and .. of a path.
func withoutDots(p *url.URL) *url.URL {
	raw := p.EscapedPath()
	if !strings.Contains(raw, "/.") {
		return p
	}
	clean := path.Clean(raw)
	if clean != "/" && (strings.HasSuffix(raw, "/") || strings.HasSuffix(raw, "/.") || strings.HasSuffix(raw, "/..")) {
		clean += "/"
	}
	out := *p
	out.Path, out.RawPath = percentDecode(clean), clean
	return &out
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
	u, ok := parseURI(s, uriAbsolute)
	if !ok {
		badURI()
	}
	return u
}

func badURI() {
	throw("System.UriFormatException", "Invalid URI: The format of the URI could not be determined.")
}

func (u *URI) port() int64 {
	p := u.must().Port()
	if p == "" {
		p = defaultPort(u.u.Scheme)
	}
	n, _ := strconv.ParseInt(p, 10, 64)
	return n
}

func (u *URI) query() string {
	if u.must().RawQuery == "" {
		return ""
	}
	return "?" + u.u.RawQuery
}

func (u *URI) fragment() string {
	if u.must().Fragment == "" {
		return ""
	}
	return "#" + u.u.EscapedFragment()
}

// left is the URI up to a UriPartial: Scheme, Authority, Path, Query.
func (u *URI) left(part int64) string {
	scheme := u.must().Scheme + "://"
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

func (u *URI) segments() []string {
	parts := strings.SplitAfter(u.must().EscapedPath(), "/")
	if n := len(parts); n > 0 && parts[n-1] == "" {
		parts = parts[:n-1]
	}
	return parts
}

// resolve is new Uri(base, relative).
func (u *URI) resolve(s string) (*URI, bool) {
	p, err := u.must().Parse(s)
	if err != nil {
		return nil, false
	}
	return parseURI(p.String(), uriAbsolute)
}

// relative is MakeRelativeUri.
func (u *URI) relative(to *URI) *URI {
	if u.left(1) != to.left(1) {
		return to
	}
	from, target := u.segments(), to.segments()
	from = from[:max(len(from)-1, 0)]
	if s := u.u.EscapedPath(); strings.HasSuffix(s, "/") {
		from = u.segments()
	}
	n := 0
	for n < len(from) && n < len(target) && from[n] == target[n] {
		n++
	}
	s := strings.Repeat("../", len(from)-n) + strings.Join(target[n:], "") + to.query() + to.fragment()
	out, _ := parseURI(s, uriRelative)
	return out
}

// isBase tells whether other lies below the folder of u.
func (u *URI) isBase(other *URI) bool {
	folder := u.u.EscapedPath()
	folder = folder[:strings.LastIndexByte(folder, '/')+1]
	return u.left(1) == other.left(1) && strings.HasPrefix(other.u.EscapedPath(), folder)
}

// Kinds of UriHostNameType.
const (
	hostUnknown = 0
	hostBasic   = 1
	hostDNS     = 2
	hostIPv4    = 3
	hostIPv6    = 4
)

func hostType(host string) int64 {
	host = strings.Trim(host, "[]")
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Is4() {
			return hostIPv4
		}
		return hostIPv6
	}
	if host == "" || len(host) > 255 {
		return hostUnknown
	}
	for _, c := range host {
		if c != '-' && c != '.' && c != '_' && !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80) {
			return hostUnknown
		}
	}
	return hostDNS
}

func (u *URI) loopback() bool {
	host := u.must().Hostname()
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.IsLoopback()
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
