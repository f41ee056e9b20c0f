package backend

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// body is the body of a lockstep response. It gives the connection back as
// soon as the last byte was read; anything else closes it.
type body struct {
	conn       *conn // nil when the connection is gone
	pool       *idleConns
	stop       func() bool
	idle       time.Duration
	framing    framing
	left       int64 // of the body, or of the chunk
	reusable   bool
	begun      bool // chunked: the first size line was read
	overhead   int  // chunked: bytes that are not data, beyond a fair share
	maxTrailer int
	response   *http.Response
	err        error
}

// begin replaces the deadline for the head by that for the body.
func (b *body) begin() {
	if b.idle <= 0 {
		b.conn.SetDeadline(time.Time{})
	}
}

// Read returns what is there, at least one byte.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	var n int
	var err error
	switch b.framing {
	case framingLength:
		n, err = b.readLength(p)
	case framingChunked:
		n, err = b.readChunked(p)
	default:
		n, err = b.readFrom(p)
	}
	if err != nil {
		b.done(err)
		err = b.err
	}
	return n, err
}

// readFrom reads from the connection within the idle time.
func (b *body) readFrom(p []byte) (int, error) {
	b.await()
	return b.conn.reader.Read(p)
}

// await allows the idle time for the next read that has to wait.
func (b *body) await() {
	if b.idle > 0 && b.conn.reader.Buffered() == 0 {
		b.conn.SetReadDeadline(time.Now().Add(b.idle))
	}
}

func (b *body) readLength(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.readFrom(p)
	b.left -= int64(n)
	switch {
	case b.left == 0:
		return n, io.EOF
	case err == io.EOF:
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// readChunked fills p from chunks; once it has something it does not wait for more.
func (b *body) readChunked(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if b.left == 0 {
			if n > 0 && !b.nextIsBuffered() {
				return n, nil
			}
			if err := b.nextChunk(); err != nil {
				return n, err
			}
			continue
		}
		if n > 0 && b.conn.reader.Buffered() == 0 {
			return n, nil
		}
		part := p[n:]
		if int64(len(part)) > b.left {
			part = part[:b.left]
		}
		m, err := b.readFrom(part)
		n += m
		b.left -= int64(m)
		if err != nil {
			return n, noEOF(err)
		}
	}
	if b.left == 0 && b.nextIsBuffered() { // perhaps the end: give the connection back early
		return n, b.nextChunk()
	}
	return n, nil
}

// nextIsBuffered tells whether the end of this chunk, the next size line, and
// for the last chunk the end of the trailer, can be read without waiting.
func (b *body) nextIsBuffered() bool {
	peek, _ := b.conn.reader.Peek(b.conn.reader.Buffered())
	if b.begun {
		if len(peek) < 2 {
			return false
		}
		peek = peek[2:]
	}
	end := bytes.IndexByte(peek, '\n')
	if end <= 0 {
		return false
	}
	if peek[0] != '0' {
		return true
	}
	rest := peek[end+1:]
	return bytes.HasPrefix(rest, []byte("\r\n")) || bytes.Contains(rest, []byte("\r\n\r\n"))
}

// nextChunk reads a chunk's size line, or the end: io.EOF.
func (b *body) nextChunk() error {
	b.await()
	if b.begun {
		if err := b.crlf(); err != nil {
			return err
		}
	}
	b.begun = true
	line, err := b.conn.reader.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return protocolError("a chunk's size line is too long")
	case err != nil:
		return noEOF(err)
	}
	size, err := chunkSize(line)
	if err != nil {
		return err
	}
	// A peer may not make us read far more framing than data.
	b.overhead = max(0, b.overhead+len(line)-16-int(min(size, 1<<20))*2)
	if b.overhead > 8<<10 {
		return protocolError("its chunks are mostly framing")
	}
	if b.left = size; size > 0 {
		return nil
	}
	return b.readTrailer()
}

// crlf reads the end of a chunk's data.
func (b *body) crlf() error {
	end, err := b.conn.reader.Peek(2)
	if err != nil {
		return noEOF(err)
	}
	if end[0] != '\r' || end[1] != '\n' {
		return protocolError("a chunk is longer than its size")
	}
	_, err = b.conn.reader.Discard(2)
	return err
}

// readTrailer reads what follows the last chunk and ends the body.
func (b *body) readTrailer() error {
	limit := b.maxTrailer
	block, err := readBlock(b.conn.reader, &limit, true)
	if err != nil {
		return err
	}
	if block == "" {
		return io.EOF
	}
	fields, err := parseFields(block)
	if err != nil {
		return err
	}
	for name, values := range fields {
		if isForbiddenTrailer(name) {
			return protocolError("its trailer has a field that may not stand there")
		}
		if b.response.Trailer == nil {
			b.response.Trailer = http.Header{}
		}
		b.response.Trailer[name] = values
	}
	return io.EOF
}

// chunkSize reads "1f;extension\r\n". Only CRLF ends it, and no space stands
// about the size: parsers differ on both.
func chunkSize(line []byte) (int64, error) {
	bad := protocolError("a chunk's size is malformed")
	if len(line) < 3 || len(line) > 256 || line[len(line)-2] != '\r' {
		return 0, bad
	}
	line, extension, _ := bytes.Cut(line[:len(line)-2], []byte(";"))
	if len(line) == 0 || len(line) > 15 || !isFieldValue(string(extension)) {
		return 0, bad
	}
	var n int64
	for _, c := range line {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, bad
		}
		n = n<<4 | int64(c)
	}
	return n, nil
}

// done ends the body: with io.EOF, or nil when there was none, the connection
// goes back if nothing is left in it; with any error it is closed.
func (b *body) done(err error) {
	if b.conn == nil {
		return
	}
	c := b.conn
	b.conn = nil
	watched := b.stop()
	clean := err == nil || err == io.EOF
	if clean && b.reusable && watched && c.reader.Buffered() == 0 {
		b.pool.put(c)
	} else {
		c.Close()
	}
	b.err = io.EOF
	if !clean {
		b.err = b.explain(err)
	}
}

// explain gives an error of the connection its kind.
func (b *body) explain(err error) error {
	if left := contextError(b.response.Request.Context()); left != nil {
		return left
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrBodyIdle
	}
	return err
}

// Close closes the connection of a body that was not read to its end.
func (b *body) Close() error {
	if b.conn != nil {
		b.stop()
		b.conn.Close()
		b.conn = nil
		b.err = http.ErrBodyReadAfterClose
	}
	return nil
}
