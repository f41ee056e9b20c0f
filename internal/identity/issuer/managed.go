package issuer

import (
	"net"
	"net/http"
	"strings"

	"gatehouse/internal/identity"
)

// Managed answers workloads of this machine as App Service and instance metadata
// do: GET /msi/token with the header X-IDENTITY-HEADER, and GET
// /metadata/identity/oauth2/token with Metadata: true.
func (i *Issuer) Managed() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if f := i.managed(w, r); f != nil {
			f.write(w)
		}
	})
}

func (i *Issuer) managed(w http.ResponseWriter, r *http.Request) *fault {
	peer, _, _ := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(peer)
	switch {
	case ip == nil || !ip.IsLoopback(), r.Header.Get("X-Forwarded-For") != "", r.Header.Get("Forwarded") != "", r.Header.Get("Origin") != "", r.Header.Get("Sec-Fetch-Site") != "":
		return &fault{status: http.StatusForbidden, code: "access_denied", text: "tokens of managed identities are for programs of this machine, asked directly"}
	case r.Method != http.MethodGet:
		return &fault{status: http.StatusMethodNotAllowed, code: "invalid_request", text: "tokens are asked for with GET"}
	case !i.brakes.may(peer):
		return &fault{status: http.StatusTooManyRequests, code: "temporarily_unavailable", text: "too many wrong secrets from this machine", retryAfter: 60}
	case len(r.URL.RawQuery) > 4096:
		return bad("invalid_request", "the query has more than 4096 bytes")
	}
	q := r.URL.Query()
	audience, err := i.audience(q.Get("resource"))
	if err != nil {
		return bad("invalid_resource", "resource is not an audience that tokens are made for: identity.issuer.audiences names more")
	}
	which := ""
	for _, name := range []string{"client_id", "clientid", "object_id", "principal_id", "mi_res_id", "msi_res_id"} {
		if v := q.Get(name); v != "" {
			which = v
		}
	}
	var p *identity.Principal
	switch strings.ToLower(strings.Trim(r.URL.Path, "/")) {
	case "msi/token":
		header := r.Header.Get("X-Identity-Header")
		if header == "" {
			header = r.Header.Get("Secret") // of the older form
		}
		release, busy := i.place(r.Context())
		if busy != nil {
			return &fault{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", text: "many ask at once: try again", retryAfter: 1}
		}
		p, err = i.o.Access().Workload(header, which, i.o.Now())
		release()
	case "metadata/identity/oauth2/token":
		p, err = i.metadata(r, which)
	default:
		return &fault{status: http.StatusNotFound, code: "invalid_request", text: "ask /msi/token or /metadata/identity/oauth2/token"}
	}
	if err != nil {
		i.brakes.failed(peer)
		i.o.Logger.Warn("a token of a managed identity was refused", "reason", err.Error())
		return &fault{status: http.StatusUnauthorized, code: "invalid_client", text: err.Error()}
	}
	i.answer(w, p, audience, true, map[string]string{"client_id": p.ClientID})
	return nil
}

// metadata finds the principal that every process here may be.
func (i *Issuer) metadata(r *http.Request, which string) (*identity.Principal, error) {
	access := i.o.Access()
	if i.o.IMDS == "" || r.Header.Get("Metadata") != "true" || access == nil {
		return nil, identity.ErrUnknown
	}
	p := access.Named(i.o.IMDS)
	if p == nil || which != "" && !strings.EqualFold(which, p.ClientID) && !strings.EqualFold(which, p.ID) {
		return nil, identity.ErrUnknown
	}
	return p, nil
}
