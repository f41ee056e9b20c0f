package debug

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

const help = `  n, next      the next statement            b, back      the one before
  c, continue  to the next failure or the end g N, go N   to statement N
  p [name]     variables after the statement r, request   the request after it
  s, response  the response after it         l, list      all statements
  q, quit`

// session walks over a recording.
type session struct {
	printer
	at int // statement that is shown; -1: before the first
}

// interact reads commands until the end of input or q.
func interact(p printer, in io.Reader) error {
	s := &session{printer: p, at: -1}
	s.head()
	s.line("%s", help)
	lines := bufio.NewScanner(in)
	last := "n"
	for {
		if _, err := io.WriteString(s.w, "> "); err != nil {
			return err
		}
		if !lines.Scan() {
			return lines.Err()
		}
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			text = last // Enter repeats
		}
		last = text
		word, rest, _ := strings.Cut(text, " ")
		if word == "q" || word == "quit" {
			return nil
		}
		s.do(word, strings.TrimSpace(rest))
	}
}

func (s *session) do(word, rest string) {
	switch word {
	case "n", "next":
		s.move(s.at + 1)
	case "b", "back":
		s.move(s.at - 1)
	case "c", "continue":
		s.forward()
	case "g", "go":
		n, err := strconv.Atoi(rest)
		if err != nil {
			s.line("  go needs the number of a statement")
			return
		}
		s.move(n - 1)
	case "l", "list":
		for i := range s.rec.Steps {
			s.brief(i)
		}
	default:
		s.show(word, rest)
	}
}

// show prints a part of the state after the statement.
func (s *session) show(word, rest string) {
	n := s.rec.First
	switch {
	case s.at >= len(s.rec.Steps):
		n = s.rec.Last
	case s.at >= 0:
		n = s.rec.Steps[s.at].After
	}
	state := s.state(n)
	if state == nil {
		s.line("  this state was not kept")
		return
	}
	switch word {
	case "p", "print", "v", "variables":
		s.variables(state, rest)
	case "r", "request":
		s.message(&state.Request)
		s.line("  target: %s", state.Target)
	case "s", "response":
		if state.Response == nil {
			s.line("  no response yet")
			return
		}
		s.message(state.Response)
	default:
		s.line("%s", help)
	}
}

func (s *session) move(to int) {
	s.at = min(max(to, -1), len(s.rec.Steps))
	switch s.at {
	case -1:
		s.line("  before the first statement")
	case len(s.rec.Steps):
		s.tail()
		s.line("  end")
	default:
		s.step(s.at)
	}
}

// forward goes on to the next statement that fails.
func (s *session) forward() {
	for i := s.at + 1; i < len(s.rec.Steps); i++ {
		if s.rec.Steps[i].Outcome == "error" {
			s.move(i)
			return
		}
	}
	s.move(len(s.rec.Steps))
}

func (s *session) brief(i int) {
	one, sign := &s.rec.Steps[i], " "
	if i == s.at {
		sign = ">"
	}
	s.line("%s %4d  %-8s %s<%s>  %s:%d  %s", sign, i+1, one.Section, strings.Repeat("  ", one.Depth), one.Name, one.File, one.Line, one.Outcome)
}
