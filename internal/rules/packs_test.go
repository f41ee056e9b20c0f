package rules

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/rules"
)

// Labels of series in the cases below.
const (
	ksm   = `job="kube-state-metrics",cluster="c",namespace="shop",`
	pod   = `cluster="c",namespace="shop",pod="web-1",`
	owner = `kube_pod_owner{` + ksm + `pod="web-1",owner_name="web",owner_kind="ReplicaSet"} 1x700`
)

// alertCase breaks something for a while: fires is when the alert must be
// firing, ends is when it must not any more.
type alertCase struct {
	alert       string
	fires, ends time.Duration
	series      string // one a line
}

// aksCases are all alerts of the pack.
func aksCases() []alertCase {
	const m = time.Minute
	return []alertCase{
		{"KubeCPUQuotaOvercommit", 15 * m, 80 * m, `kube_resourcequota{` + ksm + `type="hard",resource="cpu"} 20x40 4x60
kube_resourcequota{` + ksm + `type="hard",resource="requests.cpu"} 18x40 4x60
kube_node_status_allocatable{` + ksm + `node="n",resource="cpu"} 8x100`},
		{"KubeMemoryQuotaOvercommit", 15 * m, 80 * m, `kube_resourcequota{` + ksm + `type="hard",resource="memory"} 20x40 4x60
kube_node_status_allocatable{` + ksm + `node="n",resource="memory"} 8x100`},
		{"KubeContainerOOMKilledCount", 15 * m, 80 * m, `kube_pod_container_status_last_terminated_reason{` + ksm + `pod="web-1",container="web",reason="OOMKilled"} 1x40 0x60
` + owner},
		{"KubeClientErrors", 30 * m, 100 * m, `rest_client_requests_total{cluster="c",job="kubelet",instance="n",code="500"} 0+10x40 400x80
rest_client_requests_total{cluster="c",job="kubelet",instance="n",code="200"} 0+90x120`},
		{"KubePersistentVolumeFillingUp", 100 * m, 170 * m, `kubelet_volume_stats_available_bytes{job="kubelet",cluster="c",namespace="shop",persistentvolumeclaim="data"} 140-1x120 900x60
kubelet_volume_stats_capacity_bytes{job="kubelet",cluster="c",namespace="shop",persistentvolumeclaim="data"} 1000x200
kubelet_volume_stats_used_bytes{job="kubelet",cluster="c",namespace="shop",persistentvolumeclaim="data"} 860x200`},
		{"KubePersistentVolumeInodesFillingUp", 30 * m, 80 * m, `kubelet_volume_stats_inodes_free{job="kubelet",cluster="c",namespace="shop",persistentvolumeclaim="data"} 2x40 90x60
kubelet_volume_stats_inodes{job="kubelet",cluster="c",namespace="shop",persistentvolumeclaim="data"} 100x100`},
		{"KubePersistentVolumeErrors", 15 * m, 80 * m, `kube_persistentvolume_status_phase{` + ksm + `persistentvolume="pv",phase="Failed"} 1x40 0x60`},
		{"KubeContainerWaiting", 75 * m, 110 * m, `kube_pod_container_status_waiting_reason{` + ksm + `pod="web-1",container="web",reason="ImagePullBackOff"} 1x80 0x60`},
		{"KubeDaemonSetNotScheduled", 30 * m, 80 * m, `kube_daemonset_status_desired_number_scheduled{` + ksm + `daemonset="ds"} 3x100
kube_daemonset_status_current_number_scheduled{` + ksm + `daemonset="ds"} 2x40 3x60`},
		{"KubeDaemonSetMisScheduled", 30 * m, 80 * m, `kube_daemonset_status_number_misscheduled{` + ksm + `daemonset="ds"} 1x40 0x60`},
		{"KubeQuotaAlmostFull", 30 * m, 80 * m, `kube_resourcequota{` + ksm + `type="used",resource="pods"} 95x40 20x60
kube_resourcequota{` + ksm + `type="hard",resource="pods"} 100x100`},
		{"KubeNodeUnreachable", 30 * m, 80 * m, `kube_node_spec_taint{job="kube-state-metrics",cluster="c",node="n",key="node.kubernetes.io/unreachable",effect="NoSchedule"} 1x40 0x60`},
		{"KubeNodeReadinessFlapping", 40 * m, 120 * m, `kube_node_status_condition{job="kube-state-metrics",cluster="c",node="n",condition="Ready",status="true"} 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1x100`},
		{"KubeNodeDiskUsageHigh", 30 * m, 80 * m, `node_filesystem_avail_bytes{cluster="c",instance="n",mountpoint="/"} 10x40 60x60
node_filesystem_size_bytes{cluster="c",instance="n",mountpoint="/"} 100x100`},
		{"KubePodCrashLooping", 30 * m, 80 * m, `kube_pod_container_status_waiting_reason{` + ksm + `pod="web-1",container="web",reason="CrashLoopBackOff"} 1x40 0x60`},
		{"KubeJobStale", 370 * m, 420 * m, `kube_job_spec_completions{` + ksm + `job_name="nightly"} 1x500
kube_job_status_succeeded{` + ksm + `job_name="nightly"} 0x380 1x100`},
		{"KubePodContainerRestart", 40 * m, 150 * m, `kube_pod_container_status_restarts_total{` + ksm + `pod="web-1",container="web"} 0+1x10 10x190
` + owner},
		{"KubePodReadyStateLow", 15 * m, 80 * m, `kube_deployment_status_replicas_ready{` + ksm + `deployment="web"} 1x40 4x60
kube_deployment_spec_replicas{` + ksm + `deployment="web"} 4x100`},
		{"KubePodFailedState", 15 * m, 80 * m, `kube_pod_status_phase{` + ksm + `pod="web-1",phase="Failed"} 1x40 0x60
` + owner},
		{"KubePodNotReadyByController", 30 * m, 80 * m, `kube_pod_status_phase{` + ksm + `pod="web-1",phase="Pending"} 1x40 0x60
` + owner},
		{"KubeStatefulSetGenerationMismatch", 30 * m, 80 * m, `kube_statefulset_status_observed_generation{` + ksm + `statefulset="db"} 1x40 2x60
kube_statefulset_metadata_generation{` + ksm + `statefulset="db"} 2x100`},
		{"KubeJobFailed", 30 * m, 80 * m, `kube_job_failed{` + ksm + `job_name="nightly",condition="true"} 1x40 0x60`},
		{"KubeContainerAverageCPUHigh", 20 * m, 80 * m, `container_cpu_usage_seconds_total{` + pod + `container="web",image="i"} 0+59x40 2360x60
container_spec_cpu_quota{` + pod + `container="web",image="i"} 100000x100
container_spec_cpu_period{` + pod + `container="web",image="i"} 100000x100`},
		{"KubeContainerAverageMemoryHigh", 30 * m, 80 * m, `container_memory_working_set_bytes{` + pod + `container="web",image="i"} 98x40 10x60
kube_pod_container_resource_limits{` + ksm + `pod="web-1",container="web",resource="memory",node="n"} 100x100
` + owner},
		{"KubeletPodStartUpLatencyHigh", 30 * m, 100 * m, `kubelet_pod_worker_duration_seconds_bucket{job="kubelet",cluster="c",instance="n",le="60"} 0+1x120
kubelet_pod_worker_duration_seconds_bucket{job="kubelet",cluster="c",instance="n",le="120"} 0+10x40 401+1x80
kubelet_pod_worker_duration_seconds_bucket{job="kubelet",cluster="c",instance="n",le="+Inf"} 0+10x40 401+1x80
kubelet_node_name{job="kubelet",cluster="c",instance="n",node="node-1"} 1x120`},
		{"KubePVUsageHigh", 30 * m, 80 * m, `kubelet_volume_stats_used_bytes{job="kubelet",cluster="c",namespace="shop",persistentvolumeclaim="data"} 90x40 10x60
kubelet_volume_stats_capacity_bytes{job="kubelet",cluster="c",namespace="shop",persistentvolumeclaim="data"} 100x100`},
		{"KubeDeploymentReplicasMismatch", 30 * m, 80 * m, `kube_deployment_spec_replicas{` + ksm + `deployment="web"} 4x100
kube_deployment_status_replicas_available{` + ksm + `deployment="web"} 3x40 4x60
kube_deployment_status_replicas_updated{` + ksm + `deployment="web"} 3x100`},
		{"KubeStatefulSetReplicasMismatch", 30 * m, 80 * m, `kube_statefulset_status_replicas_ready{` + ksm + `statefulset="db"} 1x40 2x60
kube_statefulset_status_replicas{` + ksm + `statefulset="db"} 2x100
kube_statefulset_status_replicas_updated{` + ksm + `statefulset="db"} 2x100`},
		{"KubeHpaReplicasMismatch", 40 * m, 90 * m, `kube_horizontalpodautoscaler_status_desired_replicas{` + ksm + `horizontalpodautoscaler="web"} 5x50 3x60
kube_horizontalpodautoscaler_status_current_replicas{` + ksm + `horizontalpodautoscaler="web"} 3x110
kube_horizontalpodautoscaler_spec_min_replicas{` + ksm + `horizontalpodautoscaler="web"} 1x110
kube_horizontalpodautoscaler_spec_max_replicas{` + ksm + `horizontalpodautoscaler="web"} 9x110`},
		{"KubeHpaMaxedOut", 30 * m, 80 * m, `kube_horizontalpodautoscaler_status_current_replicas{` + ksm + `horizontalpodautoscaler="web"} 9x40 3x60
kube_horizontalpodautoscaler_spec_max_replicas{` + ksm + `horizontalpodautoscaler="web"} 9x100`},
	}
}

func windowsCases() []alertCase {
	const m, w = time.Minute, `job="windows-exporter",cluster="c",instance="win-1"`
	return []alertCase{
		{"WindowsNodeDiskAlmostFull", 30 * m, 80 * m, `windows_logical_disk_free_bytes{` + w + `,volume="C:"} 5x40 50x60
windows_logical_disk_size_bytes{` + w + `,volume="C:"} 100x100`},
		{"WindowsNodeMemoryHigh", 30 * m, 80 * m, `windows_memory_available_bytes{` + w + `} 1x40 50x60
windows_os_visible_memory_bytes{` + w + `} 100x100`},
	}
}

func packWorld(t *testing.T, pack, series string) *world {
	t.Helper()
	file, text, err := Pack(pack)
	if err != nil {
		t.Fatal(err)
	}
	load := "load 1m\n"
	for line := range strings.Lines(series) {
		load += "  " + strings.TrimSpace(line) + "\n"
	}
	return newWorld(t, load, map[string][]byte{file: text}, time.Minute)
}

// firing are the names of alerts that fire after all steps up to a time. It
// fails for a rule that cannot be evaluated.
func (w *world) firing(t *testing.T, at time.Duration) (names []string) {
	t.Helper()
	w.evaluate(at)
	for _, g := range w.groups {
		for _, r := range g.Rules() {
			if r.LastError() != nil {
				t.Errorf("rule %s: %v", r.Name(), r.LastError())
			}
		}
		for _, r := range g.AlertingRules() {
			for _, a := range r.ActiveAlerts() {
				if a.State == rules.StateFiring {
					names = append(names, r.Name())
				}
				if summary := a.Annotations.Get("summary"); summary == "" || strings.Contains(summary, "error") || strings.Contains(summary, "<no value>") {
					t.Errorf("%s: summary %q", r.Name(), summary)
				}
			}
		}
	}
	return names
}

// Every alert of the packs for clusters and Windows fires and ends.
func TestPackAlerts(t *testing.T) {
	for pack, cases := range map[string][]alertCase{"aks": aksCases(), "windows": windowsCases()} {
		left := alertNames(t, pack)
		for _, c := range cases {
			t.Run(c.alert, func(t *testing.T) {
				w := packWorld(t, pack, c.series)
				if pack == "aks" { // whose alerts need no recorded series: the others cost time alone
					w.groups = slices.DeleteFunc(w.groups, func(g *rules.Group) bool {
						return !slices.ContainsFunc(g.AlertingRules(), func(r *rules.AlertingRule) bool { return r.Name() == c.alert })
					})
				}
				if got := w.firing(t, 2*time.Minute); slices.Contains(got, c.alert) {
					t.Errorf("it fires at once")
				}
				if got := w.firing(t, c.fires); !slices.Contains(got, c.alert) {
					t.Errorf("after %s fire %v", c.fires, got)
				}
				if got := w.firing(t, c.ends); slices.Contains(got, c.alert) {
					t.Errorf("after %s it still fires", c.ends)
				}
			})
			left = slices.DeleteFunc(left, func(name string) bool { return name == c.alert })
		}
		if len(left) > 0 {
			t.Errorf("pack %s: no test of %v", pack, left)
		}
	}
}

func alertNames(t *testing.T, pack string) (names []string) {
	t.Helper()
	for _, g := range packWorld(t, pack, "up 1").groups {
		for _, r := range g.AlertingRules() {
			names = append(names, r.Name())
		}
	}
	return names
}
