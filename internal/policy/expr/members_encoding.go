package expr

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"
)

// encoding is a System.Text.Encoding by its property of Encoding.
type encoding string

// encodings are the code pages: property, number, names, display name, byte order mark.
var encodings = []struct {
	id    encoding
	page  int64
	names []string
	full  string
	bom   []byte
}{
	{"UTF8", 65001, []string{"utf-8", "utf8", "unicode-1-1-utf-8"}, "Unicode (UTF-8)", []byte{0xEF, 0xBB, 0xBF}},
	{"ASCII", 20127, []string{"us-ascii", "ascii"}, "US-ASCII", nil},
	{"Latin1", 28591, []string{"iso-8859-1", "latin1", "iso8859-1"}, "Western European (ISO)", nil},
	{"Windows1252", 1252, []string{"windows-1252"}, "Western European (Windows)", nil},
	{"Unicode", 1200, []string{"utf-16", "unicode", "utf-16le"}, "Unicode", []byte{0xFF, 0xFE}},
	{"BigEndianUnicode", 1201, []string{"utf-16BE", "unicodeFFFE"}, "Unicode (Big-Endian)", []byte{0xFE, 0xFF}},
	{"UTF32", 12000, []string{"utf-32", "utf-32le"}, "Unicode (UTF-32)", []byte{0xFF, 0xFE, 0, 0}},
}

// row is the place of an encoding in the table; Default is UTF-8.
func (e encoding) row() int {
	for i := range encodings {
		if encodings[i].id == e {
			return i
		}
	}
	return 0
}

func encodingNamed(s string) encoding {
	for _, e := range encodings {
		if slices.ContainsFunc(e.names, func(n string) bool { return strings.EqualFold(n, s) }) {
			return e.id
		}
	}
	throw("System.ArgumentException", "'%s' is not a supported encoding name.", s)
	return ""
}

func encodingNumbered(page int64) encoding {
	for _, e := range encodings {
		if e.page == page || page == 0 {
			return e.id
		}
	}
	throw("System.NotSupportedException", "No data is available for encoding %d.", page)
	return ""
}

// windows1252 is what the code page has at 0x80 to 0x9F.
const windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

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
	case "ASCII", "Latin1", "Windows1252":
		return e.single(s)
	}
	return []byte(s)
}

// single encodes one byte for each character, ? for what the page has not.
func (e encoding) single(s string) []byte {
	limit := rune(0x80)
	if e != "ASCII" {
		limit = 0x100
	}
	high := []rune(windows1252)
	var out []byte
	for _, u := range units(s) {
		r := rune(u)
		if e == "Windows1252" {
			if i := slices.Index(high, r); i >= 0 {
				out = append(out, byte(0x80+i))
				continue
			} else if r >= 0x80 && r < 0xA0 {
				r = '?'
			}
		}
		if r >= limit {
			r = '?'
		}
		out = append(out, byte(r))
	}
	return out
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
	case "ASCII", "Latin1", "Windows1252":
		high := []rune(windows1252)
		var out strings.Builder
		for _, c := range b {
			switch {
			case c >= 0x80 && e == "ASCII":
				out.WriteByte('?')
			case c >= 0x80 && c < 0xA0 && e == "Windows1252":
				out.WriteRune(high[c-0x80])
			default:
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

func encodingRows() []row {
	name := func(f func(i int) string) func(any) string {
		return func(v any) string { return f(v.(encoding).row()) }
	}
	part := func(b []byte, i, n int64) []byte {
		if i < 0 || n < 0 || i+n > int64(len(b)) {
			badIndex()
		}
		return b[i : i+n]
	}
	rows := []row{
		{sig: "byte[] GetBytes(string s)", get: func(f *frame, a []any) any { f.charge(len(text(a, 1))); return a[0].(encoding).encode(text(a, 1)) }},
		{sig: "byte[] GetBytes(char[] c)", get: func(_ *frame, a []any) any { return a[0].(encoding).encode(charsText(notNull(a[1]))) }},
		{sig: "byte[] GetBytes(char[] c, int i, int n)", get: func(_ *frame, a []any) any {
			return a[0].(encoding).encode(substring(charsText(notNull(a[1])), num(a, 2), max(num(a, 3), 0)))
		}},
		{sig: "int GetByteCount(string s)", get: func(_ *frame, a []any) any { return int32(len(a[0].(encoding).encode(text(a, 1)))) }},
		{sig: "int GetMaxByteCount(int n)", get: func(_ *frame, a []any) any { return int32(3 * (num(a, 1) + 1)) }},
		{sig: "string GetString(byte[] b)", get: func(f *frame, a []any) any {
			f.charge(len(arg[[]byte](a, 1)))
			return a[0].(encoding).decode(arg[[]byte](a, 1))
		}},
		{sig: "string GetString(byte[] b, int i, int n)", get: func(_ *frame, a []any) any {
			return a[0].(encoding).decode(part(arg[[]byte](a, 1), num(a, 2), num(a, 3)))
		}},
		{sig: "char[] GetChars(byte[] b)", get: func(f *frame, a []any) any { return charArray(f, a[0].(encoding).decode(arg[[]byte](a, 1))) }},
		{sig: "int GetCharCount(byte[] b)", get: func(_ *frame, a []any) any { return int32(length16(a[0].(encoding).decode(arg[[]byte](a, 1)))) }},
		{sig: "byte[] GetPreamble()", get: func(_ *frame, a []any) any { return slices.Clone(encodings[a[0].(encoding).row()].bom) }},
		{sig: "string WebName", get: name(func(i int) string { return encodings[i].names[0] })}, {sig: "string HeaderName", get: name(func(i int) string { return encodings[i].names[0] })},
		{sig: "string BodyName", get: name(func(i int) string { return encodings[i].names[0] })}, {sig: "string EncodingName", get: name(func(i int) string { return encodings[i].full })},
		{sig: "int CodePage", get: func(v any) int64 { return encodings[v.(encoding).row()].page }},
		{sig: "static Encoding GetEncoding(string name)", get: func(_ *frame, a []any) any { return encodingNamed(text(a, 0)) }},
		{sig: "static Encoding GetEncoding(int page)", get: func(_ *frame, a []any) any { return encodingNumbered(num(a, 0)) }},
		{sig: "static byte[] Convert(Encoding from, Encoding to, byte[] b)", get: func(f *frame, a []any) any {
			f.charge(len(arg[[]byte](a, 2)))
			return arg[encoding](a, 1).encode(arg[encoding](a, 0).decode(a[2].([]byte)))
		}},
	}
	for _, n := range []string{"UTF8", "ASCII", "Unicode", "BigEndianUnicode", "UTF32", "Default", "Latin1"} {
		rows = append(rows, row{sig: "static Encoding " + n, get: fixedValue(encoding(n))})
	}
	return rows
}
