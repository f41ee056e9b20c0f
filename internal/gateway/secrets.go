package gateway

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// secretIndex finds known secrets in a text at a cost that does not grow with
// their number: a service has two keys for each subscription. A table of bits
// says for nearly every position of a text that no secret begins there.
type secretIndex struct {
	bits  [1 << 10]uint64
	heads map[string][]string // by the first minSecret bytes; longest first
}

// newSecretIndex ignores what is too short to be told from ordinary words.
func newSecretIndex(secrets []string) *secretIndex {
	x := &secretIndex{heads: map[string][]string{}}
	for _, secret := range secrets {
		for _, form := range spellings(secret) {
			if len(form) < minSecret || slices.Contains(x.heads[form[:minSecret]], form) {
				continue
			}
			h := headHash(form)
			x.bits[h>>6] |= 1 << (h & 63)
			x.heads[form[:minSecret]] = append(x.heads[form[:minSecret]], form)
		}
	}
	for _, list := range x.heads {
		slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	}
	return x
}

// spellings are a secret as it is, and as it stands in paths, queries and JSON.
func spellings(secret string) []string {
	out := []string{secret, url.PathEscape(secret), url.QueryEscape(secret), (&url.URL{Path: secret}).EscapedPath()}
	if quoted, err := json.Marshal(secret); err == nil {
		out = append(out, string(quoted[1:len(quoted)-1]))
	}
	return out
}

// headHash needs minSecret bytes.
func headHash(s string) uint32 {
	v := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40
	return uint32(v * 0x9e3779b97f4a7c15 >> 48)
}

// at is the longest secret that text begins with, "" for none. Text has at
// least minSecret bytes.
func (x *secretIndex) at(text string) string {
	if h := headHash(text); x.bits[h>>6]&(1<<(h&63)) == 0 {
		return ""
	}
	for _, secret := range x.heads[text[:minSecret]] {
		if strings.HasPrefix(text, secret) {
			return secret
		}
	}
	return ""
}

// mask replaces all secrets of a text.
func (x *secretIndex) mask(text string) string {
	if len(x.heads) == 0 {
		return text
	}
	var out []byte
	done := 0
	for i := 0; i+minSecret <= len(text); {
		secret := x.at(text[i:])
		if secret == "" {
			i++
			continue
		}
		out = append(append(out, text[done:i]...), maskText...)
		i += len(secret)
		done = i
	}
	if done == 0 {
		return text
	}
	return string(append(out, text[done:]...))
}
