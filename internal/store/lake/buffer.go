package lake

import "time"

// span of times of rows: min and max are nanoseconds, inclusive.
type extent struct {
	rows     int
	min, max int64
}

func (x *extent) add(ns int64) {
	if x.rows == 0 || ns < x.min {
		x.min = ns
	}
	if x.rows == 0 || ns > x.max {
		x.max = ns
	}
	x.rows++
}

func (x *extent) merge(y extent) {
	if y.rows == 0 {
		return
	}
	rows := x.rows + y.rows
	if x.rows == 0 {
		*x = y
	}
	x.min, x.max, x.rows = min(x.min, y.min), max(x.max, y.max), rows
}

// batch is the payload of one record of the write-ahead log: the rows as they
// are encoded. Rows wait for their flush in this form, which is a third of the
// size of the values and holds no pointers for the collector to follow.
type batch struct {
	kind    byte
	payload []byte
}

// generation is what was appended between two flushes: batches in memory, and
// the write-ahead log files that hold the same batches.
type generation struct {
	batches          []batch
	extents          [kindLogs + 1]extent // by kind
	blocks           [][]byte             // arena of the payloads
	wal              *walFile
	firstWAL, maxWAL uint64
	bytes            int64     // in the write-ahead log
	oldest           time.Time // when the first row arrived; zero: empty
}

func (g *generation) rowCount() int { return g.extents[kindSpans].rows + g.extents[kindLogs].rows }

const blockSize = 1 << 20

// keep copies a payload into the arena. free is a list of blocks for reuse.
func (g *generation) keep(payload []byte, x extent, free *[][]byte) {
	last := len(g.blocks) - 1
	if last < 0 || cap(g.blocks[last])-len(g.blocks[last]) < len(payload) {
		g.blocks = append(g.blocks, takeBlock(len(payload), free))
		last++
	}
	block := g.blocks[last]
	at := len(block)
	block = append(block, payload...)
	g.blocks[last] = block
	g.add(block[at:len(block):len(block)], x)
}

// add takes a payload as it is.
func (g *generation) add(payload []byte, x extent) {
	g.batches = append(g.batches, batch{payload[0], payload})
	g.extents[payload[0]].merge(x)
}

func takeBlock(size int, free *[][]byte) []byte {
	if size > blockSize {
		return make([]byte, 0, size)
	}
	if n := len(*free); n > 0 {
		b := (*free)[n-1]
		*free = (*free)[:n-1]
		return b
	}
	return make([]byte, 0, blockSize)
}

// maxFreeBlocks is the memory that an idle lake keeps for the next burst.
const maxFreeBlocks = 8

// recycle gives the arena back. Nothing may refer to the rows any more.
func (g *generation) recycle(free *[][]byte) {
	for _, b := range g.blocks {
		if cap(b) == blockSize && len(*free) < maxFreeBlocks {
			*free = append(*free, b[:0])
		}
	}
	g.blocks, g.batches = nil, nil
}

// Rows with absurd times are filed under the time of their arrival: a clock in
// the far future would else be the newest row for ever.
const (
	maxAhead  = int64(time.Hour)
	maxBehind = 10 * 365 * 24 * int64(time.Hour)
)

// clampTime gives the time to file a row under, and whether it is another one.
// It depends on the row and its batch alone, so that replaying a log gives the
// same rows again.
func clampTime(ns, received int64) (int64, bool) {
	if ns > received+maxAhead || ns < received-maxBehind {
		return received, true
	}
	return ns, false
}
