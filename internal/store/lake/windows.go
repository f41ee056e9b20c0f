package lake

import (
	"context"
	"time"
)

// Window is a part of a time range: Start inclusive, End exclusive.
type Window struct{ Start, End time.Time }

// windowGrowth is how many times more rows each further window has.
const windowGrowth = 4

// Windows cuts a range into windows, newest first: the first holds about rows
// rows by the manifest, each further one four times as many. A list of the
// newest rows reads them one after the other and stops when it has enough;
// sorting the whole range would decode every column of every row.
func (l *Lake) Windows(table string, start, end time.Time, rows int) []Window {
	l.flushForQuery(context.Background())
	from, to := start.UnixNano(), end.UnixNano()
	files := l.manifest.list(func(f *dataFile) bool { return f.Table == table && f.Max >= from && f.Min < to })
	if len(files) == 0 || to <= from {
		return nil
	}
	oldest, newest := to, from
	var total float64
	for _, f := range files {
		oldest, newest = min(oldest, f.Min), max(newest, f.Max+1)
		total += f.rowsSince(from) - f.rowsSince(to)
	}
	from, to = max(from, oldest), min(to, newest)
	var out []Window
	wanted := float64(max(rows, 1))
	for at := to; at > from; wanted *= windowGrowth {
		cut := from
		if total > wanted*1.5 {
			cut = cutAt(files, from, at, wanted)
		}
		out = append(out, Window{time.Unix(0, cut), time.Unix(0, at)})
		total -= wanted
		at = cut
	}
	return out
}

// rowsSince estimates how many rows of the file are at t or later, as if they
// were spread evenly.
func (f *dataFile) rowsSince(t int64) float64 {
	switch {
	case t <= f.Min:
		return float64(f.Rows)
	case t > f.Max:
		return 0
	}
	return float64(f.Rows) * float64(f.Max-t+1) / float64(f.Max-f.Min+1)
}

// cutAt finds the time between from and to after which there are about wanted rows.
func cutAt(files []*dataFile, from, to int64, wanted float64) int64 {
	base := 0.0
	for _, f := range files {
		base += f.rowsSince(to)
	}
	low, high := from, to-1
	for range 48 {
		if high-low <= int64(time.Millisecond) {
			break
		}
		middle := low + (high-low)/2
		sum := -base
		for _, f := range files {
			sum += f.rowsSince(middle)
		}
		if sum >= wanted {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}
