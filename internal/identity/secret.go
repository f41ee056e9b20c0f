package identity

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
)

// What secrets are bound to.
const (
	MaxSecrets  = 2                   // live ones of a principal
	MaxLifetime = 90 * 24 * time.Hour // of a secret
	WarnBefore  = 10 * 24 * time.Hour // its end
)

// Cost of a hash: the parameters that OWASP names for argon2id.
const (
	hashTime, hashMemory, hashThreads = 2, 19 << 10, 1
	hashPrefix                        = "$argon2id$v=19$m=19456,t=2,p=1$"
	saltBytes, keyBytes               = 16, 32
)

// NewSecret makes a secret that lasts for a time, and what is kept of it. The
// text is shown once.
func NewSecret(now time.Time, lifetime time.Duration) (text string, kept Secret, err error) {
	if lifetime <= 0 || lifetime > MaxLifetime {
		return "", kept, fmt.Errorf("a secret lasts at most %d days", int(MaxLifetime.Hours()/24))
	}
	id, random, salt := make([]byte, 4), make([]byte, 32), make([]byte, saltBytes)
	for _, b := range [][]byte{id, random, salt} {
		if _, err := rand.Read(b); err != nil {
			return "", kept, err
		}
	}
	text = "gh_" + hex.EncodeToString(id) + "_" + base64.RawURLEncoding.EncodeToString(random)
	now = now.UTC().Truncate(time.Second)
	return text, Secret{ID: hex.EncodeToString(id), Hash: hash(text, salt), Created: now, Ends: now.Add(lifetime)}, nil
}

func hash(text string, salt []byte) string {
	b := base64.RawStdEncoding
	return hashPrefix + b.EncodeToString(salt) + "$" + b.EncodeToString(argon2.IDKey([]byte(text), salt, hashTime, hashMemory, hashThreads, keyBytes))
}

// saltOf reads a hash that NewSecret made. Other parameters are refused: a file
// could name ones that take all memory, or none.
func saltOf(text string) ([]byte, error) {
	rest, ok := strings.CutPrefix(text, hashPrefix)
	salt, key, two := strings.Cut(rest, "$")
	s, err := base64.RawStdEncoding.DecodeString(salt)
	k, err2 := base64.RawStdEncoding.DecodeString(key)
	if !ok || !two || err != nil || err2 != nil || len(s) != saltBytes || len(k) != keyBytes {
		return nil, errors.New("is no hash that gatehouse identity made")
	}
	return s, nil
}

// is says whether a text is the secret. It takes tens of milliseconds and 19 MiB.
func (s *Secret) is(text string) bool {
	salt, err := saltOf(s.Hash)
	return err == nil && subtle.ConstantTimeCompare([]byte(hash(text, salt)), []byte(s.Hash)) == 1
}

// Live says whether a secret may be used.
func (s *Secret) Live(now time.Time) bool { return now.Before(s.Ends) && !now.Before(s.Created) }

// DaysLeft until a secret ends, negative after.
func (s *Secret) DaysLeft(now time.Time) float64 { return s.Ends.Sub(now).Hours() / 24 }

// Why a principal is not believed.
var (
	ErrUnknown = errors.New("the client is not known, or its secret is wrong")
	ErrEnded   = errors.New("the secret has ended")
)

// Client finds a principal of the own issuer, nil: there is none.
func (a *Access) Client(id string) *Principal {
	if a == nil || len(id) > maxName {
		return nil
	}
	return a.byClient[fold(id)]
}

// Authenticate finds the principal of a client id whose secret a text is. It takes
// as long for a client that is not there.
func (a *Access) Authenticate(client, secret string, now time.Time) (*Principal, error) {
	p := a.Client(client)
	if len(secret) > maxSecret {
		return nil, ErrUnknown
	}
	if p == nil || len(p.Secrets) == 0 {
		_ = hash(secret, make([]byte, saltBytes))
		return nil, ErrUnknown
	}
	return p, one(p.Secrets, secret, now)
}

// maxSecret is how long a secret that is tried may be.
const maxSecret = 500

// one says whether a text is one of the secrets that live.
func one(list []Secret, text string, now time.Time) error {
	for i := range list {
		s := &list[i]
		if !s.is(text) {
			continue
		}
		if !s.Live(now) {
			return fmt.Errorf("%w: %s was valid from %s to %s", ErrEnded, s.ID, s.Created.Format(time.DateOnly), s.Ends.Format(time.DateOnly))
		}
		return nil
	}
	return ErrUnknown
}

// Workload finds the principal whose header secret a text is, and with a client
// id, object id or name the one of its identities that is meant.
func (a *Access) Workload(header, which string, now time.Time) (*Principal, error) {
	parts := strings.SplitN(header, "_", 3)
	if a == nil || len(header) > maxSecret || len(parts) != 3 || a.byHeader[parts[1]] == nil {
		return nil, ErrUnknown
	}
	p := a.byHeader[parts[1]]
	if err := one(p.Managed, header, now); err != nil {
		return nil, err
	}
	if which == "" {
		return p, nil
	}
	for _, q := range append([]*Principal{p}, p.assigned...) {
		if fold(which) == fold(q.ClientID) || fold(which) == fold(q.ID) || fold(which) == fold(q.Name) || strings.HasSuffix(fold(which), "/userassignedidentities/"+fold(q.Name)) {
			return q, nil
		}
	}
	return nil, ErrUnknown
}

// checkSecrets refuses more secrets than may live at a time, and ones that last
// too long. Which are past their end does not count: the clock alone must not
// make a file wrong.
func (c *compiler) checkSecrets(p *Principal) {
	for what, list := range map[string][]Secret{"secrets": p.Secrets, "managed": p.Managed} {
		if len(list) > MaxSecrets {
			c.wrong("principals: %q has %d %s, at most %d: remove the oldest", p.Name, len(list), what, MaxSecrets)
		}
		seen := map[string]bool{}
		for i := range list {
			s := &list[i]
			if s.ID == "" || len(s.ID) > maxName || seen[s.ID] {
				c.wrong("principals: %q: %s: each needs an id of its own", p.Name, what)
			}
			seen[s.ID] = true
			if _, err := saltOf(s.Hash); err != nil {
				c.wrong("principals: %q: %s %.40q %w", p.Name, what, s.ID, err)
			}
			if s.Created.IsZero() || !s.Ends.After(s.Created) || s.Ends.Sub(s.Created) > MaxLifetime {
				c.wrong("principals: %q: %s %.40q must end within %d days of its creation", p.Name, what, s.ID, int(MaxLifetime.Hours()/24))
			}
		}
	}
}
