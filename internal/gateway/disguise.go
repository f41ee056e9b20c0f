package gateway

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
)

// What expressions make of secrets without hiding them: Base64 of a text that
// holds one, as basic authentication does, letters in another case, and
// hexadecimal digits. It is looked for where a trace is written, and nowhere
// else: a request that nobody traces does not pay for it.

// Shorter secrets are taken for words, which stand everywhere in other cases.
const minCased = 8

func newDisguiseIndex(secrets []string) *secretIndex { return indexForms(secrets, disguises) }

func disguises(secret string) []form {
	if len(secret) < minSecret {
		return nil
	}
	out := base64Forms(secret)
	digits := hex.EncodeToString([]byte(secret))
	out = append(out, form{text: digits}, form{text: strings.ToUpper(digits)})
	if len(secret) < minCased {
		return out
	}
	for _, cased := range [...]string{strings.ToLower(secret), strings.ToUpper(secret)} {
		if cased != secret {
			out = append(out, spellings(cased)...)
		}
	}
	return out
}

// base64Forms are the characters that depend on the secret alone, for each of
// the three ways in which it can lie in a text that is encoded, in both
// alphabets and escaped.
func base64Forms(secret string) []form {
	var out []form
	for before := range 3 {
		data := append(make([]byte, before, before+len(secret)), secret...)
		whole := base64.RawStdEncoding.EncodeToString(data)
		text := whole[(8*before+5)/6 : 8*len(data)/6]
		out = append(out, form{text, true})
		if strings.ContainsAny(text, "+/") {
			out = append(out, form{strings.NewReplacer("+", "-", "/", "_").Replace(text), true}, form{url.QueryEscape(text), true})
		}
	}
	return out
}

// stretch widens a find in Base64 to what is encoded with it, but not before
// byte first and not beyond a slash, which also divides the parts of a path. The
// character at each end may hold bits of the secret: it goes in any case.
func stretch(text string, from, to, first int) (int, int) {
	for from > first && inBase64(text[from-1]) {
		if from--; text[from] == '/' {
			break
		}
	}
	for to < len(text) && inBase64(text[to]) {
		if to++; text[to-1] == '/' {
			break
		}
	}
	return from, to
}

func inBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("+/-_=", c) >= 0
}
