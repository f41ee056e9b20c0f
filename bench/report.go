package main

import (
	"fmt"
	"slices"
)

// report prints medians and the ratios that the project promises, paired by round.
func report(targets []target, results map[string][]measurement) {
	fmt.Printf("\n%-22s %10s %10s %8s\n", "median", "req/s", "us/req", "MiB")
	for _, t := range targets {
		m := results[t.name]
		fmt.Printf("%-22s %10.0f %10.1f %8d\n", t.name, median(column(m, func(x measurement) float64 { return x.rps })),
			median(column(m, func(x measurement) float64 { return x.cpu })), int(median(column(m, func(x measurement) float64 { return float64(x.rss >> 20) }))))
	}
	fmt.Println()
	cpu := func(x measurement) float64 { return x.cpu }
	rps := func(x measurement) float64 { return x.rps }
	ratio("CPU per request, on / off", "goal <= 1.10", results["gatehouse-on"], results["gatehouse-off"], cpu)
	ratio("CPU per request with policies, on / off", "goal <= 1.10", results["gatehouse-policy-on"], results["gatehouse-policy-off"], cpu)
	ratio("CPU per request, on / caddy on", "goal <= 0.30", results["gatehouse-on"], results["caddy-on"], cpu)
	ratio("CPU per request, on / nginx plain", "goal <= 3.5", results["gatehouse-on"], results["nginx"], cpu)
	ratio("throughput kept, on / off", "goal >= 0.90", results["gatehouse-on"], results["gatehouse-off"], rps)
	ratio("throughput kept, 100 % to a workspace / off", "goal >= 0.90", results["gatehouse-workspace"], results["gatehouse-off"], rps)
	ratio("throughput kept, with 8 KiB bodies / off", "goal >= 0.85", results["gatehouse-big-bodies"], results["gatehouse-big-off"], rps)
	ratio("CPU per request, 100 % to a workspace / off", "", results["gatehouse-workspace"], results["gatehouse-off"], cpu)
	ratio("CPU per request, with 8 KiB bodies / off", "", results["gatehouse-big-bodies"], results["gatehouse-big-off"], cpu)
	ratio("throughput kept, 100 % to a remote endpoint / off", "goal >= 0.90", results["gatehouse-remote"], results["gatehouse-off"], rps)
	ratio("throughput kept, 8 KiB bodies to it / off", "goal >= 0.85", results["gatehouse-remote-bodies"], results["gatehouse-big-off"], rps)
	ratio("CPU per request, 100 % to a remote endpoint / off", "", results["gatehouse-remote"], results["gatehouse-off"], cpu)
	ratio("CPU per request, 8 KiB bodies to it / off", "", results["gatehouse-remote-bodies"], results["gatehouse-big-off"], cpu)
	stored("rows stored per second of one core", "bytes per request on disk", results["gatehouse-workspace"], results["gatehouse-off"])
	stored("rows with 8 KiB bodies stored per second of one core", "bytes per request on disk", results["gatehouse-big-bodies"], results["gatehouse-big-off"])
	ratio("throughput kept with policies, on / off", "goal >= 0.90", results["gatehouse-policy-on"], results["gatehouse-policy-off"], rps)
}

func column(m []measurement, f func(measurement) float64) []float64 {
	var out []float64
	for _, x := range m {
		out = append(out, f(x))
	}
	return out
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	if len(v)%2 == 1 {
		return v[len(v)/2]
	}
	return (v[len(v)/2-1] + v[len(v)/2]) / 2
}

// stored prints what the CPU time that recording adds comes to.
func stored(rate, size string, on, off []measurement) {
	if len(on) == 0 || len(off) == 0 {
		return
	}
	var rates []float64
	for i := range min(len(on), len(off)) {
		if more := on[i].cpu - off[i].cpu; more > 0 {
			rates = append(rates, 1e6/more)
		}
	}
	fmt.Printf("%-52s %8.0f\n%-52s %8.0f\n", rate, median(rates), size, median(column(on, func(x measurement) float64 { return x.bytes })))
}

func ratio(name, goal string, a, b []measurement, f func(measurement) float64) {
	if len(a) == 0 || len(b) == 0 {
		return
	}
	var all []float64
	for i := range min(len(a), len(b)) {
		all = append(all, f(a[i])/f(b[i]))
	}
	fmt.Printf("%-52s %5.2f [%.2f-%.2f]  %s\n", name, median(all), slices.Min(all), slices.Max(all), goal)
}
