package statement

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/telemetry"
)

// safeStream is the body of a streamed answer that is judged on its way. It
// holds events back until there is a window of text, has that judged, and lets
// them go. At the first text that is not fit to pass, or cannot be judged, the
// stream ends.
type safeStream struct {
	c      *policy.Context
	check  *safetyCheck
	source io.ReadCloser

	read    []byte // not known to be whole events yet
	held    []byte // whole events that are not judged yet
	ready   []byte // may go
	scanner eventScanner
	text    strings.Builder // of the held events
	before  string          // the end of the text that was judged
	err     error           // after ready
	buffer  [4 << 10]byte
}

// maxHeld bounds the events without text that wait.
const maxHeld = 1 << 20

func newSafeStream(c *policy.Context, check *safetyCheck, source io.ReadCloser) *safeStream {
	s := &safeStream{c: c, check: check, source: source}
	s.scanner.event = s.event
	return s
}

// event adds what an event says. An event of an unknown kind may say it
// anywhere.
func (s *safeStream) event(data []byte) {
	event := parseAnswer(data)
	switch {
	case event == nil && string(data) != "[DONE]":
		s.text.Write(data)
	case event["choices"] != nil, event["candidates"] != nil, event["type"] != nil:
		s.text.WriteString(eventText(event))
	default:
		everyText(event, &s.text)
	}
}

// Close implements io.Closer.
func (s *safeStream) Close() error { return s.source.Close() }

// Read implements io.Reader.
func (s *safeStream) Read(p []byte) (int, error) {
	for len(s.ready) == 0 && s.err == nil {
		s.advance()
	}
	if len(s.ready) == 0 {
		return 0, s.err
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

// advance takes the next event, or reads on when there is no whole one. Each
// window is judged before the next event is looked at.
func (s *safeStream) advance() {
	if end := firstEvent(s.read); end > 0 {
		s.take(end)
		if s.text.Len() >= s.check.window || len(s.held) > maxHeld {
			s.judge()
		}
		return
	}
	if len(s.read) > maxEvent {
		s.refuse(errors.New("an event of the stream is too long"))
		return
	}
	n, err := s.source.Read(s.buffer[:])
	s.read = append(s.read, s.buffer[:n]...)
	if errors.Is(err, io.EOF) && firstEvent(s.read) == 0 {
		s.take(len(s.read)) // what is left is the last event
		s.scanner.end()
		s.judge()
		s.stop(io.EOF)
	} else if err != nil && !errors.Is(err, io.EOF) {
		s.stop(err) // what was not judged stays here
	}
}

// take moves what was read to what is held.
func (s *safeStream) take(n int) {
	s.scanner.feed(s.read[:n])
	s.held = append(s.held, s.read[:n]...)
	s.read = s.read[n:]
}

func (s *safeStream) stop(err error) {
	if s.err == nil {
		s.err = err
	}
}

// judge lets the held events go when their text is fit.
func (s *safeStream) judge() {
	text := s.before + s.text.String()
	s.text.Reset()
	if text != s.before {
		if err := s.check.judge(s.c, text, "Response"); err != nil {
			s.refuse(err)
			return
		}
	}
	s.before = lastCharacters(text, s.check.overlap)
	s.ready = append(s.ready[:0], s.held...)
	s.held = s.held[:0]
}

// refuse ends the stream. The client gets no more of it and no error: its
// response has begun.
func (s *safeStream) refuse(err error) {
	s.held, s.read = nil, nil
	s.err = io.EOF
	s.c.Event(telemetry.SeverityError, s.check.source, "the stream was ended: "+err.Error(), nil)
}

// firstEvent is the length of the event at the start, 0 when it is not whole.
func firstEvent(b []byte) int {
	end := 0
	for _, blank := range []string{"\n\n", "\r\n\r\n", "\r\r"} {
		if i := bytes.Index(b, []byte(blank)); i >= 0 && (end == 0 || i+len(blank) < end) {
			end = i + len(blank)
		}
	}
	return end
}

// lastCharacters is the end of a text of at most n characters.
func lastCharacters(text string, n int) string {
	characters := []rune(text)
	return string(characters[max(0, len(characters)-n):])
}
