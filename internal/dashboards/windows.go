package dashboards

// windows shows Windows machines and pods by the series of windows_exporter.
func windows() Dashboard {
	const one = `job="windows-exporter",instance=~"$instance"`
	const volumes = one + `,volume!~"HarddiskVolume.*"`
	return Dashboard{UID: "gatehouse-windows", Title: "Windows nodes", Description: "Windows machines and their pods, by the series of windows_exporter.", Tags: []string{"node", "windows"},
		Variables: []Variable{{"instance", "Instance", "windows_os_visible_memory_bytes", "instance"}}, Rows: []Row{
			{"Processor and memory", []Panel{
				chart("Processor in use", "percentunit", 12, Query{Expr: `1 - avg by (instance) (rate(windows_cpu_time_total{mode="idle",` + one + `}[$__rate_interval]))`, Legend: "{{instance}}"}),
				chart("Memory in use", "percentunit", 12, Query{Expr: `1 - windows_memory_available_bytes{` + one + `} / windows_os_visible_memory_bytes{` + one + `}`, Legend: "{{instance}}"}),
				chart("Swapping", "short", 24, Query{Expr: `rate(windows_memory_swap_page_operations_total{` + one + `}[$__rate_interval])`, Legend: "{{instance}}"}),
			}},
			{"Disks and network", []Panel{
				chart("Volumes in use", "percentunit", 12, Query{Expr: `1 - windows_logical_disk_free_bytes{` + volumes + `} / windows_logical_disk_size_bytes{` + volumes + `}`, Legend: "{{instance}} {{volume}}"}),
				chart("Busy", "percentunit", 12, Query{Expr: `rate(windows_logical_disk_read_seconds_total{` + volumes + `}[$__rate_interval]) + rate(windows_logical_disk_write_seconds_total{` + volumes + `}[$__rate_interval])`, Legend: "{{instance}} {{volume}}"}),
				chart("Network", "Bps", 12, Query{Expr: `sum by (instance) (rate(windows_net_bytes_total{` + one + `}[$__rate_interval]))`, Legend: "{{instance}}"}),
				chart("Packets lost", "pps", 12, Query{Expr: `sum by (instance) (rate(windows_net_packets_received_discarded_total{` + one + `}[$__rate_interval]) + rate(windows_net_packets_outbound_discarded_total{` + one + `}[$__rate_interval]))`, Legend: "{{instance}}"}),
			}},
			{"Pods", []Panel{
				chart("Processor by container", "short", 12, Query{Expr: `sum by (container_id) (rate(windows_container_cpu_usage_seconds_total{container_id!="",` + one + `}[$__rate_interval]))`, Legend: "{{container_id}}"}),
				chart("Memory by container", "bytes", 12, Query{Expr: `sum by (container_id) (windows_container_memory_usage_commit_bytes{container_id!="",` + one + `})`, Legend: "{{container_id}}"}),
			}},
		}}
}
