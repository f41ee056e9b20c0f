package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// How keys of other issuers are fetched.
const (
	keysFresh    = time.Hour        // then they are fetched again
	keysUsable   = 24 * time.Hour   // when the issuer does not answer
	keysInterval = 30 * time.Second // between two attempts
	keysTimeout  = 10 * time.Second
	maxKeys      = 1 << 20 // bytes
)

var (
	errUnknownKey = errors.New("the key set has no such key")
	errNoKeys     = errors.New("the issuer's keys could not be fetched")
)

// verifyWith checks the signature of a token by the key that it names. A set with
// one key serves tokens that name none.
func verifyWith(set jose.JSONWebKeySet, token string) ([]byte, error) {
	parsed, err := jose.ParseSignedCompact(token, algorithms())
	if err != nil || len(parsed.Signatures) != 1 {
		return nil, errors.New("not signed")
	}
	kid := parsed.Signatures[0].Header.KeyID
	known := false
	for i := range set.Keys {
		k := &set.Keys[i]
		if kid != "" && k.KeyID != kid || kid == "" && len(set.Keys) != 1 || !k.IsPublic() || k.Use != "" && k.Use != "sig" {
			continue
		}
		if k.Algorithm != "" && k.Algorithm != parsed.Signatures[0].Header.Algorithm {
			continue
		}
		known = true
		if payload, err := parsed.Verify(k); err == nil {
			return payload, nil
		}
	}
	if !known {
		return nil, errUnknownKey
	}
	return nil, errors.New("the signature does not fit")
}

// ownKeys are those of the own issuer.
type ownKeys func() jose.JSONWebKeySet

// VerifySignature is part of oidc.KeySet.
func (k ownKeys) VerifySignature(_ context.Context, token string) ([]byte, error) {
	return verifyWith(k(), token)
}

// remoteKeys are the keys of an issuer, fetched when they are needed.
type remoteKeys struct {
	issuer string
	client *http.Client
	now    func() time.Time

	kept atomic.Pointer[keptKeys]

	mu    sync.Mutex // of fetching
	tried time.Time
	uri   string // of the keys, when the issuer was discovered
}

type keptKeys struct {
	set jose.JSONWebKeySet
	at  time.Time
}

func newRemoteKeys(issuer string, client *http.Client, now func() time.Time) *remoteKeys {
	if client == nil {
		client = http.DefaultClient
	}
	bounded := *client
	bounded.Timeout = keysTimeout
	bounded.Transport = boundedTransport{client.Transport}
	bounded.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &remoteKeys{issuer: issuer, client: &bounded, now: now}
}

// VerifySignature is part of oidc.KeySet.
func (k *remoteKeys) VerifySignature(_ context.Context, token string) ([]byte, error) {
	kept := k.kept.Load()
	if kept != nil && k.now().Sub(kept.at) < keysFresh {
		payload, err := verifyWith(kept.set, token)
		if !errors.Is(err, errUnknownKey) {
			return payload, err
		}
	}
	fetched, err := k.fetch(kept)
	if err != nil {
		return nil, err
	}
	return verifyWith(fetched.set, token)
}

// fetch gives newer keys than those that were seen, or, when it was tried a moment
// ago or the issuer does not answer, those that there are.
func (k *remoteKeys) fetch(seen *keptKeys) (*keptKeys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	kept := k.kept.Load()
	if kept != seen {
		return kept, nil // somebody else fetched them meanwhile
	}
	now := k.now()
	var err error
	if now.Sub(k.tried) >= keysInterval || now.Before(k.tried) {
		k.tried = now
		var set jose.JSONWebKeySet
		// Not of the request's context: its keys are for all.
		if set, err = k.ask(context.Background()); err == nil {
			kept = &keptKeys{set, now}
			k.kept.Store(kept)
			return kept, nil
		}
	}
	if kept != nil && now.Sub(kept.at) < keysUsable {
		return kept, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errNoKeys, err)
	}
	return nil, errNoKeys
}

// ask discovers the issuer, once, and gets its keys.
func (k *remoteKeys) ask(ctx context.Context) (set jose.JSONWebKeySet, err error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, k.client), keysTimeout)
	defer cancel()
	if k.uri == "" {
		provider, err := oidc.NewProvider(ctx, k.issuer)
		if err != nil {
			return set, errors.New("its discovery document cannot be read, or names another issuer")
		}
		var about struct {
			Keys string `json:"jwks_uri"`
		}
		if err := provider.Claims(&about); err != nil || about.Keys == "" {
			return set, errors.New("its discovery document names no keys")
		}
		k.uri = about.Keys
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.uri, nil)
	if err != nil {
		return set, errors.New("the address of its keys is not valid")
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return set, errors.New("the address of its keys does not answer")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		k.uri = "" // it may have moved
		return set, fmt.Errorf("its keys are answered with status %d", resp.StatusCode)
	}
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil || len(set.Keys) == 0 {
		return set, errors.New("its keys cannot be read")
	}
	return set, nil
}

// boundedTransport cuts bodies that are larger than keys are.
type boundedTransport struct{ next http.RoundTripper }

func (b boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	next := b.next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxKeys), resp.Body}
	}
	return resp, err
}
