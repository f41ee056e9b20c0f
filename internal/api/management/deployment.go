package management

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/api"
	"gatehouse/internal/apim"
	"gatehouse/internal/apim/template"
)

// deployment is a template that was deployed. Secret parameters are not kept.
type deployment struct {
	Scope       string         `json:"scope"` // the resource group
	Name        string         `json:"name"`
	Time        time.Time      `json:"time"`
	Correlation string         `json:"correlation"`
	Parameters  map[string]any `json:"parameters,omitempty"`
	Outputs     map[string]any `json:"outputs,omitempty"`
	Resources   []string       `json:"resources,omitempty"`
}

// Limits of deployments.
const (
	maxTemplate    = 4 << 20
	maxDeployments = 100 // kept; the oldest go first
)

func (d *deployment) view() map[string]any {
	resources := []map[string]string{}
	for _, id := range d.Resources {
		resources = append(resources, map[string]string{"id": id})
	}
	return map[string]any{
		"id": d.Scope + "/providers/Microsoft.Resources/deployments/" + d.Name, "name": d.Name, "type": "Microsoft.Resources/deployments",
		"properties": map[string]any{
			"provisioningState": "Succeeded", "mode": "Incremental", "timestamp": d.Time.Format(time.RFC3339Nano), "duration": "PT0S", "correlationId": d.Correlation,
			"parameters": d.Parameters, "outputs": d.Outputs, "outputResources": resources, "providers": []any{}, "dependencies": []any{},
		},
	}
}

// serveDeployments answers deployments of a resource group: list, one, validate.
func (h *Handler) serveDeployments(w http.ResponseWriter, q *request) *fault {
	switch {
	case len(q.rest) == 0 && q.Method == http.MethodGet:
		return h.listDeployments(w, q)
	case len(q.rest) == 2 && q.Method == http.MethodPost && strings.EqualFold(q.rest[1], "validate"):
		return h.deploy(w, q, true)
	case len(q.rest) != 1:
		return notFound(q.Request)
	}
	switch q.Method {
	case http.MethodPut:
		return h.deploy(w, q, false)
	case http.MethodGet, http.MethodHead:
		h.mu.Lock()
		defer h.mu.Unlock()
		i := h.deployed(q.scope, q.rest[0])
		if i < 0 {
			return &fault{Status: http.StatusNotFound, Code: "DeploymentNotFound", Message: "Deployment '" + q.rest[0] + "' could not be found."}
		}
		if q.Method == http.MethodHead {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		api.WriteJSON(w, http.StatusOK, h.state.Deployments[i].view())
		return nil
	case http.MethodDelete:
		return h.forget(w, q)
	}
	return notAllowed(q.Request)
}

func (h *Handler) deployed(scope, name string) int {
	return slices.IndexFunc(h.state.Deployments, func(d deployment) bool { return strings.EqualFold(d.Scope, scope) && strings.EqualFold(d.Name, name) })
}

func (h *Handler) listDeployments(w http.ResponseWriter, q *request) *fault {
	p, f := pageOf(q.Request)
	if f != nil {
		return f
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []map[string]any
	for i := range h.state.Deployments {
		if d := &h.state.Deployments[i]; strings.EqualFold(d.Scope, q.scope) {
			out = append(out, d.view())
		}
	}
	writeList(w, q, out, p)
	return nil
}

// forget takes a deployment off the list. What it made stays, as in Azure.
func (h *Handler) forget(w http.ResponseWriter, q *request) *fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := h.deployed(q.scope, q.rest[0]); i >= 0 {
		next := h.state
		next.Deployments = slices.Delete(slices.Clone(next.Deployments), i, i+1)
		if err := h.keep(next); err != nil {
			return faultOf(err)
		}
		h.state = next
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// deploy applies a template as a whole, or only looks whether it could.
func (h *Handler) deploy(w http.ResponseWriter, q *request, validate bool) *fault {
	var body struct {
		Properties struct {
			Mode       string         `json:"mode"`
			Template   map[string]any `json:"template"`
			Parameters map[string]any `json:"parameters"`
		} `json:"properties"`
	}
	if f := readJSON(w, q.Request, maxTemplate, &body); f != nil {
		return f
	}
	p := &body.Properties
	switch {
	case p.Template == nil:
		return invalidTemplate("the deployment has no template: links are not followed")
	case p.Mode != "" && !strings.EqualFold(p.Mode, "Incremental"):
		return invalidTemplate("the mode " + p.Mode + " is not supported: use Incremental")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	q.service = h.o.Service()
	resolved, err := template.Resolve(p.Template, template.Deployment{
		Name: q.rest[0], Subscription: split(q.scope)[1], Group: split(q.scope)[3], Location: orElse(h.state.Service.Location, orElse(q.service.Region, "local")),
		Parameters: template.Values(p.Parameters), Strict: true, Reference: h.reference(q, h.o.Reference), Made: h.reference(q, h.o.Made),
	})
	if err != nil {
		return invalidTemplate(err.Error())
	}
	own, others := h.parted(resolved.Resources)
	next, staged, f := h.stageAll(q, own)
	if f != nil {
		return f
	}
	made := deployment{Scope: q.scope, Name: q.rest[0], Time: time.Now().UTC(), Correlation: uuid.NewString(), Parameters: shownParameters(p.Template, p.Parameters), Outputs: resolved.Outputs}
	for _, r := range resolved.Resources {
		made.Resources = append(made.Resources, r.ID)
	}
	status := http.StatusOK
	if i := h.deployed(q.scope, made.Name); i >= 0 {
		next.Deployments = slices.Delete(slices.Clone(next.Deployments), i, i+1)
	} else if !validate {
		status = http.StatusCreated
	}
	next.Deployments = append(slices.Clone(next.Deployments), made)
	next.Deployments = next.Deployments[max(0, len(next.Deployments)-maxDeployments):]
	if f := h.applyDeployment(next, staged, others, validate); f != nil {
		f.Message = "At least one resource deployment operation failed: nothing was changed. " + f.Message
		return f
	}
	if !validate {
		h.o.Logger.Info("a template was deployed over the management API", "deployment", made.Name, "resources", len(made.Resources))
	}
	api.WriteJSON(w, status, made.view())
	return nil
}

// parted tells the resources of the service from those that Deploy makes.
func (h *Handler) parted(list []template.Resource) (own, others []template.Resource) {
	for _, r := range list {
		if h.o.Takes != nil && h.o.Takes(r.Type) {
			others = append(others, r)
		} else {
			own = append(own, r)
		}
	}
	return own, others
}

// applyDeployment serves and keeps what a template makes, or nothing of it; with
// validate nothing in any case.
func (h *Handler) applyDeployment(next state, staged []entity, others []template.Resource, validate bool) *fault {
	undo := func() error { return nil }
	if len(others) > 0 {
		var err error
		if undo, err = h.o.Deploy(others, validate); err != nil {
			return faultOf(err)
		}
	}
	f := h.applyState(next, func(s *apim.Service) error {
		if f := allServed(s, staged); f != nil || !validate {
			return asError(f)
		}
		return &fault{Status: http.StatusOK}
	})
	if f == nil || f.Status == http.StatusOK {
		return nil
	}
	if err := undo(); err != nil {
		h.o.Logger.Error("a template that failed could not be taken back as a whole", "error", err)
		f.Message += " What it made beside the service could not be taken back: the log says why."
	}
	return f
}

func asError(f *fault) error {
	if f == nil {
		return nil
	}
	return f
}

func allServed(s *apim.Service, staged []entity) *fault {
	for i := range staged {
		e := &staged[i]
		if e.kind.find(s, strings.TrimSuffix(e.path, e.kind.name+"/"+e.id), e.id) == nil {
			return invalid("", "'"+e.path+"' is not one that the service can be served with")
		}
	}
	return nil
}

func invalidTemplate(message string) *fault {
	return &fault{Status: http.StatusBadRequest, Code: "InvalidTemplate", Message: "Deployment template validation failed: " + message}
}

// shownParameters leaves secrets out.
func shownParameters(root, given map[string]any) map[string]any {
	declared, _ := root["parameters"].(map[string]any)
	out := map[string]any{}
	for name, v := range given {
		d, _ := lookup(declared, name).(map[string]any)
		kind, _ := d["type"].(string)
		if strings.HasPrefix(strings.ToLower(kind), "secure") {
			v = nil
		}
		m, _ := v.(map[string]any)
		out[name] = map[string]any{"type": kind, "value": m["value"]}
	}
	return out
}

// reference gives what templates may refer to: the service, and Application
// Insights resources, whose keys are for who sends a token.
func (h *Handler) reference(q *request, other func(string) (map[string]any, bool)) func(string) (map[string]any, bool) {
	secrets := h.o.MaySeeSecrets != nil && h.o.MaySeeSecrets(q.Request)
	return func(id string) (map[string]any, bool) {
		if strings.HasSuffix(strings.ToLower(id), "/providers/microsoft.apimanagement/service/"+strings.ToLower(q.service.Name)) {
			return h.view(q.service, id)["properties"].(map[string]any), true
		}
		if other == nil || !secrets {
			return nil, false
		}
		return other(id)
	}
}

// order in which the kinds of a template are staged: what others refer to first.
var order = []string{"", "namedvalues", "loggers", "diagnostics"}

// stageAll puts the resources of a template into a copy of the state.
func (h *Handler) stageAll(q *request, list []template.Resource) (state, []entity, *fault) {
	next := h.state
	next.Resources = next.Resources.clone()
	var staged []entity
	for _, turn := range order {
		for i := range list {
			r := &list[i]
			k, parent, id, f := h.place(q, r)
			if f != nil {
				return next, nil, f
			}
			if strings.ToLower(nameOf(k)) != turn {
				continue
			}
			if k == nil {
				if strings.EqualFold(r.Type, "Microsoft.ApiManagement/service") {
					if f := next.Service.change(r.Body, false); f != nil {
						return next, nil, f
					}
				}
				continue
			}
			p, _ := lookup(r.Body, "properties").(map[string]any)
			if p == nil {
				return next, nil, invalid("properties", r.Name+" has no properties")
			}
			e, f := h.stage(next.Resources, q, k, parent, id, p, k.find(q.service, parent, id))
			if f != nil {
				f.Message = r.Name + ": " + f.Message
				return next, nil, f
			}
			staged = append(staged, *e)
		}
	}
	return next, staged, nil
}

func nameOf(k *kind) string {
	if k == nil {
		return ""
	}
	return k.name
}

// canBeMade by a template.
const canBeMade = "service, loggers, diagnostics and namedValues of Microsoft.ApiManagement, metric workspaces (Microsoft.Monitor/accounts), action groups, Prometheus rule groups and log search rules can"

// place finds what a resource of a template is here; a nil kind is the service,
// or a resource beside it that is there already.
func (h *Handler) place(q *request, r *template.Resource) (k *kind, parent, id string, f *fault) {
	types, names := strings.Split(strings.ToLower(r.Type), "/"), strings.Split(r.Name, "/")
	if types[0] != provider || len(types) < 2 || types[1] != "service" {
		if h.o.Reference != nil {
			if _, ok := h.o.Reference(r.ID); ok {
				return nil, "", "", nil
			}
		}
		return nil, "", "", &fault{Status: http.StatusBadRequest, Code: "InvalidTemplateDeployment", Target: r.ID,
			Message: "'" + r.ID + "' is not there and cannot be made by a template here: " + canBeMade}
	}
	if !strings.EqualFold(names[0], q.service.Name) {
		return nil, "", "", &fault{Status: http.StatusNotFound, Code: "ResourceNotFound", Target: r.ID, Message: "There is no service '" + names[0] + "': the one that is served here is called '" + q.service.Name + "'."}
	}
	if len(types) == 2 {
		return nil, "", "", nil
	}
	if types[2] == "apis" && len(types) == 4 {
		a := findAPI(q.service, names[1])
		if a == nil {
			return nil, "", "", &fault{Status: http.StatusNotFound, Code: "ResourceNotFound", Target: r.ID, Message: "API not found: " + names[1] + "."}
		}
		parent, types, names = "apis/"+apiName(a)+"/", types[1:], names[1:]
	}
	if k = kindOf(types[2], parent != ""); k == nil || len(types) != 3 {
		return nil, "", "", &fault{Status: http.StatusBadRequest, Code: "InvalidTemplateDeployment", Target: r.ID, Message: r.Type + " cannot be deployed here: " + canBeMade}
	}
	return k, parent, names[1], nil
}
