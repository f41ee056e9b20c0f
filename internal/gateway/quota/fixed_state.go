package quota

import (
	"encoding/binary"
	"errors"
)

// A saved state is a version byte and records of one size: id, end, total.
const (
	fixedVersion = 1
	fixedRecord  = len(fixedID{}) + 8 + 8
)

var errFixedState = errors.New("the saved counts are damaged")

// Changes counts what happened so far; equal numbers mean an equal state.
func (f *Fixed) Changes() uint64 {
	var total uint64
	for i := range f.shards {
		f.shards[i].mu.Lock()
		total += f.shards[i].changes
		f.shards[i].mu.Unlock()
	}
	return total
}

// Save gives the counters of periods that are not over, for Load.
func (f *Fixed) Save() []byte {
	now := f.now().Unix()
	out := []byte{fixedVersion}
	for i := range f.shards {
		s := &f.shards[i]
		s.mu.Lock()
		for e := s.use.Back(); e != nil; e = e.Prev() {
			if c := e.Value.(*fixedCount); c.end > now {
				out = append(out, c.id[:]...)
				out = binary.LittleEndian.AppendUint64(out, uint64(c.end))
				out = binary.LittleEndian.AppendUint64(out, uint64(c.total))
			}
		}
		s.mu.Unlock()
	}
	return out
}

// Load takes over what Save gave.
func (f *Fixed) Load(data []byte) error {
	if len(data) == 0 || data[0] != fixedVersion || (len(data)-1)%fixedRecord != 0 {
		return errFixedState
	}
	now := f.now().Unix()
	for data = data[1:]; len(data) > 0; data = data[fixedRecord:] {
		id := fixedID(data[:16])
		end, total := int64(binary.LittleEndian.Uint64(data[16:])), int64(binary.LittleEndian.Uint64(data[24:]))
		if total > 0 && end > now {
			f.shard(id).add(id, total, end, now)
		}
	}
	return nil
}
