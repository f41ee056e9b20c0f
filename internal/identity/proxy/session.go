package proxy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/identity"
)

// session is who logged in, as the cookie has it, sealed.
type session struct {
	Issuer string   `json:"i"`
	Object string   `json:"o"`
	Name   string   `json:"n,omitempty"` // by which people know the user
	Email  string   `json:"e,omitempty"` // that the provider verified
	Groups []string `json:"g,omitempty"` // those that let in; others do not matter here
	Ends   int64    `json:"x"`           // Unix seconds
}

func (p *Proxy) newSession(c *identity.Caller, about *claims) *session {
	s := &session{Issuer: c.Issuer, Object: c.Object, Name: about.name(), Email: about.email(), Ends: p.options.Now().Add(p.options.Session).Unix()}
	for _, g := range c.Groups {
		if slices.Contains(p.options.Groups, g) && !slices.Contains(s.Groups, g) {
			s.Groups = append(s.Groups, g)
		}
	}
	return s
}

func (s *session) caller() *identity.Caller {
	return &identity.Caller{Kind: identity.KindToken, Name: s.title(), Issuer: s.Issuer, Object: s.Object, Groups: s.Groups}
}

// title is how people know somebody.
func (s *session) title() string {
	switch {
	case s.Email != "":
		return s.Email
	case s.Name != "":
		return s.Name
	}
	return s.Issuer + "/" + s.Object
}

// A sealed text is a nonce and what AES-GCM makes of the text. The use and the
// proxy are part of it: a login is no session, and one proxy's is none of another.

const keySize = 32

func newSeal(key []byte) (cipher.AEAD, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("it has %d bytes instead of %d", len(key), keySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (p *Proxy) purpose(use string) []byte { return []byte(use + "\x00" + p.options.Name) }

func (p *Proxy) sealed(use string, v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, p.seal.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(p.seal.Seal(nonce, nonce, text, p.purpose(use))), nil
}

var errSeal = errors.New("the cookie was not made here, or for something else")

func (p *Proxy) opened(use, text string, v any) error {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(data) < p.seal.NonceSize() {
		return errSeal
	}
	n := p.seal.NonceSize()
	plain, err := p.seal.Open(nil, data[:n], data[n:], p.purpose(use))
	if err != nil {
		return errSeal
	}
	return json.Unmarshal(plain, v)
}

const (
	forSession = "session"
	forLogin   = "login"
)

func (p *Proxy) secure() bool { return p.options.URL.Scheme == "https" }

// cookieName has the prefix by which browsers keep other hosts from setting it.
func (p *Proxy) cookieName(use string) string {
	name := "gatehouse-" + use + "-" + p.options.Name
	if p.secure() {
		return "__Host-" + name
	}
	return name
}

func (p *Proxy) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second), HttpOnly: true, Secure: p.secure(), SameSite: http.SameSiteLaxMode}
	if life <= 0 {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// sessionOf is the one that a request has, nil: none that counts.
func (p *Proxy) sessionOf(r *http.Request) *session {
	for _, c := range r.CookiesNamed(p.cookieName(forSession)) {
		var s session
		if p.opened(forSession, c.Value, &s) == nil && s.Object != "" && p.options.Now().Unix() < s.Ends {
			return &s
		}
	}
	return nil
}

// ours says whether a cookie is one of this or another proxy of the house.
func ours(name string) bool {
	return strings.HasPrefix(strings.TrimPrefix(name, "__Host-"), "gatehouse-")
}
