package gateway

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// secretIndex finds known secrets in a text at a cost that does not grow with
// their number: a service has two keys for each subscription. A secret's first
// minSecret bytes have a block of three at one of every four positions of a text,
// wherever they stand: a table of bits says of nearly all of these positions that
// their block is of no secret. Captured bodies are long.
type secretIndex struct {
	blocks [1 << 9]uint64      // of three bytes
	bits   [1 << 10]uint64     // of minSecret bytes
	heads  map[string][]string // by the first minSecret bytes; longest first
}

// stride is how far apart the positions are: a head has so many blocks.
const (
	block  = 3
	stride = minSecret - block + 1
)

// newSecretIndex ignores what is too short to be told from ordinary words.
func newSecretIndex(secrets []string) *secretIndex {
	x := &secretIndex{heads: map[string][]string{}}
	for _, secret := range secrets {
		for _, form := range spellings(secret) {
			if len(form) < minSecret || slices.Contains(x.heads[form[:minSecret]], form) {
				continue
			}
			v := uint64(0)
			for i := range minSecret {
				v |= uint64(form[i]) << (8 * i)
			}
			h := headHash(v)
			x.bits[h>>6] |= 1 << (h & 63)
			for i := range stride {
				b := blockHash(uint32(v >> (8 * i)))
				x.blocks[b>>6] |= 1 << (b & 63)
			}
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

// headHash is a bit of the table for the first minSecret bytes, which v holds.
func headHash(v uint64) uint32 { return uint32(v * 0x9e3779b97f4a7c15 >> 48) }

// blockHash is a bit of the table for the three lowest bytes of v.
func blockHash(v uint32) uint32 { return v << 8 * 0x9e3779b1 >> 17 }

// next finds the first place from which a secret may begin, -1 for none.
func (x *secretIndex) next(text string, from int) int {
	i := from
	for ; i+4 <= len(text); i += stride {
		b := blockHash(uint32(text[i]) | uint32(text[i+1])<<8 | uint32(text[i+2])<<16 | uint32(text[i+3])<<24)
		if x.blocks[b>>6&(1<<9-1)]>>(b&63)&1 != 0 {
			if at := x.near(text, from, i); at >= 0 {
				return at
			}
		}
	}
	return x.near(text, from, i)
}

// near finds the first place from which a secret may begin that has a block at i.
func (x *secretIndex) near(text string, from, i int) int {
	for at := max(from, i-stride+1); at <= i && at+minSecret <= len(text); at++ {
		v := uint64(0)
		for n := range minSecret {
			v |= uint64(text[at+n]) << (8 * n)
		}
		if h := headHash(v); x.bits[h>>6]>>(h&63)&1 != 0 {
			return at
		}
	}
	return -1
}

// at is the longest secret that text begins with, "" for none. Text has at
// least minSecret bytes.
func (x *secretIndex) at(text string) string {
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
	for i := x.next(text, 0); i >= 0; i = x.next(text, i) {
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
