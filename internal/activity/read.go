package activity

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// maxLine bounds a record; events are made of bounded parts.
const maxLine = 64 << 10

// each calls f with the records of a file, in order, until f answers false. size
// is where the last whole record ends.
func each(path string, f func(Record) bool) (size int64, err error) {
	return eachFrom(path, 0, func(r Record, _ int64) bool { return f(r) })
}

// eachFrom is each for what stands behind the first size bytes; f gets too where a
// record begins.
func eachFrom(path string, size int64, f func(r Record, begin int64) bool) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return size, err
	}
	defer file.Close()
	if _, err := file.Seek(size, io.SeekStart); err != nil {
		return size, err
	}
	in := bufio.NewReaderSize(file, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return size, nil // what stands behind the last line end is half a record
		}
		if err != nil {
			return size, fmt.Errorf("%s, after byte %d: %w", filepath.Base(path), size, err)
		}
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return size, fmt.Errorf("%s, after byte %d: a line is no record: %w", filepath.Base(path), size, err)
		}
		begin := size
		size += int64(len(line))
		if !f(r, begin) {
			return size, nil
		}
	}
}

// tail gives the last record of a file and where it ends.
func tail(path string) (last *Record, size int64, err error) {
	size, err = each(path, func(r Record) bool { last = &r; return true })
	return last, size, err
}

// Query selects events. The zero value of a field selects all.
type Query struct {
	From, To time.Time // To is left out
	Before   int64     // sequence numbers below this: for the next page
	Limit    int       // default 1000
	Match    func(Event) bool
}

// Entry is an event with its number.
type Entry struct {
	Sequence int64
	Event
}

// Read gives the newest events that a query selects, newest first.
func (l *Log) Read(q Query) ([]Entry, error) {
	if q.Limit == 0 {
		q.Limit = 1000
	}
	all, err := days(l.dir)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, day := range slices.Backward(all) {
		if !q.From.IsZero() && day < q.From.UTC().Format(time.DateOnly) {
			break
		}
		list, err := q.ofDay(l.path(day), q.Limit-len(out))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		if out = append(out, list...); len(out) >= q.Limit {
			break
		}
	}
	return out, nil
}

// ofDay gives the newest n of a file, newest first.
func (q *Query) ofDay(path string, n int) ([]Entry, error) {
	var ring []Entry
	_, err := each(path, func(r Record) bool {
		if q.Before != 0 && r.Sequence >= q.Before {
			return false
		}
		e := Entry{Sequence: r.Sequence}
		if json.Unmarshal(r.Event, &e.Event) != nil || !q.wants(e.Event) {
			return true
		}
		if ring = append(ring, e); len(ring) >= 2*n {
			ring = append(ring[:0], ring[len(ring)-n:]...)
		}
		return true
	})
	ring = ring[max(0, len(ring)-n):]
	slices.Reverse(ring)
	return ring, err
}

func (q *Query) wants(e Event) bool {
	return !e.Time.Before(q.From) && (q.To.IsZero() || e.Time.Before(q.To)) && (q.Match == nil || q.Match(e))
}

// Verdict on a folder.
type Verdict struct {
	Records     int64
	First, Last int64 // sequence numbers
	Hash        string
}

// Verify checks that no record of a folder was changed, taken out or put in since
// it was written. Days that were removed from the front are no fault: the first
// record that is there tells its number. An error says where the chain breaks.
func Verify(dir string) (Verdict, error) {
	var v Verdict
	all, err := days(dir)
	if err != nil {
		return v, err
	}
	for _, day := range all {
		var broken error
		_, err := each(filepath.Join(dir, day+suffix), func(r Record) bool {
			broken = v.take(r)
			return broken == nil
		})
		if broken != nil {
			return v, fmt.Errorf("%s%s: %w", day, suffix, broken)
		}
		if err != nil {
			return v, err
		}
	}
	return v, nil
}

func (v *Verdict) take(r Record) error {
	switch {
	case hashOf(r.Sequence, r.Previous, r.Event) != r.Hash:
		return fmt.Errorf("record %d was changed: its hash is another one", r.Sequence)
	case v.Records > 0 && r.Sequence != v.Last+1:
		return fmt.Errorf("record %d follows on %d: what was between them is gone", r.Sequence, v.Last)
	case v.Records > 0 && r.Previous != v.Hash:
		return fmt.Errorf("record %d does not follow on the one before", r.Sequence)
	case v.Records == 0 && r.Sequence == 1 && r.Previous != "":
		return fmt.Errorf("record 1 follows on another one")
	}
	if v.Records == 0 {
		v.First = r.Sequence
	}
	v.Records++
	v.Last, v.Hash = r.Sequence, r.Hash
	return nil
}
