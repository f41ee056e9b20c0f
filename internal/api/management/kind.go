package management

import (
	"net/http"
	"strings"

	"gatehouse/internal/api"
	"gatehouse/internal/apim"
)

// kind is a type of resources.
type kind struct {
	name  string // the collection in paths
	inAPI bool   // an API may have some of its own
	// list gives those of the service, or of an API.
	list func(*apim.Service, *apim.API) []entity
	// prepare checks and completes the properties that a caller wrote, and writes
	// what belongs to them into next. old is nil for a new resource.
	prepare func(h *Handler, next written, e *entity, old *entity, q *request) *fault
	// removed takes out what belonged to a resource.
	removed func(next written, path string)
	secret  func(e *entity) string // the value that listValue shows
	fields  map[string]string      // of $filter: what they are called in properties
}

// entity is one resource.
type entity struct {
	kind       *kind
	path       string // below the service
	id         string
	properties map[string]any // as they are shown; without secrets
	secrets    []string
	loggerID   string // of a diagnostic
}

func kindOf(name string, inAPI bool) *kind {
	for _, k := range []*kind{loggers(), diagnostics(), namedValues()} {
		if strings.EqualFold(k.name, name) && (!inAPI || k.inAPI) {
			return k
		}
	}
	return nil
}

// entities lists a kind below parent, "" or "apis/NAME/".
func (k *kind) entities(s *apim.Service, parent string) []entity {
	var a *apim.API
	if name, ok := strings.CutPrefix(strings.TrimSuffix(parent, "/"), "apis/"); ok {
		if a = findAPI(s, name); a == nil {
			return nil
		}
	}
	out := k.list(s, a)
	for i := range out {
		out[i].kind, out[i].path = k, parent+k.name+"/"+out[i].id
	}
	return out
}

func (k *kind) find(s *apim.Service, parent, id string) *entity {
	all := k.entities(s, parent)
	for i := range all {
		if strings.EqualFold(all[i].id, id) {
			return &all[i]
		}
	}
	return nil
}

// view is the resource as it is answered.
func (e *entity) view(q *request) map[string]any {
	kind := "Microsoft.ApiManagement/service/" + e.kind.name
	if strings.HasPrefix(e.path, "apis/") {
		kind = "Microsoft.ApiManagement/service/apis/" + e.kind.name
	}
	p := e.properties
	if e.loggerID != "" {
		p["loggerId"] = q.scope + "/loggers/" + e.loggerID
	}
	return map[string]any{"id": q.scope + "/" + e.path, "type": kind, "name": e.id, "properties": p}
}

func (h *Handler) list(w http.ResponseWriter, q *request, k *kind, parent string) *fault {
	if q.Method != http.MethodGet {
		return notAllowed(q.Request)
	}
	keep, f := filterOf(q.URL.Query().Get("$filter"), k.fields)
	if f != nil {
		return f
	}
	p, f := pageOf(q.Request)
	if f != nil {
		return f
	}
	var out []map[string]any
	for _, e := range k.entities(q.service, parent) {
		if keep(&e) {
			out = append(out, e.view(q))
		}
	}
	writeList(w, q, out, p)
	return nil
}

// one answers what is asked of one resource.
func (h *Handler) one(w http.ResponseWriter, q *request, k *kind, parent, id string) *fault {
	switch q.Method {
	case http.MethodGet, http.MethodHead:
		e := k.find(q.service, parent, id)
		if e == nil {
			return missing(k, id)
		}
		h.writeEntity(w, q, http.StatusOK, e)
		return nil
	case http.MethodPut, http.MethodPatch:
		return h.write(w, q, k, parent, id)
	case http.MethodDelete:
		return h.delete(w, q, k, parent, id)
	}
	return notAllowed(q.Request)
}

func missing(k *kind, id string) *fault {
	return newFault(http.StatusNotFound, "ResourceNotFound", strings.TrimSuffix(k.name, "s")+" not found: "+id+".", "", nil)
}

func (h *Handler) writeEntity(w http.ResponseWriter, q *request, status int, e *entity) {
	w.Header().Set("ETag", h.tag(e))
	if q.Method == http.MethodHead {
		w.WriteHeader(status)
		return
	}
	api.WriteJSON(w, status, e.view(q))
}

// secretOf answers a secret to who sends a token, also at a door that lets
// others in without one.
func (h *Handler) secretOf(w http.ResponseWriter, q *request, k *kind, parent, id string) *fault {
	if q.Method != http.MethodPost {
		return notAllowed(q.Request)
	}
	if h.o.MaySeeSecrets == nil || !h.o.MaySeeSecrets(q.Request) {
		return newFault(http.StatusForbidden, "AuthorizationFailed", "A secret is shown only to who sends the admin token.", "", nil)
	}
	e := k.find(q.service, parent, id)
	if e == nil {
		return missing(k, id)
	}
	w.Header().Set("ETag", h.tag(e))
	api.WriteJSON(w, http.StatusOK, map[string]string{"value": k.secret(e)})
	return nil
}
