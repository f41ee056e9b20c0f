// Package spool is a queue on disk: batches of bytes that wait for a
// destination that is slow or away.
//
// What comes in: batches, each with the number of items in it. What goes out:
// the same batches, oldest first, at least once: one that was not reported as
// done comes again after a restart, also after kill -9. It must never grow
// beyond its bound, lose a batch without counting it, or know what is in one.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"gatehouse/internal/telemetry"
)

// Options of a Spool. Zero means default.
type Options struct {
	Folder       string        // made when it is not there; no other spool may use it
	MaxBytes     int64         // of all segments; the oldest goes when there are more; default 256 MiB
	MaxAge       time.Duration // batches that wait longer are dropped; default 48 h
	SegmentBytes int64         // of one file; default 8 MiB, at most a quarter of MaxBytes
	// Sync is how long a batch may wait until it is safe from a power cut, a crash
	// of the process never harms it. Default 1 s; negative: Put waits for the disk.
	Sync   time.Duration
	Now    func() time.Time
	Logger *slog.Logger

	create func(path string) (segmentFile, error) // of a new segment; tests fill the disk here
}

// segmentFile is what is written to.
type segmentFile interface {
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 256 << 20
	}
	if o.MaxAge <= 0 {
		o.MaxAge = 48 * time.Hour
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 8 << 20
	}
	o.SegmentBytes = min(o.SegmentBytes, max(o.MaxBytes/4, 1))
	if o.Sync == 0 {
		o.Sync = time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.create == nil {
		o.create = func(path string) (segmentFile, error) {
			return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		}
	}
	return o
}

// Spool is a telemetry.Queue.
type Spool struct {
	options  Options
	position *os.File // where the first batch that is not done stands

	mu       sync.Mutex
	segments []*segment // oldest first; the last is written to
	next     uint64     // number of the next segment
	held     []hold     // batches given out, in their order
	lastID   uint64
	arrived  chan struct{} // closed and replaced when a batch comes
	stats    telemetry.QueueStats
	closed   bool
	dirty    bool

	stop    chan struct{}
	syncing sync.WaitGroup
}

// hold is a batch that somebody has. It leaves the list when all before it have.
type hold struct {
	id      uint64
	segment uint64
	end     int64
	items   int
	done    bool
}

var errClosed = errors.New("the queue is closed")

// Open reads what an earlier process left behind and cuts what it did not
// finish to write.
func Open(o Options) (*Spool, error) {
	o = o.withDefaults()
	if err := os.MkdirAll(o.Folder, 0o750); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	s := &Spool{options: o, arrived: make(chan struct{}), stop: make(chan struct{}), next: 1}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	if o.Sync > 0 {
		s.syncing.Go(s.sync)
	}
	return s, nil
}

// Put writes a batch. When it returns nil the batch survives a crash of the
// process; with a full disk it returns an error and the queue stays as it was.
func (s *Spool) Put(ctx context.Context, data []byte, items int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	size := recordSize(data)
	if size > s.options.MaxBytes || len(data) > maxData {
		return fmt.Errorf("a batch of %d bytes is larger than the queue may be", len(data))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.expire()
	for s.stats.Bytes+size > s.options.MaxBytes && len(s.segments) > 0 {
		s.stats.DroppedFull += s.drop()
	}
	if err := s.write(data, items); err != nil {
		return fmt.Errorf("write to the queue: %w", err)
	}
	s.stats.Batches++
	s.stats.Items += items
	s.stats.Bytes += size
	close(s.arrived)
	s.arrived = make(chan struct{})
	return nil
}

// Next gives the oldest batch that nobody holds.
func (s *Spool) Next(ctx context.Context) (telemetry.Batch, error) {
	for {
		b, arrived, err := s.take()
		if err != nil || arrived == nil {
			return b, err
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return telemetry.Batch{}, ctx.Err()
		case <-s.stop:
			return telemetry.Batch{}, errClosed
		}
	}
}

// take gives a batch, or the channel that tells of the next one.
func (s *Spool) take() (telemetry.Batch, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return telemetry.Batch{}, nil, errClosed
	}
	s.expire()
	for _, g := range s.segments {
		for g.read < len(g.records) {
			r := g.takeNext()
			s.lastID++
			h := hold{id: s.lastID, segment: g.number, end: r.end(), items: r.items}
			s.held = append(s.held, h)
			if s.options.Now().Sub(r.time) > s.options.MaxAge {
				s.stats.DroppedOld += r.items
				s.forget(h.id)
				continue
			}
			data, err := g.load(r)
			if err != nil {
				s.damaged(g, r, err)
				s.forget(h.id)
				continue
			}
			return telemetry.Batch{ID: h.id, Data: data, Items: r.items, Time: r.time}, nil, nil
		}
	}
	return telemetry.Batch{}, s.arrived, nil
}

// Done forgets a batch. One whose segment was dropped meanwhile is forgotten already.
func (s *Spool) Done(id uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	return s.forget(id)
}

// Stats describes the queue now.
func (s *Spool) Stats() telemetry.QueueStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	for _, g := range s.segments {
		if g.read < len(g.records) {
			out.Oldest = g.records[g.read].time
			break
		}
	}
	return out
}

// Close ends Next and makes what was put safe from a power cut. What is not
// done comes again when the folder is opened the next time.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.stop)
	s.mu.Unlock()
	s.syncing.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := []error{s.flush()}
	for _, g := range s.segments {
		errs = append(errs, g.close())
	}
	return errors.Join(append(errs, s.position.Close())...)
}

// sync makes batches safe from a power cut in the background.
func (s *Spool) sync() {
	tick := time.NewTicker(s.options.Sync)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.mu.Lock()
			err := s.flush()
			s.mu.Unlock()
			if err != nil {
				s.options.Logger.Warn("a queue of telemetry could not be synced to disk; it is tried again", "error", err)
			}
		case <-s.stop:
			return
		}
	}
}
