package configmap

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/config"
	_ "github.com/prometheus/prometheus/discovery/kubernetes" // the jobs name it
)

const addon = `
kind: ConfigMap
apiVersion: v1
metadata: {name: ama-metrics-settings-configmap, namespace: kube-system}
data:
  schema-version: v1
  prometheus-collector-settings: |-
    cluster_alias = "west"
  default-scrape-settings-enabled: |-
    kubelet = true
    coredns = true
    cadvisor = false
    kubeproxy = true
    apiserver = true
    kappiebasic = true
  pod-annotation-based-scraping: |-
    podannotationnamespaceregex = "shop|edge"
  default-targets-metrics-keep-list: |-
    coredns = "coredns_.*|up"
    minimalingestionprofile = false
  default-targets-scrape-interval-settings: |-
    kubelet = "60s"
---
kind: ConfigMap
apiVersion: v1
metadata: {name: ama-metrics-prometheus-config}
data:
  prometheus-config: |-
    global: {scrape_interval: 20s}
    scrape_configs:
    - job_name: own
      static_configs: [{targets: ["a:1"]}]
      relabel_configs: [{source_labels: [__address__], regex: "(.*):.*", replacement: "$$1", target_label: host}]
`

const second = `
kind: ConfigMap
metadata: {name: ama-metrics-settings-configmap}
data:
  schema-version: v2
  cluster-metrics: |-
    default-targets-scrape-enabled: |-
      kubelet = false
      cadvisor = false
      nodeexporter = false
      kubestate = true
    minimal-ingestion-profile: |-
      enabled = false
    default-targets-metrics-keep-list: |-
      kubestate = "kube_pod.*"
  controlplane-metrics: |-
    default-targets-scrape-enabled: |-
      apiserver = true
`

const insights = `
kind: ConfigMap
metadata: {name: container-azm-ms-agentconfig}
data:
  log-data-collection-settings: |-
    [log_collection_settings]
  prometheus-data-collection-settings: |-
    [prometheus_data_collection_settings.cluster]
      interval = "2m"
      fieldpass = ["requests_*", "errors"]
      fielddrop = ["requests_debug"]
      urls = ["http://exporter.shop:9100/stats?all=1"]
      kubernetes_services = ["http://basket.shop"]
      monitor_kubernetes_pods = true
      monitor_kubernetes_pods_namespaces = ["shop", "edge-*"]
    [prometheus_data_collection_settings.node]
      urls = ["http://$NODE_IP:9103/metrics"]
`

// The jobs of all three, as Prometheus reads them.
func TestConvert(t *testing.T) {
	for _, c := range []struct {
		name, text string
		jobs       []string // job, scheme, path, interval
		warnings   []string
		has        []string
	}{
		{"add-on", addon, []string{"kube-apiserver https /metrics 30s", "kube-dns http /metrics 30s", "kubelet https /metrics 1m", "kube-proxy http /metrics 30s", "kube-state-metrics http /metrics 30s",
			"node http /metrics 30s", "podannotations http /metrics 30s", "own http /metrics 20s"},
			[]string{"kappiebasic"}, []string{"regex: coredns_.*|up", "replacement: $1", "target_label: cluster", "replacement: west", "regex: shop|edge"}},
		{"schema 2", second, []string{"kube-state-metrics http /metrics 30s"}, []string{"controlplane"}, []string{"regex: kube_pod.*"}},
		{"Container insights", insights, []string{"insights-cluster-1 http /stats 2m", "insights-cluster-2 http /metrics 2m", "insights-cluster-pods http /metrics 2m", "insights-node-1 http /metrics 1m"},
			[]string{"log-data-collection-settings"}, []string{"regex: requests_.*|errors", "regex: requests_debug", "regex: shop|edge-.*", "${1}:9103", "basket.shop"}},
	} {
		if !Is([]byte(c.text)) {
			t.Errorf("%s: not taken for config maps", c.name)
		}
		out, warnings, err := Convert([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		read, err := config.Load(string(out), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, out)
			continue
		}
		var jobs []string
		for _, j := range read.ScrapeConfigs {
			jobs = append(jobs, j.JobName+" "+j.Scheme+" "+j.MetricsPath+" "+j.ScrapeInterval.String())
		}
		if strings.Join(jobs, "\n") != strings.Join(c.jobs, "\n") {
			t.Errorf("%s: jobs\n%s", c.name, strings.Join(jobs, "\n"))
		}
		if got := strings.Join(warnings, "\n"); len(warnings) != len(c.warnings) || !strings.Contains(got, c.warnings[0]) {
			t.Errorf("%s: warnings %q", c.name, warnings)
		}
		for _, want := range c.has {
			if !strings.Contains(strings.ReplaceAll(string(out), `"`, ""), want) {
				t.Errorf("%s: no %s in\n%s", c.name, want, out)
			}
		}
	}
}

func TestConvertRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"kind: ConfigMap\nmetadata: {name: other}\n":                         "is not one of",
		"kind: ConfigMap\nmetadata: {name: ama-metrics-prometheus-config}\n": "no data.prometheus-config",
		addon + "---\nkind: Secret\n":                                        `kind "Secret"`,
		"kind: ConfigMap\nmetadata: {name: ama-metrics-settings-configmap}\ndata: {default-scrape-settings-enabled: 'kubelet = yes'}\n":                                                          "default-scrape-settings-enabled",
		"kind: ConfigMap\nmetadata: {name: ama-metrics-settings-configmap}\ndata: {default-scrape-settings-enabled: 'kubelet = 1'}\n":                                                            "neither true nor false",
		"kind: ConfigMap\nmetadata: {name: container-azm-ms-agentconfig}\ndata: {prometheus-data-collection-settings: \"[prometheus_data_collection_settings.cluster]\\nurls = ['ftp://x']\"}\n": "is not a URL",
	} {
		if _, _, err := Convert([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if Is([]byte("scrape_configs: []\n")) || Is(nil) {
		t.Error("a configuration of Prometheus is taken for config maps")
	}
}

func FuzzConvert(f *testing.F) {
	f.Add(addon)
	f.Add(second)
	f.Add(insights)
	f.Fuzz(func(t *testing.T, text string) {
		out, _, err := Convert([]byte(text))
		if err == nil && !strings.Contains(string(out), "scrape_configs") {
			t.Errorf("%q gives %q", text, out)
		}
	})
}
