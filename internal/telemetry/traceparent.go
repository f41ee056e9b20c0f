package telemetry

import "encoding/hex"

// ParseTraceparent reads a W3C traceparent header. ok is false when it is
// malformed in any way (wrong length, upper case, forbidden version, zero
// ids): the caller then starts a new trace.
func ParseTraceparent(s string) (trace TraceID, parent SpanID, sampled, ok bool) {
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return
	}
	var version, flags [1]byte
	if !decodeHex(version[:], s[:2]) || version[0] == 0xff || (version[0] == 0 && len(s) != 55) || (len(s) > 55 && s[55] != '-') {
		return
	}
	if !decodeHex(trace[:], s[3:35]) || !decodeHex(parent[:], s[36:52]) || !decodeHex(flags[:], s[53:55]) {
		return TraceID{}, SpanID{}, false, false
	}
	if trace == (TraceID{}) || parent == (SpanID{}) {
		return TraceID{}, SpanID{}, false, false
	}
	return trace, parent, flags[0]&1 == 1, true
}

// decodeHex decodes lower-case hex only, as the W3C recommendation demands.
func decodeHex(dst []byte, s string) bool {
	for i := range dst {
		hi, lo := nibble(s[2*i]), nibble(s[2*i+1])
		if hi > 15 || lo > 15 {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
}

func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// FormatTraceparent writes a W3C traceparent header.
func FormatTraceparent(trace TraceID, span SpanID, sampled bool) string {
	var b [55]byte
	copy(b[:], "00-")
	hex.Encode(b[3:35], trace[:])
	b[35] = '-'
	hex.Encode(b[36:52], span[:])
	copy(b[52:], "-00")
	if sampled {
		b[54] = '1'
	}
	return string(b[:])
}

// String gives the id as 32 lower-case hex digits, "" when it is zero.
func (t TraceID) String() string {
	if t == (TraceID{}) {
		return ""
	}
	return hex.EncodeToString(t[:])
}

// String gives the id as 16 lower-case hex digits, "" when it is zero.
func (s SpanID) String() string {
	if s == (SpanID{}) {
		return ""
	}
	return hex.EncodeToString(s[:])
}
