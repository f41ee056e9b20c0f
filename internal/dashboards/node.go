package dashboards

// node shows machines by the series of node_exporter.
func node() Dashboard {
	const one = `instance=~"$instance"`
	const disks = one + `,fstype!~"tmpfs|overlay|squashfs|ramfs"`
	const cards = one + `,device!~"lo|veth.*|docker.*|br-.*|cni.*"`
	return Dashboard{UID: "gatehouse-node", Title: "Nodes", Description: "Machines, by the series of node_exporter.", Tags: []string{"node"},
		Variables: []Variable{{"instance", "Instance", "node_uname_info", "instance"}}, Rows: []Row{
			{"Processor and memory", []Panel{
				chart("Processor in use", "percentunit", 12, Query{Expr: `1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle",` + one + `}[$__rate_interval]))`, Legend: "{{instance}}"}),
				chart("Load for each core", "short", 12, Query{Expr: `node_load5{` + one + `} / on (instance) count by (instance) (node_cpu_seconds_total{mode="idle",` + one + `})`, Legend: "{{instance}}"}),
				chart("Memory in use", "percentunit", 12, Query{Expr: `1 - node_memory_MemAvailable_bytes{` + one + `} / node_memory_MemTotal_bytes{` + one + `}`, Legend: "{{instance}}"}),
				chart("Swapping", "Bps", 12, Query{Expr: `(rate(node_vmstat_pswpin{` + one + `}[$__rate_interval]) + rate(node_vmstat_pswpout{` + one + `}[$__rate_interval])) * 4096`, Legend: "{{instance}}"}),
			}},
			{"Disks", []Panel{
				chart("File systems in use", "percentunit", 12, Query{Expr: `1 - node_filesystem_avail_bytes{` + disks + `} / node_filesystem_size_bytes{` + disks + `}`, Legend: "{{instance}} {{mountpoint}}"}),
				chart("Busy", "percentunit", 12, Query{Expr: `rate(node_disk_io_time_seconds_total{` + one + `}[$__rate_interval])`, Legend: "{{instance}} {{device}}"}),
			}},
			{"Network", []Panel{
				chart("Received", "Bps", 12, Query{Expr: `sum by (instance) (rate(node_network_receive_bytes_total{` + cards + `}[$__rate_interval]))`, Legend: "{{instance}}"}),
				chart("Sent", "Bps", 12, Query{Expr: `sum by (instance) (rate(node_network_transmit_bytes_total{` + cards + `}[$__rate_interval]))`, Legend: "{{instance}}"}),
				chart("Packets lost", "pps", 24, Query{Expr: `sum by (instance) (rate(node_network_receive_drop_total{` + cards + `}[$__rate_interval]) + rate(node_network_transmit_drop_total{` + cards + `}[$__rate_interval]))`, Legend: "{{instance}}"}),
			}},
		}}
}

// cluster shows Kubernetes by the series of cAdvisor and kube-state-metrics.
func cluster() Dashboard {
	const one = `namespace=~"$namespace"`
	const running = `container!="",` + one
	return Dashboard{UID: "gatehouse-cluster", Title: "Kubernetes", Description: "Clusters, by the series of cAdvisor and kube-state-metrics.", Tags: []string{"kubernetes"},
		Variables: []Variable{{"namespace", "Namespace", "kube_pod_info", "namespace"}}, Rows: []Row{
			{"Cluster", []Panel{
				number("Nodes ready", "short", `sum(kube_node_status_condition{condition="Ready",status="true"})`),
				number("Pods running", "short", `sum(kube_pod_status_phase{phase="Running"})`),
				number("Pods not running", "short", `sum(kube_pod_status_phase{phase=~"Pending|Failed|Unknown"})`),
				number("Processor requested", "percentunit", `sum(kube_pod_container_resource_requests{resource="cpu"}) / sum(kube_node_status_allocatable{resource="cpu"})`),
				number("Memory requested", "percentunit", `sum(kube_pod_container_resource_requests{resource="memory"}) / sum(kube_node_status_allocatable{resource="memory"})`),
				number("Restarts in an hour", "short", `sum(increase(kube_pod_container_status_restarts_total[1h]))`),
			}},
			{"Workloads", []Panel{
				chart("Processor by namespace", "short", 12, Query{Expr: `sum by (namespace) (rate(container_cpu_usage_seconds_total{` + running + `}[$__rate_interval]))`, Legend: "{{namespace}}"}),
				chart("Memory by namespace", "bytes", 12, Query{Expr: `sum by (namespace) (container_memory_working_set_bytes{` + running + `})`, Legend: "{{namespace}}"}),
				chart("Processor held back", "percentunit", 12, Query{Expr: `sum by (namespace, pod) (rate(container_cpu_cfs_throttled_periods_total{` + running + `}[$__rate_interval])) / sum by (namespace, pod) (rate(container_cpu_cfs_periods_total{` + running + `}[$__rate_interval]))`, Legend: "{{namespace}}/{{pod}}"}),
				chart("Network by namespace", "Bps", 12, Query{Expr: `sum by (namespace) (rate(container_network_receive_bytes_total{` + one + `}[$__rate_interval]))`, Legend: "{{namespace}} in"},
					Query{Expr: `sum by (namespace) (rate(container_network_transmit_bytes_total{` + one + `}[$__rate_interval]))`, Legend: "{{namespace}} out"}),
			}},
			{"What is wrong", []Panel{
				list("Replicas missing", "short", 12, `kube_deployment_spec_replicas{`+one+`} - kube_deployment_status_replicas_available{`+one+`} > 0`).quiet(),
				list("Restarts in an hour", "short", 12, `sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total{`+one+`}[1h])) > 0`).quiet(),
			}},
		}}
}
