package track

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// statusDailyCap is Azure's status of a daily cap that is used up: unlike 402
// it makes SDKs keep their items.
const statusDailyCap = 439

// fault is why a request or an item was refused. A message never holds what
// the sender sent.
type fault struct {
	status  int
	message string
	reason  string        // for counting
	retry   time.Duration // 0: Retry-After is Options.RetryAfter where sending again helps
}

// itemError is an entry of the answer's list.
type itemError struct {
	Index      int    `json:"index"`
	StatusCode int    `json:"statusCode"`
	Message    string `json:"message"`
}

// answer is the body of every response to items.
type answer struct {
	Received int         `json:"itemsReceived"`
	Accepted int         `json:"itemsAccepted"`
	AppID    *string     `json:"appId"`
	Errors   []itemError `json:"errors"`

	status int
	retry  time.Duration
}

// refuse notes why an item was refused.
func (a *answer) refuse(index int, f *fault) {
	a.Errors = append(a.Errors, itemError{index, f.status, f.message})
	a.retry = max(a.retry, f.retry)
}

// settle chooses the status: that of the items when they agree, else 206.
func (a *answer) settle() {
	// The browser SDK takes refused items out from the last to the first and
	// relies on their order.
	slices.SortStableFunc(a.Errors, func(x, y itemError) int { return x.Index - y.Index })
	switch {
	case len(a.Errors) == 0:
		a.status = http.StatusOK
		return
	case a.Accepted == 0 && len(a.Errors) == a.Received:
		a.status = a.Errors[0].StatusCode
		for _, e := range a.Errors {
			if e.StatusCode != a.status {
				a.status = http.StatusPartialContent
			}
		}
	default:
		a.status = http.StatusPartialContent
	}
	if a.status != http.StatusPartialContent {
		return
	}
	for i := range a.Errors {
		// In a partial answer SDKs send items again for 429, and drop them for 439.
		if a.Errors[i].StatusCode == statusDailyCap {
			a.Errors[i].StatusCode = http.StatusTooManyRequests
		}
	}
}

// again says whether a sender should try again after a status.
func again(status int) bool {
	return status == http.StatusTooManyRequests || status == statusDailyCap || status >= 500
}

func (r *Receiver) respond(w http.ResponseWriter, a *answer, f *fault) {
	if f != nil {
		a = &answer{Errors: []itemError{{0, f.status, f.message}}, status: f.status, retry: f.retry}
	}
	if a.Errors == nil {
		a.Errors = []itemError{}
	}
	r.counts.requests.WithLabelValues(strconv.Itoa(a.status)).Inc()
	h := w.Header()
	if again(a.status) || a.status == http.StatusPartialContent && a.retry > 0 {
		wait := a.retry
		if wait <= 0 {
			wait = r.options.RetryAfter
		}
		// As a date: one of the SDKs understands nothing else. Dates have whole seconds.
		h.Set("Retry-After", r.options.Now().Add(wait+time.Second-1).UTC().Format(http.TimeFormat))
	}
	body, err := json.Marshal(a)
	if err != nil {
		r.options.Logger.Error("an answer to Application Insights items cannot be encoded", "error", err)
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // the sender may be gone
}

// allowOrigin lets pages of every site send: the key names the workspace, and
// nothing but the counts of the answer can be read.
func allowOrigin(h http.Header, req *http.Request) {
	origin := req.Header.Get("Origin")
	if origin == "" {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", "Retry-After, x-ms-qps-subscribed, x-ms-qps-configuration-etag, x-ms-qps-service-polling-interval-hint")
}

// preflight answers what a browser asks before it sends items.
func preflight(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "authorization, content-encoding, content-type, request-context, request-id, sdk-context, traceparent, tracestate, "+
		"x-ms-qps-configuration-etag, x-ms-qps-instance-name, x-ms-qps-invariant-version, x-ms-qps-machine-name, x-ms-qps-role-name, x-ms-qps-stream-id, x-ms-qps-transmission-time, x-set-cross-origin")
	h.Set("Access-Control-Max-Age", "3600")
	if req.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	w.WriteHeader(http.StatusNoContent)
}
