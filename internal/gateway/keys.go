package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"gatehouse/internal/policy"
)

// keySets caches the signing keys of OpenID Connect issuers: refreshed hourly,
// and for an unknown key id at most every five minutes. When a refresh fails
// the keys at hand stay in use.
type keySets struct {
	requests *requester
	now      func() time.Time
	flight   singleflight.Group
	mu       sync.RWMutex
	issuers  map[string]*cachedIssuer
}

type cachedIssuer struct {
	issuer  *policy.Issuer
	fetched time.Time
	tried   time.Time
}

const (
	keysLifetime    = time.Hour
	keysMinInterval = 5 * time.Minute
	keysRetry       = 10 * time.Second // after a failure with nothing at hand
	maxIssuers      = 1000
	maxKeyDocument  = 1 << 20
)

func newKeySets(r *requester, now func() time.Time) *keySets {
	return &keySets{requests: r, now: now, issuers: map[string]*cachedIssuer{}}
}

// Issuer implements policy.Keys.
func (k *keySets) Issuer(ctx context.Context, url string, refresh bool) (*policy.Issuer, error) {
	k.mu.RLock()
	c := k.issuers[url]
	k.mu.RUnlock()
	now := k.now()
	if c != nil && c.issuer != nil {
		stale := now.Sub(c.fetched) > keysLifetime && now.Sub(c.tried) > keysRetry
		if !stale && !(refresh && now.Sub(c.tried) > keysMinInterval) {
			return c.issuer, nil
		}
	} else if c != nil && now.Sub(c.tried) < keysRetry {
		return nil, fmt.Errorf("read %s: the last try failed, next one in a few seconds", url)
	}
	got, err, _ := k.flight.Do(url, func() (any, error) { return k.fetch(context.WithoutCancel(ctx), url, c) })
	if err != nil {
		if c != nil && c.issuer != nil {
			return c.issuer, nil
		}
		return nil, err
	}
	return got.(*policy.Issuer), nil
}

func (k *keySets) fetch(ctx context.Context, url string, old *cachedIssuer) (*policy.Issuer, error) {
	next := &cachedIssuer{tried: k.now()}
	if old != nil {
		next.issuer, next.fetched = old.issuer, old.fetched
	}
	issuer, err := k.discover(ctx, url)
	if err == nil {
		next.issuer, next.fetched = issuer, next.tried
	}
	k.mu.Lock()
	if _, known := k.issuers[url]; known || len(k.issuers) < maxIssuers {
		k.issuers[url] = next
	}
	k.mu.Unlock()
	return issuer, err
}

func (k *keySets) discover(ctx context.Context, url string) (*policy.Issuer, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	var doc struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := k.get(ctx, url, &doc); err != nil {
		return nil, err
	}
	if doc.JWKSURI == "" {
		return nil, fmt.Errorf("read %s: the document has no jwks_uri", url)
	}
	out := &policy.Issuer{Issuer: doc.Issuer}
	if err := k.get(ctx, doc.JWKSURI, &out.Keys); err != nil {
		return nil, err
	}
	return out, nil
}

func (k *keySets) get(ctx context.Context, url string, into any) error {
	body, err := k.requests.fetch(ctx, url, maxKeyDocument)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	return nil
}
