package logs

import (
	"net/http"

	"gatehouse/internal/api"
	"gatehouse/internal/query/kql/table"
)

func writeJSON(w http.ResponseWriter, v any) { api.WriteJSON(w, http.StatusOK, v) }

type (
	tableMetadata struct {
		ID      string           `json:"id"`
		Name    string           `json:"name"`
		Time    string           `json:"timespanColumn"`
		Columns []columnMetadata `json:"columns"`
		Labels  []string         `json:"labels"`
		HasData bool             `json:"hasData"`
	}
	columnMetadata struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
)

// metadata lists the tables and their columns, for editors.
func (h *Handler) metadata(t *target) handle {
	return func(w http.ResponseWriter, r *http.Request) *fault {
		if f := h.readable(r.Context(), t); f != nil {
			return f
		}
		tables := make([]tableMetadata, 0, len(table.All()))
		ids := make([]string, 0, len(table.All()))
		for _, one := range table.All() {
			m := tableMetadata{ID: one.Name, Name: one.Name, Time: one.Time, Labels: []string{}, HasData: true}
			for _, c := range one.Columns {
				m.Columns = append(m.Columns, columnMetadata{c.Name, c.Type.String()})
			}
			tables = append(tables, m)
			ids = append(ids, one.Name)
		}
		var workspaces, applications []map[string]any
		for _, ws := range t.workspaces {
			related := map[string]any{"tables": ids}
			workspaces = append(workspaces, map[string]any{"id": ws.ApplicationID, "resourceId": ws.ResourceID, "name": ws.Title(), "region": "local", "related": related})
			applications = append(applications, map[string]any{"id": ws.ApplicationID, "resourceId": ws.ResourceID, "name": ws.Title(), "region": "local", "related": related})
		}
		none := []any{}
		writeJSON(w, map[string]any{"tables": tables, "tableGroups": none, "functions": none, "categories": none, "resourceTypes": none, "solutions": none,
			"queries": none, "resources": none, "permissions": none, "workspaces": workspaces, "applications": applications})
		return nil
	}
}
