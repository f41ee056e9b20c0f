package lake

import (
	"cmp"
	"slices"
)

// maxExpire bounds the files that one round deletes.
const maxExpire = 256

// retain takes files off the manifest whose rows are all too old, then the
// oldest ones while the lake is too large. Queries that read them go on.
func (l *Lake) retain() error {
	files := l.manifest.list(func(*dataFile) bool { return true })
	slices.SortFunc(files, func(a, b *dataFile) int { return cmp.Compare(a.Max, b.Max) })
	var total int64
	for _, f := range files {
		total += f.Bytes
	}
	var expired []*dataFile
	limit := l.o.Now().Add(-l.o.MaxAge).UnixNano()
	for _, f := range files {
		tooOld := l.o.MaxAge > 0 && f.Max < limit
		tooMuch := l.o.MaxBytes > 0 && total > l.o.MaxBytes
		if !(tooOld || tooMuch) || len(expired) == maxExpire {
			break
		}
		expired = append(expired, f)
		total -= f.Bytes
	}
	if len(expired) == 0 {
		return nil
	}
	free, err := l.manifest.edit(nil, expired, 0)
	if err != nil {
		return err
	}
	l.deletes.add(free)
	l.counts.expired.Add(int64(len(expired)))
	l.counts.expiredRows.Add(rowsOf(expired))
	return nil
}
