package ingest

import (
	"sync"
	"time"

	"gatehouse/internal/telemetry"
)

// work is the one goroutine that turns exchanges into metrics and rows.
func (i *Ingest) work() {
	timer := time.NewTimer(i.options.BatchDelay)
	timer.Stop()
	defer timer.Stop()
	aggregation := time.NewTicker(i.options.AggregationInterval)
	defer aggregation.Stop()
	for armed := false; ; {
		select {
		case e := <-i.queue:
			i.process(e)
			if !armed {
				timer.Reset(i.options.BatchDelay)
				armed = true
			}
			i.gather()
		case <-timer.C:
			armed = false
			i.streams(i.send)
		case <-aggregation.C:
			i.aggregates.emit(i)
			i.streams(i.send)
		case done := <-i.flushes:
			i.drain()
			i.await(done)
		case <-i.stop:
			i.drain()
			return
		}
	}
}

// nap is how long the worker lets exchanges gather. A worker that waits for each
// of them is woken by each request, which costs the request more than the rest
// of its record.
const (
	nap      = time.Millisecond
	napQueue = 1024 // a smaller queue could overflow meanwhile
)

// gather processes what is queued beside the first, and then naps.
func (i *Ingest) gather() {
	for range len(i.queue) {
		i.process(<-i.queue)
	}
	if cap(i.queue) >= napQueue && len(i.queue) < cap(i.queue)/8 {
		time.Sleep(nap)
	}
}

// drain processes what is queued now and sends the last batches.
func (i *Ingest) drain() {
	for range len(i.queue) {
		i.process(<-i.queue)
	}
	i.aggregates.emit(i)
	i.streams(i.send)
}

// process handles one exchange: each of its routes decides for itself. It is
// kept, or left out by all of them, once.
func (i *Ingest) process(e *telemetry.Exchange) {
	t := i.rows.template(e.Endpoint)
	var weights [maxRoutes]int32
	kept := -1
	stored, capped := false, false
	for n, r := range t.routes {
		if weights[n] = r.decide(e); weights[n] > 0 && r.cap.full(failed(e)) {
			weights[n], capped = 0, true
		}
		if weights[n] > 0 {
			if kept < 0 {
				kept = n
			}
			stored = stored || r.to.Rows == nil
		}
	}
	i.metrics.record(e, stored)
	if i.options.Observe != nil {
		i.options.Observe(e)
	}
	switch {
	case kept >= 0:
	case capped:
		i.metrics.drop(dropDailyCap, 1)
	default:
		i.metrics.sampled.Inc()
	}
	for n, r := range t.routes {
		i.write(r, e, t, weights[n], n == kept)
	}
	if len(e.Measurements) > 0 {
		i.aggregates.add(t, e)
	}
	e.Release()
}

// await closes done when every writer has finished what was sent before.
func (i *Ingest) await(done chan struct{}) {
	var wg sync.WaitGroup
	for _, w := range i.writers {
		wg.Add(1)
		marker := &batch{marker: &wg}
		// Of the worker's group: Close waits for it before it closes the channels.
		i.worker.Go(func() { w.mark(marker) })
	}
	go func() {
		wg.Wait()
		close(done)
	}()
}
