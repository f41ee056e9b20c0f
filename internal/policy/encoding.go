package policy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"

	"gatehouse/internal/apim"
)

// DecodeText gives the text of a document as UTF-8. What begins with a byte
// order mark of UTF-16 is converted, as editors and PowerShell on Windows write
// it, and what is no UTF-8 but names its encoding in the XML declaration, such
// as Windows-1252. UTF-16 without a mark, UTF-32, and bytes that are not of the
// encoding are errors that say how to convert.
func DecodeText(text string) (string, error) {
	const bigEndian, littleEndian = "\xfe\xff", "\xff\xfe"
	switch {
	case strings.HasPrefix(text, littleEndian+"\x00\x00") || strings.HasPrefix(text, "\x00\x00"+bigEndian):
		return "", errors.New("the document is written in UTF-32; save it as UTF-8 (iconv -f UTF-32 -t UTF-8)")
	case strings.HasPrefix(text, bigEndian):
		return decodeUTF16(text[2:], binary.BigEndian)
	case strings.HasPrefix(text, littleEndian):
		return decodeUTF16(text[2:], binary.LittleEndian)
	case strings.HasPrefix(text, "<\x00"):
		return "", errors.New("the document is written in UTF-16 without a byte order mark; save it as UTF-8 (iconv -f UTF-16LE -t UTF-8)")
	case strings.HasPrefix(text, "\x00<"):
		return "", errors.New("the document is written in UTF-16 without a byte order mark; save it as UTF-8 (iconv -f UTF-16BE -t UTF-8)")
	}
	if at := invalidByte(text); at >= 0 {
		return declared(text, at)
	}
	return text, nil
}

// invalidByte is the offset of the first byte that is no UTF-8, -1 for none.
func invalidByte(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for i := 0; i < len(text); {
		c, width := utf8.DecodeRuneInString(text[i:])
		if c == utf8.RuneError && width == 1 {
			return i
		}
		i += width
	}
	return -1
}

// byteError is about a byte of a document that cannot be read.
type byteError struct {
	before string // the text up to it
	text   string
}

func (e *byteError) Error() string { return e.text }

var xmlEncoding = regexp.MustCompile(`^\s*<\?xml\s[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)

// declared converts a text from the encoding that its XML declaration names. At
// is the offset of the first byte that is no UTF-8.
func declared(text string, at int) (string, error) {
	const convert = "save it as UTF-8 (iconv -f WINDOWS-1252 -t UTF-8)"
	m := xmlEncoding.FindStringSubmatch(text)
	if m == nil {
		return "", &byteError{text[:at], fmt.Sprintf("the byte 0x%02X is not UTF-8: the document seems to be written in Windows-1252 or Latin-1; %s, or begin it with <?xml version=\"1.0\" encoding=\"windows-1252\"?>", text[at], convert)}
	}
	encoding, err := htmlindex.Get(m[1])
	if err != nil {
		return "", &byteError{text[:at], fmt.Sprintf("the byte 0x%02X is not UTF-8, and the encoding %q of the XML declaration is not known; save the document as UTF-8", text[at], m[1])}
	}
	out, err := encoding.NewDecoder().String(text)
	if err != nil || strings.ContainsRune(out, utf8.RuneError) {
		return "", &byteError{text[:at], fmt.Sprintf("the byte 0x%02X is not UTF-8, and the document is not wholly written in %s as its XML declaration says; save it as UTF-8", text[at], m[1])}
	}
	return out, nil
}

func decodeUTF16(text string, order binary.ByteOrder) (string, error) {
	if len(text)%2 != 0 {
		return "", errors.New("the document begins as UTF-16 and ends within a character: it is damaged; save it as UTF-8")
	}
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = order.Uint16([]byte(text[2*i : 2*i+2]))
	}
	return string(utf16.Decode(units)), nil
}

// decoded is the document with its text as UTF-8.
func decoded(doc apim.Document) (apim.Document, Messages) {
	text, err := DecodeText(doc.Text)
	if err != nil {
		pos := apim.Position{File: doc.File, Line: 1, Column: 1}
		if e := (*byteError)(nil); errors.As(err, &e) {
			pos.Line += strings.Count(e.before, "\n")
			pos.Column += utf8.RuneCountInString(e.before[strings.LastIndexByte(e.before, '\n')+1:])
		}
		return doc, Messages{{Pos: pos, Text: err.Error()}}
	}
	doc.Text = text
	return doc, nil
}
