package management

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"gatehouse/internal/api"
	"gatehouse/internal/apim"
)

// serviceState is what was written of the service itself. Telemetry works the
// same whatever its tier is.
type serviceState struct {
	SKU        string            `json:"sku,omitempty"`
	Capacity   int               `json:"capacity,omitempty"`
	Location   string            `json:"location,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Publisher  string            `json:"publisherName,omitempty"`
	Email      string            `json:"publisherEmail,omitempty"`
	System     bool              `json:"systemAssigned,omitempty"`
	Identities map[string]string `json:"identities,omitempty"` // client id by resource id
}

// tiers of the service, all served alike.
var tiers = []string{"Developer", "Basic", "Standard", "Premium", "Consumption", "Isolated", "BasicV2", "StandardV2", "PremiumV2"}

// serveService answers the service itself, and the list of services, which has
// one.
func (h *Handler) serveService(w http.ResponseWriter, q *request) *fault {
	switch {
	case q.Method == http.MethodGet && q.name == "":
		scope := q.scope
		if indexFold(split(scope), "resourceGroups") < 0 {
			scope += "/resourceGroups/gatehouse"
		}
		writeList(w, q, []map[string]any{h.serviceView(q.service, scope+"/providers/Microsoft.ApiManagement/service/"+q.service.Name)}, page{top: maxPage})
		return nil
	case q.Method == http.MethodGet && q.name != "":
		api.WriteJSON(w, http.StatusOK, h.serviceView(q.service, q.scope))
		return nil
	case (q.Method == http.MethodPut || q.Method == http.MethodPatch) && q.name != "":
		return h.writeService(w, q)
	}
	return notAllowed(q.Request)
}

func (h *Handler) writeService(w http.ResponseWriter, q *request) *fault {
	var body map[string]any
	if f := readJSON(w, q.Request, maxBody, &body); f != nil {
		return f
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	next := h.state
	if f := next.Service.change(body, q.Method == http.MethodPut); f != nil {
		return f
	}
	if err := h.keep(next); err != nil {
		return faultOf(err)
	}
	h.state = next
	h.o.Logger.Info("the service was written over the management API", "sku", next.Service.SKU)
	api.WriteJSON(w, http.StatusOK, h.view(q.service, q.scope))
	return nil
}

// clientID is the form of a client id.
var clientID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// change takes what a PUT or PATCH says. What cannot be changed here, such as
// host names, is passed over.
func (s *serviceState) change(body map[string]any, whole bool) *fault {
	if sku, ok := lookup(body, "sku").(map[string]any); ok {
		name, _ := lookup(sku, "name").(string)
		i := slices.IndexFunc(tiers, func(t string) bool { return strings.EqualFold(t, name) })
		if i < 0 {
			return invalid("sku.name", "sku.name must be one of "+strings.Join(tiers, ", "))
		}
		s.SKU, s.Capacity = tiers[i], 1
		if n, ok := lookup(sku, "capacity").(float64); ok {
			s.Capacity = int(min(max(n, 0), 1000))
		}
	} else if whole && s.SKU == "" {
		return invalid("sku", "sku is required: its name is one of "+strings.Join(tiers, ", "))
	}
	if text, ok := lookup(body, "location").(string); ok {
		s.Location = text
	}
	p, _ := lookup(body, "properties").(map[string]any)
	if text, ok := lookup(p, "publisherName").(string); ok {
		s.Publisher = text
	}
	if text, ok := lookup(p, "publisherEmail").(string); ok {
		s.Email = text
	}
	if tags, ok := lookup(body, "tags").(map[string]any); ok {
		s.Tags = map[string]string{}
		for name, v := range tags {
			s.Tags[name], _ = v.(string)
		}
	}
	return s.changeIdentity(lookup(body, "identity"))
}

// changeIdentity takes the identities of the service. The client id of a
// user-assigned one is what the platform calls it: it may be given beside its
// resource id, and is made otherwise.
func (s *serviceState) changeIdentity(v any) *fault {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	kind, _ := lookup(m, "type").(string)
	kinds := strings.Split(strings.ReplaceAll(kind, " ", ""), ",")
	for _, k := range kinds {
		if !slices.ContainsFunc([]string{"None", "SystemAssigned", "UserAssigned"}, func(s string) bool { return strings.EqualFold(s, k) }) {
			return invalid("identity.type", "identity.type must be None, SystemAssigned, UserAssigned, or the last two with a comma between them")
		}
	}
	has := func(name string) bool {
		return slices.ContainsFunc(kinds, func(k string) bool { return strings.EqualFold(k, name) })
	}
	s.System = has("SystemAssigned")
	before := s.Identities
	s.Identities = nil
	if !has("UserAssigned") {
		return nil
	}
	s.Identities = map[string]string{}
	assigned, _ := lookup(m, "userAssignedIdentities").(map[string]any)
	for id, v := range assigned {
		given, _ := v.(map[string]any)
		client, _ := lookup(given, "clientId").(string)
		switch {
		case client != "" && !clientID.MatchString(client):
			return invalid("identity.userAssignedIdentities", "the clientId of "+id+" is not a UUID")
		case client == "" && before[id] != "":
			client = before[id]
		case client == "":
			client = stableID(id)
		}
		s.Identities[id] = client
	}
	if len(s.Identities) == 0 {
		return invalid("identity.userAssignedIdentities", "UserAssigned needs the resource ids of identities in userAssignedIdentities")
	}
	return nil
}

// stableID makes an id of a name: the same after a restart and in every copy.
func stableID(name string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.ToLower(name))).String()
}

func (h *Handler) serviceView(s *apim.Service, id string) map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.view(s, id)
}

func (h *Handler) view(s *apim.Service, id string) map[string]any {
	kept := &h.state.Service
	properties := map[string]any{"provisioningState": "Succeeded", "publisherName": kept.Publisher, "publisherEmail": kept.Email}
	if h.o.GatewayURL != nil {
		properties["gatewayUrl"] = h.o.GatewayURL()
	}
	out := map[string]any{
		"id": id, "name": s.Name, "type": "Microsoft.ApiManagement/service", "location": orElse(kept.Location, orElse(s.Region, "local")),
		"sku": map[string]any{"name": orElse(kept.SKU, "Developer"), "capacity": max(kept.Capacity, 1)}, "properties": properties,
	}
	if kept.Tags != nil {
		out["tags"] = kept.Tags
	}
	if identity := kept.identity(s.Name); identity != nil {
		out["identity"] = identity
	}
	return out
}

// identity shows the identities with their client ids.
func (s *serviceState) identity(service string) map[string]any {
	var kinds []string
	out := map[string]any{}
	if s.System {
		kinds = append(kinds, "SystemAssigned")
		out["principalId"], out["tenantId"] = stableID("system/"+service), uuid.Nil.String()
	}
	if len(s.Identities) > 0 {
		kinds = append(kinds, "UserAssigned")
		assigned := map[string]any{}
		for id, client := range s.Identities {
			assigned[id] = map[string]string{"clientId": client, "principalId": stableID(client)}
		}
		out["userAssignedIdentities"] = assigned
	}
	if kinds == nil {
		return nil
	}
	out["type"] = strings.Join(kinds, ", ")
	return out
}

// Tags are those of the service.
func (h *Handler) Tags() map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]string{}
	for name, value := range h.state.Service.Tags {
		out[name] = value
	}
	return out
}
