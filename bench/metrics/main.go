// Command metrics measures Gatehouse's metric store beside a stock Prometheus:
// what taking samples in, keeping series, answering dashboards and evaluating
// rules cost.
//
// What comes in: the gateway's binary; Prometheus is built from the Go module
// proxy. What goes out: a table in Markdown with ratios of the two, measured in
// turns in the same run. It must never leave data or processes behind.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"gatehouse/test/upstream"
)

func main() {
	binary := flag.String("gatehouse", "bin/gatehouse", "the gateway's binary")
	series := flag.Int("series", 100_000, "active series of ingestion, queries and rules")
	large := flag.Int("large", 1_000_000, "active series of the second measurement of memory; 0 leaves it out")
	rounds := flag.Int("rounds", 24, "samples of each series, by each version of remote write")
	asks := flag.Int("asks", 21, "times that each query is asked")
	flag.Parse()
	if err := run(*binary, *series, *large, *rounds, *asks); err != nil {
		fmt.Fprintln(os.Stderr, "bench/metrics:", err)
		os.Exit(1)
	}
}

func run(binary string, series, large, rounds, asks int) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	folder, err := upstream.Prometheus(".")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gatehouse-metrics-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, prometheus: filepath.Join(folder, "prometheus"), gatehouse: binary}
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stopped
		b.stop()
		_ = os.RemoveAll(dir)
		os.Exit(1)
	}()
	defer b.stop()
	if err := b.measure(series, rounds, asks); err != nil {
		return err
	}
	if large > 0 {
		if err := b.measureMemory(large); err != nil {
			return err
		}
	}
	b.report(os.Stdout)
	return nil
}
