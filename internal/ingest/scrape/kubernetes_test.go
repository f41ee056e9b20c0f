//go:build !nokubernetes

package scrape_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// cluster is a Kubernetes API server as far as discovery reads it: list and
// watch, with the objects in JSON.
type cluster struct {
	*httptest.Server
	mu       sync.Mutex
	version  int
	objects  map[string]map[string]map[string]any // by path of the list, namespace/name
	watchers map[chan event]string
	refused  int // without the token
}

type event struct {
	Type   string         `json:"type"`
	Object map[string]any `json:"object"`
}

const clusterToken = "of-the-service-account"

// kinds by the path of their list.
func kinds() map[string][2]string {
	return map[string][2]string{"/api/v1/pods": {"v1", "Pod"}, "/api/v1/services": {"v1", "Service"}, "/api/v1/nodes": {"v1", "Node"},
		"/apis/discovery.k8s.io/v1/endpointslices": {"discovery.k8s.io/v1", "EndpointSlice"}}
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{objects: map[string]map[string]map[string]any{}, watchers: map[chan event]string{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(func() {
		c.CloseClientConnections() // watches do not end by themselves
		c.Close()
	})
	return c
}

// put adds or changes an object; nil deletes it.
func (c *cluster) put(path, namespace, name string, object map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.objects[path] == nil {
		c.objects[path] = map[string]map[string]any{}
	}
	key := namespace + "/" + name
	old, known := c.objects[path][key]
	c.version++
	e := event{"ADDED", object}
	switch {
	case object == nil:
		e = event{"DELETED", old}
		delete(c.objects[path], key)
	case known:
		e.Type = "MODIFIED"
	}
	if object != nil {
		meta, _ := object["metadata"].(map[string]any)
		if meta == nil {
			meta = map[string]any{}
		}
		meta["name"], meta["namespace"], meta["uid"], meta["resourceVersion"] = name, namespace, key, strconv.Itoa(c.version)
		object["apiVersion"], object["kind"], object["metadata"] = kinds()[path][0], kinds()[path][1], meta
		c.objects[path][key] = object
	}
	for w, of := range c.watchers {
		if of == path {
			w <- e
		}
	}
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, ok := kinds()[r.URL.Path]
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Header.Get("Authorization") != "Bearer "+clusterToken:
		c.mu.Lock()
		c.refused++
		c.mu.Unlock()
		w.WriteHeader(http.StatusUnauthorized)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case r.URL.Query().Get("watch") == "true" || r.URL.Query().Get("watch") == "1":
		c.watch(w, r, kind)
	default:
		c.mu.Lock()
		defer c.mu.Unlock()
		items := []any{}
		for _, o := range c.objects[r.URL.Path] {
			items = append(items, o)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": kind[0], "kind": kind[1] + "List", "metadata": map[string]string{"resourceVersion": strconv.Itoa(c.version)}, "items": items})
	}
}

// watch streams changes; first what there is when the client asks for it.
func (c *cluster) watch(w http.ResponseWriter, r *http.Request, kind [2]string) {
	changes := make(chan event, 1000)
	c.mu.Lock()
	var first []event
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		for _, o := range c.objects[r.URL.Path] {
			first = append(first, event{"ADDED", o})
		}
		first = append(first, event{"BOOKMARK", map[string]any{"apiVersion": kind[0], "kind": kind[1], "metadata": map[string]any{
			"resourceVersion": strconv.Itoa(c.version), "annotations": map[string]string{"k8s.io/initial-events-end": "true"}}}})
	}
	c.watchers[changes] = r.URL.Path
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.watchers, changes)
		c.mu.Unlock()
	}()
	encoder := json.NewEncoder(w)
	send := func(e event) {
		_ = encoder.Encode(e)
		w.(http.Flusher).Flush()
	}
	w.(http.Flusher).Flush()
	for _, e := range first {
		send(e)
	}
	for {
		select {
		case e := <-changes:
			c.mu.Lock()
			send(e)
			c.mu.Unlock()
		case <-r.Context().Done():
			return
		}
	}
}

// pod runs at an address.
func pod(address, app string, annotations map[string]string) map[string]any {
	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return map[string]any{
		"metadata": map[string]any{"labels": map[string]string{"app": app}, "annotations": annotations},
		"spec":     map[string]any{"nodeName": "node-1", "containers": []any{map[string]any{"name": "main", "image": "shop:1", "ports": []any{map[string]any{"name": "metrics", "containerPort": n, "protocol": "TCP"}}}}},
		"status": map[string]any{"phase": "Running", "podIP": host, "hostIP": "10.0.0.1", "podIPs": []any{map[string]string{"ip": host}},
			"conditions": []any{map[string]string{"type": "Ready", "status": "True"}}},
	}
}

// Pods are found by the API of their cluster, come and go while the job runs, and
// give their meta labels to relabelling.
func TestKubernetesDiscovery(t *testing.T) {
	c, address := newCluster(t), target(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(clusterToken), 0o600); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]string{"prometheus.io/scrape": "true", "prometheus.io/path": "/metrics"}
	c.put("/api/v1/pods", "shop", "basket-1", pod(address, "basket", wanted))
	c.put("/api/v1/pods", "shop", "quiet-1", pod(address, "quiet", nil))
	s, e := open(t, nil)
	err := s.Load([]byte(fmt.Sprintf(`
global: {scrape_interval: 100ms, scrape_timeout: 100ms}
scrape_configs:
- job_name: pods
  kubernetes_sd_configs: [{role: pod, api_server: %q, authorization: {credentials_file: %q}, namespaces: {names: []}}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], regex: "true", action: keep}
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path], target_label: __metrics_path__, regex: (.+)}
  - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
  - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
  - {source_labels: [__meta_kubernetes_pod_node_name], target_label: node}
  - {regex: __meta_kubernetes_pod_label_(.+), action: labelmap}
- job_name: slices
  kubernetes_sd_configs: [{role: endpointslice, api_server: %q, authorization: {credentials_file: %q}}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_service_name], target_label: service}
  - {source_labels: [__meta_kubernetes_endpointslice_port_name], target_label: port}
`, c.URL, token, c.URL, token)))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, e, fmt.Sprintf(`temperature{job="pods", namespace="shop", pod="basket-1", node="node-1", app="basket", instance=%q}`, address))

	c.put("/api/v1/pods", "shop", "basket-2", pod(address, "basket", wanted))
	eventually(t, e, `temperature{pod="basket-2"}`)
	c.put("/api/v1/pods", "shop", "basket-1", nil)
	eventually(t, e, `temperature{pod="basket-2"} unless on() temperature{pod="basket-1"}`)
	eventually(t, e, `absent(temperature{app="quiet"})`)

	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	c.put("/api/v1/services", "shop", "basket", map[string]any{"spec": map[string]any{"clusterIP": "10.1.0.1", "ports": []any{map[string]any{"name": "http", "port": 80}}}})
	c.put("/apis/discovery.k8s.io/v1/endpointslices", "shop", "basket-x", map[string]any{
		"metadata": map[string]any{"labels": map[string]string{"kubernetes.io/service-name": "basket"}}, "addressType": "IPv4",
		"endpoints": []any{map[string]any{"addresses": []string{host}, "conditions": map[string]bool{"ready": true}}},
		"ports":     []any{map[string]any{"name": "http", "port": n, "protocol": "TCP"}},
	})
	eventually(t, e, `temperature{job="slices", service="basket", port="http"}`)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused != 0 {
		t.Errorf("%d requests came without the token", c.refused)
	}
}

// A configuration for Kubernetes that cannot work names its fault and leaves the
// old jobs.
func TestKubernetesMisconfigured(t *testing.T) {
	s, _ := open(t, nil)
	for text, want := range map[string]string{
		"[{role: planet}]": "unknown Kubernetes SD role",
		"[{role: pod, api_server: 'http://x', kubeconfig_file: a}]": "cannot use 'kubeconfig_file' and 'api_server'",
		"[{api_server: 'http://x'}]":                                "role missing",
	} {
		err := s.Load([]byte("scrape_configs: [{job_name: pods, kubernetes_sd_configs: " + text + "}]"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
