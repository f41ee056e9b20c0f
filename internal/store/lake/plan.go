package lake

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"
)

// Bounds of one merge, so that no tick takes long or much memory.
const (
	maxMergeFiles = 128
	maxMergeRows  = 10_000_000
	bigGroupRows  = 10_000          // a row group of this size is joined as it is
	minuteAge     = time.Minute     // age at which flushes become a minute file
	hourGrace     = 5 * time.Minute // after the end of an hour, for late rows
	manySegments  = 30              // large flushes of an open hour are joined by so many: each file costs a query
	fewMinutes    = 10              // small minute files of an open hour are merged beyond this
)

// mergeJob replaces files of one hour by one file.
type mergeJob struct {
	inputs   []*dataFile // in the order of their rows
	level    level
	reencode bool
}

// plan picks the next merge: the oldest hour first, since its files are the
// furthest from what they should be.
func (l *Lake) plan(table string) *mergeJob {
	now := l.o.Now()
	hours := make(map[string][]*dataFile)
	for _, f := range l.manifest.list(func(f *dataFile) bool { return f.Table == table }) {
		folder := filepath.Dir(f.Path)
		hours[folder] = append(hours[folder], f)
	}
	folders := make([]string, 0, len(hours))
	for folder := range hours {
		folders = append(folders, folder)
	}
	slices.Sort(folders)
	for _, folder := range folders {
		files := hours[folder]
		slices.SortFunc(files, func(a, b *dataFile) int { return cmp.Or(cmp.Compare(a.Min, b.Min), cmp.Compare(a.Seq, b.Seq)) })
		if job := planHour(files, now); job != nil {
			return job
		}
	}
	return nil
}

// planHour says what to merge of one hour's files, which are in time order.
func planHour(files []*dataFile, now time.Time) *mergeJob {
	var segments, minutes, hours []*dataFile
	for _, f := range files {
		switch f.Level {
		case levelSegment:
			segments = append(segments, f)
		case levelMinute:
			minutes = append(minutes, f)
		case levelHour:
			hours = append(hours, f)
		}
	}
	if closed(files, now) {
		return planClosed(segments, minutes, hours, now)
	}
	if small := smallFiles(segments); len(small) > 1 && (old(small[0], now) || rowsOf(small) >= rowGroupRows) {
		return upTo(small, levelMinute, true)
	}
	if small := smallFiles(minutes); len(small) > fewMinutes {
		return upTo(small, levelMinute, true)
	}
	if len(segments) >= manySegments && old(segments[manySegments-1], now) {
		return upTo(segments[:manySegments], levelMinute, false)
	}
	return nil
}

// planClosed merges an hour to which no rows come any more: first everything
// that is not an hour file yet, later hour files among themselves when late
// rows have made several.
func planClosed(segments, minutes, hours []*dataFile, now time.Time) *mergeJob {
	loose := append(slices.Clone(segments), minutes...)
	for _, f := range hours {
		if len(loose) > 0 && f.Rows < rowGroupRows {
			loose = append(loose, f) // small enough to be written again
		}
	}
	slices.SortFunc(loose, func(a, b *dataFile) int { return cmp.Or(cmp.Compare(a.Min, b.Min), cmp.Compare(a.Seq, b.Seq)) })
	if len(loose) == 0 {
		return nil
	}
	for _, f := range segments {
		if !old(f, now) {
			return nil // late rows keep coming
		}
	}
	if small := smallFiles(loose); len(small) > 1 {
		return upTo(small, levelMinute, true)
	}
	return upTo(loose, levelHour, false)
}

// closed says that the hour of the files is over.
func closed(files []*dataFile, now time.Time) bool {
	end := (hourOf(files[0].Min) + 1) * int64(time.Hour)
	return now.UnixNano() >= end+int64(hourGrace)
}

func old(f *dataFile, now time.Time) bool { return now.UnixNano()-f.Created >= int64(minuteAge) }

// smallFiles are those whose row groups are too small to keep.
func smallFiles(files []*dataFile) []*dataFile {
	var out []*dataFile
	for _, f := range files {
		if f.Rows < bigGroupRows*int64(f.Groups) {
			out = append(out, f)
		}
	}
	return out
}

func rowsOf(files []*dataFile) (n int64) {
	for _, f := range files {
		n += f.Rows
	}
	return n
}

// upTo takes the first files up to the limits of one merge. A re-encoding
// merge stops at one row group.
func upTo(files []*dataFile, to level, reencode bool) *mergeJob {
	limit := int64(maxMergeRows)
	if reencode {
		limit = rowGroupRows
	}
	var rows int64
	n := 0
	for n < len(files) && n < maxMergeFiles && (n < 2 || rows+files[n].Rows <= limit) {
		rows += files[n].Rows
		n++
	}
	return &mergeJob{inputs: files[:n], level: to, reencode: reencode}
}
