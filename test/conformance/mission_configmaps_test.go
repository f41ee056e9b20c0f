package conformance

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// M11: the config maps of the metrics add-on, and that of Container insights, are
// scrape configurations as they are.
func missionConfigMaps(t *testing.T, h *house) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "from_config_map 1\nfrom_config_map_debug 1\n")
	}))
	t.Cleanup(target.Close)
	address := strings.TrimPrefix(target.URL, "http://")
	load := func(name, text string) {
		t.Helper()
		h.scrape(t, text)
		if status, answer := h.reload(t); status != http.StatusOK {
			t.Fatalf("%s: %d %s", name, status, answer)
		}
	}
	load("add-on", fmt.Sprintf(`kind: ConfigMap
apiVersion: v1
metadata: {name: ama-metrics-settings-configmap, namespace: kube-system}
data:
  schema-version: v1
  prometheus-collector-settings: cluster_alias = "west"
  default-scrape-settings-enabled: |-
    kubelet = false
    cadvisor = false
    kubestate = false
    nodeexporter = false
---
kind: ConfigMap
apiVersion: v1
metadata: {name: ama-metrics-prometheus-config, namespace: kube-system}
data:
  prometheus-config: |-
    scrape_configs:
    - job_name: own
      scrape_interval: 100ms
      scrape_timeout: 100ms
      static_configs: [{targets: [%q]}]
      metric_relabel_configs: [{source_labels: [__name__], regex: "(.*)_debug", replacement: "$$1", target_label: of}]
`, address))
	eventually(t, "the job of the add-on", func() bool {
		return h.query(t, `count(from_config_map{job="own",cluster="west"}) + count(from_config_map_debug{of="from_config_map"})`) == 2
	})
	load("Container insights", fmt.Sprintf(`kind: ConfigMap
apiVersion: v1
metadata: {name: container-azm-ms-agentconfig, namespace: kube-system}
data:
  schema-version: v1
  prometheus-data-collection-settings: |-
    [prometheus_data_collection_settings.cluster]
      interval = "1s"
      fieldpass = ["from_config_*"]
      fielddrop = ["*_debug"]
      urls = [%q]
`, target.URL+"/metrics"))
	eventually(t, "the URL of Container insights", func() bool {
		return h.query(t, `count(from_config_map{job="insights-cluster-1"}) + count(up{job="insights-cluster-1"})`) == 2
	})
	if got := h.query(t, `count(from_config_map_debug{job="insights-cluster-1"})`); got != 0 {
		t.Error("what fielddrop names is stored")
	}
	h.scrape(t, "kind: ConfigMap\nmetadata: {name: other}\n")
	if status, answer := h.reload(t); status != http.StatusInternalServerError || !strings.Contains(answer, "ama-metrics-settings-configmap") {
		t.Errorf("an unknown config map: %d %s", status, answer)
	}
	load("nothing", "scrape_configs: []\n")
}
