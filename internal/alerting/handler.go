package alerting

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/prometheus/common/route"
)

// Handler serves Alertmanager's version 2 API under Options.Prefix + "/api/v2",
// and its health paths; do not strip the prefix before it. It authorises nobody: the caller does.
func (a *Alertmanager) Handler() http.Handler { return a.handler }

func (a *Alertmanager) newHandler() http.Handler {
	prefix := a.options.Prefix
	upstream := a.api.Register(route.New().WithPrefix(prefix), prefix)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == prefix+"/-/healthy" || r.URL.Path == prefix+"/-/ready" {
			_, _ = w.Write([]byte("OK")) // Start is before the first request
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, a.options.MaxBody)
		silence := strings.HasPrefix(r.URL.Path, prefix+"/api/v2/silence")
		if silence && (r.Method == http.MethodPost || r.Method == http.MethodDelete) {
			a.changeSilence(w, r, upstream)
			return
		}
		upstream.ServeHTTP(w, r)
	})
}

// changeSilence answers only after the change is saved: what was acknowledged
// survives a crash.
func (a *Alertmanager) changeSilence(w http.ResponseWriter, r *http.Request, upstream http.Handler) {
	held := &heldResponse{header: w.Header(), status: http.StatusOK}
	upstream.ServeHTTP(held, r)
	if held.status < 300 {
		if err := a.keeper.saveSilences(); err != nil {
			a.log.Error("a silence was not saved", "err", err)
			http.Error(w, "the silence is in force but could not be saved: it ends with this process", http.StatusInternalServerError)
			return
		}
	}
	w.WriteHeader(held.status)
	_, _ = w.Write(held.body.Bytes()) // the client has gone: nothing to do
}

// heldResponse keeps a small response until it may be sent.
type heldResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *heldResponse) Header() http.Header         { return h.header }
func (h *heldResponse) WriteHeader(status int)      { h.status = status }
func (h *heldResponse) Write(p []byte) (int, error) { return h.body.Write(p) }
