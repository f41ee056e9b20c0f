package debug

import (
	"fmt"
	"io"
	"strings"
	"time"

	"gatehouse/internal/policy/record"
)

// printer writes a recording for people.
type printer struct {
	w   io.Writer
	rec *record.Recording
}

func (p printer) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// all writes everything.
func (p printer) all() {
	p.head()
	for i := range p.rec.Steps {
		p.step(i)
	}
	p.tail()
}

func (p printer) head() {
	r := p.rec
	p.line("%s %s", r.Method, r.URL)
	var where []string
	for _, one := range [][2]string{{"api", r.API}, {"operation", r.Operation}, {"product", r.Product}, {"subscription", r.Subscription}} {
		if one[1] != "" {
			where = append(where, one[0]+" "+one[1])
		}
	}
	if len(where) == 0 {
		where = []string{"no API matches"}
	}
	p.line("%s, %d statements\n", strings.Join(where, ", "), len(r.Steps))
}

// step writes a statement and what it changed.
func (p printer) step(i int) {
	s := &p.rec.Steps[i]
	where := fmt.Sprintf("%s:%d:%d", s.File, s.Line, s.Column)
	if s.Fragment != "" {
		where += ", fragment " + s.Fragment
	}
	p.line("%4d  %-8s %s%-*s  %9s  %s (%s)", i+1, s.Section, strings.Repeat("  ", s.Depth), max(4, 24-2*s.Depth), "<"+s.Name+">",
		time.Duration(s.Duration).Round(time.Microsecond), where, s.Scope)
	pad := "                 " + strings.Repeat("  ", s.Depth)
	for _, c := range s.Calls {
		answer := fmt.Sprint(c.Status)
		if c.Status == 0 {
			answer = c.Error
		}
		p.line("%scall %s %s: %s in %s", pad, c.Method, c.URL, answer, time.Duration(c.Duration).Round(time.Microsecond))
	}
	for _, m := range s.Messages {
		p.line("%s%s %s: %s", pad, m.Severity, m.Source, m.Message)
	}
	if !p.hasInner(i) {
		for _, c := range p.rec.Changes(s) {
			p.change(pad, c)
		}
	}
	if s.Failure != nil {
		p.line("%sfailed: %s: %s", pad, s.Failure.Reason, s.Failure.Message)
	} else if s.Outcome == "returned" {
		p.line("%sthe pipeline ends here", pad)
	}
}

// hasInner tells whether other statements ran inside: they show the changes.
func (p printer) hasInner(i int) bool {
	return i+1 < len(p.rec.Steps) && p.rec.Steps[i+1].Parent == i
}

func (p printer) change(pad string, c record.Change) {
	p.line("%s%s", pad, c.What)
	show := func(sign string, text *string) {
		if text == nil {
			return
		}
		for line := range strings.SplitSeq(*text, "\n") {
			p.line("%s  %s %s", pad, sign, line)
		}
	}
	show("-", c.Old)
	show("+", c.New)
}

func (p printer) tail() {
	if f := p.rec.Failure; f != nil {
		p.line("\nfailure  %s: %s: %s (section %s, path %s)", f.Source, f.Reason, f.Message, f.Section, f.Path)
	}
	if s := p.state(p.rec.Last); s != nil && s.Response != nil {
		p.line("\nresponse")
		p.message(s.Response)
	}
	if n := p.rec.Dropped; n > 0 {
		p.line("%d more statements were not recorded", n)
	}
	if n := p.rec.Stateless; n > 0 {
		p.line("the states of %d statements were not kept: too much memory", n)
	}
}

func (p printer) state(n int) *record.State {
	if n < 0 || n >= len(p.rec.States) {
		return nil
	}
	return &p.rec.States[n]
}

func (p printer) message(m *record.Message) {
	if m.Method != "" {
		p.line("  %s %s", m.Method, m.URL)
	} else {
		p.line("  %d %s", m.Status, m.Reason)
	}
	for _, h := range m.Headers {
		p.line("  %s: %s", h.Name, h.Value)
	}
	switch {
	case m.Body.State == "text":
		p.line("\n  %s", strings.ReplaceAll(m.Body.Text, "\n", "\n  "))
	case m.Body.State != "none":
		p.line("\n  (%s, %d bytes)", m.Body.State, m.Body.Size)
	}
}

func (p printer) variables(s *record.State, name string) {
	found := false
	for _, v := range s.Variables {
		if name != "" && v.Name != name {
			continue
		}
		found = true
		p.line("  %s = %s (%s)", v.Name, v.Value, v.Type)
	}
	if !found {
		p.line("  no variables")
	}
}
