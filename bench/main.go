// Command bench measures what the gateway costs beside its peers.
//
// Every target runs as a process of its own in front of the same backend and
// under the same closed-loop load; rounds are interleaved in random order and
// ratios are paired by round. The figure to trust is CPU per request, read from
// /proc (children included); throughput on a shared machine is rough.
//
// It uses what is installed: wrk for the load (else its own generator), nginx
// and caddy as peers (else they are left out, and the output says so).
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	role := flag.String("role", "run", "run, or one of the helper processes: backend, sink, load, pace")
	listen := flag.String("listen", "127.0.0.1:0", "address of a helper process")
	url := flag.String("url", "", "address to load")
	seconds := flag.Float64("seconds", 4, "length of one measurement")
	connections := flag.Int("c", 32, "connections")
	rounds := flag.Int("rounds", 3, "rounds")
	rate := flag.Int("rate", 0, "requests per second, 0: as many as go")
	only := flag.String("only", "", "comma-separated targets")
	binary := flag.String("gatehouse", "bin/gatehouse", "the gateway's binary")
	profiles := flag.String("profiles", "", "folder for a processor profile of the gateway in each measurement")
	flag.Parse()
	var err error
	switch *role {
	case "backend":
		err = serveBackend(*listen)
	case "sink":
		err = serveSink(*listen)
	case "load":
		err = generate(*url, time.Duration(*seconds*float64(time.Second)), *connections)
	case "pace":
		err = pace(*url, time.Duration(*seconds*float64(time.Second)), *connections, *rate)
	default:
		err = run(*binary, *rounds, *seconds, *connections, *rate, *only, *profiles)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(binary string, rounds int, seconds float64, connections, rate int, only, profiles string) error {
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err = filepath.Abs(binary)
	if err != nil {
		return err
	}
	h := &harness{dir: dir, seconds: seconds, connections: connections, profiles: profiles, rate: rate}
	if err := h.start(); err != nil {
		return err
	}
	defer h.stop()
	targets := h.targets(binary)
	if only != "" {
		targets = slices.DeleteFunc(targets, func(t target) bool { return !slices.Contains(strings.Split(only, ","), t.name) })
	}
	results := map[string][]measurement{}
	for round := range rounds {
		order := rand.Perm(len(targets))
		for _, i := range order {
			m, err := h.measure(targets[i])
			if err != nil {
				return fmt.Errorf("%s: %w", targets[i].name, err)
			}
			results[targets[i].name] = append(results[targets[i].name], m)
			fmt.Printf("round %d  %-22s %8.0f req/s  %7.1f us/req  p99 %8s  %4d MiB  errors %d  %s\n", round+1, targets[i].name, m.rps, m.cpu, m.p99, m.rss>>20, m.errors, m.note)
		}
	}
	report(targets, results)
	return nil
}
