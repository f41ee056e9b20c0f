package policy

import (
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/apim"
)

// Limits on what one document may hold. They are far above what people write
// and keep a hostile document from using up the machine.
const (
	maxDocumentBytes = 1 << 20   // of one policy document
	maxFragmentBytes = 512 << 10 // of one fragment
	maxExpandedBytes = 4 << 20   // after named values were put in
	maxDepth         = 100       // of nested elements
	maxElements      = 20_000    // of one document after fragments were put in
	maxAttributes    = 100       // of one element
	maxBases         = 10        // <base/> in one section
	maxEffective     = 100_000   // elements of one effective policy
	maxMessages      = 50        // of one document
)

const byteOrderMark = "\ufeff"

// source is a text to scan: the original with named values put in, and the way
// back from a byte of it to a place in the original.
type source struct {
	file     string
	original string      // without byte order mark
	text     string      // what is scanned
	spans    []span      // named values in text, in order
	unknown  []reference // {{name}} left in text because no value has that name
}

// span is a stretch of text that stands for original[from:to].
type span struct {
	start, end, from, to int
	name                 string
	secret               bool
	unknown              bool // the name stands for itself
}

// reference is a {{name}} at a byte offset of text.
type reference struct {
	offset int
	name   string
}

// origin maps an offset of text to one of original; everything inside a named
// value maps to its reference.
func (s *source) origin(offset int) int {
	next := sort.Search(len(s.spans), func(i int) bool { return s.spans[i].start > offset })
	if next == 0 {
		return offset
	}
	p := &s.spans[next-1]
	if offset < p.end {
		return p.from
	}
	return p.to + offset - p.end
}

// from gives the index of the first span that ends after an offset.
func (s *source) from(offset int) int {
	return sort.Search(len(s.spans), func(i int) bool { return s.spans[i].end > offset })
}

// within returns the named value that text[offset] comes from, or nil.
func (s *source) within(offset int) *span {
	if i := s.from(offset); i < len(s.spans) && s.spans[i].start <= offset {
		return &s.spans[i]
	}
	return nil
}

// touched tells whether named values, and whether secret ones, are part of
// text[start:end].
func (s *source) touched(start, end int) (any, secret bool) {
	for i := s.from(start); i < len(s.spans) && s.spans[i].start < end; i++ {
		any, secret = true, secret || s.spans[i].secret
	}
	return any, secret
}

// secrets gives the secret named values in text[start:end].
func (s *source) secrets(start, end int) []string {
	var out []string
	for i := s.from(start); i < len(s.spans) && s.spans[i].start < end; i++ {
		if one := &s.spans[i]; one.secret {
			out = append(out, s.text[one.start:one.end])
		}
	}
	return out
}

// tells finds out whether a message holds a secret, or a word of one: a secret
// put into code is read as words of it.
func (v *Value) tells(message string) bool {
	words := strings.FieldsFunc(message, notWord)
	for _, secret := range v.secrets {
		if secret != "" && strings.Contains(message, secret) {
			return true
		}
		for _, word := range strings.FieldsFunc(secret, notWord) {
			if slices.Contains(words, word) {
				return true
			}
		}
	}
	return false
}

func notWord(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// position of a byte of text in the original file. It reads the original from
// its start: the parser uses a cursor, this is for messages.
func (s *source) position(offset int) apim.Position {
	var c cursor
	return c.move(s, offset)
}

// cursor remembers the last position: asking for one near it reads only what
// is between.
type cursor struct{ offset, line, column int }

func (c *cursor) move(s *source, offset int) apim.Position {
	to := min(s.origin(offset), len(s.original))
	if c.line == 0 {
		*c = cursor{line: 1, column: 1}
	}
	if to >= c.offset {
		c.forward(s.original[c.offset:to])
	} else {
		c.line -= strings.Count(s.original[to:c.offset], "\n")
		start := strings.LastIndexByte(s.original[:to], '\n') + 1
		c.column = 1 + utf8.RuneCountInString(s.original[start:to])
	}
	c.offset = to
	return apim.Position{File: s.file, Line: c.line, Column: c.column}
}

func (c *cursor) forward(text string) {
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		c.line += strings.Count(text, "\n")
		c.column = 1
		text = text[i+1:]
	}
	c.column += utf8.RuneCountInString(text)
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

func isNameStart(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b >= utf8.RuneSelf
}

func isNameByte(b byte) bool {
	return isNameStart(b) || b >= '0' && b <= '9' || b == '-' || b == '.' || b == ':'
}

func isExpressionStart(text string) bool {
	return len(text) > 1 && text[0] == '@' && (text[1] == '(' || text[1] == '{')
}
