package liquid

import (
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"gatehouse/internal/policy/expr"
)

func textFilters() []filter {
	return []filter{
		{"Append", 1, 1, textual(func(c *call, s string) string { return s + c.text(0, "") })},
		{"Capitalize", 0, 0, simply(capitalize)},
		{"Date", 0, 1, formatDate},
		{"Default", 1, 1, orDefault},
		{"Downcase", 0, 0, simply(strings.ToLower)},
		{"Escape", 0, 0, simply(escapeHTML)},
		{"H", 0, 0, simply(escapeHTML)},
		{"Lstrip", 0, 0, simply(func(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) })},
		{"NewlineToBr", 0, 0, simply(func(s string) string { return newlines.ReplaceAllString(s, "<br />$1") })},
		{"Prepend", 1, 1, textual(func(c *call, s string) string { return c.text(0, "") + s })},
		{"Remove", 1, 1, textual(remove)},
		{"RemoveFirst", 1, 1, textual(func(c *call, s string) string { return replace(c, s, "", true) })},
		{"Replace", 1, 2, textual(func(c *call, s string) string { return replace(c, s, c.text(1, ""), false) })},
		{"ReplaceFirst", 1, 2, textual(func(c *call, s string) string { return replace(c, s, c.text(1, ""), true) })},
		{"Rstrip", 0, 0, simply(func(s string) string { return strings.TrimRightFunc(s, unicode.IsSpace) })},
		{"Split", 1, 1, split},
		{"Strip", 0, 0, simply(strings.TrimSpace)},
		{"StripHtml", 0, 0, simply(stripHTML)},
		{"StripNewlines", 0, 0, simply(func(s string) string { return newlines.ReplaceAllString(s, "") })},
		{"Truncate", 0, 2, textual(truncate)},
		{"TruncateWords", 0, 2, textual(truncateWords)},
		{"Upcase", 0, 0, simply(strings.ToUpper)},
		{"UrlDecode", 0, 0, simply(decodeURL)},
		{"UrlEncode", 0, 0, simply(encodeURL)},
	}
}

var (
	newlines   = regexp.MustCompile(`(\r?\n)`)
	htmlBlocks = regexp.MustCompile(`(?is)<script.*?</script>|<!--.*?-->|<style.*?</style>`)
	htmlTags   = regexp.MustCompile(`(?s)<.*?>`)
)

func stripHTML(s string) string {
	return htmlTags.ReplaceAllString(htmlBlocks.ReplaceAllString(s, ""), "")
}

// capitalize turns the first letter of each word into a capital and the rest
// into small letters; words in capitals stay.
func capitalize(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		end := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' })
		if end < 0 {
			end = len(s)
		}
		if word := s[:end]; word == strings.ToUpper(word) {
			b.WriteString(word)
			if len([]rune(word)) == 1 {
				word = ""
			}
		} else {
			r := []rune(word)
			b.WriteString(strings.ToUpper(string(r[:1])) + strings.ToLower(string(r[1:])))
		}
		s = s[end:]
		next := strings.IndexFunc(s, unicode.IsLetter)
		if next < 0 {
			next = len(s)
		}
		b.WriteString(s[:next])
		s = s[next:]
	}
	return b.String()
}

// escapeHTML is WebUtility.HtmlEncode.
func escapeHTML(s string) string {
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
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// encodeURL is WebUtility.UrlEncode.
func encodeURL(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == ' ':
			b.WriteByte('+')
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', isDigit(c), strings.IndexByte("-_.!*()", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

func decodeURL(s string) string {
	if out, err := url.QueryUnescape(s); err == nil {
		return out
	}
	return s
}

func remove(c *call, s string) string {
	what := c.text(0, "")
	if strings.TrimSpace(s) == "" || what == "" {
		return s
	}
	return strings.ReplaceAll(s, what, "")
}

// replace takes a regular expression, as DotLiquid does. One that cannot be
// read is taken as a text.
func replace(c *call, s, with string, once bool) string {
	pattern := c.text(0, "")
	if s == "" || pattern == "" {
		return s
	}
	re, err := regexp.Compile(pattern)
	if err != nil || len(pattern) > 1000 {
		return strings.Replace(s, pattern, with, times(once))
	}
	with = groupReference.ReplaceAllString(with, "$${$1}")
	var out []byte
	done := 0
	matches := re.FindAllStringSubmatchIndex(s, times(once))
	if len(matches) == maxMatches {
		fail(c.at, "a text is replaced in more than %d places", maxMatches)
	}
	for _, m := range matches {
		out = append(out, s[done:m[0]]...)
		if once {
			out = append(out, with...)
		} else {
			out = re.ExpandString(out, with, s, m)
		}
		done = m[1]
		if c.r.step(c.at); len(out) > maxOutput {
			fail(c.at, "a text is longer than %d bytes", maxOutput)
		}
	}
	return string(append(out, s[done:]...))
}

// groupReference is $1 in a .NET replacement: the number ends where the digits
// end, in Go where the word ends.
var groupReference = regexp.MustCompile(`\$(\d+)`)

// maxMatches is in how many places of a text one filter may replace.
const maxMatches = 100_000

func times(once bool) int {
	if once {
		return 1
	}
	return maxMatches
}

func split(c *call) any {
	s := textOf(c.in)
	c.r.charge(c.at, len(s)*4)
	if c.in == nil || strings.TrimSpace(s) == "" {
		return []any{s}
	}
	var out []any
	for _, part := range strings.Split(s, c.text(0, "")) {
		if part != "" {
			out = append(out, part)
		}
	}
	return out
}

// utf16Length counts characters as .NET does.
func utf16Length(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

func truncate(c *call, s string) string {
	length, tail := c.whole(0, 50), []rune(c.text(1, "..."))
	runes := []rune(s)
	if s == "" || int64(len(runes)) <= length {
		return s
	}
	return string(runes[:max(0, length-int64(len(tail)))]) + string(tail)
}

func truncateWords(c *call, s string) string {
	count, tail := c.whole(0, 15), c.text(1, "...")
	if s == "" {
		return s
	}
	if count <= 0 {
		return tail
	}
	words := strings.Split(s, " ")
	if int64(len(words)) <= count {
		return s
	}
	return strings.Join(words[:count], " ") + tail
}

func orDefault(c *call) any {
	if c.in == nil || c.in == false || strings.TrimSpace(textOf(c.in)) == "" {
		return c.args[0]
	}
	return c.in
}

// dateOf reads a date; "now" and "today" are the current time.
func dateOf(v any) (expr.DateTime, bool) {
	switch x := v.(type) {
	case expr.DateTime:
		return x, true
	case string:
		return expr.ParseDateTime(html.UnescapeString(x))
	case *Element:
		return expr.ParseDateTime(strings.TrimSpace(x.Text()))
	}
	return expr.DateTime{}, false
}

func formatDate(c *call) any {
	if c.in == nil {
		return nil
	}
	s := textOf(c.in)
	var d expr.DateTime
	if strings.EqualFold(s, "now") || strings.EqualFold(s, "today") {
		d = expr.NewDateTime(c.r.now)
	} else {
		var ok bool
		if d, ok = dateOf(c.in); !ok {
			return c.in
		}
	}
	format := c.text(0, "")
	if strings.TrimSpace(format) == "" {
		return d.String()
	}
	out, ok := d.Format(format)
	if !ok {
		fail(c.at, "the text is no date format of .NET")
	}
	return out
}
