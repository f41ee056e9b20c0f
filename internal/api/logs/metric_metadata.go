package logs

import (
	"net/http"
	"strings"

	"gatehouse/internal/query/kql/table"
)

// metricMetadata lists the metrics and what they can be divided by.
func (h *Handler) metricMetadata(w http.ResponseWriter, _ *http.Request) *fault {
	list, dimensions := map[string]any{}, map[string]any{}
	for _, m := range metrics() {
		var by []string
		for _, d := range m.dimensions() {
			by = append(by, d)
			dimensions[d] = map[string]string{"displayName": d}
		}
		list[m.id] = map[string]any{"displayName": m.title, "units": strings.ToLower(m.unit), "supportedAggregations": m.aggregationNames(),
			"defaultAggregation": m.standard, "supportedGroupBy": map[string]any{"all": by}}
	}
	writeJSON(w, map[string]any{"metrics": list, "dimensions": dimensions})
	return nil
}

// dimensions are the text columns of a metric's table, as paths.
func (m metric) dimensions() []string {
	var out []string
	for _, t := range m.types[:min(len(m.types), 1)] {
		tab, _ := table.Lookup(t.table)
		for _, c := range tab.Columns {
			if c.Type != table.String || hidden(c.Name) {
				continue
			}
			out = append(out, eventPath(c.Name, t))
		}
	}
	return out
}
