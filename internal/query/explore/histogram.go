package explore

import (
	"context"
	"math"

	"gatehouse/internal/store/lake"
)

// Histogram of durations. Counts[i] is the number of requests that took more
// than Bounds[i-1] and at most Bounds[i] milliseconds; the last count is of
// those above all bounds. Errors counts the failed ones among them.
type Histogram struct {
	Bounds []float64 `json:"bounds_ms"`
	Counts []int64   `json:"counts"`
	Errors []int64   `json:"errors"`
}

// Bounds are powers of the square root of two milliseconds: bucket k ends at
// 2^(k/2) ms. The first and the last bound are these k.
const (
	firstBucket = -8 // 62.5 us
	lastBucket  = 34 // 131 s
)

func emptyHistogram() Histogram {
	return Histogram{Bounds: []float64{}, Counts: []int64{0}, Errors: []int64{0}}
}

// histogram counts all matches of the filter, and gives their number. A row
// that stands for several requests counts as many.
func (e *Explorer) histogram(ctx context.Context, f Filter) (Histogram, int64, error) {
	where, args := f.where()
	text := `SELECT CAST(ceil(2 * log2(greatest(duration_ns, 1) / 1e6) - 1e-9) AS INTEGER) AS bucket,
		CAST(sum(greatest(item_count, 1)) AS BIGINT), CAST(coalesce(sum(greatest(item_count, 1)) FILTER (status = 'error'), 0) AS BIGINT)
		FROM {spans} WHERE ` + where + ` GROUP BY bucket`
	counts, errors := make(map[int]int64), make(map[int]int64)
	var total int64
	err := e.each(ctx, lake.Statement{SQL: text, Args: args, Sources: f.source(f.Start, f.End)}, func(scan func(...any) error) error {
		var k int
		var n, failed int64
		if err := scan(&k, &n, &failed); err != nil {
			return err
		}
		k = min(max(k, firstBucket), lastBucket+1)
		counts[k] += n
		errors[k] += failed
		total += n
		return nil
	})
	if err != nil {
		return emptyHistogram(), 0, err
	}
	return layOut(counts, errors), total, nil
}

// layOut gives the buckets that have something, with those between them and
// one empty bucket at each side.
func layOut(counts, errors map[int]int64) Histogram {
	h := emptyHistogram()
	if len(counts) == 0 {
		return h
	}
	low, high := lastBucket, firstBucket
	for k := range counts {
		low, high = min(low, k), max(high, k)
	}
	low, high = max(low-1, firstBucket), min(high+1, lastBucket)
	h.Counts, h.Errors = nil, nil
	for k := low; k <= high; k++ {
		h.Bounds = append(h.Bounds, math.Round(math.Pow(2, float64(k)/2)*1000)/1000)
		h.Counts = append(h.Counts, counts[k])
		h.Errors = append(h.Errors, errors[k])
	}
	h.Counts = append(h.Counts, counts[lastBucket+1])
	h.Errors = append(h.Errors, errors[lastBucket+1])
	return h
}
