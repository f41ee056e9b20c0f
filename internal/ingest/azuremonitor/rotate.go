package azuremonitor

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// rotating is a credential that is made anew when what it is made of has changed.
// It looks whenever a token is needed, about once an hour.
type rotating struct {
	read func() (CredentialOptions, error)

	mu      sync.Mutex
	made    CredentialOptions
	current azcore.TokenCredential
}

// NewRotatingCredential makes a credential from what read gives, now and whenever
// that changes: a secret that is rotated needs no restart. What cannot be read, or
// makes no credential, leaves the old one at work.
func NewRotatingCredential(read func() (CredentialOptions, error)) (azcore.TokenCredential, error) {
	r := &rotating{read: read}
	if err := r.refresh(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *rotating) refresh() error {
	o, err := r.read()
	if err != nil {
		return err
	}
	if r.current != nil && o.Secret == r.made.Secret && o.Password == r.made.Password && bytes.Equal(o.Certificate, r.made.Certificate) {
		return nil
	}
	next, err := NewCredential(o)
	if err != nil {
		return err
	}
	r.made, r.current = o, next
	return nil
}

// GetToken gives a token of the credential as it is now.
func (r *rotating) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	r.mu.Lock()
	changed := r.refresh()
	current := r.current
	r.mu.Unlock()
	token, err := current.GetToken(ctx, o)
	if err != nil && changed != nil {
		return token, fmt.Errorf("%w; and what the credential is made of now cannot be used: %w", err, changed)
	}
	return token, err
}
