// Package token gets the access tokens that the gateway itself sends: those of
// its managed identities and those of connections that somebody granted.
//
// What comes in: settings once, then a resource or the name of a connection.
// What goes out: a bearer token, from a cache until shortly before it ends and
// fetched once for all that wait for it. It must never show a token, a secret
// or an assertion in an error, or ask an endpoint that the settings or the
// platform's own environment do not name.
package token

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Token is an access token with what the endpoint said about it.
type Token struct {
	Value   string
	Expires time.Time      // zero: not told
	Claims  map[string]any // the other members of the endpoint's answer
}

// ErrNotConfigured means that the settings say nothing about what was asked for.
var ErrNotConfigured = errors.New("not configured")

const (
	early      = 5 * time.Minute  // a token is renewed so long before it ends
	unknownFor = 5 * time.Minute  // one that does not tell its end is kept so long
	retryAfter = 5 * time.Second  // between two tries after a failure
	patience   = 20 * time.Second // of one fetch
	maxTokens  = 1000             // keys may come from expressions
)

// cache keeps tokens by a key. Safe for concurrent use.
type cache struct {
	now    func() time.Time
	flight singleflight.Group
	mu     sync.RWMutex
	tokens map[string]*entry
}

type entry struct {
	token Token
	renew time.Time // from then on a new one is fetched
	retry time.Time // no fetch before
	err   error     // of the last try
}

func newCache(now func() time.Time) *cache { return &cache{now: now, tokens: map[string]*entry{}} }

// get gives the token of a key. When a renewal fails the old token stays in
// use until it ends.
func (c *cache) get(ctx context.Context, key string, fetch func(context.Context) (Token, error)) (Token, error) {
	now := c.now()
	c.mu.RLock()
	e := c.tokens[key]
	c.mu.RUnlock()
	if e != nil && e.token.Value != "" && now.Before(e.renew) {
		return e.token, nil
	}
	if e != nil && now.Before(e.retry) {
		return e.usable(now)
	}
	done := c.flight.DoChan(key, func() (any, error) { return c.fetch(context.WithoutCancel(ctx), key, e, fetch), nil })
	select {
	case r := <-done:
		return r.Val.(*entry).usable(c.now())
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
}

// usable is the token while it has not ended, else why there is none.
func (e *entry) usable(now time.Time) (Token, error) {
	alive := now.Before(e.token.Expires) || e.token.Expires.IsZero() && e.err == nil
	switch {
	case e.token.Value != "" && alive:
		return e.token, nil
	case e.err != nil:
		return Token{}, e.err
	}
	return Token{}, errors.New("the token endpoint gave a token that has ended already")
}

func (c *cache) fetch(ctx context.Context, key string, old *entry, fetch func(context.Context) (Token, error)) *entry {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	next := &entry{}
	got, err := fetch(ctx)
	now := c.now()
	switch {
	case err == nil:
		next.token, next.renew = got, renewal(got, now)
	case old != nil:
		*next = *old
	}
	if err != nil {
		next.err, next.retry = err, now.Add(retryAfter)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.tokens[key]; !known && len(c.tokens) >= maxTokens {
		for other := range c.tokens {
			delete(c.tokens, other)
			break
		}
	}
	c.tokens[key] = next
	return next
}

// renewal is a while before the end, and never in the first half of a short life.
func renewal(t Token, now time.Time) time.Time {
	if t.Expires.IsZero() {
		return now.Add(unknownFor)
	}
	return t.Expires.Add(-min(early, t.Expires.Sub(now)/2))
}
