package kql

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/store/lake"
)

// natives are the functions in Go that the SQL of the function tables calls:
// what SQL cannot say. Each is pure.
func natives() []lake.Function {
	return slices.Concat(textNatives(), conversionNatives(), guidNatives(), timeNatives(), arrayNatives(), bagNatives(), seriesNatives(), stepNatives(), networkNatives(), parserNatives(), convertNatives(), filterNatives(), seasonNatives(), geoNatives(), digestNatives(), spectrumNatives(), agentNatives())
}

// native makes a function; types has a letter for each argument and, behind a
// ">", one for the result: s text, l integer, r real, b boolean.
func native(name, types string, do func(args []any) any) lake.Function {
	letters := map[byte]lake.Value{'s': lake.Text, 'l': lake.Integer, 'r': lake.Real, 'b': lake.Boolean}
	f := lake.Function{Name: "kql_" + name, Do: do, Result: letters[types[len(types)-1]]}
	for _, c := range []byte(strings.TrimSuffix(types, types[len(types)-2:])) {
		f.Args = append(f.Args, letters[c])
	}
	return f
}

// expressionCache keeps compiled regular expressions of one process' queries.
type expressionCache struct{ m sync.Map }

const maxExpressions = 1000

// get compiles once; nil for an expression that is not valid.
func (c *expressionCache) get(text string) *regexp.Regexp {
	if v, ok := c.m.Load(text); ok {
		return v.(*regexp.Regexp)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		re = nil
	}
	n := 0
	c.m.Range(func(any, any) bool { n++; return n < maxExpressions })
	if n < maxExpressions {
		c.m.Store(text, re)
	}
	return re
}

// maxMade bounds the bytes that one call makes of its arguments: they are not
// counted as the query's memory, which the gateway shares. Beyond it is null.
const maxMade = 16 << 20

func textNatives() []lake.Function {
	cache := &expressionCache{}
	return []lake.Function{
		native("has", "ssb>b", func(a []any) any { return hasTerm(a[0].(string), a[1].(string), a[2].(bool)) }),
		native("regex_quote", "s>s", func(a []any) any { return regexp.QuoteMeta(a[0].(string)) }),
		native("has_terms", "ssb>b", func(a []any) any { return hasTerms(a[0].(string), a[1].(string), a[2].(bool)) }),
		native("has_any_index", "ss>l", func(a []any) any {
			return int64(slices.IndexFunc(jsonTexts(a[1].(string)), func(term string) bool { return hasTerm(a[0].(string), term, false) }))
		}),
		native("substring", "sll>s", func(a []any) any { return substring(a[0].(string), a[1].(int64), a[2].(int64)) }),
		native("indexof", "sslll>l", func(a []any) any {
			return indexOf(a[0].(string), a[1].(string), a[2].(int64), a[3].(int64), a[4].(int64))
		}),
		native("repeat_text", "sls>s", func(a []any) any {
			n := min(max(a[1].(int64), 0), 1024)
			if n*int64(len(a[0].(string))+len(a[2].(string))) > maxMade {
				return nil
			}
			return strings.TrimSuffix(strings.Repeat(a[0].(string)+a[2].(string), int(n)), a[2].(string))
		}),
		native("split", "ssl>s", func(a []any) any { return split(a[0].(string), a[1].(string), a[2].(int64)) }),
		native("trim", "ssl>s", func(a []any) any { return trimBy(cache, a[0].(string), a[1].(string), a[2].(int64)) }),
		native("replace_regex", "sss>s", func(a []any) any {
			re := cache.get(a[1].(string))
			if re == nil {
				return a[0]
			}
			return re.ReplaceAllString(a[0].(string), goTemplate(a[2].(string)))
		}),
		native("replace_strings", "sss>s", func(a []any) any {
			text, from, to := a[0].(string), jsonTexts(a[1].(string)), jsonTexts(a[2].(string))
			for i := range min(len(from), len(to)) {
				text = strings.ReplaceAll(text, from[i], to[i])
			}
			return text
		}),
		native("translate", "sss>s", func(a []any) any { return translate(a[0].(string), a[1].(string), a[2].(string)) }),
		native("extract_all", "sss>s", func(a []any) any { return extractAll(cache.get(a[1].(string)), a[0].(string), a[2].(string)) }),
		native("parse", "ss>s", func(a []any) any {
			re := cache.get(a[1].(string))
			if re == nil {
				return nil
			}
			groups := re.FindStringSubmatch(a[0].(string))
			if groups == nil {
				return nil
			}
			return jsonOf(groups[1:])
		}),
		native("countof", "sss>l", func(a []any) any {
			if a[2].(string) == "regex" {
				if re := cache.get(a[1].(string)); re != nil {
					return int64(len(re.FindAllStringIndex(a[0].(string), -1)))
				}
				return int64(0)
			}
			return countOverlapping(a[0].(string), a[1].(string))
		}),
		native("url_encode", "sb>s", func(a []any) any {
			if a[1].(bool) {
				return url.PathEscape(a[0].(string))
			}
			return url.QueryEscape(a[0].(string))
		}),
		native("url_decode", "s>s", func(a []any) any {
			if out, err := url.QueryUnescape(a[0].(string)); err == nil {
				return out
			}
			return a[0]
		}),
		native("base64_decode", "s>s", func(a []any) any {
			out, err := base64.StdEncoding.DecodeString(a[0].(string))
			if err != nil || !utf8.Valid(out) {
				return ""
			}
			return string(out)
		}),
		native("parse_url", "s>s", func(a []any) any { return parseURL(a[0].(string)) }),
		native("parse_urlquery", "s>s", func(a []any) any {
			query := strings.TrimPrefix(a[0].(string), "?")
			return jsonOf(map[string]any{"Query Parameters": queryParameters(query)})
		}),
		native("tohex", "ll>s", func(a []any) any {
			out := strconv.FormatUint(uint64(a[0].(int64)), 16)
			if n := int(min(a[1].(int64), 64)) - len(out); n > 0 {
				out = strings.Repeat("0", n) + out
			}
			return out
		}),
		native("parse_ipv4", "s>l", func(a []any) any { return parseIPv4(a[0].(string)) }),
		native("ipv4_is_private", "s>b", func(a []any) any {
			p, ok := prefixOf(a[0].(string))
			if !ok || !p.Addr().Is4() {
				return nil
			}
			return p.Addr().IsPrivate()
		}),
		native("ip_in_range", "ss>b", func(a []any) any {
			p, ok := prefixOf(a[0].(string))
			q, also := prefixOf(a[1].(string))
			if !ok || !also {
				return nil
			}
			return q.Contains(p.Addr())
		}),
		native("codepoints", "s>s", func(a []any) any {
			out := []int32{}
			for _, r := range a[0].(string) {
				out = append(out, r)
			}
			return jsonOf(out)
		}),
		native("round", "rl>r", func(a []any) any { return roundTo(a[0].(float64), a[1].(int64)) }),
		native("sqrt", "r>r", func(a []any) any { return math.Sqrt(a[0].(float64)) }),
		native("log", "r>r", func(a []any) any { return math.Log(a[0].(float64)) }),
		native("log10", "r>r", func(a []any) any { return math.Log10(a[0].(float64)) }),
		native("shift", "ll>l", func(a []any) any {
			x, n := a[0].(int64), a[1].(int64)
			switch {
			case n <= -64 || n >= 64:
				return int64(0)
			case n < 0:
				return x >> -n
			}
			return x << n
		}),
	}
}

// hasTerm says whether a term stands in a text as a whole: between characters
// that are neither letters nor digits.
func hasTerm(text, term string, exact bool) bool {
	if !exact {
		text, term = strings.ToLower(text), strings.ToLower(term)
	}
	if term == "" {
		return true
	}
	first, _ := utf8.DecodeRuneInString(term)
	last, _ := utf8.DecodeLastRuneInString(term)
	for at := 0; ; {
		i := strings.Index(text[at:], term)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(term)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if (start == 0 || !alphanumeric(before) || !alphanumeric(first)) && (end == len(text) || !alphanumeric(after) || !alphanumeric(last)) {
			return true
		}
		at = start + 1
		for at < len(text) && !utf8.RuneStart(text[at]) {
			at++
		}
	}
}

func alphanumeric(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// hasTerms is has_any, or has_all, over the texts of an array.
func hasTerms(text, array string, all bool) bool {
	for _, term := range jsonTexts(array) {
		if hasTerm(text, term, false) != all {
			return !all
		}
	}
	return all
}

// substring counts characters; a negative start counts from the end.
func substring(text string, start, length int64) string {
	runes := []rune(text)
	n := int64(len(runes))
	if start < 0 {
		start = max(n+start, 0)
	}
	if start >= n || length <= 0 {
		return ""
	}
	return string(runes[start : start+min(length, n-start)])
}

func indexOf(text, look string, start, length, occurrence int64) int64 {
	runes, target := []rune(text), []rune(look)
	if start < 0 {
		start = max(int64(len(runes))+start, 0)
	}
	end := int64(len(runes))
	if length >= 0 {
		end = min(end, start+length)
	}
	for i := start; i+int64(len(target)) <= end; i++ {
		if slices.Equal(runes[i:i+int64(len(target))], target) {
			if occurrence--; occurrence <= 0 {
				return i
			}
		}
	}
	return -1
}

// split gives all parts, or the one asked for, as an array.
func split(text, by string, index int64) string {
	parts := strings.Split(text, by)
	if by == "" {
		parts = []string{text}
	}
	if index >= 0 {
		if index >= int64(len(parts)) {
			return "[]"
		}
		parts = parts[index : index+1]
	}
	return jsonOf(parts)
}

// trimBy cuts what matches a regular expression at the start (1), the end (2) or both (3).
func trimBy(cache *expressionCache, text, expression string, sides int64) string {
	if sides&1 != 0 {
		if re := cache.get("^(?:" + expression + ")+"); re != nil {
			text = re.ReplaceAllLiteralString(text, "")
		}
	}
	if sides&2 != 0 {
		if re := cache.get("(?:" + expression + ")+$"); re != nil {
			text = re.ReplaceAllLiteralString(text, "")
		}
	}
	return text
}

// goTemplate turns \1 of a replacement into Go's form.
func goTemplate(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '$':
			b.WriteString("$$")
		case text[i] == '\\' && i+1 < len(text) && '0' <= text[i+1] && text[i+1] <= '9':
			b.WriteString("${" + text[i+1:i+2] + "}")
			i++
		case text[i] == '\\' && i+1 < len(text):
			b.WriteByte(text[i+1])
			i++
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

func translate(text, from, to string) string {
	list, with := []rune(from), []rune(to)
	return strings.Map(func(r rune) rune {
		i := slices.Index(list, r)
		switch {
		case i < 0:
			return r
		case len(with) == 0:
			return -1
		}
		return with[min(i, len(with)-1)]
	}, text)
}

// extractAll gives every match: the one group as text, several as arrays.
func extractAll(re *regexp.Regexp, text, groups string) any {
	if re == nil {
		return nil
	}
	var wanted []int
	var list []any
	if json.Unmarshal([]byte(groups), &list) == nil {
		for _, g := range list {
			if n, ok := g.(float64); ok {
				wanted = append(wanted, int(n))
			} else if name, ok := g.(string); ok {
				wanted = append(wanted, re.SubexpIndex(name))
			}
		}
	}
	if len(wanted) == 0 {
		for i := 1; i <= re.NumSubexp(); i++ {
			wanted = append(wanted, i)
		}
	}
	if len(wanted) == 0 {
		wanted = []int{0}
	}
	out := []any{}
	for _, match := range re.FindAllStringSubmatch(text, 100_000) {
		parts := []string{}
		for _, g := range wanted {
			if g >= 0 && g < len(match) {
				parts = append(parts, match[g])
			}
		}
		if len(wanted) == 1 && len(parts) == 1 {
			out = append(out, parts[0])
		} else {
			out = append(out, parts)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return jsonOf(out)
}

func countOverlapping(text, look string) int64 {
	if look == "" {
		return 0
	}
	n := int64(0)
	for i := 0; i+len(look) <= len(text); i++ {
		if text[i:i+len(look)] == look {
			n++
		}
	}
	return n
}

func parseURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		u = &url.URL{}
	}
	password, _ := u.User.Password()
	return jsonOf(map[string]any{
		"Scheme": u.Scheme, "Host": u.Hostname(), "Port": u.Port(), "Path": u.Path, "Username": u.User.Username(), "Password": password,
		"Query Parameters": queryParameters(u.RawQuery), "Fragment": u.Fragment,
	})
}

func queryParameters(query string) map[string]any {
	out := map[string]any{}
	for _, pair := range strings.Split(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if v, err := url.QueryUnescape(value); err == nil {
			value = v
		}
		if n, err := url.QueryUnescape(name); err == nil {
			name = n
		}
		out[name] = value
	}
	return out
}

func prefixOf(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

func parseIPv4(text string) any {
	p, ok := prefixOf(text)
	if !ok || !p.Addr().Is4() {
		return nil
	}
	b := p.Masked().Addr().As4()
	return int64(b[0])<<24 | int64(b[1])<<16 | int64(b[2])<<8 | int64(b[3])
}

// roundTo rounds half away from zero, also to tens with negative digits.
func roundTo(x float64, digits int64) float64 {
	if digits > 15 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	f := math.Pow(10, float64(max(digits, -308)))
	y := math.Round(x*f) / f
	if digits < 0 {
		f = math.Pow(10, float64(-max(digits, -308)))
		y = math.Round(x/f) * f
	}
	return y
}

// conversionNatives are those behind tostring, tobool, todatetime and friends.
func conversionNatives() []lake.Function {
	return []lake.Function{
		native("real_text", "r>s", func(a []any) any { return realText(a[0].(float64)) }),
		native("real_json", "r>s", func(a []any) any {
			if x := a[0].(float64); math.IsNaN(x) || math.IsInf(x, 0) {
				return jsonOf(realText(x))
			}
			return jsonOf(a[0])
		}),
		native("datetime_text", "l>s", func(a []any) any { return datetimeText(a[0].(int64)) }),
		native("timespan_text", "l>s", func(a []any) any { return syntax.FormatTimespan(a[0].(int64)) }),
		native("json_long", "s>l", func(a []any) any { return jsonLong(a[0].(string)) }),
		native("bool", "s>b", func(a []any) any { return boolOf(a[0].(string)) }),
		native("datetime", "s>l", func(a []any) any { return parsed(syntax.ParseDatetime(a[0].(string))) }),
		native("timespan", "s>l", func(a []any) any { return parsed(syntax.ParseTimespan(a[0].(string))) }),
		native("guid", "s>s", func(a []any) any { return guidOf(a[0].(string)) }),
	}
}

func parsed(n int64, ok bool) any {
	if !ok {
		return nil
	}
	return n
}

// realText writes a real as Kusto does: 1 digit after the point at least is not
// asked for; exponents and infinities are named.
func realText(x float64) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	}
	if a := math.Abs(x); a >= 1e15 || a != 0 && a < 1e-5 {
		return strings.Replace(strconv.FormatFloat(x, 'E', -1, 64), "E+0", "E+", 1)
	}
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// jsonLong reads a number, a boolean, or a text that holds a number.
func jsonLong(text string) any {
	text = strings.Trim(text, `" `)
	switch text {
	case "true":
		return int64(1)
	case "false":
		return int64(0)
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(f) < math.MaxInt64 {
		return int64(f)
	}
	return nil
}

func boolOf(text string) any {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1":
		return true
	case "false", "0":
		return false
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
		return n != 0
	}
	return nil
}

func guidOf(text string) any {
	text = strings.ToLower(strings.Trim(text, "{} "))
	plain := strings.ReplaceAll(text, "-", "")
	if len(plain) != 32 || strings.Trim(plain, "0123456789abcdef") != "" || len(text) != 36 && len(text) != 32 {
		return nil
	}
	return plain[:8] + "-" + plain[8:12] + "-" + plain[12:16] + "-" + plain[16:20] + "-" + plain[20:]
}

// jsonText writes a value without escaping HTML.
func jsonOf(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// jsonTexts reads an array's elements as texts; a text alone is one element.
func jsonTexts(array string) []string {
	var list []any
	if json.Unmarshal([]byte(array), &list) != nil {
		var one string
		if json.Unmarshal([]byte(array), &one) == nil {
			return []string{one}
		}
		return nil
	}
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		} else if v != nil {
			out = append(out, jsonOf(v))
		}
	}
	return out
}
