package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/store/lake"
)

// question is a query and the time it may take.
type question struct {
	name, text string
	goal       time.Duration
}

func questions(requests int) []question {
	middle := requests / 2 / 20 * 20 // a request with a call behind it and a line of log
	return []question{
		{"p95 by API, a day", `requests | where timestamp > ago(24h) | summarize percentile(duration, 95) by tostring(customDimensions["API Name"])`, 2 * time.Second},
		{"count by operation, status, minute", `requests | where timestamp > ago(24h) | summarize count() by operation_Name, resultCode, bin(timestamp, 1m)`, 2 * time.Second},
		{"one trace by id", `union requests, dependencies, traces, exceptions | where operation_Id == "` + traceOf(middle) + `" | sort by timestamp asc`, 200 * time.Millisecond},
		{"a trace that there is not", `union requests, dependencies, traces, exceptions | where operation_Id == "` + strings.Repeat("f", 32) + `"`, 200 * time.Millisecond},
		{"text in messages, 24 h", `traces | where timestamp > ago(24h) and message has "` + strconv.Itoa(middle) + `" | take 100`, 2 * time.Second},
		{"text in messages, contains", `traces | where timestamp > ago(24h) and message contains "item ` + strconv.Itoa(middle) + ` " | take 100`, 2 * time.Second},
		{"text in paths, 24 h", `requests | where timestamp > ago(24h) and url contains "/items/19999" | summarize count() by resultCode`, 2 * time.Second},
		{"search in every column, an hour", `search in (requests, traces) "` + strconv.Itoa(middle) + `" | where timestamp > ago(1h) | take 100`, 0},
		{"failed requests, newest 100", `requests | where timestamp > ago(24h) and success == false | top 100 by timestamp`, 0},
		{"count by dimension of the sender", `requests | where timestamp > ago(1h) | summarize count() by tostring(customDimensions["Response-x-region"])`, 0},
		{"failures by hour", `requests | where timestamp > ago(24h) | summarize failed = countif(success == false), calls = sum(itemCount) by bin(timestamp, 1h) | render timechart`, 0},
		{"slowest dependencies", `dependencies | where timestamp > ago(24h) | summarize avg(duration), percentile(duration, 95), count() by target, type | top 10 by avg_duration`, 0},
	}
}

// query runs every question whose name has a text in it three times, and prints
// the median.
func query(dir string, end time.Time, requests, threads int, only string, show bool) error {
	o := lake.DefaultOptions(dir)
	o.Now = func() time.Time { return end }
	o.MaxAge = -1
	if threads > 0 {
		o.Threads = threads
	}
	l, err := lake.Open(o)
	if err != nil {
		return err
	}
	defer l.Close()
	e := kql.New(kql.Options{Lake: l})
	if err := warm(e, end); err != nil {
		return err
	}
	fmt.Printf("queries with %d thread(s), %d MiB for the engine\n| query | time | processor | goal | rows | memory |\n|---|---|---|---|---|---|\n", o.Threads, o.MemoryLimit>>20)
	missed := 0
	for _, q := range questions(requests) {
		if !strings.Contains(q.name, only) {
			continue
		}
		m, err := measure(e, q.text, end)
		if err != nil {
			fmt.Printf("| %s | %v | | | | |\n", q.name, err)
			missed++
			continue
		}
		goal := ""
		if q.goal > 0 {
			goal = q.goal.String()
			if m.took > q.goal {
				goal += ", missed"
				missed++
			}
		}
		fmt.Printf("| %s | %d ms | %d ms | %s | %d | %d MiB |\n", q.name, m.took.Milliseconds(), m.cpu.Milliseconds(), goal, m.rows, m.peak>>20)
		if show {
			fmt.Println(q.text)
		}
	}
	if missed > 0 {
		fmt.Printf("%d goals were missed\n", missed)
	}
	return nil
}

// warm opens the engine.
func warm(e *kql.Engine, end time.Time) error {
	_, err := e.Query(context.Background(), kql.Request{Query: "requests | where timestamp > ago(1m) | count", Workspaces: []string{""}, Now: end})
	return err
}

type measured struct {
	took time.Duration
	cpu  time.Duration // of the whole process; more than took when cores work beside each other, less when others take them
	rows int
	peak int64 // bytes resident at most, of the whole process
}

func measure(e *kql.Engine, text string, end time.Time) (m measured, err error) {
	var times, cpu []time.Duration
	resetPeak()
	for range 3 {
		started, before := time.Now(), processorTime()
		r, err := e.Query(context.Background(), kql.Request{Query: text, Workspaces: []string{""}, Now: end})
		if err != nil {
			return m, err
		}
		times, cpu = append(times, time.Since(started)), append(cpu, processorTime()-before)
		m.rows = len(r.Tables[0].Rows)
	}
	slices.Sort(times)
	slices.Sort(cpu)
	m.took, m.cpu, m.peak = times[1], cpu[1], peak()
	return m, nil
}

// resetPeak makes the kernel count the greatest resident size anew.
func resetPeak() {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200) // without it the peak is that of all queries so far
}

func peak() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10
}
