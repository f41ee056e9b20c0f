package metrics

import (
	"net/http"
	"slices"
	"sort"
	"strconv"

	"github.com/prometheus/prometheus/model/metadata"
)

// metadataHandler answers /api/v1/metadata from the scraped targets and from
// the process's own families, which upstream does not know because they are
// written without a scrape.
type metadataHandler struct{ o Options }

func (h *metadataHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		writeError(w, http.StatusMethodNotAllowed, "bad_data", "use GET")
		return
	}
	limit, ok1 := intParam(r, "limit")
	perMetric, ok2 := intParam(r, "limit_per_metric")
	if !ok1 || !ok2 {
		writeError(w, http.StatusBadRequest, "bad_data", "limit and limit_per_metric must be numbers")
		return
	}
	all := h.collect(r.FormValue("metric"))
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	sort.Strings(names)
	if limit >= 0 && limit < len(names) {
		names = names[:limit]
	}
	data := make(map[string][]metadata.Metadata, len(names))
	for _, name := range names {
		entries := all[name]
		if perMetric > 0 && perMetric < len(entries) {
			entries = entries[:perMetric]
		}
		data[name] = entries
	}
	writeJSON(w, http.StatusOK, envelope{Status: "success", Data: data})
}

// collect gives the metadata of one family, or of all when name is empty.
func (h *metadataHandler) collect(name string) map[string][]metadata.Metadata {
	out := map[string][]metadata.Metadata{}
	add := func(family string, m metadata.Metadata) {
		if (name == "" || name == family) && !slices.Contains(out[family], m) {
			out[family] = append(out[family], m)
		}
	}
	for family, m := range h.o.Metadata() {
		add(family, m)
	}
	for _, pool := range h.o.Targets.TargetsActive() {
		for _, t := range pool {
			for _, m := range t.ListMetadata() {
				add(m.MetricFamily, metadata.Metadata{Type: m.Type, Unit: m.Unit, Help: m.Help})
			}
		}
	}
	return out
}

// intParam gives -1 when the parameter is absent.
func intParam(r *http.Request, name string) (int, bool) {
	s := r.FormValue(name)
	if s == "" {
		return -1, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}
