package telemetry

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendJSON appends a text as a JSON string; bytes that are not UTF-8 become U+FFFD.
func AppendJSON(b []byte, s string) []byte {
	return append(AppendJSONText(append(b, '"'), s), '"')
}

// AppendJSONText appends a text as it stands within the quotes of a JSON string.
// Captured bodies are long, and are often JSON themselves, full of quotes: eight
// bytes are looked at at a time, and more where nothing needs an escape.
func AppendJSONText(b []byte, s string) []byte {
	for i, clean := 0, 0; i < len(s); {
		c := s[i]
		if i+8 <= len(s) {
			w := word(s[i:])
			b = binary.LittleEndian.AppendUint64(b, w)
			m := suspect(w)
			if m == 0 {
				i += 8
				if clean++; clean == 4 {
					n := plainBlocks(s[i:])
					b, i, clean = append(b, s[i:i+n]...), i+n, 0
				}
				continue
			}
			n := bits.TrailingZeros64(m) >> 3
			b, i, clean, c = b[:len(b)-8+n], i+n, 0, s[i+n]
		}
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s[i:])
			b, i = utf8.AppendRune(b, r), i+size
		case c < ' ' || c == '"' || c == '\\':
			b, i = appendEscaped(b, c), i+1
		default:
			b, i = append(b, c), i+1
		}
	}
	return b
}

// PlainJSON is how many bytes a text begins with that need no escape.
func PlainJSON(s string) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if m := suspect(word(s[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		if i == 24 {
			i += plainBlocks(s[i+8:])
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return i
		}
	}
	return len(s)
}

// plainBlocks is how many bytes a text begins with that need no escape, of whole
// blocks of 32.
func plainBlocks(s string) int {
	i := 0
	for ; i+32 <= len(s); i += 32 {
		if suspect(word(s[i:]))|suspect(word(s[i+8:]))|suspect(word(s[i+16:]))|suspect(word(s[i+24:])) != 0 {
			break
		}
	}
	return i
}

// word is the first eight bytes of a text; the compiler loads them at once.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// suspect is not 0 when one of eight bytes is a control character, a quote, a
// backslash, or not ASCII. It may be wrong about bytes above the first that is.
func suspect(w uint64) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	quote, backslash := w^each*'"', w^each*'\\'
	return (w | (w - each*' ') | (quote - each) | (backslash - each)) & high
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
