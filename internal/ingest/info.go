package ingest

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/telemetry"
)

// Limits: tags of one API that become labels, and APIs.
const (
	maxTags = 16
	maxAPIs = 10_000
)

// apiInfo is gatehouse_api_info: one series for each API that served a
// request, with its newest tags as labels.
type apiInfo struct {
	mu   sync.Mutex
	apis map[string]map[string]string // labels by API
}

func newAPIInfo() *apiInfo { return &apiInfo{apis: map[string]map[string]string{}} }

func (a *apiInfo) set(api string, tags []telemetry.Tag) {
	if api == none {
		return
	}
	labels := map[string]string{}
	for _, t := range tags {
		name, value := sanitise(t.Key), t.Value
		if value == "" {
			name, value = "tag_"+name, "true"
		}
		if strings.HasPrefix(name, "gatehouse_") || name == "job" || name == "instance" {
			name = "tag_" + name
		}
		if len(labels) < maxTags {
			labels[name] = strings.ToValidUTF8(clip(value, maxDimensionValue), "\uFFFD")
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.apis[api] != nil || len(a.apis) < maxAPIs {
		a.apis[api] = labels
	}
}

// Describe gives nothing: the labels are only known with the tags.
func (a *apiInfo) Describe(chan<- *prometheus.Desc) {}

// Collect gives one series for each API.
func (a *apiInfo) Collect(out chan<- prometheus.Metric) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for api, labels := range a.apis {
		names := append([]string{"gatehouse_api"}, slices.Sorted(maps.Keys(labels))...)
		values := []string{api}
		for _, n := range names[1:] {
			values = append(values, labels[n])
		}
		desc := prometheus.NewDesc("gatehouse_api_info", "The tags of an API as labels.", names, nil)
		m, err := prometheus.NewConstMetric(desc, prometheus.GaugeValue, 1, values...)
		if err != nil {
			m = prometheus.NewInvalidMetric(desc, err)
		}
		out <- m
	}
}
