package issuer

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/identity"
)

const (
	maxForm       = 64 << 10
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// fault is an error of OAuth 2. Its text never repeats what was sent.
type fault struct {
	status     int
	code, text string
	retryAfter int
}

func (f *fault) write(w http.ResponseWriter) {
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	if f.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="gatehouse"`)
	}
	writeJSON(w, f.status, map[string]string{"error": f.code, "error_description": f.text})
}

func bad(code, text string) *fault {
	return &fault{status: http.StatusBadRequest, code: code, text: text}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone: nothing to do
}

// token answers the token endpoint, in the form of version 1 or 2.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request, v1 bool) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		(&fault{status: http.StatusMethodNotAllowed, code: "invalid_request", text: "tokens are asked for with POST"}).write(w)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		bad("invalid_request", "the body is not a form, or larger than 64 KiB").write(w)
		return
	}
	form := r.PostForm // never the query: addresses end up in logs
	if form.Get("grant_type") != "client_credentials" {
		bad("unsupported_grant_type", "the grant type here is client_credentials").write(w)
		return
	}
	audience, f := i.wanted(form)
	if f == nil {
		var p *identity.Principal
		if p, f = i.client(r, form); f == nil {
			i.answer(w, p, audience, v1, nil)
			return
		}
	}
	f.write(w)
}

// wanted reads the audience from scope or resource. Clients of Entra name scopes
// of OpenID Connect beside it.
func (i *Issuer) wanted(form url.Values) (string, *fault) {
	text := form.Get("resource")
	for _, scope := range strings.Fields(form.Get("scope")) {
		if strings.HasSuffix(scope, "/.default") {
			text = scope
		}
	}
	if text == "" {
		return "", bad("invalid_scope", "name what the token is for: scope=AUDIENCE/.default, or resource=AUDIENCE")
	}
	audience, err := i.audience(text)
	if err != nil {
		return "", bad("invalid_resource", "tokens are not made for this audience: identity.issuer.audiences names more")
	}
	return audience, nil
}

// client recognises who asks: by a secret in the form or in a header, or by an
// assertion.
func (i *Issuer) client(r *http.Request, form url.Values) (*identity.Principal, *fault) {
	id, secret, header := basic(r)
	switch {
	case header && form.Has("client_secret"), form.Has("client_secret") && form.Has("client_assertion"), header && form.Has("client_assertion"):
		return nil, bad("invalid_request", "prove the client in one way, not in two")
	case !header:
		id, secret = form.Get("client_id"), form.Get("client_secret")
	case form.Has("client_id") && form.Get("client_id") != id:
		return nil, bad("invalid_request", "the header and the form name different clients")
	}
	peer, _, _ := net.SplitHostPort(r.RemoteAddr)
	try := peer + " " + short(id) // others behind the same address are not stopped
	if !i.brakes.may(try) {
		return nil, &fault{status: http.StatusTooManyRequests, code: "temporarily_unavailable", text: "too many wrong secrets of this client from this address", retryAfter: 60}
	}
	var p *identity.Principal
	var err error
	if form.Has("client_assertion") {
		p, err = i.asserted(r.Context(), id, form)
	} else {
		p, err = i.secret(r.Context(), id, secret)
	}
	if errors.Is(err, errBusy) {
		return nil, &fault{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", text: "many ask at once: try again", retryAfter: 1}
	}
	if err != nil {
		i.brakes.failed(try)
		i.o.Logger.Warn("a token was refused", "client", short(id), "address", peer, "reason", err.Error())
		return nil, &fault{status: http.StatusUnauthorized, code: "invalid_client", text: err.Error()}
	}
	return p, nil
}

func short(text string) string { return text[:min(len(text), 60)] }

// basic reads client id and secret from a header, where both are encoded as in a form.
func basic(r *http.Request) (id, secret string, ok bool) {
	id, secret, ok = r.BasicAuth()
	if a, err := url.QueryUnescape(id); err == nil {
		id = a
	}
	if b, err := url.QueryUnescape(secret); err == nil {
		secret = b
	}
	return id, secret, ok
}

var errBusy = errors.New("busy")

// place waits for a place to compare a secret.
func (i *Issuer) place(ctx context.Context) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	select {
	case i.hashes <- struct{}{}:
		return func() { <-i.hashes }, nil
	case <-ctx.Done():
		return nil, errBusy
	}
}

func (i *Issuer) secret(ctx context.Context, id, secret string) (*identity.Principal, error) {
	release, err := i.place(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := i.o.Access().Authenticate(id, secret, i.o.Now())
	if err != nil {
		return nil, err
	}
	return p, nil
}

var errAssertion = errors.New("the assertion is not one of a federated issuer of this client")

// asserted recognises a client by a token of an issuer that its rules name.
func (i *Issuer) asserted(ctx context.Context, id string, form url.Values) (*identity.Principal, error) {
	p := i.o.Access().Client(id)
	if p == nil || form.Get("client_assertion_type") != assertionType || i.o.Assertion == nil {
		return nil, errAssertion
	}
	for _, f := range p.Federated {
		subject, err := i.o.Assertion(ctx, f.Issuer, form.Get("client_assertion"), []string{"api://AzureADTokenExchange", i.Name()})
		if err == nil && subject == f.Subject {
			return p, nil
		}
	}
	return nil, errAssertion
}

// answer signs a token and writes it in the form that the client reads.
func (i *Issuer) answer(w http.ResponseWriter, p *identity.Principal, audience string, v1 bool, more map[string]string) {
	now := i.o.Now()
	end := now.Add(i.o.Lifetime)
	version := "2.0"
	if v1 {
		version = "1.0"
	}
	key, err := i.keys.signing()
	var token string
	if err == nil {
		token, err = sign(key, map[string]any{"iss": i.Name(), "aud": audience, "sub": p.ID, "oid": p.ID, "tid": i.o.Tenant, "appid": p.ClientID, "azp": p.ClientID, "idtyp": "app",
			"iat": now.Unix(), "nbf": now.Unix(), "exp": end.Unix(), "ver": version, "uti": unique()})
	}
	if err != nil {
		i.o.Logger.Error("a token could not be signed", "error", err)
		(&fault{status: http.StatusInternalServerError, code: "server_error", text: "the token could not be signed; the server's log says why"}).write(w)
		return
	}
	w.Header().Set("Pragma", "no-cache")
	if !v1 {
		seconds := int(i.o.Lifetime.Seconds())
		writeJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token})
		return
	}
	seconds := strconv.Itoa(int(i.o.Lifetime.Seconds()))
	out := map[string]string{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "expires_on": strconv.FormatInt(end.Unix(), 10),
		"not_before": strconv.FormatInt(now.Unix(), 10), "resource": audience, "access_token": token}
	for name, value := range more {
		out[name] = value
	}
	writeJSON(w, http.StatusOK, out)
}

// unique is the id of a token.
func unique() string {
	id := uuid.New()
	return base64.RawURLEncoding.EncodeToString(id[:])
}
