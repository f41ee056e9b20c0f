package telemetry

import (
	"encoding/binary"
	"errors"
	"time"
)

// AppendSteps encodes step timings compactly: for each step four varints
// (index, outcome, start in ns since the previous step's start as a signed
// varint, duration in ns).
func AppendSteps(dst []byte, steps []Step) []byte {
	var last int64
	for i := range steps {
		s := &steps[i]
		dst = binary.AppendUvarint(dst, uint64(s.Index))
		dst = append(dst, byte(s.Outcome))
		dst = binary.AppendVarint(dst, s.Start-last)
		dst = binary.AppendUvarint(dst, uint64(max(s.Duration, 0)))
		last = s.Start
	}
	return dst
}

// DecodeSteps is the inverse of AppendSteps.
func DecodeSteps(b []byte) ([]Step, error) {
	var out []Step
	var last int64
	for len(b) > 0 {
		index, n := binary.Uvarint(b)
		if n <= 0 || n >= len(b) || index > 0xffff {
			return out, errSteps
		}
		outcome := b[n]
		b = b[n+1:]
		start, n := binary.Varint(b)
		if n <= 0 {
			return out, errSteps
		}
		b = b[n:]
		duration, n := binary.Uvarint(b)
		if n <= 0 || duration > uint64(365*24*time.Hour) {
			return out, errSteps
		}
		b = b[n:]
		last += start
		out = append(out, Step{Index: uint16(index), Outcome: Outcome(outcome), Start: last, Duration: int64(duration)})
	}
	return out, nil
}

var errSteps = errors.New("policy steps are damaged")
