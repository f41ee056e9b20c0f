package server

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// self gathers what the process tells of itself and is worth keeping: the
// embedded libraries have hundreds of series more, which /metrics shows.
func self(all prometheus.Gatherer) prometheus.Gatherer {
	kept := []string{"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds",
		"go_goroutines", "go_memstats_heap_inuse_bytes", "prometheus_tsdb_head_series", "prometheus_rule_evaluation_failures_total", "prometheus_rule_group_iterations_missed_total",
		"alertmanager_alerts", "alertmanager_notifications_failed_total"}
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := all.Gather()
		return slices.DeleteFunc(families, func(f *dto.MetricFamily) bool {
			return !slices.Contains(kept, f.GetName()) && !strings.HasPrefix(f.GetName(), "gatehouse_")
		}), err
	})
}
