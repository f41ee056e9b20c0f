// Package management is the part of Azure's resource manager that sets up
// telemetry: the loggers, diagnostics and named values of the service as
// resources, as Azure's own SDKs read and write them.
//
// What comes in: requests that the door has admitted. What goes out: resources,
// whether the folder or this API wrote them, and changes that are served at once
// and kept, or errors in the resource manager's shape and nothing changed. It
// must never show a secret, but to who asks for it by name and sends a token;
// redirect; or keep what the gateway would not serve.
package management

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"gatehouse/internal/api/arm"
	"gatehouse/internal/apim"
	"gatehouse/internal/apim/template"
)

// Options of a Handler.
type Options struct {
	// Service is what the gateway serves now, nil before the first load.
	Service func() *apim.Service
	// Load and Save keep a document over restarts; Load gives nil for one that
	// was never saved.
	Load func(name string) ([]byte, error)
	Save func(name string, data []byte) error
	// Apply serves the service with the given resources, {"properties": ...} by
	// path below the service. It calls check with the service before it serves it
	// and save then, and changes nothing when any of them fails. What is wrong with
	// the resources comes back as Refused.
	Apply func(resources map[string][]byte, check func(*apim.Service) error, save func() error) error
	// MaySeeSecrets tells whether a request carries a token.
	MaySeeSecrets func(*http.Request) bool
	// Reference gives the properties of a resource that is not of the service, as
	// templates refer to it: an Application Insights resource. Nil: there are none.
	Reference func(id string) (map[string]any, bool)
	// Made gives the properties that a resource of a template has once it is made,
	// beside those that the template says. Nil: none.
	Made func(id string) (map[string]any, bool)
	// Takes says whether a template may make resources of a type that is not of the
	// service. Deploy makes all of such a template, or none, and gives what takes
	// them back; with validate it only looks whether it could. Nil: there are none.
	Takes  func(kind string) bool
	Deploy func(list []template.Resource, validate bool) (undo func() error, err error)
	// GatewayURL is where the service answers.
	GatewayURL func() string
	// Key makes the tags of versions; 32 bytes.
	Key    []byte
	Logger *slog.Logger
}

// Limits of a request and of what is kept.
const (
	maxBody      = 1 << 20
	maxResources = 10_000
	document     = "management"
)

// Handler serves the paths for which Serves is true. It is safe for concurrent use.
type Handler struct {
	o Options

	mu    sync.Mutex // one change at a time
	state state
}

// New reads what was written before. Resources gives it for the first load.
func New(o Options) (*Handler, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Handler{o: o, state: state{Resources: written{}}}
	data, err := o.Load(document)
	if err != nil || data == nil {
		return h, err
	}
	if err := json.Unmarshal(data, &h.state); err != nil {
		return nil, errors.New("the catalog's document \"" + document + "\" is damaged: " + err.Error())
	}
	if h.state.Resources == nil {
		h.state.Resources = written{}
	}
	return h, nil
}

// Resources are the ones that were written, by path below the service.
func (h *Handler) Resources() map[string][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state.Resources.files()
}

// Providers that this API serves.
const (
	provider    = "microsoft.apimanagement"
	deployments = "microsoft.resources"
)

// Serves tells whether a path is one of this API's.
func Serves(p string) bool {
	part := split(strings.ToLower(p))
	i := slices.Index(part, "providers")
	if part[0] != "subscriptions" || i < 2 || len(part) < i+3 || slices.Contains(part[i+1:], "providers") {
		return false
	}
	return part[i+1] == provider || part[i+1] == deployments && part[i+2] == "deployments"
}

// split gives the parts of a path with doubled slashes taken as one: an SDK of
// Azure writes them, and would lose its token in a redirect.
func split(p string) []string { return strings.Split(strings.Trim(path.Clean("/"+p), "/"), "/") }

// request is one call: where it points and what it says.
type request struct {
	*http.Request
	scope   string   // the service's id as the caller wrote it, or the group's or subscription's
	name    string   // of the service, "" for a list of services
	rest    []string // below the service
	base    string   // scheme and host
	service *apim.Service
	// deployments: rest is below those of a resource group.
	deployments bool
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewString()
	w.Header().Set("X-Ms-Request-Id", id)
	w.Header().Set("X-Ms-Correlation-Request-Id", id)
	q, f := h.request(r)
	if f == nil {
		f = h.serve(w, q)
	}
	if f != nil {
		arm.WriteError(w, f)
	}
}

func (h *Handler) request(r *http.Request) (*request, *fault) {
	if _, err := arm.Version(r); err != nil {
		return nil, faultOf(err)
	}
	part, err := escapedParts(r.URL)
	if err != nil {
		return nil, notFound(r)
	}
	q := &request{Request: r, base: "http://" + r.Host, service: h.o.Service()}
	if r.TLS != nil {
		q.base = "https://" + r.Host
	}
	at := indexFold(part, "providers")
	if q.service != nil && at == 4 && len(part) > at+2 && strings.EqualFold(part[at+1], deployments) {
		q.scope, q.rest, q.deployments = "/"+strings.Join(part[:at], "/"), part[at+3:], true
		return q, nil
	}
	if q.service == nil || at < 2 || len(part) < at+3 || !strings.EqualFold(part[at+1], provider) || !strings.EqualFold(part[at+2], "service") {
		return nil, notFound(r)
	}
	if len(part) == at+3 {
		q.scope = "/" + strings.Join(part[:at], "/")
		return q, nil
	}
	if at != 4 || !strings.EqualFold(part[2], "resourceGroups") {
		return nil, notFound(r)
	}
	q.scope, q.name, q.rest = "/"+strings.Join(part[:at+4], "/"), part[at+3], part[at+4:]
	if !strings.EqualFold(q.name, q.service.Name) {
		return nil, newFault(http.StatusNotFound, "ResourceNotFound", "The Resource 'Microsoft.ApiManagement/service/"+q.name+"' under resource group '"+part[3]+
			"' was not found. The service that is served here is called '"+q.service.Name+"'.", "", nil)
	}
	return q, nil
}

// escapedParts are the parts of a path, in which "%2F" is no slash.
func escapedParts(u *url.URL) ([]string, error) {
	part := split(u.EscapedPath())
	for i := range part {
		one, err := url.PathUnescape(part[i])
		if err != nil || strings.ContainsFunc(one, func(c rune) bool { return c < ' ' || c == '/' || c == '\\' || c == 0x7f }) {
			return nil, errors.New("the path has a part that is no name")
		}
		part[i] = one
	}
	return part, nil
}

func indexFold(list []string, word string) int {
	for i := range list {
		if strings.EqualFold(list[i], word) {
			return i
		}
	}
	return -1
}

// serve finds the collection and what is wanted of it.
func (h *Handler) serve(w http.ResponseWriter, q *request) *fault {
	if q.deployments {
		return h.serveDeployments(w, q)
	}
	if q.name == "" || len(q.rest) == 0 {
		return h.serveService(w, q)
	}
	parent, rest := "", q.rest
	if len(rest) > 2 && strings.EqualFold(rest[0], "apis") {
		a := findAPI(q.service, rest[1])
		if a == nil {
			return newFault(http.StatusNotFound, "ResourceNotFound", "API not found.", "", nil)
		}
		parent, rest = "apis/"+apiName(a)+"/", rest[2:]
	}
	k := kindOf(rest[0], parent != "")
	switch {
	case k == nil:
		return notFound(q.Request)
	case len(rest) == 1:
		return h.list(w, q, k, parent)
	case len(rest) == 2:
		return h.one(w, q, k, parent, rest[1])
	case len(rest) == 3 && strings.EqualFold(rest[2], "listValue") && k.secret != nil:
		return h.secretOf(w, q, k, parent, rest[1])
	}
	return notFound(q.Request)
}

// tag is the version of a resource: it changes with everything in it, secrets
// too, and tells nothing of them.
func (h *Handler) tag(e *entity) string {
	sum := hmac.New(sha256.New, h.o.Key)
	_ = json.NewEncoder(sum).Encode([]any{e.kind.name, e.path, e.properties, e.secrets})
	return `"` + base64.StdEncoding.EncodeToString(sum.Sum(nil)[:12]) + `"`
}

// findAPI finds an API by its name in paths: the current revision by id, the
// others with ;rev=N.
func findAPI(s *apim.Service, name string) *apim.API {
	id, revision, revised := strings.Cut(name, ";rev=")
	for _, a := range s.APIs {
		if strings.EqualFold(a.ID, id) && (revised && a.Revision == revision || !revised && a.IsCurrent) {
			return a
		}
	}
	return nil
}

func apiName(a *apim.API) string {
	if a.IsCurrent {
		return a.ID
	}
	return a.ID + ";rev=" + a.Revision
}
