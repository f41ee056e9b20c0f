package dashboards

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

// Grafana's own types read each dashboard, and know every property of it.
func TestGrafanaReads(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range All() {
		data, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		//lint:ignore SA1019 version 2 is what Grafana 12 may read; every version reads this one
		var read dashboard.Dashboard
		// It gives an empty list of errors where there are none.
		if err := read.UnmarshalJSONStrict(data); err != nil && err.Error() != "" {
			t.Errorf("%s: %v", d.UID, err)
		}
		if err := read.Validate(); err != nil {
			t.Errorf("%s: %v", d.UID, err)
		}
		if seen[d.UID] || len(d.UID) > 40 || d.Description == "" {
			t.Errorf("%s: the uid is used twice or too long, or there is no description", d.UID)
		}
		seen[d.UID] = true
		if _, ok := Find(d.UID); !ok {
			t.Errorf("%s is not found", d.UID)
		}
		checkPlaces(t, d)
	}
	if _, ok := Find("none"); ok {
		t.Error("a dashboard that is not there is found")
	}
}

// checkPlaces: no two panels overlap, and none leaves the grid.
func checkPlaces(t *testing.T, d Dashboard) {
	t.Helper()
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	for _, p := range d.panels() {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > gridWidth {
			t.Errorf("%s: %s stands outside, or has an id that is taken", d.UID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok {
					t.Fatalf("%s: %s and %s overlap", d.UID, p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// Every legend names labels that the expression can have, every variable is
// used, and every expression is PromQL.
func TestQueries(t *testing.T) {
	for _, d := range All() {
		text := ""
		for _, q := range d.Queries() {
			text += q.Expr + "\n"
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(Filled(q.Expr))
			if err != nil {
				t.Errorf("%s: %s: %v", d.UID, q.Expr, err)
				continue
			}
			checkLegend(t, d.UID, q, expr)
		}
		for _, v := range d.Variables {
			if !strings.Contains(text, "$"+v.Name) {
				t.Errorf("%s: nothing uses $%s", d.UID, v.Name)
			}
		}
	}
}

func checkLegend(t *testing.T, uid string, q Query, expr parser.Expr) {
	t.Helper()
	grouped := map[string]bool{}
	any := false
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if a, ok := n.(*parser.AggregateExpr); ok {
			any = true
			for _, name := range a.Grouping {
				grouped[name] = true
			}
		}
		return nil
	})
	for _, m := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(q.Legend, -1) {
		if any && !grouped[m[1]] {
			t.Errorf("%s: the legend %s names a label that %s does not keep", uid, q.Legend, q.Expr)
		}
	}
}

// The queries of nodes and clusters give series on what the exporters expose.
func TestExporterQueries(t *testing.T) {
	storage := promqltest.LoadedStorage(t, exporters)
	t.Cleanup(func() { _ = storage.Close() })
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: 5 * time.Minute})
	for _, d := range []Dashboard{node(), windows(), cluster()} {
		for _, q := range d.Queries() {
			query, err := engine.NewInstantQuery(t.Context(), storage, nil, Filled(q.Expr), time.Unix(600, 0))
			if err != nil {
				t.Fatal(err)
			}
			result := query.Exec(t.Context())
			if v, err := result.Vector(); err != nil || len(v) == 0 {
				t.Errorf("%s: %s gives %v %v", d.UID, q.Expr, v, err)
			}
			query.Close()
		}
	}
}

// exporters has a few series as node_exporter, cAdvisor and kube-state-metrics
// expose them.
const exporters = `
load 30s
  node_uname_info{instance="a:9100"} 1x30
  node_cpu_seconds_total{instance="a:9100",cpu="0",mode="idle"} 0+20x30
  node_load5{instance="a:9100"} 0.5x30
  node_memory_MemAvailable_bytes{instance="a:9100"} 4e9x30
  node_memory_MemTotal_bytes{instance="a:9100"} 8e9x30
  node_vmstat_pswpin{instance="a:9100"} 0+1x30
  node_vmstat_pswpout{instance="a:9100"} 0+1x30
  node_filesystem_avail_bytes{instance="a:9100",fstype="ext4",mountpoint="/",device="/dev/sda1"} 4e9x30
  node_filesystem_size_bytes{instance="a:9100",fstype="ext4",mountpoint="/",device="/dev/sda1"} 8e9x30
  node_disk_io_time_seconds_total{instance="a:9100",device="sda"} 0+1x30
  node_network_receive_bytes_total{instance="a:9100",device="eth0"} 0+1000x30
  node_network_transmit_bytes_total{instance="a:9100",device="eth0"} 0+1000x30
  node_network_receive_drop_total{instance="a:9100",device="eth0"} 0+1x30
  node_network_transmit_drop_total{instance="a:9100",device="eth0"} 0+1x30
  windows_cpu_time_total{job="windows-exporter",instance="w",core="0,0",mode="idle"} 0+20x30
  windows_os_visible_memory_bytes{job="windows-exporter",instance="w"} 1000x30
  windows_memory_available_bytes{job="windows-exporter",instance="w"} 600x30
  windows_memory_swap_page_operations_total{job="windows-exporter",instance="w"} 0+1x30
  windows_logical_disk_read_seconds_total{job="windows-exporter",instance="w",volume="C:"} 0+1x30
  windows_logical_disk_write_seconds_total{job="windows-exporter",instance="w",volume="C:"} 0+1x30
  windows_logical_disk_size_bytes{job="windows-exporter",instance="w",volume="C:"} 1000x30
  windows_logical_disk_free_bytes{job="windows-exporter",instance="w",volume="C:"} 600x30
  windows_net_bytes_total{job="windows-exporter",instance="w",nic="eth"} 0+900x30
  windows_net_packets_received_discarded_total{job="windows-exporter",instance="w",nic="eth"} 0+0x30
  windows_net_packets_outbound_discarded_total{job="windows-exporter",instance="w",nic="eth"} 0+0x30
  windows_container_cpu_usage_seconds_total{job="windows-exporter",instance="w",container_id="containerd://1"} 0+5x30
  windows_container_memory_usage_commit_bytes{job="windows-exporter",instance="w",container_id="containerd://1"} 50x30
  kube_pod_info{namespace="shop",pod="web-1"} 1x30
  kube_node_status_condition{condition="Ready",status="true",node="n1"} 1x30
  kube_pod_status_phase{phase="Running",namespace="shop",pod="web-1"} 1x30
  kube_pod_status_phase{phase="Pending",namespace="shop",pod="web-2"} 1x30
  kube_pod_container_resource_requests{resource="cpu",namespace="shop",pod="web-1",container="web"} 0.5x30
  kube_pod_container_resource_requests{resource="memory",namespace="shop",pod="web-1",container="web"} 1e9x30
  kube_node_status_allocatable{resource="cpu",node="n1"} 4x30
  kube_node_status_allocatable{resource="memory",node="n1"} 8e9x30
  kube_pod_container_status_restarts_total{namespace="shop",pod="web-1",container="web"} 0+1x30
  container_cpu_usage_seconds_total{namespace="shop",pod="web-1",container="web"} 0+1x30
  container_memory_working_set_bytes{namespace="shop",pod="web-1",container="web"} 1e8x30
  container_cpu_cfs_throttled_periods_total{namespace="shop",pod="web-1",container="web"} 0+1x30
  container_cpu_cfs_periods_total{namespace="shop",pod="web-1",container="web"} 0+10x30
  container_network_receive_bytes_total{namespace="shop",pod="web-1"} 0+1000x30
  container_network_transmit_bytes_total{namespace="shop",pod="web-1"} 0+1000x30
  kube_deployment_spec_replicas{namespace="shop",deployment="web"} 2x30
  kube_deployment_status_replicas_available{namespace="shop",deployment="web"} 1x30
`
