package backend

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// framing is how a response's body ends.
type framing uint8

const (
	framingNone framing = iota
	framingLength
	framingChunked
	framingClose // with the connection
)

// head is a parsed response head without hop-by-hop fields.
type head struct {
	status     int
	statusText string // "200 OK"
	minor      int    // HTTP/1.minor
	header     http.Header
	trailer    http.Header // announced names, nil without
	framing    framing
	length     int64 // of the body, -1 when unknown; of HEAD: as announced
	close      bool
}

// headParser reads response heads. It is stricter than net/http: whatever is
// doubtful is an error.
type headParser struct {
	reader *bufio.Reader
	limit  int // bytes left for heads
}

// next reads a head, from the status line to the empty line.
func (p *headParser) next(method string) (head, error) {
	text, err := readBlock(p.reader, &p.limit, false)
	if err != nil {
		return head{}, err
	}
	line, fields := cutLine(text)
	m, err := parseStatusLine(line)
	if err != nil {
		return head{}, err
	}
	if m.header, err = parseFields(fields); err != nil {
		return head{}, err
	}
	return m, m.frame(method)
}

// readBlock reads up to and including an empty line and gives the lines before
// it, in one string, each ended by "\n". In a trailer the first line may be the
// empty one, and only CRLF ends a line: parsers of chunked bodies differ on a
// bare LF.
func readBlock(r *bufio.Reader, limit *int, trailer bool) (string, error) {
	if !trailer {
		if text, ok, err := bufferedBlock(r, limit); ok || err != nil {
			return text, err
		}
	}
	var block []byte
	for {
		line, err := r.ReadSlice('\n')
		if *limit -= len(line); *limit < 0 {
			return "", protocolError("its head is too long")
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return "", noEOF(err)
		}
		if err != nil { // a part of a long line
			block = append(block, line...)
			continue
		}
		fresh := len(block) == 0 || block[len(block)-1] == '\n'
		switch {
		case trailer && !endsWithCRLF(block, line):
			return "", protocolError("a line of its trailer does not end with CRLF")
		case !fresh || len(trimEnd(line)) > 0:
			block = append(block, line...)
		case len(block) == 0 && !trailer:
			return "", protocolError("it has no status line")
		default:
			return string(block), nil
		}
	}
}

// endsWithCRLF looks at a line that may have begun in block.
func endsWithCRLF(block, line []byte) bool {
	if len(line) == 1 {
		return len(block) > 0 && block[len(block)-1] == '\r'
	}
	return line[len(line)-2] == '\r'
}

// bufferedBlock is readBlock for the common case: all of it is in the buffer.
func bufferedBlock(r *bufio.Reader, limit *int) (text string, ok bool, err error) {
	buffered, _ := r.Peek(r.Buffered())
	end, skip := bytes.Index(buffered, []byte("\r\n\r\n")), 4
	if end < 0 || bytes.Contains(buffered[:end], []byte("\n\n")) || bytes.HasPrefix(buffered, []byte("\n")) || bytes.HasPrefix(buffered, []byte("\r\n")) {
		return "", false, nil
	}
	if bytes.Contains(buffered[:end+2], []byte("\n\r\n")) { // an empty line before
		return "", false, nil
	}
	if *limit -= end + skip; *limit < 0 {
		return "", false, protocolError("its head is too long")
	}
	text = string(buffered[:end+2])
	_, err = r.Discard(end + skip)
	return text, err == nil, err
}

// trimEnd takes the line end off.
func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// cutLine takes the first line of a block.
func cutLine(block string) (line, rest string) {
	line, rest, _ = strings.Cut(block, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// parseStatusLine reads "HTTP/1.1 200 OK".
func parseStatusLine(line string) (head, error) {
	const prefix = "HTTP/1."
	if len(line) < 12 || line[:7] != prefix || (line[7] != '0' && line[7] != '1') || line[8] != ' ' {
		return head{}, protocolError("its status line does not begin with HTTP/1.1")
	}
	text := line[9:]
	if len(text) > 3 && text[3] != ' ' || !isFieldValue(text) {
		return head{}, protocolError("its status line is malformed")
	}
	status := 0
	for i := range 3 {
		if text[i] < '0' || text[i] > '9' {
			return head{}, protocolError("its status code is not a number")
		}
		status = status*10 + int(text[i]-'0')
	}
	if status < 100 {
		return head{}, protocolError("its status code is less than 100")
	}
	return head{status: status, statusText: text, minor: int(line[7] - '0')}, nil
}

// parseFields reads header lines into a header.
func parseFields(block string) (http.Header, error) {
	count := strings.Count(block, "\n")
	h := make(http.Header, count)
	values := make([]string, count) // one allocation for all single values
	for block != "" {
		var line string
		line, block = cutLine(block)
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) {
			// Also a line that begins with a space (folding) or has one before the colon.
			return nil, protocolError("a header line is malformed")
		}
		value = strings.Trim(value, " \t")
		if !isFieldValue(value) {
			return nil, protocolError("a header value has a control character")
		}
		key := textproto.CanonicalMIMEHeaderKey(name)
		if old, ok := h[key]; ok {
			h[key] = append(old, value)
			continue
		}
		values[0] = value
		h[key], values = values[:1:1], values[1:]
	}
	return h, nil
}

// frame decides where the body ends and takes the hop-by-hop fields off.
func (m *head) frame(method string) error {
	length, err := m.contentLength()
	if err != nil {
		return err
	}
	chunked, err := m.chunked()
	if err != nil {
		return err
	}
	if chunked && length >= 0 {
		return protocolError("it has both Content-Length and Transfer-Encoding")
	}
	m.close = m.minor == 0 || hasToken(m.header["Connection"], "close")
	if err := m.announcedTrailer(chunked); err != nil {
		return err
	}
	RemoveHopByHop(m.header)
	m.length = length
	switch {
	case method == http.MethodHead:
	case m.status < 200 || m.status == http.StatusNoContent || m.status == http.StatusNotModified:
		m.close = m.close || chunked || length > 0 && m.status != http.StatusNotModified
		m.length = 0
	case chunked:
		m.framing, m.length = framingChunked, -1
	case length == 0:
	case length > 0:
		m.framing = framingLength
	default:
		m.framing, m.length, m.close = framingClose, -1, true
	}
	return nil
}

// contentLength is -1 when there is none. Several equal ones become one.
func (m *head) contentLength() (int64, error) {
	values := m.header["Content-Length"]
	if len(values) == 0 {
		return -1, nil
	}
	for _, v := range values[1:] {
		if v != values[0] {
			return 0, protocolError("it has two different Content-Length")
		}
	}
	m.header["Content-Length"] = values[:1]
	n, err := strconv.ParseUint(values[0], 10, 63)
	if err != nil || values[0][0] == '+' {
		return 0, protocolError("its Content-Length is not a number")
	}
	return int64(n), nil
}

// chunked tells whether the body is chunked; no other coding is known.
func (m *head) chunked() (bool, error) {
	values := m.header["Transfer-Encoding"]
	switch {
	case len(values) == 0:
		return false, nil
	case m.minor == 0:
		return false, protocolError("it has Transfer-Encoding in HTTP/1.0")
	case len(values) > 1 || !strings.EqualFold(values[0], "chunked"):
		return false, protocolError("its Transfer-Encoding is not chunked")
	}
	return true, nil
}

// announcedTrailer moves the names of the Trailer header.
func (m *head) announcedTrailer(chunked bool) error {
	for _, v := range m.header["Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			name = textproto.CanonicalMIMEHeaderKey(strings.Trim(name, " \t"))
			if !isToken(name) || isForbiddenTrailer(name) {
				return protocolError("it announces a trailer field that may not stand there")
			}
			if chunked {
				if m.trailer == nil {
					m.trailer = http.Header{}
				}
				m.trailer[name] = nil
			}
		}
	}
	return nil
}

// isForbiddenTrailer names fields that would change framing or routing.
func isForbiddenTrailer(name string) bool {
	return isHop(name) || name == "Content-Length" || name == "Host"
}
