package spool

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A segment is a file of records, each a header and the bytes of a batch:
// length of the data, CRC-32C of all that follows it, time in ns, items.
const (
	headerBytes = 4 + 4 + 8 + 4
	maxData     = 64 << 20
	suffix      = ".spool"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type record struct {
	offset int64 // of the header
	size   int   // of the data
	items  int
	time   time.Time
	sum    uint32
	fresh  []byte // the data of one that was just written; nil: it is on disk alone
}

func (r record) end() int64 { return r.offset + headerBytes + int64(r.size) }

func recordSize(data []byte) int64 { return headerBytes + int64(len(data)) }

type segment struct {
	number  uint64
	path    string
	size    int64       // of the whole records
	records []record    // those that are not done when the file was opened, and later ones
	read    int         // how many of records were given out
	done    int         // and how many of those are done
	file    segmentFile // nil: not written to any more
	reader  *os.File
	newest  time.Time
	fresh   int64 // bytes of what records keep in memory
}

func segmentPath(folder string, number uint64) string {
	return filepath.Join(folder, fmt.Sprintf("%016d%s", number, suffix))
}

// segmentNumber reads a name that segmentPath made.
func segmentNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, ok && err == nil && len(digits) == 16 && n > 0
}

// encode makes header and data of a record.
func encode(data []byte, items int, at time.Time) (record, []byte) {
	b := make([]byte, headerBytes, headerBytes+len(data))
	binary.LittleEndian.PutUint32(b, uint32(len(data)))
	binary.LittleEndian.PutUint64(b[8:], uint64(at.UnixNano()))
	binary.LittleEndian.PutUint32(b[16:], uint32(items))
	b = append(b, data...)
	sum := crc32.Checksum(b[8:], castagnoli)
	binary.LittleEndian.PutUint32(b[4:], sum)
	return record{size: len(data), items: items, time: at, sum: sum}, b
}

var errDamaged = errors.New("a record is damaged")

// decode reads the next record and checks it.
func decode(r io.Reader, offset int64) (record, error) {
	var h [headerBytes]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return record{}, err
	}
	size := binary.LittleEndian.Uint32(h[:])
	if size > maxData {
		return record{}, errDamaged
	}
	out := record{offset: offset, size: int(size), items: int(binary.LittleEndian.Uint32(h[16:])),
		time: time.Unix(0, int64(binary.LittleEndian.Uint64(h[8:]))), sum: binary.LittleEndian.Uint32(h[4:])}
	hash := crc32.New(castagnoli)
	hash.Write(h[8:])
	n, err := io.Copy(hash, io.LimitReader(r, int64(size)))
	switch {
	case err != nil:
		return record{}, err
	case n < int64(size):
		return record{}, io.ErrUnexpectedEOF
	case hash.Sum32() != out.sum:
		return record{}, errDamaged
	}
	return out, nil
}

// openSegment lists the whole records of a file from an offset on, and tells how
// many bytes at its end are none.
func openSegment(path string, number uint64, from int64) (g *segment, rest int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	g = &segment{number: number, path: path, reader: f}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	if from > info.Size() { // of a file that a power cut made shorter
		from = info.Size()
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	g.size = from
	for r := bufio.NewReaderSize(f, 1<<16); ; {
		one, err := decode(r, g.size)
		if err != nil {
			break // the end, or nothing after it can be told apart
		}
		g.records = append(g.records, one)
		g.size, g.newest = one.end(), one.time
	}
	return g, info.Size() - g.size, nil
}

// append writes a record at the end. On an error the file is as it was, as far
// as readers see it: they stop where size says. With keep the data also stays in
// memory, so that a reader who follows closely does not read it back.
func (g *segment) append(data []byte, items int, at time.Time, sync, keep bool) error {
	r, b := encode(data, items, at)
	r.offset = g.size
	_, err := g.file.WriteAt(b, g.size)
	if err == nil && sync {
		err = g.file.Sync()
	}
	if err != nil {
		return errors.Join(err, g.file.Truncate(g.size))
	}
	if keep {
		r.fresh = b[headerBytes:]
		g.fresh += int64(r.size)
	}
	g.records = append(g.records, r)
	g.size, g.newest = r.end(), at
	return nil
}

// takeNext gives the next record that was not given out. Who has it owns its data.
func (g *segment) takeNext() record {
	r := g.records[g.read]
	if r.fresh != nil {
		g.records[g.read].fresh = nil
		g.fresh -= int64(r.size)
	}
	g.read++
	return r
}

// load gives the data of a record.
func (g *segment) load(r record) ([]byte, error) {
	if r.fresh != nil {
		return r.fresh, nil
	}
	b := make([]byte, headerBytes+r.size)
	if _, err := g.reader.ReadAt(b, r.offset); err != nil {
		return nil, err
	}
	if crc32.Checksum(b[8:], castagnoli) != r.sum {
		return nil, errDamaged
	}
	return b[headerBytes:], nil
}

// waiting are the items that nobody holds.
func (g *segment) waiting() (batches, items int) {
	for _, r := range g.records[g.read:] {
		items += r.items
	}
	return len(g.records) - g.read, items
}

func (g *segment) close() error {
	err := g.reader.Close()
	if g.file != nil {
		err = errors.Join(err, g.file.Close())
		g.file = nil
	}
	return err
}

func (g *segment) remove() error { return errors.Join(g.close(), os.Remove(g.path)) }
