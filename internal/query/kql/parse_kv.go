package kql

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// kvRules say how pairs of keys and values stand in a text.
type kvRules struct {
	Keys    []string
	Pair    string `json:",omitempty"` // between pairs; "" beside no Regex: whatever is no letter or digit
	Between string `json:",omitempty"` // between key and value
	Quotes  []string
	Escapes []string
	Greedy  bool   `json:",omitempty"` // a value goes on to the next key
	Regex   string `json:",omitempty"`
}

// parsePairs gives the values of the keys as an array; of a key that is there
// twice the first counts, and one that is absent has the empty text.
func parsePairs(cache *expressionCache, text, rules string) any {
	var r kvRules
	if json.Unmarshal([]byte(rules), &r) != nil {
		return nil
	}
	found := map[string]string{}
	add := func(key, value string) {
		key = strings.TrimSpace(key)
		if _, have := found[key]; !have && slices.Contains(r.Keys, key) {
			found[key] = strings.TrimSpace(value)
		}
	}
	switch {
	case r.Regex != "":
		if e := cache.get(r.Regex); e != nil {
			for _, m := range e.FindAllStringSubmatch(text, -1) {
				add(m[1], m[2])
			}
		}
	case r.Pair != "":
		r.delimited(text, add)
	default:
		r.loose(text, add)
	}
	out := make([]string, len(r.Keys))
	for i, k := range r.Keys {
		out[i] = found[k]
	}
	return jsonOf(out)
}

// delimited reads pairs that known texts separate.
func (r *kvRules) delimited(text string, add func(key, value string)) {
	for text != "" {
		trimmed := strings.TrimLeft(text, " \t\r\n")
		key, rest, quoted := r.quoted(trimmed)
		if !quoted {
			end := strings.Index(text, r.Between)
			if p := strings.Index(text, r.Pair); p >= 0 && (end < 0 || p < end) { // no pair: a word alone
				text = text[p+len(r.Pair):]
				continue
			}
			if end < 0 {
				return
			}
			key, rest = text[:end], text[end:]
		}
		rest, ok := strings.CutPrefix(strings.TrimLeft(rest, " \t"), r.Between)
		if !ok {
			_, text, _ = strings.Cut(rest, r.Pair)
			continue
		}
		value, after, quoted := r.quoted(strings.TrimLeft(rest, " \t\r\n"))
		if !quoted {
			value, after = r.plain(rest)
		}
		add(key, value)
		_, text, _ = strings.Cut(after, r.Pair)
	}
}

// plain is a value without quotes: to the next pair, or of a greedy one to the
// next pair whose key is wanted.
func (r *kvRules) plain(text string) (value, after string) {
	for at := 0; ; {
		i := strings.Index(text[at:], r.Pair)
		if i < 0 {
			return text, ""
		}
		at += i
		if !r.Greedy {
			return text[:at], text[at:]
		}
		next, _, _ := strings.Cut(text[at+len(r.Pair):], r.Between)
		if slices.Contains(r.Keys, strings.TrimSpace(next)) {
			return text[:at], text[at:]
		}
		at += len(r.Pair)
	}
}

// loose finds each key as a word, and takes the word or the quoted text behind it.
func (r *kvRules) loose(text string, add func(key, value string)) {
	for _, key := range r.Keys {
		for at := 0; ; {
			i := strings.Index(text[at:], key)
			if i < 0 || key == "" {
				break
			}
			start, end := at+i, at+i+len(key)
			at = end
			before, _ := utf8.DecodeLastRuneInString(text[:start])
			after, _ := utf8.DecodeRuneInString(text[end:])
			if start > 0 && alphanumeric(before) || alphanumeric(after) {
				continue
			}
			if value, ok := r.word(text[end:]); ok {
				add(key, value)
				break
			}
		}
	}
}

// word is the first run of letters and digits, or a quoted text before it.
func (r *kvRules) word(text string) (string, bool) {
	for i, c := range text {
		if value, _, ok := r.quoted(text[i:]); ok {
			return value, true
		}
		if alphanumeric(c) {
			end := strings.IndexFunc(text[i:], func(c rune) bool { return !alphanumeric(c) })
			if end < 0 {
				return text[i:], true
			}
			return text[i : i+end], true
		}
	}
	return "", false
}

// quoted reads a text in one of the quotes, of one or two characters.
func (r *kvRules) quoted(text string) (value, after string, ok bool) {
	for _, q := range r.Quotes {
		runes := []rune(q)
		if len(runes) == 0 || !strings.HasPrefix(text, string(runes[0])) {
			continue
		}
		open, end := string(runes[0]), string(runes[len(runes)-1])
		var b strings.Builder
		for at := len(open); at < len(text); {
			escaped := false
			for _, e := range r.Escapes {
				if e != "" && strings.HasPrefix(text[at:], e) && at+len(e) < len(text) {
					_, size := utf8.DecodeRuneInString(text[at+len(e):])
					b.WriteString(text[at+len(e) : at+len(e)+size])
					at += len(e) + size
					escaped = true
					break
				}
			}
			if escaped {
				continue
			}
			if strings.HasPrefix(text[at:], end) {
				return b.String(), text[at+len(end):], true
			}
			_, size := utf8.DecodeRuneInString(text[at:])
			b.WriteString(text[at : at+size])
			at += size
		}
	}
	return "", text, false
}
