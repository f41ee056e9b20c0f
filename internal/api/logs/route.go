package logs

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"

	"gatehouse/internal/telemetry"
)

// target is what a path names: the workspaces that a request reads.
type target struct {
	title      string // as it is written in answers
	workspaces []*telemetry.Workspace
	workspace  bool // a Log Analytics workspace is named, not an application
}

// names gives the workspaces as rows carry them.
func (t *target) names() []string {
	var out []string
	for _, w := range t.workspaces {
		if !slices.Contains(out, w.Name) {
			out = append(out, w.Name)
		}
	}
	return out
}

type handle func(http.ResponseWriter, *http.Request) *fault

// route is what a request asks for. An empty one is not this API's.
type route struct{ handle handle }

// route reads the path on a copy in which slashes are single: a client of Azure
// writes //subscriptions, and must not be redirected.
func (h *Handler) route(r *http.Request) (route, *fault) {
	clean := strings.Trim(path.Clean("/"+r.URL.Path), "/")
	if first, rest, ok := strings.Cut(clean, "/"); ok && strings.EqualFold(first, "v1") {
		clean = rest
	}
	part := strings.Split(clean, "/")
	switch strings.ToLower(part[0]) {
	case "$batch":
		return h.method(r, len(part) == 1, h.batch, http.MethodPost)
	case "apps":
		return h.appRoute(r, part)
	case "workspaces":
		return h.workspaceRoute(r, part)
	case "subscriptions":
		return h.resourceRoute(r, part)
	}
	return route{}, notFound(r)
}

// method gives the route when the path is there and has the method.
func (h *Handler) method(r *http.Request, there bool, f handle, methods ...string) (route, *fault) {
	if !there {
		return route{}, notFound(r)
	}
	if !slices.Contains(methods, r.Method) {
		return route{}, &fault{status: http.StatusMethodNotAllowed, code: "MethodNotAllowed", allow: strings.Join(methods, ", "),
			message: r.Method + " is not supported here; use " + strings.Join(methods, " or ")}
	}
	return route{f}, nil
}

func (h *Handler) appRoute(r *http.Request, part []string) (route, *fault) {
	if len(part) < 3 {
		return route{}, notFound(r)
	}
	w, ok := h.workspace(part[1])
	if !ok {
		return route{}, unknownTarget("application", part[1])
	}
	t := &target{title: part[1], workspaces: []*telemetry.Workspace{w}}
	switch rest := strings.Join(part[3:], "/"); strings.ToLower(part[2]) {
	case "query":
		return h.method(r, rest == "", h.query(t), http.MethodPost, http.MethodGet)
	case "metadata":
		return h.method(r, rest == "", h.metadata(t), http.MethodGet, http.MethodPost)
	case "metrics":
		switch rest {
		case "":
			return h.method(r, true, h.metricBatch(t), http.MethodPost)
		case "metadata":
			return h.method(r, true, h.metricMetadata, http.MethodGet)
		}
		return h.method(r, true, h.metric(t, rest), http.MethodGet)
	case "events":
		return h.method(r, rest != "", h.events(t, rest), http.MethodGet)
	}
	return route{}, notFound(r)
}

func (h *Handler) workspaceRoute(r *http.Request, part []string) (route, *fault) {
	if len(part) != 3 {
		return route{}, notFound(r)
	}
	w, ok := h.workspace(part[1])
	if !ok {
		return route{}, unknownTarget("workspace", part[1])
	}
	t := &target{title: part[1], workspaces: []*telemetry.Workspace{w}, workspace: true}
	switch strings.ToLower(part[2]) {
	case "query":
		return h.method(r, true, h.query(t), http.MethodPost, http.MethodGet)
	case "metadata":
		return h.method(r, true, h.metadata(t), http.MethodGet, http.MethodPost)
	}
	return route{}, notFound(r)
}

// insights is the provider whose metrics a resource has.
const insights = "/providers/microsoft.insights/"

// resourceRoute reads {resource}/query, {resource}/metadata and the metrics of
// a resource. Other paths of resources are somebody else's.
func (h *Handler) resourceRoute(r *http.Request, part []string) (route, *fault) {
	full := "/" + strings.ToLower(strings.Join(part, "/"))
	resource, last := full[:strings.LastIndexByte(full, '/')], strings.ToLower(part[len(part)-1])
	var f func(*target) handle
	methods := []string{http.MethodGet}
	switch {
	case last == "query":
		f, methods = h.query, []string{http.MethodPost, http.MethodGet}
	case last == "metadata":
		f, methods = h.metadata, []string{http.MethodGet, http.MethodPost}
	case strings.HasSuffix(full, insights+"metrics"):
		f, resource = h.resourceMetrics, strings.TrimSuffix(full, insights+"metrics")
	case strings.HasSuffix(full, insights+"metricdefinitions"):
		f, resource = h.metricDefinitions, strings.TrimSuffix(full, insights+"metricdefinitions")
	case strings.HasSuffix(full, insights+"metricnamespaces"):
		f, resource = h.metricNamespaces, strings.TrimSuffix(full, insights+"metricnamespaces")
	default:
		if h.o.Next == nil {
			return route{}, notFound(r)
		}
		return route{}, nil
	}
	list := h.resources(resource)
	if h.o.Next != nil && (len(list) == 0 || otherNamespace(r)) {
		return route{}, nil
	}
	if len(list) == 0 {
		return route{}, unknownTarget("resource", resource)
	}
	return h.method(r, true, f(&target{title: resource, workspaces: list}), methods...)
}

// otherNamespace tells whether the metrics of another type of resource are asked
// for: a subscription has those of all types.
func otherNamespace(r *http.Request) bool {
	for name, values := range r.URL.Query() {
		if strings.EqualFold(name, "metricnamespace") && len(values) > 0 {
			return values[0] != "" && !strings.EqualFold(values[0], "microsoft.insights/components")
		}
	}
	return false
}

// resources gives the workspaces that a resource id names: one, or all in a
// subscription or resource group.
func (h *Handler) resources(id string) []*telemetry.Workspace {
	if w, ok := h.o.Workspaces.ByResource(id); ok {
		return []*telemetry.Workspace{w}
	}
	if strings.Contains(id, "/providers/") {
		return nil
	}
	var out []*telemetry.Workspace
	all := h.o.Workspaces.All()
	for i := range all {
		if strings.HasPrefix(strings.ToLower(all[i].ResourceID), id+"/") {
			out = append(out, &all[i])
		}
	}
	return out
}

// workspace finds a workspace by application id, name or resource id.
func (h *Handler) workspace(id string) (*telemetry.Workspace, bool) {
	if w, ok := h.o.Workspaces.ByApplication(id); ok {
		return w, true
	}
	if strings.Contains(id, "/") {
		return h.o.Workspaces.ByResource(id)
	}
	if id == "" {
		return nil, false
	}
	return h.o.Workspaces.ByName(id)
}

// readable refuses a target that has a workspace which the caller may not read.
func (h *Handler) readable(ctx context.Context, t *target) *fault {
	for _, w := range t.workspaces {
		if h.o.MayRead == nil {
			continue
		}
		if err := h.o.MayRead(ctx, w); err != nil {
			return &fault{status: http.StatusForbidden, code: "InsufficientAccessError", message: err.Error()}
		}
	}
	return nil
}

// namedFor are the names of the workspaces that the caller may read: those of
// others are unknown to the query.
func (h *Handler) namedFor(ctx context.Context) map[string]string {
	if h.o.MayRead == nil {
		return h.named
	}
	return namedWorkspaces(h.o.Workspaces, func(w *telemetry.Workspace) bool { return h.o.MayRead(ctx, w) == nil })
}

// namedWorkspaces are the names that app('x') and workspace('y') take.
func namedWorkspaces(all *telemetry.Workspaces, which func(*telemetry.Workspace) bool) map[string]string {
	out := map[string]string{}
	list := all.All()
	for i := range list {
		w := &list[i]
		if !which(w) {
			continue
		}
		for _, name := range []string{w.Title(), w.ApplicationID, w.ResourceID, w.InstrumentationKey} {
			if name != "" {
				out[strings.ToLower(name)] = w.Name
			}
		}
	}
	return out
}
