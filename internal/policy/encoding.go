package policy

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf16"

	"gatehouse/internal/apim"
)

// DecodeText gives the text of a document as UTF-8. What begins with a byte
// order mark of UTF-16 is converted, as editors and PowerShell on Windows write
// it; UTF-16 without a mark, and UTF-32, are errors that say how to convert.
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
	return text, nil
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
		return doc, Messages{{Pos: apim.Position{File: doc.File, Line: 1, Column: 1}, Text: err.Error()}}
	}
	doc.Text = text
	return doc, nil
}
