package lake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strconv"
	"strings"
)

// The write-ahead log is a series of files wal/<sequence>.wal. A record is the
// length of its payload and the payload's CRC32C, four bytes each, little
// endian, then the payload: one batch. A file belongs to one generation of rows
// and is removed when the rows are in segments.
const (
	walHeader   = 8
	maxWALBatch = 64 << 20 // bytes
)

// walFile is the file that is being appended to.
type walFile struct {
	fs     fileSystem
	path   string
	seq    uint64
	f      file
	size   int64
	dirty  bool // written since the last sync
	broken bool // a failed write could not be taken back: no more appends
}

func walPath(root string, seq uint64) string {
	return filepath.Join(root, "wal", fmt.Sprintf("%012d.wal", seq))
}

func parseWALName(path string) (uint64, bool) {
	name, ok := strings.CutSuffix(filepath.Base(path), ".wal")
	if !ok {
		return 0, false
	}
	seq, err := strconv.ParseUint(name, 10, 64)
	return seq, err == nil
}

func createWAL(fsys fileSystem, root string, seq uint64) (*walFile, error) {
	path := walPath(root, seq)
	f, err := fsys.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create write-ahead log: %w", err)
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		f.Close()
		fsys.Remove(path)
		return nil, fmt.Errorf("create write-ahead log: %w", err)
	}
	return &walFile{fs: fsys, path: path, seq: seq, f: f}, nil
}

// reserveHeader makes room for the header of a record in an empty buffer;
// sealRecord fills it in once the payload stands behind it.
func reserveHeader(buf []byte) []byte { return append(buf[:0], make([]byte, walHeader)...) }

func sealRecord(rec []byte) {
	payload := rec[walHeader:]
	binary.LittleEndian.PutUint32(rec, uint32(len(payload)))
	binary.LittleEndian.PutUint32(rec[4:], crc32.Checksum(payload, castagnoli()))
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// append writes one record with one write. After a failure the file is as it
// was before, or broken.
func (w *walFile) append(rec []byte, sync bool) error {
	if w.broken {
		return errors.New("write-ahead log: the file is broken by an earlier failure")
	}
	_, err := w.f.Write(rec)
	if err == nil && sync {
		err = w.f.Sync()
	}
	if err != nil {
		if back := w.f.Truncate(w.size); back != nil {
			w.broken = true
			err = errors.Join(err, fmt.Errorf("take back: %w", back))
		}
		return fmt.Errorf("append to write-ahead log: %w", err)
	}
	w.size += int64(len(rec))
	w.dirty = !sync
	return nil
}

// readWAL gives the payloads of a file in order. good is the length of the part
// that is whole; what follows it was torn by a crash, or damaged.
func readWAL(data []byte, visit func(payload []byte) error) (good int, err error) {
	for {
		rest := data[good:]
		if len(rest) < walHeader {
			return good, nil
		}
		size := binary.LittleEndian.Uint32(rest)
		if size > maxWALBatch || int(size) > len(rest)-walHeader {
			return good, nil
		}
		payload := rest[walHeader : walHeader+int(size)]
		if size == 0 || crc32.Checksum(payload, castagnoli()) != binary.LittleEndian.Uint32(rest[4:]) {
			return good, nil
		}
		if err := visit(payload); err != nil {
			return good, err
		}
		good += walHeader + int(size)
	}
}
