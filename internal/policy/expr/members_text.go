package expr

import (
	"encoding/binary"
	"html"
	"net/url"
	"strings"
	"unicode/utf8"
)

func textTypes() []typeRow {
	var byName []row
	for _, n := range []string{"UTF8", "ASCII", "Unicode", "BigEndianUnicode", "UTF32", "Default", "Latin1"} {
		byName = append(byName, row{sig: "static Encoding " + n, get: fixedValue(encoding(n))})
	}
	return []typeRow{
		{decl: "class System.Text.Encoding", is: instance[encoding], rows: append(byName, []row{
			{sig: "byte[] GetBytes(string s)", get: func(f *frame, a []any) any { f.charge(len(text(a, 1))); return a[0].(encoding).encode(text(a, 1)) }},
			{sig: "byte[] GetBytes(char[] c)", get: func(f *frame, a []any) any { return a[0].(encoding).encode(charsText(a[1])) }},
			{sig: "int GetByteCount(string s)", get: func(f *frame, a []any) any { return int32(len(a[0].(encoding).encode(text(a, 1)))) }},
			{sig: "string GetString(byte[] b)", get: func(f *frame, a []any) any {
				f.charge(len(arg[[]byte](a, 1)))
				return a[0].(encoding).decode(arg[[]byte](a, 1))
			}},
			{sig: "string GetString(byte[] b, int i, int n)", get: func(f *frame, a []any) any {
				b, i, n := arg[[]byte](a, 1), num(a, 2), num(a, 3)
				if i < 0 || n < 0 || i+n > int64(len(b)) {
					badIndex()
				}
				return a[0].(encoding).decode(b[i : i+n])
			}},
			{sig: "static Encoding GetEncoding(string name)", get: func(_ *frame, a []any) any { return encodingNamed(text(a, 0)) }},
		}...)},
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

// encoding is a System.Text.Encoding by name.
type encoding string

func encodingNamed(s string) encoding {
	switch strings.ToLower(s) {
	case "utf-8", "utf8":
		return "UTF8"
	case "ascii", "us-ascii":
		return "ASCII"
	case "iso-8859-1", "latin1":
		return "Latin1"
	case "utf-16", "unicode":
		return "Unicode"
	}
	throw("System.ArgumentException", "'%s' is not a supported encoding name.", s)
	return ""
}

func (e encoding) encode(s string) []byte {
	switch e {
	case "Unicode", "BigEndianUnicode":
		var order binary.AppendByteOrder = binary.LittleEndian
		if e != "Unicode" {
			order = binary.BigEndian
		}
		var out []byte
		for _, u := range units(s) {
			out = order.AppendUint16(out, u)
		}
		return out
	case "UTF32":
		var out []byte
		for _, r := range s {
			out = binary.LittleEndian.AppendUint32(out, uint32(r))
		}
		return out
	case "ASCII", "Latin1":
		limit := rune(0x80)
		if e == "Latin1" {
			limit = 0x100
		}
		var out []byte
		for _, r := range s {
			if r >= limit {
				r = '?'
			}
			out = append(out, byte(r))
		}
		return out
	}
	return []byte(s)
}

func (e encoding) decode(b []byte) string {
	switch e {
	case "Unicode", "BigEndianUnicode":
		var order binary.ByteOrder = binary.LittleEndian
		if e != "Unicode" {
			order = binary.BigEndian
		}
		u := make([]uint16, len(b)/2)
		for i := range u {
			u[i] = order.Uint16(b[2*i:])
		}
		return fromUnits(u)
	case "UTF32":
		var out strings.Builder
		for i := 0; i+4 <= len(b); i += 4 {
			out.WriteRune(rune(binary.LittleEndian.Uint32(b[i:])))
		}
		return out.String()
	case "ASCII", "Latin1":
		var out strings.Builder
		for _, c := range b {
			if c >= 0x80 && e == "ASCII" {
				out.WriteByte('?')
			} else {
				out.WriteRune(rune(c))
			}
		}
		return out.String()
	}
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

type reader struct {
	rest string
	done bool
}

// builder is a StringBuilder.
type builder struct{ b []byte }

// String is the text so far.
func (b *builder) String() string { return string(b.b) }

func builderRows() []row {
	add := func(f *frame, b *builder, s string) any {
		f.charge(len(s))
		b.b = append(b.b, s...)
		return b
	}
	appendOne := func(f *frame, a []any) any { return add(f, a[0].(*builder), ToString(a[1])) }
	edit := func(change func(f *frame, s string, a []any) string) tableFunc {
		return func(f *frame, a []any) any {
			b := a[0].(*builder)
			s := change(f, string(b.b), a)
			f.charge(len(s))
			b.b = []byte(s)
			return b
		}
	}
	return []row{
		{sig: "new()", get: func(*frame, []any) any { return &builder{} }}, {sig: "new(int n)", get: func(*frame, []any) any { return &builder{} }},
		{sig: "new(string? s)", get: func(_ *frame, a []any) any { return &builder{[]byte(text(a, 0))} }},
		{sig: "StringBuilder Append(string? s)", get: appendOne}, {sig: "StringBuilder Append(object? s)", get: appendOne},
		{sig: "StringBuilder Append(char c, int n)", get: func(f *frame, a []any) any { return add(f, a[0].(*builder), repeat(f, ToString(a[1]), num(a, 2))) }},
		{sig: "StringBuilder AppendLine()", get: func(f *frame, a []any) any { return add(f, a[0].(*builder), newline) }},
		{sig: "StringBuilder AppendLine(string? s)", get: func(f *frame, a []any) any { return add(f, a[0].(*builder), text(a, 1)+newline) }},
		{sig: "StringBuilder AppendFormat(string s, params object[] p)", get: func(f *frame, a []any) any {
			return add(f, a[0].(*builder), formatArray(f, text(a, 1), a[2]).(string))
		}},
		{sig: "StringBuilder Clear()", get: func(_ *frame, a []any) any { a[0].(*builder).b = nil; return a[0] }},
		{sig: "StringBuilder Insert(int i, string? s)", get: edit(func(f *frame, s string, a []any) string {
			return substring(s, 0, max(num(a, 1), 0)) + text(a, 2) + substring(s, num(a, 1), -1)
		})},
		{sig: "StringBuilder Remove(int i, int n)", get: edit(func(f *frame, s string, a []any) string {
			return substring(s, 0, max(num(a, 1), 0)) + substring(s, num(a, 1)+num(a, 2), -1)
		})},
		{sig: "StringBuilder Replace(string x, string? y)", get: edit(func(f *frame, s string, a []any) string { return replaceAll(f, s, text(a, 1), text(a, 2)) })},
		{sig: "StringBuilder Replace(char x, char y)", get: edit(func(f *frame, s string, a []any) string {
			return replaceAll(f, s, ToString(a[1]), ToString(a[2]))
		})},
		{sig: "int Length", get: func(v any) int64 { return int64(length16(v.(*builder).String())) }, set: func(_ *frame, a []any) any {
			b := a[0].(*builder)
			b.b = []byte(substring(string(b.b), 0, max(num(a, 1), 0)))
			return nil
		}},
		{sig: "char this[int i]", get: func(_ *frame, a []any) any { return Char(charAt(a[0].(*builder).String(), num(a, 1))) }},
	}
}
