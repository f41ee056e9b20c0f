package expr

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// encoding is a System.Text.Encoding by name.
type encoding string

func encodingNamed(s string) encoding {
	switch strings.ToLower(s) {
	case "utf-8", "utf8":
		return "UTF8"
	case "ascii", "us-ascii":
		return "ASCII"
	case "iso-8859-1", "latin1":
		return "Latin1"
	case "utf-16", "unicode":
		return "Unicode"
	}
	throw("System.ArgumentException", "'%s' is not a supported encoding name.", s)
	return ""
}

func (e encoding) encode(s string) []byte {
	switch e {
	case "Unicode", "BigEndianUnicode":
		var order binary.AppendByteOrder = binary.LittleEndian
		if e != "Unicode" {
			order = binary.BigEndian
		}
		var out []byte
		for _, u := range units(s) {
			out = order.AppendUint16(out, u)
		}
		return out
	case "UTF32":
		var out []byte
		for _, r := range s {
			out = binary.LittleEndian.AppendUint32(out, uint32(r))
		}
		return out
	case "ASCII", "Latin1":
		limit := rune(0x80)
		if e == "Latin1" {
			limit = 0x100
		}
		var out []byte
		for _, r := range s {
			if r >= limit {
				r = '?'
			}
			out = append(out, byte(r))
		}
		return out
	}
	return []byte(s)
}

func (e encoding) decode(b []byte) string {
	switch e {
	case "Unicode", "BigEndianUnicode":
		var order binary.ByteOrder = binary.LittleEndian
		if e != "Unicode" {
			order = binary.BigEndian
		}
		u := make([]uint16, len(b)/2)
		for i := range u {
			u[i] = order.Uint16(b[2*i:])
		}
		return fromUnits(u)
	case "UTF32":
		var out strings.Builder
		for i := 0; i+4 <= len(b); i += 4 {
			out.WriteRune(rune(binary.LittleEndian.Uint32(b[i:])))
		}
		return out.String()
	case "ASCII", "Latin1":
		var out strings.Builder
		for _, c := range b {
			if c >= 0x80 && e == "ASCII" {
				out.WriteByte('?')
			} else {
				out.WriteRune(rune(c))
			}
		}
		return out.String()
	}
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}
