package azuremonitor

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// throttle holds all calls back until Azure's last Retry-After is over.
type throttle struct {
	now func() time.Time

	mu    sync.Mutex
	until time.Time
}

// Do sends a request as soon as it may be sent, and notes what Azure says.
func (t *throttle) Do(req *policy.Request) (*http.Response, error) {
	if err := t.wait(req.Raw().Context()); err != nil {
		return nil, err
	}
	resp, err := req.Next()
	if err == nil && throttled(resp.StatusCode) {
		t.hold(retryAfter(resp.Header, t.now()))
	}
	return resp, err
}

// throttled: 429 and Azure Monitor's 529; 503 with Retry-After is that of one
// server.
func throttled(status int) bool {
	return status == http.StatusTooManyRequests || status == statusBackOff
}

// maxHold bounds what one answer can ask for.
const maxHold = time.Hour

func (t *throttle) hold(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if until := t.now().Add(min(d, maxHold)); until.After(t.until) {
		t.until = until
	}
}

// left is how long calls are held back still.
func (t *throttle) left() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.until.Sub(t.now()), 0)
}

// ErrThrottled is the error of a call that was not sent since Azure asked to wait
// for longer than the caller would.
var ErrThrottled = errors.New("not sent: Azure asked to wait")

func (t *throttle) wait(ctx context.Context) error {
	d := t.left()
	if d == 0 {
		return nil
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return notSent{}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// notSent is ErrThrottled for the library, which does not try it again.
type notSent struct{}

func (notSent) Error() string        { return ErrThrottled.Error() }
func (notSent) Is(target error) bool { return target == ErrThrottled }
func (notSent) NonRetriable()        {}

// retryAfter reads the headers that say how long to wait; 0: none does.
func retryAfter(h http.Header, now time.Time) time.Duration {
	for _, one := range []struct {
		name string
		unit time.Duration
	}{{"Retry-After-Ms", time.Millisecond}, {"X-Ms-Retry-After-Ms", time.Millisecond}, {"Retry-After", time.Second}} {
		text := h.Get(one.name)
		if n, err := strconv.ParseInt(text, 10, 32); err == nil && n > 0 {
			return time.Duration(n) * one.unit
		}
		if at, err := http.ParseTime(text); err == nil {
			return max(at.Sub(now), 0)
		}
	}
	return 0
}

// waitFor is how long an error's answer asks to wait.
func waitFor(err error, now time.Time) time.Duration {
	var response *azcore.ResponseError
	if errors.As(err, &response) && response.RawResponse != nil {
		return retryAfter(response.RawResponse.Header, now)
	}
	return 0
}
