package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// dashboard are ten queries as panels ask them.
var dashboard = []struct{ name, query string }{
	{"rate of all", `sum(rate(bench_00_total[5m]))`},
	{"rate by instance", `sum by (instance) (rate(bench_01_total[5m]))`},
	{"ten busiest paths", `topk(10, sum by (path) (rate(bench_02_total[5m])))`},
	{"95th percentile", `histogram_quantile(0.95, sum by (le) (rate(bench_duration_seconds_bucket[5m])))`},
	{"99th percentile by path", `histogram_quantile(0.99, sum by (le, path) (rate(bench_duration_seconds_bucket[5m])))`},
	{"share of POST", `sum(rate(bench_03_total{method="POST"}[5m])) / sum(rate(bench_03_total[5m]))`},
	{"one instance, as stored", `bench_04_total{instance="10.0.0.7:9100"}`},
	{"increase by path", `sum by (path) (increase(bench_05_total{path=~"/path/1.*"}[5m]))`},
	{"highest value by instance", `max by (instance) (max_over_time(bench_06_total[2m]))`},
	{"ratio of two metrics by instance", `avg by (instance) (bench_07_total) / on (instance) avg by (instance) (bench_08_total)`},
}

// queries asks each query of both in turns; the slower times tell of what else
// the machine does, so that the lower quartile counts.
func (b *bench) queries(pair [2]*process, asks int) error {
	end := time.Now().Truncate(every)
	var latency [2]float64
	var total [2]time.Duration
	for _, q := range dashboard {
		var times [2][]float64
		var used [2]time.Duration
		var size [2]int
		for n := range 1 + asks {
			for k := range pair {
				which := (k + n) % 2
				before, started := pair[which].cpu(), time.Now()
				points, err := pair[which].ask(q.query, end.Add(-10*time.Minute), end)
				if err != nil {
					return fmt.Errorf("%s: %w", q.name, err)
				}
				if n == 0 { // the first fills caches
					size[which] = points
					continue
				}
				times[which] = append(times[which], time.Since(started).Seconds()*1000)
				used[which] += pair[which].cpu() - before
			}
		}
		if size[0] != size[1] || size[0] == 0 {
			return fmt.Errorf("%s: %d points, and %d from a stock Prometheus", q.name, size[1], size[0])
		}
		typical := [2]float64{quartile(times[0]), quartile(times[1])}
		b.add("query: "+q.name, "ms", false, typical[0], typical[1])
		for k := range pair {
			latency[k] += typical[k]
			total[k] += used[k]
		}
	}
	b.add("ten queries, together", "ms", false, latency[0], latency[1])
	n := float64(asks)
	b.add("ten queries, together", "ms of CPU", false, total[0].Seconds()*1000/n, total[1].Seconds()*1000/n)
	return nil
}

// ask gives the number of points of the answer.
func (p *process) ask(query string, start, end time.Time) (points int, err error) {
	resp, err := http.PostForm(p.base+"/api/v1/query_range", url.Values{"query": {query}, "start": {fmt.Sprint(start.Unix())}, "end": {fmt.Sprint(end.Unix())}, "step": {"15"}})
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	var out struct {
		Status, Error string
		Data          struct {
			Result []struct {
				Values []json.RawMessage `json:"values"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &out); err != nil || out.Status != "success" {
		return 0, fmt.Errorf("%d %.200s", resp.StatusCode, text)
	}
	for _, r := range out.Data.Result {
		points += len(r.Values)
	}
	return points, nil
}
