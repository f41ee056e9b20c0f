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
	blocks [1 << 9]uint64    // of three bytes
	bits   [1 << 10]uint64   // of minSecret bytes
	heads  map[string][]form // by the first minSecret bytes; longest first
}

// form is a secret as it may stand in a text.
type form struct {
	text string
	part bool // of a longer stretch of Base64, which holds the rest of the secret
}

// stride is how far apart the positions are: a head has so many blocks.
const (
	block  = 3
	stride = minSecret - block + 1
)

// newSecretIndex ignores what is too short to be told from ordinary words.
func newSecretIndex(secrets []string) *secretIndex { return indexForms(secrets, spellings) }

func indexForms(secrets []string, forms func(secret string) []form) *secretIndex {
	x := &secretIndex{heads: map[string][]form{}}
	for _, secret := range secrets {
		for _, f := range forms(secret) {
			x.add(f)
		}
	}
	for _, list := range x.heads {
		slices.SortFunc(list, func(a, b form) int { return len(b.text) - len(a.text) })
	}
	return x
}

func (x *secretIndex) add(f form) {
	if len(f.text) < minSecret || slices.Contains(x.heads[f.text[:minSecret]], f) {
		return
	}
	v := uint64(0)
	for i := range minSecret {
		v |= uint64(f.text[i]) << (8 * i)
	}
	h := headHash(v)
	x.bits[h>>6] |= 1 << (h & 63)
	for i := range stride {
		b := blockHash(uint32(v >> (8 * i)))
		x.blocks[b>>6] |= 1 << (b & 63)
	}
	x.heads[f.text[:minSecret]] = append(x.heads[f.text[:minSecret]], f)
}

// spellings are a secret as it is, and as it stands in paths, queries and JSON.
func spellings(secret string) []form {
	out := []form{{text: secret}, {text: url.PathEscape(secret)}, {text: url.QueryEscape(secret)}, {text: (&url.URL{Path: secret}).EscapedPath()}}
	if quoted, err := json.Marshal(secret); err == nil {
		out = append(out, form{text: string(quoted[1 : len(quoted)-1])})
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

// at is the longest form that text begins with, empty for none. Text has at
// least minSecret bytes.
func (x *secretIndex) at(text string) form {
	for _, f := range x.heads[text[:minSecret]] {
		if strings.HasPrefix(text, f.text) {
			return f
		}
	}
	return form{}
}

// mask replaces all secrets of a text.
func (x *secretIndex) mask(text string) string {
	if len(x.heads) == 0 {
		return text
	}
	var out []byte
	done := 0
	for i := x.next(text, 0); i >= 0; i = x.next(text, i) {
		f := x.at(text[i:])
		if f.text == "" {
			i++
			continue
		}
		from, to := i, i+len(f.text)
		if f.part {
			from, to = stretch(text, from, to, done)
		}
		out = append(append(out, text[done:from]...), maskText...)
		i, done = to, to
	}
	if done == 0 {
		return text
	}
	return string(append(out, text[done:]...))
}
