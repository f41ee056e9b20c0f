package quota

import (
	"math"
	"time"
)

// resolution is into how many parts a window is cut at most. Amounts within one
// part are kept as one entry that leaves the window with its youngest amount,
// so counting errs on the strict side, by less than window/resolution.
const resolution = 128

// entry is what was counted from first to last.
type entry struct {
	first, last int64 // nanoseconds
	n           int64
}

// counter is the sliding window of one key: a queue of entries, oldest first.
type counter struct {
	key        counterKey
	entries    []entry // a ring of len(entries) slots, size of them used from head on
	head, size int
	total      int64
	latest     int64 // time of the last call; time never runs back

	newer, older *counter // in the shard's list of use
}

type counterKey struct {
	key    string
	window time.Duration
}

func (c *counter) at(i int) *entry { return &c.entries[(c.head+i)%len(c.entries)] }

// expire drops what left the window.
func (c *counter) expire(now int64) {
	for c.size > 0 && c.at(0).last <= now-int64(c.key.window) {
		c.total -= c.at(0).n
		c.head = (c.head + 1) % len(c.entries)
		c.size--
	}
}

// expired tells whether nothing is left at now.
func (c *counter) expired(now int64) bool {
	return c.size == 0 || c.at(c.size-1).last <= now-int64(c.key.window)
}

// add counts n at now.
func (c *counter) add(n, now int64) {
	if n == 0 {
		return
	}
	if n > math.MaxInt64-c.total {
		n = math.MaxInt64 - c.total
	}
	c.total += n
	if c.size > 0 {
		if last := c.at(c.size - 1); now-last.first < int64(c.key.window)/resolution || now == last.last {
			last.last = now
			last.n += n
			return
		}
	}
	if c.size == len(c.entries) {
		c.grow()
	}
	c.size++
	*c.at(c.size - 1) = entry{now, now, n}
}

func (c *counter) grow() {
	bigger := make([]entry, max(2, 2*len(c.entries)))
	for i := range c.size {
		bigger[i] = *c.at(i)
	}
	c.entries, c.head = bigger, 0
}

// retryAfter is how long until the oldest entries that stand in the way of n
// have left the window.
func (c *counter) retryAfter(n, limit, now int64) time.Duration {
	left := c.total
	for i := range c.size {
		e := c.at(i)
		if left -= e.n; left <= limit-n {
			return time.Duration(e.last + int64(c.key.window) - now)
		}
	}
	return c.key.window
}

// bytes estimates the memory of the counter.
func (c *counter) bytes() int64 { return int64(len(c.key.key)) + 24*int64(len(c.entries)) + 200 }
