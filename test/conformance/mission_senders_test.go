package conformance

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb/agent"
)

// agentSender is Prometheus in agent mode: its own write-ahead log and its own
// sender, which goes on until all has arrived.
type agentSender struct {
	db     *agent.DB
	remote *remote.Storage
}

// newAgent sends to a path of the house's HTTPS door with its token, in one of
// the two forms of remote write.
func (h *house) newAgent(t *testing.T, path, message, more string) *agentSender {
	t.Helper()
	text := fmt.Sprintf(`global: {external_labels: {%s}}
remote_write:
- url: %q
  protobuf_message: %s
  authorization: {credentials_file: %q}
  tls_config: {ca_file: %q}
  send_native_histograms: true
  headers: {X-Forwarded-Proto: https, X-Ms-Client-Request-Id: "of the collector"}
  queue_config: {batch_send_deadline: 50ms, min_backoff: 30ms, max_backoff: 100ms}
`, more, h.secure+path, message, filepath.Join(h.data, "admin-token"), filepath.Join(h.data, "ca", "ca.crt"))
	log := slog.New(slog.NewTextHandler(h.log, nil))
	c, err := config.Load(text, log)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	a := &agentSender{remote: remote.NewStorage(log, prometheus.NewRegistry(), func() (int64, error) { return 0, nil }, dir, time.Second, nil, false)}
	if a.db, err = agent.Open(log, prometheus.NewRegistry(), a.remote, dir, agent.DefaultOptions()); err != nil {
		t.Fatal(err)
	}
	a.db.SetWriteNotified(a.remote)
	t.Cleanup(func() {
		if err := errors.Join(a.remote.Close(), a.db.Close()); err != nil {
			t.Error(err)
		}
	})
	if err := a.remote.ApplyConfig(c); err != nil {
		t.Fatal(err)
	}
	return a
}

// add stores one sample of now, or a native histogram, and leaves the sending to
// the agent.
func (a *agentSender) add(t *testing.T, v float64, h *histogram.Histogram, pairs ...string) {
	t.Helper()
	app := a.db.Appender(t.Context())
	var err error
	if h != nil {
		_, err = app.AppendHistogram(0, labels.FromStrings(pairs...), time.Now().UnixMilli(), h, nil)
	} else {
		_, err = app.Append(0, labels.FromStrings(pairs...), time.Now().UnixMilli(), v)
	}
	if err == nil {
		err = app.Commit()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// M08: Prometheus's own sender writes in both forms, at its path and at Azure's.
func missionRemoteWrite(t *testing.T, h *house) {
	for n, path := range []string{"/workspaces/clusters/prometheus/api/v1/write", "/dataCollectionRules/clusters/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24"} {
		message := []string{"prometheus.WriteRequest", "io.prometheus.write.v2.Request"}[n]
		a := h.newAgent(t, path, message, "cluster: on-premises")
		name := fmt.Sprintf("sent_by_prometheus_%d", n)
		size := &histogram.Histogram{Schema: 1, Count: 3, Sum: 6, ZeroThreshold: 1e-128, PositiveSpans: []histogram.Span{{Offset: 1, Length: 1}}, PositiveBuckets: []int64{3}}
		eventually(t, message, func() bool { // a sender passes over what is older than itself
			for i := range 20 {
				a.add(t, float64(i), nil, "__name__", name, "job", "shop", "pod", fmt.Sprint("pod-", i))
			}
			a.add(t, 0, size, "__name__", name+"_bytes", "job", "shop")
			return h.inClusters(t, fmt.Sprintf(`sum(%s{job="shop",cluster="on-premises"}) + sum(histogram_count(%s_bytes))`, name, name)) == 190+3
		})
	}
}

func (h *house) inClusters(t *testing.T, query string) float64 {
	t.Helper()
	return h.queryIn(t, "/workspaces/clusters/prometheus", query, float64(time.Now().UnixMilli())/1000)
}

// clusterSeries are series of the default targets of Azure's collector, with
// their labels.
func clusterSeries() [][]string {
	pod := []string{"namespace", "shop", "pod", "basket-1", "container", "main"}
	return [][]string{
		append([]string{"__name__", "kube_pod_info", "job", "kube-state-metrics", "instance", "ama-metrics-ksm:8080", "node", "aks-pool-0", "host_ip", "10.0.0.1", "created_by_kind", "ReplicaSet"}, pod...),
		append([]string{"__name__", "container_memory_working_set_bytes", "job", "cadvisor", "instance", "aks-pool-0", "id", "/kubepods/x", "image", "shop:1"}, pod...),
		{"__name__", "kubelet_running_pods", "job", "kubelet", "instance", "aks-pool-0", "metrics_path", "/metrics"},
		{"__name__", "node_cpu_seconds_total", "job", "node", "instance", "aks-pool-0", "cpu", "0", "mode", "idle"},
		{"__name__", "up", "job", "kubelet", "instance", "aks-pool-0"},
	}
}

// collector sends what Azure's collector sends of a cluster.
func (h *house) collector(t *testing.T, cluster, more string) {
	t.Helper()
	a := h.newAgent(t, "/dataCollectionRules/clusters/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24", "prometheus.WriteRequest", fmt.Sprintf("cluster: %q%s", cluster, more))
	var counts []string // one metric in each selector, as Azure wants it
	for _, pairs := range clusterSeries() {
		counts = append(counts, fmt.Sprintf(`count(%s{cluster=%q,job=~"kube-state-metrics|cadvisor|kubelet|node"})`, pairs[1], cluster))
	}
	eventually(t, "all series of the cluster", func() bool {
		for _, pairs := range clusterSeries() {
			a.add(t, 3, nil, pairs...)
		}
		return h.inClusters(t, strings.Join(counts, " + ")) == float64(len(clusterSeries()))
	})
	// The labels join as dashboards of clusters join them.
	if got := h.inClusters(t, fmt.Sprintf(`sum by (node) (container_memory_working_set_bytes{cluster=%q} * on (namespace, pod) group_left (node) kube_pod_info{cluster=%q})`, cluster, cluster)); got != 9 {
		t.Errorf("memory by node: %v", got)
	}
}

// M07: what the metrics collector of AKS sends arrives at Azure's path.
func missionAKS(t *testing.T, h *house) { h.collector(t, "aks-west", "") }

// M09: the same from a cluster that Arc connects, with its resource id.
func missionArc(t *testing.T, h *house) {
	const id = "/subscriptions/s/resourceGroups/edge/providers/Microsoft.Kubernetes/connectedClusters/store-17"
	h.collector(t, "store-17", fmt.Sprintf(", microsoft_resourceid: %q, distribution: k3s", id))
	if got := h.inClusters(t, fmt.Sprintf(`count(up{microsoft_resourceid=%q,distribution="k3s"})`, id)); got != 1 {
		t.Error("the labels of Arc are not there")
	}
	if refused := h.metricWorkspace(t, "clusters").Refusals; len(refused) > 0 {
		for _, r := range refused {
			if strings.HasPrefix(r.Metric, "kube") {
				t.Errorf("refused: %+v", r)
			}
		}
	}
}
