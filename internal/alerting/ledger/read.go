package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// shards are the documents that the records are kept in: a change writes one of
// them.
const shards = 32

func shardName(n int) string { return fmt.Sprintf("alerts/%02d", n) }

func shardOf(id string) int {
	n, err := strconv.ParseUint(id[:2], 16, 8)
	if err != nil {
		return 0
	}
	return int(n) % shards
}

func (l *Ledger) touch(r *Record) { l.dirty[shardOf(r.ID)] = true }

func (l *Ledger) load() error {
	for n := range shards {
		data, err := l.options.Load(shardName(n))
		if err != nil {
			return fmt.Errorf("load the list of alerts: %w", err)
		}
		if len(data) == 0 {
			continue
		}
		var records []*Record
		if err := json.Unmarshal(data, &records); err != nil {
			return fmt.Errorf("load the list of alerts: %w; remove the saved state %q to start without", err, shardName(n))
		}
		for _, r := range records {
			l.byID[r.ID] = r
			if r.State != Resolved {
				l.open[r.Fingerprint] = r
			}
		}
	}
	return nil
}

// Save writes what changed. Call it often.
func (l *Ledger) Save() error {
	l.mu.Lock()
	texts := map[int][]byte{}
	var errs []error
	for n := range l.dirty {
		var records []*Record
		for _, r := range l.byID {
			if shardOf(r.ID) == n {
				records = append(records, r)
			}
		}
		data, err := json.Marshal(records)
		errs = append(errs, err)
		texts[n] = data
	}
	l.dirty = map[int]bool{}
	l.mu.Unlock()
	for n, data := range texts {
		if err := l.options.Save(shardName(n), data); err != nil {
			errs = append(errs, fmt.Errorf("save the list of alerts: %w", err))
			l.mu.Lock()
			l.dirty[n] = true
			l.mu.Unlock()
		}
	}
	return errors.Join(errs...)
}

// copy gives a record that nobody else changes.
func (r *Record) copy() Record {
	out := *r
	out.Labels, out.Annotations = maps.Clone(r.Labels), maps.Clone(r.Annotations)
	out.Events, out.Receivers = slices.Clone(r.Events), slices.Clone(r.Receivers)
	return out
}

// Get gives one record.
func (l *Ledger) Get(id string) (Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.byID[id]; r != nil {
		return r.copy(), nil
	}
	return Record{}, ErrNotFound
}

// Current gives the newest occurrence of an alert.
func (l *Ledger) Current(fingerprint string) (Record, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.newest(fingerprint); r != nil {
		return r.copy(), true
	}
	return Record{}, false
}

// List gives the records that keep wants, newest first, at most limit of them
// after the first skip, and how many there are in all.
func (l *Ledger) List(keep func(*Record) bool, skip, limit int) (page []Record, total int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []*Record
	for _, r := range l.byID {
		if keep(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *Record) int {
		if c := b.FiredAt.Compare(a.FiredAt); c != 0 {
			return c
		}
		return compareIDs(a, b)
	})
	page = []Record{}
	for _, r := range found[min(skip, len(found)):min(skip+limit, len(found))] {
		page = append(page, r.copy())
	}
	return page, len(found)
}

func compareIDs(a, b *Record) int {
	if a.ID < b.ID {
		return -1
	}
	return 1
}

// Open gives the alerts that were not resolved.
func (l *Ledger) Open() []Record {
	out, _ := l.List(func(r *Record) bool { return r.State != Resolved }, 0, l.options.Max)
	return out
}
