// Package activity is the record of who asked for what on the monitor doors: an
// append-only log in which each record holds the hash of the one before, so that
// a record that was changed or taken out is found.
//
// What comes in: events. What goes out: the same events, newest first, and a
// verdict on a folder of them. It must never change a record, lose one without
// saying so, or be handed a secret.
package activity

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Categories of events.
const (
	Administrative = "Administrative" // something is changed
	Reading        = "Query"
	Scrape         = "Scrape"
	Request        = "GatewayLogs" // through the gateway, as API Management calls it
)

// Event is one request, in the schema in which Azure exports its Activity Log.
type Event struct {
	Time            time.Time         `json:"time"`
	ResourceID      string            `json:"resourceId"`
	OperationName   string            `json:"operationName"`
	Category        string            `json:"category"`        // Administrative, Query, Scrape
	ResultType      string            `json:"resultType"`      // Success, Failure
	ResultSignature string            `json:"resultSignature"` // HTTP status
	DurationMS      int64             `json:"durationMs"`
	CallerAddress   string            `json:"callerIpAddress"`
	CorrelationID   string            `json:"correlationId"`
	Level           string            `json:"level"` // Information, Warning, Error
	Identity        Identity          `json:"identity"`
	Properties      map[string]string `json:"properties"`
}

// Identity of the caller.
type Identity struct {
	Claims map[string]string `json:"claims"`
}

// Record is an event in the log.
type Record struct {
	Sequence int64           `json:"sequence"` // counts from 1
	Previous string          `json:"previous"` // hash of the record before; "" of the first
	Hash     string          `json:"hash"`     // of sequence, previous and event
	Event    json.RawMessage `json:"event"`
}

func hashOf(sequence int64, previous string, event []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s ", sequence, previous)
	h.Write(event)
	return hex.EncodeToString(h.Sum(nil))
}

// Options of a Log. The zero value of a field means its default.
type Options struct {
	Retention time.Duration // of whole days; default 90 days
	MaxBytes  int64         // default 512 MiB; the oldest days go first
	Logger    *slog.Logger
	Now       func() time.Time // default time.Now
}

// Log is a folder of files, one for each UTC day. Use: Open, Append, Close.
type Log struct {
	dir     string
	options Options

	mu       sync.Mutex
	file     *os.File
	day      string
	sequence int64
	last     string // hash
	dirty    bool
	lost     int64 // since the disk refused
	closed   bool

	quit chan struct{}
	done chan struct{}
}

// Open opens or makes the log of a folder. What a crash left half written at its
// end is cut off.
func Open(dir string, o Options) (*Log, error) {
	if o.Retention == 0 {
		o.Retention = 90 * 24 * time.Hour
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 512 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the activity log: %w", err)
	}
	l := &Log{dir: dir, options: o, quit: make(chan struct{}), done: make(chan struct{})}
	if err := l.resume(); err != nil {
		return nil, fmt.Errorf("open the activity log: %w", err)
	}
	go l.sync()
	return l, nil
}

// days are the names of the files, oldest first.
func days(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok && e.Type().IsRegular() {
			if _, err := time.Parse(time.DateOnly, name); err == nil {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

const suffix = ".jsonl"

func (l *Log) path(day string) string { return filepath.Join(l.dir, day+suffix) }

// resume finds the last record.
func (l *Log) resume() error {
	all, err := days(l.dir)
	if err != nil || len(all) == 0 {
		return err
	}
	for i := len(all) - 1; i >= 0; i-- {
		last, size, err := tail(l.path(all[i]))
		if err != nil {
			aside := l.path(all[i]) + ".damaged"
			l.options.Logger.Error("a day of the activity log is damaged and was moved aside", "file", aside, "error", err)
			if err := os.Rename(l.path(all[i]), aside); err != nil {
				return err
			}
			if last != nil && last.Sequence > l.sequence {
				l.sequence, l.last = last.Sequence, last.Hash // what is gone shows as a gap
			}
			continue
		}
		if l.sequence > 0 {
			return nil
		}
		if err := os.Truncate(l.path(all[i]), size); err != nil {
			return err
		}
		if last != nil {
			l.sequence, l.last = last.Sequence, last.Hash
			return nil
		}
	}
	return nil
}

// Append writes an event. An event that the disk refuses is counted and told of
// in the next record that it takes.
func (l *Log) Append(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if !l.tellLost() {
		l.lost++
		return
	}
	if err := l.write(e); err != nil {
		if l.lost++; l.lost == 1 {
			l.options.Logger.Error("the activity log cannot be written: what is not recorded is counted", "error", err)
		}
	}
}

// Lost notes events that never came here; a record tells how many.
func (l *Log) Lost(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost += n
	if !l.closed {
		l.tellLost()
	}
}

// tellLost writes what could not be recorded, if there is any.
func (l *Log) tellLost() bool {
	if l.lost > 0 {
		if err := l.write(l.gap()); err != nil {
			return false
		}
		l.lost = 0
	}
	return true
}

// gap tells of events that could not be recorded.
func (l *Log) gap() Event {
	return Event{Time: l.options.Now().UTC(), OperationName: "Gatehouse/activity/gap/action", Category: "Administrative", ResultType: "Failure", Level: "Error",
		Identity: Identity{map[string]string{"name": "gatehouse"}}, Properties: map[string]string{"lost": fmt.Sprint(l.lost)}}
}

func (l *Log) write(e Event) error {
	if err := l.turn(); err != nil {
		return err
	}
	event, err := json.Marshal(e)
	if err != nil {
		return err
	}
	r := Record{Sequence: l.sequence + 1, Previous: l.last, Event: event}
	r.Hash = hashOf(r.Sequence, r.Previous, event)
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if n, err := l.file.Write(append(line, '\n')); err != nil {
		return errors.Join(err, l.cut(int64(n)))
	}
	l.sequence, l.last, l.dirty = r.Sequence, r.Hash, true
	return nil
}

// cut takes a record that was written in part out of the file again.
func (l *Log) cut(n int64) error {
	if n == 0 {
		return nil
	}
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	return l.file.Truncate(info.Size() - n)
}

// turn opens the file of today, and removes what is past its retention.
func (l *Log) turn() error {
	day := l.options.Now().UTC().Format(time.DateOnly)
	if l.file != nil && day <= l.day { // a clock that was set back goes on with the newest file
		return nil
	}
	if all, err := days(l.dir); err == nil && len(all) > 0 && all[len(all)-1] > day {
		day = all[len(all)-1]
	}
	f, err := os.OpenFile(l.path(day), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if l.file != nil {
		if err := errors.Join(l.file.Sync(), l.file.Close()); err != nil {
			l.options.Logger.Error("a day of the activity log was not closed cleanly", "error", err)
		}
	}
	l.file, l.day = f, day
	l.prune()
	return nil
}

// prune removes the oldest days, never today's.
func (l *Log) prune() {
	all, err := days(l.dir)
	if err != nil {
		return
	}
	limit := l.options.Now().UTC().Add(-l.options.Retention).Format(time.DateOnly)
	var total int64
	for i := len(all) - 1; i >= 0; i-- {
		if info, err := os.Stat(l.path(all[i])); err == nil {
			total += info.Size()
		}
		if all[i] != l.day && (all[i] < limit || total > l.options.MaxBytes) {
			if err := os.Remove(l.path(all[i])); err != nil {
				l.options.Logger.Error("an old day of the activity log was not removed", "error", err)
			}
		}
	}
}

// sync brings records to the disk once a second.
func (l *Log) sync() {
	defer close(l.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-l.quit:
			return
		case <-tick.C:
		}
		l.mu.Lock()
		f, dirty := l.file, l.dirty
		l.dirty = false
		l.mu.Unlock()
		if dirty {
			_ = f.Sync() // a file that was closed meanwhile was synced then
		}
	}
}

// Close ends the log. Events that come later are passed over.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	f := l.file
	l.mu.Unlock()
	close(l.quit)
	<-l.done
	if f == nil {
		return nil
	}
	return errors.Join(f.Sync(), f.Close())
}
