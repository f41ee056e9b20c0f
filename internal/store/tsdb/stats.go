package tsdb

import (
	"math"
	"time"

	"github.com/prometheus/prometheus/tsdb"
)

// Usage is what a workspace holds now.
type Usage struct {
	Series        int64 // active, in the head
	SeriesLimit   int64 // 0: none
	SeriesRefused int64 // since Open
	Scrubbed      int64 // label values hashed since Open
	LastMinute    int64 // samples stored in the last 60 seconds, whatever way they came
	Samples       int64 // likewise, since Open
	Blocks        int
	BlockBytes    int64     // the write-ahead log is not counted
	MinTime       time.Time // zero when there are no samples
	MaxTime       time.Time
}

// Usage gives the workspace's present numbers; it reads memory only.
func (db *DB) Usage() Usage {
	u := Usage{
		Series:        db.limit.current.Load(),
		SeriesLimit:   db.limit.max.Load(),
		SeriesRefused: db.limit.refused.Load(),
		Scrubbed:      db.limit.scrubbed.Load(),
	}
	u.LastMinute, u.Samples = db.meter.read(time.Now())
	minT, maxT := db.Head().MinTime(), db.Head().MaxTime()
	for _, block := range db.Blocks() {
		u.Blocks++
		u.BlockBytes += block.Size()
		minT, maxT = min(minT, block.MinTime()), max(maxT, block.MaxTime())
	}
	if minT != math.MaxInt64 && maxT != math.MinInt64 {
		u.MinTime, u.MaxTime = time.UnixMilli(minT), time.UnixMilli(maxT)
	}
	return u
}

// Refusals gives what was refused last, one entry for each metric and reason,
// the newest first.
func (db *DB) Refusals() []Refusal { return db.refused.list() }

// RefusedSamples gives the number of samples refused since Open, by reason.
func (db *DB) RefusedSamples() map[string]int64 { return db.refused.counts() }

// Stats gives the head's cardinality: the limit largest names, labels and
// pairs. It walks the index: milliseconds for 100 000 series.
func (db *DB) Stats(label string, limit int) (*tsdb.Stats, error) {
	return db.Head().Stats(label, limit), nil
}

// WALReplayStatus says that replay is over: Open returns only then.
func (db *DB) WALReplayStatus() (tsdb.WALReplayStatus, error) { return tsdb.WALReplayStatus{}, nil }

// BlockMetas describes the blocks on disk, oldest first.
func (db *DB) BlockMetas() ([]tsdb.BlockMeta, error) { return db.DB.BlockMetas(), nil }
