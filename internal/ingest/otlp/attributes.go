package otlp

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// maxKeyBytes bounds the name of an attribute.
const maxKeyBytes = 256

// objectWriter writes attributes as JSON objects into one buffer.
type objectWriter struct {
	maxAttributes, maxBytes int
	buf                     []byte
	value                   []byte // scratch
}

// open starts an object; close ends it.
func (w *objectWriter) open() { w.buf = append(w.buf, '{') }

func (w *objectWriter) close() { w.buf = append(w.buf, '}') }

func (w *objectWriter) key(key string) {
	if last := w.buf[len(w.buf)-1]; last != '{' {
		w.buf = append(w.buf, ',')
	}
	w.buf = append(appendJSON(w.buf, clip(key, maxKeyBytes)), ':')
}

func (w *objectWriter) text(key, value string) {
	w.key(key)
	w.buf = appendJSON(w.buf, value)
}

func (w *objectWriter) number(key string, n int64) {
	w.key(key)
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

// truncated marks the value of key as cut.
func (w *objectWriter) truncated(key string) {
	w.key(clip(key, maxKeyBytes) + ".truncated")
	w.buf = append(w.buf, "true"...)
}

// attributes writes the pairs of m for which take is false, and gives the
// number of those that were over the limit. take may be nil.
func (w *objectWriter) attributes(m pcommon.Map, take func(key string, v pcommon.Value) bool) (dropped int) {
	written := 0
	for key, v := range m.All() {
		if take != nil && take(key, v) {
			continue
		}
		if written == w.maxAttributes {
			dropped++
			continue
		}
		written++
		w.attribute(key, v)
	}
	return dropped
}

// attribute writes one pair: masked when its name is a credential's, cut and
// marked when it is too long.
func (w *objectWriter) attribute(key string, v pcommon.Value) {
	switch {
	case secret(key):
		w.text(key, mask)
	case v.Type() == pcommon.ValueTypeStr:
		s := maskedURL(key, v.Str())
		cut := clip(s, w.maxBytes)
		w.text(key, cut)
		if len(cut) < len(s) {
			w.truncated(key)
		}
	default:
		w.value = w.appendValue(w.value[:0], v)
		// A list or map that is too long stays as the text of its beginning.
		if len(w.value) > w.maxBytes {
			w.text(key, clip(string(w.value[:w.maxBytes+1]), w.maxBytes))
			w.truncated(key)
			return
		}
		w.key(key)
		w.buf = append(w.buf, w.value...)
	}
}

// appendValue appends a value as JSON. Nesting is bounded by scan.
func (w *objectWriter) appendValue(b []byte, v pcommon.Value) []byte {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return appendJSON(b, clip(v.Str(), w.maxBytes))
	case pcommon.ValueTypeBool:
		return strconv.AppendBool(b, v.Bool())
	case pcommon.ValueTypeInt:
		return strconv.AppendInt(b, v.Int(), 10)
	case pcommon.ValueTypeDouble:
		return appendDouble(b, v.Double())
	case pcommon.ValueTypeBytes:
		b = append(b, '"')
		raw := v.Bytes().AsRaw()
		b = base64.StdEncoding.AppendEncode(b, raw[:min(len(raw), w.maxBytes)])
		return append(b, '"')
	case pcommon.ValueTypeSlice:
		return w.appendSlice(b, v.Slice())
	case pcommon.ValueTypeMap:
		return w.appendMap(b, v.Map())
	}
	return append(b, "null"...)
}

// appendSlice stops soon after the limit: attribute cuts what is over it.
func (w *objectWriter) appendSlice(b []byte, s pcommon.Slice) []byte {
	b = append(b, '[')
	for i := 0; i < s.Len() && len(b) <= w.maxBytes; i++ {
		if i > 0 {
			b = append(b, ',')
		}
		b = w.appendValue(b, s.At(i))
	}
	return append(b, ']')
}

func (w *objectWriter) appendMap(b []byte, m pcommon.Map) []byte {
	b = append(b, '{')
	first := true
	for key, v := range m.All() {
		if len(b) > w.maxBytes {
			break
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendJSON(b, clip(key, maxKeyBytes)), ':')
		if secret(key) {
			b = appendJSON(b, mask)
			continue
		}
		b = w.appendValue(b, v)
	}
	return append(b, '}')
}

// appendDouble writes what JSON has no number for as text.
func appendDouble(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendJSON(b, strconv.FormatFloat(f, 'g', -1, 64))
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

// clean makes text valid UTF-8, which columns must be, and cuts it.
func clean(s string, n int) string { return strings.ToValidUTF8(clip(s, n), "\uFFFD") }

// clip cuts a text at a rune.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:n]
}

const hexDigits = "0123456789abcdef"

// appendJSON appends a JSON string; bytes that are not UTF-8 become U+FFFD.
func appendJSON(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c < ' ' || c == '"' || c == '\\' {
			b = appendEscaped(append(b, s[start:i]...), c)
			start = i + 1
		}
		i++
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
