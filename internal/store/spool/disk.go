package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
)

// load opens the segments of the folder and goes to where the last process was.
func (s *Spool) load() error {
	var err error
	if s.position, err = os.OpenFile(filepath.Join(s.options.Folder, "position"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	number, offset := s.readPosition()
	found, err := s.list()
	if err != nil {
		return errors.Join(err, s.position.Close())
	}
	for _, n := range found {
		if err := s.open(n, number, offset); err != nil {
			for _, g := range s.segments {
				err = errors.Join(err, g.close())
			}
			return errors.Join(err, s.position.Close())
		}
		s.next = n + 1
	}
	s.next = max(s.next, number+1)
	return nil
}

func (s *Spool) list() ([]uint64, error) {
	entries, err := os.ReadDir(s.options.Folder)
	if err != nil {
		return nil, err
	}
	var out []uint64
	for _, e := range entries {
		if n, ok := segmentNumber(e.Name()); ok {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// open takes one segment over. Those before the position are done.
func (s *Spool) open(n, number uint64, offset int64) error {
	path := segmentPath(s.options.Folder, n)
	if n < number {
		return os.Remove(path)
	}
	from := int64(0)
	if n == number {
		from = offset
	}
	g, rest, err := openSegment(path, n, from)
	if err != nil {
		return err
	}
	if rest > 0 {
		s.stats.DamagedBytes += rest
		s.options.Logger.Warn("the end of a queue's file is not whole and was cut", "file", filepath.Base(path), "bytes", rest)
		if err := os.Truncate(path, g.size); err != nil {
			return errors.Join(err, g.close())
		}
	}
	if len(g.records) == 0 {
		return g.remove()
	}
	batches, items := g.waiting()
	s.stats.Batches += batches
	s.stats.Items += items
	s.stats.Bytes += g.size
	s.segments = append(s.segments, g)
	return nil
}

// write appends to the last segment, or to a new one when that is full or could
// not be written to. The caller holds the lock.
func (s *Spool) write(data []byte, items int) error {
	g, err := s.writable(recordSize(data))
	if err != nil {
		return err
	}
	if err := g.append(data, items, s.options.Now(), s.options.Sync < 0, s.keeps(len(data))); err != nil {
		if len(g.records) == 0 { // a new file that holds nothing
			s.segments = s.segments[:len(s.segments)-1]
			return errors.Join(err, g.remove())
		}
		return err
	}
	s.dirty = s.options.Sync > 0
	return nil
}

// maxFresh bounds what is kept in memory beside the disk, in bytes.
const maxFresh = 8 << 20

// keeps says whether data of a size may stay in memory until it is read.
func (s *Spool) keeps(size int) bool {
	held := int64(size)
	for _, g := range s.segments {
		held += g.fresh
	}
	return held <= maxFresh
}

func (s *Spool) writable(size int64) (*segment, error) {
	if n := len(s.segments); n > 0 {
		last := s.segments[n-1]
		if last.file != nil && last.size+size <= s.options.SegmentBytes {
			return last, nil
		}
		if err := s.seal(last); err != nil {
			return nil, err
		}
	}
	g := &segment{number: s.next, path: segmentPath(s.options.Folder, s.next)}
	var err error
	if g.file, err = s.options.create(g.path); err != nil {
		return nil, err
	}
	if g.reader, err = os.Open(g.path); err != nil {
		return nil, errors.Join(err, g.file.Close())
	}
	s.next++
	s.segments = append(s.segments, g)
	return g, nil
}

// seal ends writing to a segment.
func (s *Spool) seal(g *segment) error {
	if g.file == nil {
		return nil
	}
	err := errors.Join(g.file.Sync(), g.file.Close())
	g.file = nil
	return err
}

func (s *Spool) flush() error {
	if !s.dirty || len(s.segments) == 0 {
		return nil
	}
	if last := s.segments[len(s.segments)-1]; last.file != nil {
		if err := last.file.Sync(); err != nil {
			return err
		}
	}
	s.dirty = false
	return nil
}

// expire drops segments in which everything is too old.
func (s *Spool) expire() {
	limit := s.options.Now().Add(-s.options.MaxAge)
	for len(s.segments) > 0 && s.segments[0].newest.Before(limit) {
		s.stats.DroppedOld += s.drop()
	}
}

// drop removes the oldest segment and gives how many items of it nobody holds:
// whoever holds the others accounts for them.
func (s *Spool) drop() int {
	g := s.segments[0]
	batches, items := g.waiting()
	s.stats.Batches -= batches
	s.stats.Items -= items
	kept := s.held[:0]
	for _, h := range s.held {
		if h.segment != g.number {
			kept = append(kept, h)
		} else if !h.done {
			s.stats.Batches--
			s.stats.Items -= h.items
		}
	}
	s.held = kept
	s.removeFirst()
	return items
}

func (s *Spool) removeFirst() {
	g := s.segments[0]
	s.segments = s.segments[1:]
	s.stats.Bytes -= g.size
	if err := g.remove(); err != nil {
		s.options.Logger.Warn("a file of a queue was not removed", "file", filepath.Base(g.path), "error", err)
	}
}

// forget marks a batch as done and moves the position over all that are. The
// caller holds the lock.
func (s *Spool) forget(id uint64) error {
	at := slices.IndexFunc(s.held, func(h hold) bool { return h.id == id })
	if at < 0 || s.held[at].done {
		return nil
	}
	s.held[at].done = true
	s.stats.Batches--
	s.stats.Items -= s.held[at].items
	moved := false
	var last hold
	for len(s.held) > 0 && s.held[0].done {
		last, moved = s.held[0], true
		s.held = s.held[1:]
		for len(s.segments) > 0 && s.segments[0].number < last.segment {
			s.removeFirst()
		}
		s.segments[0].done++
	}
	if !moved {
		return nil
	}
	// A segment that takes no more and is done goes at once: an idle queue is empty.
	if g := s.segments[0]; g.done == len(g.records) && len(s.held) == 0 && len(s.segments) == 1 {
		s.removeFirst()
	}
	return s.writePosition(last.segment, last.end)
}

func (s *Spool) damaged(g *segment, r record, err error) {
	s.stats.DamagedBytes += headerBytes + int64(r.size)
	s.options.Logger.Warn("a batch of a queue could not be read and is lost", "file", filepath.Base(g.path), "items", r.items, "error", err)
}

const positionBytes = 8 + 8 + 4

// writePosition is one write of 20 bytes. After a power cut it may be an older
// one: then batches come twice.
func (s *Spool) writePosition(number uint64, offset int64) error {
	b := make([]byte, positionBytes)
	binary.LittleEndian.PutUint64(b, number)
	binary.LittleEndian.PutUint64(b[8:], uint64(offset))
	binary.LittleEndian.PutUint32(b[16:], crc32.Checksum(b[:16], castagnoli))
	if _, err := s.position.WriteAt(b, 0); err != nil {
		return fmt.Errorf("write the queue's position: %w", err)
	}
	return nil
}

// readPosition gives zeros when there is none or it is damaged: everything
// comes again.
func (s *Spool) readPosition() (number uint64, offset int64) {
	b := make([]byte, positionBytes)
	if _, err := s.position.ReadAt(b, 0); err != nil {
		return 0, 0
	}
	if crc32.Checksum(b[:16], castagnoli) != binary.LittleEndian.Uint32(b[16:]) {
		return 0, 0
	}
	number, offset = binary.LittleEndian.Uint64(b), int64(binary.LittleEndian.Uint64(b[8:]))
	if offset < 0 {
		return 0, 0
	}
	return number, offset
}
