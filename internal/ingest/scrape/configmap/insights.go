package configmap

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// insights takes the scraping of Container insights' agent: URLs, services, nodes
// and annotated pods.
func (c *configuration) insights(data map[string]string) error {
	all, err := section(data, "prometheus-data-collection-settings")
	if err != nil {
		return err
	}
	settings, _ := all["prometheus_data_collection_settings"].(map[string]any)
	for name := range data {
		if strings.HasSuffix(name, "-settings") && name != "prometheus-data-collection-settings" {
			c.warn("%s is not of scraping", name)
		}
	}
	if len(settings) == 0 {
		c.warn("it scrapes nothing: it has no prometheus-data-collection-settings")
	}
	if err := c.perspective("insights-cluster", settings["cluster"]); err != nil {
		return err
	}
	return c.perspective("insights-node", settings["node"])
}

// perspective is what is scraped once in the cluster, or on each node.
func (c *configuration) perspective(name string, v any) error {
	p, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	first := len(c.jobs)
	for n, address := range append(texts(p["urls"]), texts(p["kubernetes_services"])...) {
		job, err := addressed(fmt.Sprintf("%s-%d", name, n+1), address)
		if err != nil {
			return err
		}
		c.jobs = append(c.jobs, job)
	}
	if on, _ := p["monitor_kubernetes_pods"].(bool); on {
		namespaces := ".*"
		if list := texts(p["monitor_kubernetes_pods_namespaces"]); len(list) > 0 {
			namespaces = globs(list)
		}
		c.jobs = append(c.jobs, annotated(name+"-pods", namespaces))
	}
	for _, selector := range []string{"kubernetes_label_selector", "kubernetes_field_selector"} {
		if text, _ := p[selector].(string); text != "" {
			c.warn("%s: %s is not applied: annotated pods of all kinds are scraped", name, selector)
		}
	}
	every, _ := p["interval"].(string)
	for _, job := range c.jobs[first:] {
		if job["scrape_interval"] = "1m"; every != "" {
			job["scrape_interval"] = every
		}
		var rules []any
		if list := texts(p["fieldpass"]); len(list) > 0 {
			rules = append(rules, keep("__name__", globs(list)))
		}
		if list := texts(p["fielddrop"]); len(list) > 0 {
			rules = append(rules, rule("source_labels", []any{"__name__"}, "regex", globs(list), "action", "drop"))
		}
		if rules != nil {
			job["metric_relabel_configs"] = rules
		}
	}
	return nil
}

// nodeAddress is what the agent puts a node's address for.
const nodeAddress = "$NODE_IP"

// addressed is the job of one URL; one with $NODE_IP is of every node.
func addressed(name, address string) (map[string]any, error) {
	u, err := url.Parse(strings.Replace(address, nodeAddress, "node-ip", 1))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%.200q is not a URL such as http://service.namespace:9100/metrics", address)
	}
	job := map[string]any{"job_name": name, "static_configs": []any{map[string]any{"targets": []any{u.Host}}}}
	if strings.Contains(address, nodeAddress) {
		job = portOfNode(name, u.Port())
	}
	job["scheme"], job["metrics_path"] = u.Scheme, u.Path
	if u.Path == "" {
		job["metrics_path"] = "/metrics"
	}
	if len(u.Query()) > 0 {
		job["params"] = map[string][]string(u.Query())
	}
	return job, nil
}

func texts(v any) []string {
	var out []string
	for _, one := range asList(v) {
		if s, ok := one.(string); ok && s != "" {
			out = append(out, s)
		}
	}
	return out
}

// globs is a pattern for names with * and ?.
func globs(list []string) string {
	parts := make([]string, len(list))
	for n, g := range list {
		parts[n] = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(g))
	}
	return strings.Join(parts, "|")
}
