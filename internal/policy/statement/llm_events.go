package statement

import "bytes"

// eventScanner reads a stream of server-sent events piece by piece, and calls
// event with the data of each. An event longer than maxEvent is left out.
type eventScanner struct {
	event func(data []byte) // must not keep data

	line    []byte // the line so far
	data    []byte // the event's data so far
	ended   bool   // the last piece ended with CR: an LF would belong to it
	tooLong bool
}

// maxEvent is enough for the last event of OpenAI's responses API, which
// repeats the whole answer.
const maxEvent = 1 << 20

// feed reads the next piece.
func (s *eventScanner) feed(p []byte) {
	if s.ended && len(p) > 0 {
		s.ended = false
		p = bytes.TrimPrefix(p, []byte("\n"))
	}
	for len(p) > 0 {
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			s.keep(p)
			return
		}
		s.keep(p[:i])
		s.endLine()
		if p[i] == '\r' && i+1 == len(p) {
			s.ended = true
		} else if p[i] == '\r' && p[i+1] == '\n' {
			i++
		}
		p = p[i+1:]
	}
}

// end reads what no line end followed.
func (s *eventScanner) end() {
	if len(s.line) > 0 {
		s.endLine()
	}
	s.dispatch()
}

func (s *eventScanner) keep(p []byte) {
	if len(s.line)+len(s.data)+len(p) > maxEvent {
		s.tooLong = true
		s.line, s.data = s.line[:0], s.data[:0]
	}
	if !s.tooLong {
		s.line = append(s.line, p...)
		return
	}
	// Of a long event only blank lines matter: they end it.
	if len(p) > 0 && len(s.line) == 0 {
		s.line = append(s.line, ':')
	}
}

func (s *eventScanner) endLine() {
	line := s.line
	s.line = s.line[:0]
	if len(line) == 0 {
		s.dispatch()
		return
	}
	value, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok || s.tooLong {
		return
	}
	if len(s.data) > 0 {
		s.data = append(s.data, '\n')
	}
	s.data = append(s.data, bytes.TrimPrefix(value, []byte(" "))...)
}

func (s *eventScanner) dispatch() {
	if len(s.data) > 0 && !s.tooLong {
		s.event(s.data)
	}
	s.data, s.tooLong = s.data[:0], false
}
