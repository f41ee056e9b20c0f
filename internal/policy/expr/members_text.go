package expr

import (
	"html"
	"net/url"
	"strings"
	"unicode/utf8"
)

func textTypes() []typeRow {
	return []typeRow{
		{decl: "class System.Text.Encoding", is: instance[encoding], rows: encodingRows()},
		{decl: "class System.Text.UTF8Encoding : Encoding", is: instance[encoding], rows: []row{{sig: "new()", get: func(*frame, []any) any { return encoding("UTF8") }},
			{sig: "new(bool bom)", get: func(*frame, []any) any { return encoding("UTF8") }}}},
		{decl: "class System.Text.ASCIIEncoding : Encoding", is: instance[encoding], rows: []row{{sig: "new()", get: func(*frame, []any) any { return encoding("ASCII") }}}},
		{decl: "class System.Text.StringBuilder", is: instance[*builder], rows: builderRows()},
		{decl: "class System.IO.TextReader : IDisposable", is: instance[*reader], rows: []row{
			{sig: "string ReadToEnd()", get: func(_ *frame, a []any) any {
				r := a[0].(*reader)
				s := r.rest
				r.rest, r.done = "", true
				return s
			}},
			{sig: "int Read()", get: func(_ *frame, a []any) any { return a[0].(*reader).next(true) }},
			{sig: "int Peek()", get: func(_ *frame, a []any) any { return a[0].(*reader).next(false) }},
			{sig: "string ReadLine()", get: func(_ *frame, a []any) any {
				r := a[0].(*reader)
				if r.rest == "" {
					return nil
				}
				line, rest, _ := strings.Cut(r.rest, "\n")
				r.rest = rest
				return strings.TrimSuffix(line, "\r")
			}},
		}},
		{decl: "class System.IO.StringReader : TextReader", is: instance[*reader], rows: []row{{sig: "new(string s)", get: func(_ *frame, a []any) any { return &reader{rest: text(a, 0)} }}}},
		{decl: "static System.Net.WebUtility", rows: []row{
			{sig: "static string UrlEncode(string? s)", get: nullable(webEncode)}, {sig: "static string UrlDecode(string? s)", get: nullable(webDecode)},
			{sig: "static byte[] UrlEncodeToBytes(byte[]? b, int i, int n)", get: func(_ *frame, a []any) any {
				b, _ := a[0].([]byte)
				i, n := num(a, 1), num(a, 2)
				if i < 0 || n < 0 || i+n > int64(len(b)) {
					badIndex()
				}
				return []byte(webEncode(string(b[i : i+n])))
			}},
			{sig: "static byte[] UrlDecodeToBytes(byte[]? b, int i, int n)", get: func(_ *frame, a []any) any {
				b, _ := a[0].([]byte)
				i, n := num(a, 1), num(a, 2)
				if i < 0 || n < 0 || i+n > int64(len(b)) {
					badIndex()
				}
				return []byte(webDecode(string(b[i : i+n])))
			}},
			{sig: "static string HtmlEncode(string? s)", get: nullable(htmlEncode)}, {sig: "static string HtmlDecode(string? s)", get: nullable(html.UnescapeString)},
		}},
		{decl: "static System.Web.HttpUtility", extended: true, rows: []row{
			{sig: "static string UrlEncode(string? s)", get: nullable(func(s string) string { return strings.ToLower(webEncode(s)) })}, {sig: "static string UrlDecode(string? s)", get: nullable(webDecode)},
			{sig: "static string HtmlEncode(string? s)", get: nullable(htmlEncode)}, {sig: "static string HtmlDecode(string? s)", get: nullable(html.UnescapeString)},
		}},
	}
}

// nullable lets null through.
func nullable(f func(string) string) tableFunc {
	return func(fr *frame, a []any) any {
		s, ok := a[0].(string)
		if !ok {
			return nil
		}
		out := f(s)
		fr.charge(len(out))
		return out
	}
}

func webEncode(s string) string {
	const safe = "-_.!*()"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || strings.IndexByte(safe, c) >= 0:
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			const hex = "0123456789ABCDEF"
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
		}
	}
	return b.String()
}

// webDecode leaves malformed sequences alone, as .NET does.
func webDecode(s string) string {
	return percentDecode(strings.ReplaceAll(s, "+", " "))
}

func percentDecode(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return strings.ToValidUTF8(u, "\uFFFD")
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if u, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(u)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

func htmlEncode(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\'':
			b.WriteString("&#39;")
		case r == '&':
			b.WriteString("&amp;")
		case r >= 160 && r < 256 || r > 0xFFFF:
			b.WriteString("&#" + ToString(int64(r)) + ";")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

type reader struct {
	rest string
	done bool
}

// String is the text so far.
func (b *builder) String() string { return string(b.b) }

// next is the next character, -1 at the end.
func (r *reader) next(take bool) any {
	if r.rest == "" {
		return int32(-1)
	}
	c, n := utf8.DecodeRuneInString(r.rest)
	if take {
		r.rest = r.rest[n:]
	}
	return int32(units(string(c))[0])
}
