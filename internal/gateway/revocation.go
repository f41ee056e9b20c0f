package gateway

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"
	"golang.org/x/sync/singleflight"

	"gatehouse/internal/gateway/backend"
)

// revocations knows which certificates their authorities took back: from their
// lists, and where there is none from their OCSP servers. Addresses come from
// certificates that chain to a trusted authority, never from others.
type revocations struct {
	requests *requester
	flight   singleflight.Group
	mu       sync.RWMutex
	known    map[string]*revocationAnswer // by address of a list, or address and serial
}

type revocationAnswer struct {
	revoked map[string]bool // serial numbers
	until   time.Time
	err     error
}

const (
	maxRevocationList    = 16 << 20
	maxRevocationAnswers = 1000
	revocationPatience   = 5 * time.Second
	revocationLongest    = 24 * time.Hour
	revocationRetry      = time.Minute // after a failure
)

var errRevocationUnknown = errors.New("it could not be found out whether a certificate is revoked")

func newRevocations(r *requester) *revocations {
	return &revocations{requests: r, known: map[string]*revocationAnswer{}}
}

// check fails unless c is known not to be revoked by issuer.
func (v *revocations) check(c, issuer *x509.Certificate, at time.Time) error {
	serial := c.SerialNumber.String()
	for _, address := range c.CRLDistributionPoints {
		if web(address) {
			if a := v.answer(address, at, func(ctx context.Context) (*revocationAnswer, error) { return v.list(ctx, address, issuer, at) }); a.err == nil {
				return a.verdict(serial)
			}
		}
	}
	for _, address := range c.OCSPServer {
		if web(address) {
			if a := v.answer(address+" "+serial, at, func(ctx context.Context) (*revocationAnswer, error) { return v.ask(ctx, address, c, issuer, at) }); a.err == nil {
				return a.verdict(serial)
			}
		}
	}
	return errRevocationUnknown
}

func (a *revocationAnswer) verdict(serial string) error {
	if a.revoked[serial] {
		return errors.New("a certificate is revoked")
	}
	return nil
}

func web(address string) bool {
	return strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://")
}

// answer gives what is known, or finds it out once for all that wait.
func (v *revocations) answer(key string, now time.Time, find func(context.Context) (*revocationAnswer, error)) *revocationAnswer {
	v.mu.RLock()
	a := v.known[key]
	v.mu.RUnlock()
	if a != nil && now.Before(a.until) {
		return a
	}
	found, _, _ := v.flight.Do(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), revocationPatience)
		defer cancel()
		next, err := find(ctx)
		if err != nil {
			next = &revocationAnswer{err: err, until: now.Add(revocationRetry)}
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if len(v.known) >= maxRevocationAnswers {
			clear(v.known)
		}
		v.known[key] = next
		return next, nil
	})
	return found.(*revocationAnswer)
}

// list reads a certificate revocation list.
func (v *revocations) list(ctx context.Context, address string, issuer *x509.Certificate, at time.Time) (*revocationAnswer, error) {
	data, err := v.requests.fetch(ctx, address, maxRevocationList)
	if err != nil {
		return nil, err
	}
	l, err := x509.ParseRevocationList(data)
	if err != nil {
		return nil, err
	}
	if err := l.CheckSignatureFrom(issuer); err != nil {
		return nil, err
	}
	if !bytes.Equal(l.RawIssuer, issuer.RawSubject) || !at.Before(l.NextUpdate) {
		return nil, errors.New("the list is another authority's, or too old")
	}
	a := &revocationAnswer{revoked: make(map[string]bool, len(l.RevokedCertificateEntries)), until: earlier(l.NextUpdate, at.Add(revocationLongest))}
	for i := range l.RevokedCertificateEntries {
		a.revoked[l.RevokedCertificateEntries[i].SerialNumber.String()] = true
	}
	return a, nil
}

// ask asks an OCSP server about one certificate.
func (v *revocations) ask(ctx context.Context, address string, c, issuer *x509.Certificate, at time.Time) (*revocationAnswer, error) {
	question, err := ocsp.CreateRequest(c, issuer, nil)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/ocsp-request")
	resp, err := v.requests.transport.Do(r, backend.Call{Timeout: revocationPatience})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the OCSP server answered with status %d", resp.StatusCode)
	}
	got, err := ocsp.ParseResponseForCert(data, c, issuer)
	if err != nil {
		return nil, err
	}
	if got.Status == ocsp.Unknown || !got.NextUpdate.IsZero() && !at.Before(got.NextUpdate) {
		return nil, errors.New("the OCSP server does not know the certificate, or its answer is too old")
	}
	until := at.Add(time.Hour)
	if !got.NextUpdate.IsZero() {
		until = earlier(until, got.NextUpdate)
	}
	return &revocationAnswer{revoked: map[string]bool{c.SerialNumber.String(): got.Status == ocsp.Revoked}, until: until}, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
