package configmap

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The files of a service account in a pod.
const (
	accountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token"
	accountCA    = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
)

// defaultTargets are those of the add-on that can be scraped from within a
// cluster, with what they are unless the settings say so.
func defaultTargets() map[string]struct {
	job map[string]any
	on  bool
} {
	type target = struct {
		job map[string]any
		on  bool
	}
	return map[string]target{
		"kubelet":      {nodeJob("kubelet", "/metrics"), true},
		"cadvisor":     {nodeJob("cadvisor", "/metrics/cadvisor"), true},
		"nodeexporter": {portOfNode("node", "19100"), true},
		"kubestate":    {podJob("kube-state-metrics", "app.kubernetes.io/name", "kube-state-metrics", "8080"), true},
		"coredns":      {podJob("kube-dns", "k8s-app", "kube-dns", "9153"), false},
		"kubeproxy":    {podJob("kube-proxy", "component", "kube-proxy", "10249"), false},
		"apiserver":    {apiServerJob(), false},
	}
}

func rule(pairs ...any) map[string]any {
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i].(string)] = pairs[i+1]
	}
	return out
}

// from is a rule that copies a label, or a part of it.
func from(label, target string, more ...any) map[string]any {
	return rule(append([]any{"source_labels", []any{label}, "target_label", target}, more...)...)
}

func keep(label, regex string) map[string]any {
	return rule("source_labels", []any{label}, "regex", regex, "action", "keep")
}

func discovered(job, role string, rules ...any) map[string]any {
	return map[string]any{"job_name": job, "kubernetes_sd_configs": []any{map[string]any{"role": role}}, "relabel_configs": rules}
}

func secured(job map[string]any, insecure bool) map[string]any {
	job["scheme"], job["authorization"] = "https", map[string]any{"credentials_file": accountToken}
	job["tls_config"] = map[string]any{"ca_file": accountCA, "insecure_skip_verify": insecure} // kubelets have certificates of their own
	return job
}

func nodeJob(job, path string) map[string]any {
	out := secured(discovered(job, "node", from("__meta_kubernetes_node_name", "instance")), true)
	out["metrics_path"] = path
	return out
}

func portOfNode(job, port string) map[string]any {
	return discovered(job, "node", from("__meta_kubernetes_node_address_InternalIP", "__address__", "regex", "(.+)", "replacement", "${1}:"+port), from("__meta_kubernetes_node_name", "instance"))
}

func podJob(job, label, value, port string) map[string]any {
	name := strings.NewReplacer(".", "_", "/", "_", "-", "_").Replace(label)
	return discovered(job, "pod", keep("__meta_kubernetes_namespace", "kube-system"), keep("__meta_kubernetes_pod_label_"+name, value),
		from("__meta_kubernetes_pod_ip", "__address__", "regex", "(.+)", "replacement", "${1}:"+port), keep("__meta_kubernetes_pod_container_init", "false"),
		from("__meta_kubernetes_pod_name", "pod"), from("__meta_kubernetes_namespace", "namespace"))
}

func apiServerJob() map[string]any {
	return secured(discovered("kube-apiserver", "endpointslice", rule("source_labels", []any{"__meta_kubernetes_namespace", "__meta_kubernetes_service_name", "__meta_kubernetes_endpointslice_port_name"},
		"regex", "default;kubernetes;https", "action", "keep")), false)
}

// annotated scrapes pods that ask for it by their annotations.
func annotated(job, namespaces string) map[string]any {
	const annotation = "__meta_kubernetes_pod_annotation_prometheus_io_"
	return discovered(job, "pod", keep("__meta_kubernetes_namespace", namespaces), keep(annotation+"scrape", "true"),
		from(annotation+"scheme", "__scheme__", "regex", "(https?)"), from(annotation+"path", "__metrics_path__", "regex", "(.+)"),
		rule("source_labels", []any{"__meta_kubernetes_pod_ip", annotation + "port"}, "regex", "(.+);(\\d+)", "replacement", "${1}:${2}", "target_label", "__address__"),
		from("__meta_kubernetes_pod_name", "pod"), from("__meta_kubernetes_namespace", "namespace"))
}

// settings takes the settings of the add-on, of both schemas.
func (c *configuration) settings(data map[string]string) error {
	if nested, ok := data["cluster-metrics"]; ok { // schema v2 has the parts one level down
		inner := map[string]string{}
		if err := yaml.Unmarshal([]byte(nested), &inner); err != nil {
			return fmt.Errorf("cluster-metrics: %w", err)
		}
		for name, text := range inner {
			data[name] = text
		}
		data["default-scrape-settings-enabled"] = inner["default-targets-scrape-enabled"]
	}
	parts := map[string]map[string]any{}
	for _, name := range []string{"prometheus-collector-settings", "default-scrape-settings-enabled", "pod-annotation-based-scraping", "default-targets-metrics-keep-list",
		"default-targets-scrape-interval-settings", "minimal-ingestion-profile"} {
		part, err := section(data, name)
		if err != nil {
			return err
		}
		parts[name] = part
	}
	c.cluster, _ = parts["prometheus-collector-settings"]["cluster_alias"].(string)
	if data["controlplane-metrics"] != "" {
		c.warn("controlplane-metrics: a cluster's control plane is not scraped")
	}
	return c.targets(parts)
}

// targets makes the jobs of the default targets.
func (c *configuration) targets(parts map[string]map[string]any) error {
	enabled, all := parts["default-scrape-settings-enabled"], defaultTargets()
	for _, name := range slices.Sorted(maps.Keys(enabled)) {
		on, ok := enabled[name].(bool)
		if !ok {
			return fmt.Errorf("default-scrape-settings-enabled: %s is neither true nor false", name)
		}
		if _, known := all[name]; !known && on {
			c.warn("the target %s is not scraped: it has no job here", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t := all[name]
		if on, said := enabled[name].(bool); said {
			t.on = on
		}
		if t.on {
			c.add(name, t.job, parts)
		}
	}
	if namespaces, _ := parts["pod-annotation-based-scraping"]["podannotationnamespaceregex"].(string); namespaces != "" {
		c.add("podannotations", annotated("podannotations", namespaces), parts)
	}
	return nil
}

// add puts a job in, with its interval and the metrics that are kept. The
// add-on's minimal profile adds a list of its own to those: here all are kept.
func (c *configuration) add(name string, job map[string]any, parts map[string]map[string]any) {
	job["scrape_interval"] = "30s"
	if every, _ := parts["default-targets-scrape-interval-settings"][name].(string); every != "" {
		job["scrape_interval"] = every
	}
	keepList := parts["default-targets-metrics-keep-list"]
	minimal, said := keepList["minimalingestionprofile"].(bool)
	if on, ok := parts["minimal-ingestion-profile"]["enabled"].(bool); ok {
		minimal, said = on, true
	}
	if names, _ := keepList[name].(string); names != "" && said && !minimal {
		job["metric_relabel_configs"] = []any{keep("__name__", names)}
	}
	c.jobs = append(c.jobs, job)
}
