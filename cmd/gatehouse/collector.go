package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A gateway's live heap is small and its garbage large, so that a lazy collector
// saves much CPU for little memory. Many series in memory turn that around: then
// the collector runs as often as a Prometheus's own does.
const (
	lazyPercent    = 300
	eagerPercent   = 75
	garbage        = 96 << 20 // bytes that may wait for the collector, more only as eagerPercent has it
	collectorCheck = 5 * time.Second
)

// paceCollector follows the live heap until ctx ends.
func paceCollector(ctx context.Context) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	now := lazyPercent
	debug.SetGCPercent(now)
	ticker := time.NewTicker(collectorCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		metrics.Read(live)
		// Setting it stops the world for a moment: small changes are not worth it.
		if next := gcPercent(live[0].Value.Uint64()); next < now*9/10 || next > now*11/10 {
			now = next
			debug.SetGCPercent(now)
		}
	}
}

// gcPercent is the collector's target for a live heap.
func gcPercent(live uint64) int {
	if live == 0 {
		return lazyPercent
	}
	return int(min(max(garbage*100/live, eagerPercent), lazyPercent))
}
