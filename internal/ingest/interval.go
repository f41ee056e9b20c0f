package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// sweepEvery is after how many intervals unused endpoints are forgotten.
const sweepEvery = 60

// tick writes the metrics every interval.
func (i *Ingest) tick() {
	ticker := time.NewTicker(i.options.Interval)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-i.stop:
			return
		case <-ticker.C:
		}
		if n%sweepEvery == 0 {
			i.metrics.sweep()
		}
		if err := i.writeMetrics(i.abandon); err != nil {
			i.metrics.metricWrites.Inc()
			i.options.Logger.LogAttrs(i.abandon, slog.LevelWarn, "metrics were not written; the next interval holds their totals", slog.Any("error", err))
		}
	}
}

// writeMetrics shares the CPU time and hands all metrics over.
func (i *Ingest) writeMetrics(ctx context.Context) error {
	i.metrics.shareCPU()
	if i.options.WriteMetrics == nil {
		return nil
	}
	// What could be gathered is written even when a part could not.
	families, err := prometheus.Gatherers(append([]prometheus.Gatherer{i.metrics.registry}, i.options.Beside...)).Gather()
	if err != nil {
		i.options.Logger.LogAttrs(ctx, slog.LevelWarn, "some metrics could not be gathered", slog.Any("error", err))
	}
	if err := i.options.WriteMetrics(ctx, families, i.options.Now()); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// shareCPU splits the CPU time that the process used since the last call by
// the time that exchanges spent in the gateway.
func (m *metrics) shareCPU() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := processCPU()
	used := (now - m.lastCPU).Seconds()
	m.lastCPU = now
	total := int64(0)
	times := make(map[*shared]int64, len(m.names))
	for _, s := range m.names {
		if t := s.gatewayTime.Swap(0); t > 0 {
			times[s] = t
			total += t
		}
	}
	if used <= 0 {
		return
	}
	for s, t := range times {
		s.cpu.Add(used * float64(t) / float64(total))
	}
}
