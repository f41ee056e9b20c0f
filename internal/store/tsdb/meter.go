package tsdb

import (
	"sync"
	"time"
)

// meter counts samples by the second, for the last minute.
type meter struct {
	mu      sync.Mutex
	buckets [60]int64
	last    int64 // Unix seconds of the newest bucket
	total   int64
}

func (m *meter) add(n int64, now time.Time) {
	if n <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance(now.Unix())
	m.buckets[m.last%60] += n
	m.total += n
}

// advance empties the buckets of the seconds without samples. A clock that goes
// back a little counts into the newest bucket; one that goes back further begins
// anew, or all samples would stay in the sum until it has caught up.
func (m *meter) advance(second int64) {
	if second-m.last >= 60 || m.last-second >= 60 {
		m.buckets, m.last = [60]int64{}, second
	}
	for m.last < second {
		m.last++
		m.buckets[m.last%60] = 0
	}
}

// read gives the samples of the last 60 seconds, and of all time since Open.
func (m *meter) read(now time.Time) (minute, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance(now.Unix())
	for _, n := range m.buckets {
		minute += n
	}
	return minute, m.total
}
