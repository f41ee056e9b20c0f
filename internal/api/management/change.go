package management

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/apim"
)

// write is PUT, which replaces a resource as a whole, and PATCH, which merges.
func (h *Handler) write(w http.ResponseWriter, q *request, k *kind, parent, id string) *fault {
	given, f := properties(w, q.Request)
	if f != nil {
		return f
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	q.service = h.o.Service() // as it is now that nobody else changes it
	old := k.find(q.service, parent, id)
	if f := h.precondition(q.Request, old, q.Method == http.MethodPatch); f != nil {
		return f
	}
	if q.Method == http.MethodPatch {
		if old == nil {
			return missing(k, id)
		}
		given = merged(old.view(q)["properties"].(map[string]any), given)
	}
	made, f := h.put(q, k, parent, id, given, old)
	if f != nil {
		return f
	}
	status := http.StatusOK
	if old == nil {
		status = http.StatusCreated
	}
	h.warn(w, made)
	h.writeEntity(w, q, status, made)
	return nil
}

// warn says what the service's loader has to say of a resource, as HTTP does.
func (h *Handler) warn(w http.ResponseWriter, made *entity) {
	for _, one := range h.o.Service().Warnings {
		if at, _, _ := strings.Cut(one.Resource, " "); at == made.path {
			w.Header().Add("Warning", `299 - `+strconv.QuoteToASCII(one.Resource+" "+one.Message))
		}
	}
}

// put writes one resource and gives it as it is served then.
func (h *Handler) put(q *request, k *kind, parent, id string, given map[string]any, old *entity) (*entity, *fault) {
	next := h.state.Resources.clone()
	e, f := h.stage(next, q, k, parent, id, given, old)
	if f != nil {
		return nil, f
	}
	var made *entity
	if f := h.apply(next, func(s *apim.Service) error {
		if made = k.find(s, parent, e.id); made == nil {
			return invalid("", "the resource is not one that the service can be served with")
		}
		return nil
	}); f != nil {
		return nil, f
	}
	h.o.Logger.Info("a resource was written over the management API", "resource", made.path)
	return made, nil
}

// stage puts a resource into next.
func (h *Handler) stage(next written, q *request, k *kind, parent, id string, given map[string]any, old *entity) (*entity, *fault) {
	if old != nil {
		id = old.id // in the letter case that it has
	}
	if id == "" || strings.HasPrefix(id, ".") {
		return nil, invalid("name", "a name must not be empty or start with a dot")
	}
	e := &entity{kind: k, path: parent + k.name + "/" + id, id: id, properties: given}
	if k.prepare != nil {
		if f := k.prepare(h, next, e, old, q); f != nil {
			return nil, f
		}
	}
	if err := next.put(e.path, e.properties); err != nil {
		return nil, faultOf(err)
	}
	if len(next) > maxResources {
		return nil, newFault(http.StatusBadRequest, "QuotaExceeded", "There are more resources than this API keeps.", "", nil)
	}
	return e, nil
}

// apply serves and keeps next, or nothing.
func (h *Handler) apply(next written, check func(*apim.Service) error) *fault {
	changed := h.state
	changed.Resources = next
	return h.applyState(changed, check)
}

func (h *Handler) applyState(next state, check func(*apim.Service) error) *fault {
	err := h.o.Apply(next.Resources.files(), check, func() error { return h.keep(next) })
	if err == nil {
		h.state = next
	}
	return faultOf(err)
}

// keep writes the catalog's document.
func (h *Handler) keep(next state) error {
	data, err := json.Marshal(next)
	if err != nil {
		return err
	}
	return h.o.Save(document, data)
}

// delete removes a resource of this API; one that the folder has below it is
// served then.
func (h *Handler) delete(w http.ResponseWriter, q *request, k *kind, parent, id string) *fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	q.service = h.o.Service()
	old := k.find(q.service, parent, id)
	if old == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if f := h.precondition(q.Request, old, true); f != nil {
		return f
	}
	if _, own := h.state.Resources.key(old.path); !own {
		return newFault(http.StatusConflict, "Conflict", "'"+old.path+"' is a resource of the service folder: remove it there.", "", nil)
	}
	next := h.state.Resources.clone()
	next.remove(old.path)
	if k.removed != nil {
		k.removed(next, old.path)
	}
	if f := h.apply(next, func(s *apim.Service) error { return stillUsed(q.service, s, k, old) }); f != nil {
		return f
	}
	h.o.Logger.Info("a resource was deleted over the management API", "resource", old.path)
	w.WriteHeader(http.StatusOK)
	return nil
}

// stillUsed refuses to take away a logger that diagnostics of the service have.
func stillUsed(before, after *apim.Service, k *kind, old *entity) error {
	if k.name != "loggers" || k.find(after, "", old.id) != nil {
		return nil
	}
	all := slices.Clone(before.Diagnostics)
	for _, a := range before.APIs {
		all = append(all, a.Diagnostics...)
	}
	for _, d := range all {
		if strings.EqualFold(d.Logger, old.id) {
			return newFault(http.StatusBadRequest, "ValidationError", "The logger '"+old.id+"' is used by a diagnostic called '"+d.ID+"': change or delete that first.", "loggerId", nil)
		}
	}
	return nil
}

// precondition checks If-Match and If-None-Match.
func (h *Handler) precondition(r *http.Request, old *entity, required bool) *fault {
	match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	failed := newFault(http.StatusPreconditionFailed, "PreconditionFailed", "The resource has been changed by another request, or does not exist: read it again and repeat with its ETag.", "", nil)
	switch {
	case match == "" && required && old != nil:
		return newFault(http.StatusBadRequest, "ValidationError", "Send If-Match with the ETag of the resource, or * for any.", "If-Match", nil)
	case match != "" && old == nil && r.Method == http.MethodPut, none == "*" && old != nil:
		return failed
	case match == "" || match == "*" || old == nil:
		return nil
	}
	for _, one := range strings.Split(match, ",") {
		if strings.TrimPrefix(strings.TrimSpace(one), "W/") == h.tag(old) {
			return nil
		}
	}
	return failed
}

// merged lays what a PATCH says on a resource: objects member by member, null
// takes a member away.
func merged(base, over map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range base {
		out[name] = v
	}
	for name, v := range over {
		for known := range out {
			if strings.EqualFold(known, name) {
				name = known
			}
		}
		below, isObject := v.(map[string]any)
		before, wasObject := out[name].(map[string]any)
		switch {
		case v == nil:
			delete(out, name)
		case isObject && wasObject && name != "credentials":
			out[name] = merged(before, below)
		default:
			out[name] = v
		}
	}
	return out
}
