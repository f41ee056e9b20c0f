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
	for {
		select {
		case e := <-i.queue:
			if i.process(e) {
				timer.Reset(i.options.BatchDelay)
			}
		case <-timer.C:
			i.send()
		case done := <-i.flushes:
			i.drain()
			i.await(done)
		case <-i.stop:
			i.drain()
			return
		}
	}
}

// drain processes what is queued now and sends the last batch.
func (i *Ingest) drain() {
	for range len(i.queue) {
		i.process(<-i.queue)
	}
	i.send()
}

// process handles one exchange; true when its row is the first of a batch.
func (i *Ingest) process(e *telemetry.Exchange) (first bool) {
	keep, weight := decide(e)
	i.metrics.record(e, keep)
	switch {
	case len(i.writers) == 0:
		i.metrics.kept.Add(1)
	case !keep:
		i.metrics.sampled.Inc()
	default:
		b := i.rows.batch
		first = len(b.spans) == 0
		i.rows.add(e, weight)
		if len(b.spans)+len(b.logs) >= i.options.BatchSize {
			i.send()
			first = false
		}
	}
	e.Release()
	return first
}

// send hands the current batch to every writer.
func (i *Ingest) send() {
	if len(i.rows.batch.spans) == 0 {
		return
	}
	b := i.rows.take()
	b.users.Store(int32(len(i.writers)))
	for _, w := range i.writers {
		w.offer(b)
	}
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
