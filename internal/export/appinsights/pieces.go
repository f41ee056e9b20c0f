package appinsights

import (
	"bytes"
	"encoding/binary"

	"github.com/golang/snappy"
)

// A batch of the queue is its version, and pieces: items of the gateway's own
// traffic are a few constant texts with ids and numbers between them. A piece is
// a uvarint, whose two lowest bits are its kind, and what the kind needs. Items
// stand without their opening: the key is put in front when they are sent, so
// that it is never on disk and may change.
const (
	version      = 2
	versionLines = 1 // snappy, lines without their opening: an older Gatehouse's
)

const (
	pieceText  = iota // the number is its length; the bytes follow
	pieceNew          // the same, and the text is the next constant
	pieceAgain        // the number is that of a constant
	pieceMark         // markItem or markStart
	pieceBits  = 2
	markItem   = 0 // an item is complete
	markStart  = 1 // constants are counted anew: another batch begins
)

func appendPiece(b []byte, kind, n int) []byte {
	return binary.AppendUvarint(b, uint64(n)<<pieceBits|uint64(kind))
}

// piece is one of a batch. number is of a constant, or a mark.
type piece struct {
	kind, number int
	text         []byte
}

// pieceReader goes through pieces. Texts share the memory of rest.
type pieceReader struct {
	rest      []byte
	constants [][]byte
	damaged   bool
}

// next gives the next piece with its text, false at the end and at damage.
func (r *pieceReader) next() (p piece, ok bool) {
	v, size := binary.Uvarint(r.rest)
	if len(r.rest) == 0 || size <= 0 {
		r.damaged = r.damaged || len(r.rest) > 0
		return p, false
	}
	r.rest = r.rest[size:]
	p.kind, p.number = int(v&3), int(v>>pieceBits)
	switch p.kind {
	case pieceMark:
		if p.number == markStart {
			r.constants = r.constants[:0]
		}
		return p, true
	case pieceAgain:
		if p.number >= len(r.constants) {
			r.damaged = true
			return p, false
		}
		p.text = r.constants[p.number]
		return p, true
	}
	if v>>pieceBits > uint64(len(r.rest)) {
		r.damaged = true
		return p, false
	}
	p.text, r.rest = r.rest[:p.number:p.number], r.rest[p.number:]
	if p.kind == pieceNew {
		p.number = len(r.constants)
		r.constants = append(r.constants, p.text)
	}
	return p, true
}

// join gives the pieces of batches, one after the other.
func join(batches [][]byte) ([]byte, error) {
	if len(batches) == 1 && len(batches[0]) > 0 && batches[0][0] == version {
		return readable(batches[0][1:])
	}
	size := 0
	for _, b := range batches {
		size += len(b) + 1
	}
	out := make([]byte, 0, size)
	for _, b := range batches {
		if len(b) == 0 {
			return nil, errUnreadable
		}
		switch b[0] {
		case version:
			out = append(appendPiece(out, pieceMark, markStart), b[1:]...)
		case versionLines:
			lines, err := snappy.Decode(nil, b[1:])
			if err != nil {
				return nil, errUnreadable
			}
			out = append(out, asPieces(lines)...)
		default:
			return nil, errUnreadable
		}
	}
	return readable(out)
}

// readable gives pieces when all of them can be read.
func readable(pieces []byte) ([]byte, error) {
	r := pieceReader{rest: pieces}
	for _, ok := r.next(); ok; _, ok = r.next() {
	}
	if r.damaged {
		return nil, errUnreadable
	}
	return pieces, nil
}

// expand appends items as lines, each with an opening.
func expand(to, pieces, opening []byte) []byte {
	texts(pieces, opening, func(text []byte) { to = append(to, text...) })
	return to
}

// texts gives what items consist of, in their order, each item with an opening.
func texts(pieces, opening []byte, give func([]byte)) {
	r, fresh := pieceReader{rest: pieces}, true
	for p, ok := r.next(); ok; p, ok = r.next() {
		if fresh && p.kind != pieceMark {
			give(opening)
		}
		fresh = p.kind == pieceMark
		give(p.text)
	}
}

// asPieces is the inverse, without constants.
func asPieces(lines []byte) []byte {
	out := appendPiece(make([]byte, 0, len(lines)+len(lines)/64+16), pieceMark, markStart)
	for line := range bytes.Lines(lines) {
		out = append(appendPiece(out, pieceText, len(line)), line...)
		out = appendPiece(out, pieceMark, markItem)
	}
	return out
}

// batch makes pieces of rows. It is used again: shapes and resources are worth
// keeping.
type batch struct {
	out   []byte // pieces
	lines []byte // the text that is open: not yet a piece
	items int
	err   error

	names     []string          // scratch of the encoder
	resources map[string]object // read from rows' resources, which repeat

	numbers map[string]int // constants of this batch by their text
	count   int            // constants, those of one row included
	scratch []byte
	shapes  map[shapeKey]*shape
	last    *shape
	members []member // of the row's attributes
	minute  int64    // of stamp
	stamp   string
}

// maxConstants bounds the constants that are looked for; what comes later is text.
const maxConstants = 2000

func (b *batch) reset() {
	b.out, b.lines, b.items, b.err, b.count = append(b.out[:0], version), b.lines[:0], 0, nil, 0
	clear(b.numbers)
	clear(b.members) // texts of rows
}

// close ends the text that is open.
func (b *batch) close() {
	if len(b.lines) > 0 {
		b.out = append(appendPiece(b.out, pieceText, len(b.lines)), b.lines...)
		b.lines = b.lines[:0]
	}
}

// end completes an item.
func (b *batch) end() {
	b.close()
	b.out = appendPiece(b.out, pieceMark, markItem)
	b.items++
}

// constant appends a text that other items are likely to have too. The text must
// not change as long as the batch is made.
func (b *batch) constant(s string) {
	if n, ok := b.numbers[s]; ok {
		b.again(n)
		return
	}
	if len(b.numbers) >= maxConstants {
		b.lines = append(b.lines, s...)
		return
	}
	if b.numbers == nil {
		b.numbers = map[string]int{}
	}
	b.numbers[s] = b.define(s)
}

// scratched appends what is in the scratch as constant does.
func (b *batch) scratched() {
	if n, ok := b.numbers[string(b.scratch)]; ok {
		b.again(n)
		return
	}
	b.constant(string(b.scratch))
}

// define appends a text and gives the number by which again repeats it.
func (b *batch) define(s string) int {
	b.close()
	b.out = append(appendPiece(b.out, pieceNew, len(s)), s...)
	b.count++
	return b.count - 1
}

func (b *batch) again(n int) {
	b.close()
	b.out = appendPiece(b.out, pieceAgain, n)
}
