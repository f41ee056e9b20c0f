package activity

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
)

// Position is how far a reader that follows a log came. The zero value stands
// before all that the folder holds.
type Position struct {
	Day      string `json:"day"`
	Begin    int64  `json:"begin"`  // of the last record that was read, in the file of the day
	Offset   int64  `json:"offset"` // where it ends
	Sequence int64  `json:"sequence"`
	Hash     string `json:"hash"` // of the last record that was read
}

// Batch is what a reader gets in one step.
type Batch struct {
	Entries []Entry // oldest first
	Next    Position
	Gone    int64 // records before these that were removed, or are damaged, and were never read
}

// Next gives up to limit events behind a position, in order; none when there is
// nothing new. A file that is not the one that was read, because a crash took its
// end or somebody changed it, is read again from its start: an event may come
// twice, none is passed over.
func Next(dir string, at Position, limit int) (Batch, error) {
	all, err := days(dir) // before reading: a day with a later one behind it is complete
	if err != nil {
		return Batch{Next: at}, err
	}
	out := Batch{Next: at}
	for i, day := range all {
		if day < at.Day {
			continue
		}
		if day != out.Next.Day {
			out.Next.Day, out.Next.Offset = day, 0
		}
		err := out.ofDay(filepath.Join(dir, day+suffix), limit)
		removed := errors.Is(err, fs.ErrNotExist)
		if err != nil && !removed && i == len(all)-1 {
			return out, err // whoever opens the log moves a damaged last day aside
		}
		if len(out.Entries) >= limit {
			break
		}
	}
	return out, nil
}

// ofDay takes events of one file. The record that was read last is looked at
// first: it tells whether this is the file that was read.
func (b *Batch) ofDay(path string, limit int) error {
	same := b.Next.Offset == 0
	read := func(from int64) (int64, error) {
		return eachFrom(path, from, func(r Record, begin int64) bool {
			if !same {
				same = r.Hash == b.Next.Hash
				return same
			}
			b.take(r, begin)
			return len(b.Entries) < limit
		})
	}
	from := b.Next.Begin
	if same {
		from = 0
	}
	size, err := read(from)
	if !same && !errors.Is(err, fs.ErrNotExist) {
		same = true
		size, err = read(0)
	}
	if same {
		b.Next.Offset = size
	}
	return err
}

func (b *Batch) take(r Record, begin int64) {
	if last := b.Next.Sequence; last > 0 && r.Sequence > last+1 {
		b.Gone += r.Sequence - last - 1
	}
	b.Next.Sequence, b.Next.Hash, b.Next.Begin = r.Sequence, r.Hash, begin
	e := Entry{Sequence: r.Sequence}
	if json.Unmarshal(r.Event, &e.Event) != nil {
		b.Gone++
		return
	}
	b.Entries = append(b.Entries, e)
}
