package telemetry

import (
	"context"
	"time"
)

// Batch is a piece of work that waits in a Queue: bytes that only the exporter
// reads.
type Batch struct {
	ID    uint64 // of the queue, until it is closed
	Data  []byte
	Items int       // how many items Data stands for
	Time  time.Time // when it was put
}

// Queue keeps batches until somebody has done with them. All methods may be
// called from any goroutine.
type Queue interface {
	// Put keeps a copy of data. An error means that nothing was kept.
	Put(ctx context.Context, data []byte, items int) error
	// Next gives the oldest batch that nobody holds, and waits for one. The caller
	// holds it until Done; after a crash it is given out again.
	Next(ctx context.Context) (Batch, error)
	// Done forgets a batch that Next gave.
	Done(id uint64) error
	Stats() QueueStats
}

// QueueStats describe a queue now. The losses are items since the start.
type QueueStats struct {
	Batches int       // not done
	Items   int       // in them
	Bytes   int64     // on disk
	Oldest  time.Time // of the batches that nobody holds; zero: there are none
	// Items that were forgotten because they were too many or too old, and bytes
	// that could not be read.
	DroppedFull, DroppedOld int
	DamagedBytes            int64
}
