package management

import "net/http"

// serveService answers the service itself, and the list of services, which has
// one.
func (h *Handler) serveService(w http.ResponseWriter, q *request) *fault {
	if q.Method != http.MethodGet && q.Method != http.MethodHead {
		return notAllowed(q.Request)
	}
	if q.name == "" {
		scope := q.scope
		if indexFold(split(scope), "resourceGroups") < 0 {
			scope += "/resourceGroups/gatehouse"
		}
		writeList(w, q, []map[string]any{h.serviceView(q, scope+"/providers/Microsoft.ApiManagement/service/"+q.service.Name)}, page{top: maxPage})
		return nil
	}
	writeJSON(w, http.StatusOK, h.serviceView(q, q.scope))
	return nil
}

func (h *Handler) serviceView(q *request, id string) map[string]any {
	return map[string]any{"id": id, "name": q.service.Name, "type": "Microsoft.ApiManagement/service", "location": orElse(q.service.Region, "local"),
		"sku": map[string]any{"name": "Developer", "capacity": 1}, "properties": map[string]any{"provisioningState": "Succeeded"}}
}
