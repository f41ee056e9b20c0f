package policy

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy/expr"
)

// Named values that do not exist stand for their own names when a document is
// looked at without its service. What is wrong only because of that is no
// error: the real value decides.

// standing is a named value that stands for its own name in the text of a value.
type standing struct {
	start, end int
	name       string
}

// unknownIn lists the names that stand for themselves in the text that was made
// of source text from edges on, up to end.
func (s *source) unknownIn(edges []edge, end int) []standing {
	var out []standing
	for i := s.from(edges[0].raw); i < len(s.spans) && s.spans[i].start < end; i++ {
		one := &s.spans[i]
		if !one.unknown {
			continue
		}
		at := 0
		for at+1 < len(edges) && edges[at+1].raw <= one.start {
			at++
		}
		start := edges[at].text + max(0, one.start-edges[at].raw)
		out = append(out, standing{start, start + one.end - one.start, one.name})
	}
	return out
}

// standIns are what may stand for an unknown value in C# code: its name as it
// is, within a string, then a value of each kind that a named value can be.
func standIns(name string) []string { return []string{name, `"` + name + `"`, "1", "true"} }

// maxSupposed bounds how many unknown names of one expression are tried.
const maxSupposed = 4

// supposition looks for stand-ins with which an expression compiles, and keeps
// the error that the best ones led to.
type supposition struct {
	k      *Compiler
	value  *Value
	want   expr.Type
	chosen map[string]string
	worst  *expr.Error // at an offset of value.Text
}

// supposed compiles an expression with a stand-in for each unknown name. When
// none fits it gives the error that is not about them: the one that stands
// furthest, as what stands before it is right.
func (k *Compiler) supposed(v Value, want expr.Type, raw *expr.Error) (*expr.Program, *expr.Error) {
	s := supposition{k, &v, want, map[string]string{}, raw}
	var names []string
	for _, one := range v.unknown {
		if one.end > len(v.Text) || v.Text[one.start:one.end] != one.name {
			return nil, raw // an entity was made of it
		}
		if !slices.Contains(names, one.name) {
			names = append(names, one.name)
		}
	}
	if len(names) > maxSupposed {
		return nil, raw
	}
	if p := s.try(names); p != nil {
		return p, nil
	}
	for _, one := range v.unknown {
		if s.worst.Offset >= one.start && s.worst.Offset < one.end {
			return nil, &expr.Error{Offset: one.start, Text: fmt.Sprintf("the named value %q is not known here, and neither a text, a number nor a truth value fits in its place", one.name)}
		}
	}
	return nil, s.worst
}

func (s *supposition) try(left []string) *expr.Program {
	if len(left) > 0 {
		for _, value := range standIns(left[0]) {
			s.chosen[left[0]] = value
			if p := s.try(left[1:]); p != nil {
				return p
			}
		}
		return nil
	}
	p, err := expr.Compile(s.text(), s.value.Block, s.want, s.k.env.Profile)
	if err == nil {
		return p
	}
	if offset := s.original(err.Offset); offset > s.worst.Offset {
		s.worst = &expr.Error{Offset: offset, Text: err.Text, Hint: err.Hint}
	}
	return nil
}

// text is the expression with the chosen stand-ins.
func (s *supposition) text() string {
	var b strings.Builder
	done := 0
	for _, one := range s.value.unknown {
		b.WriteString(s.value.Text[done:one.start])
		b.WriteString(s.chosen[one.name])
		done = one.end
	}
	b.WriteString(s.value.Text[done:])
	return b.String()
}

// original maps an offset of text to one of the value; all of a stand-in maps
// to the start of its name.
func (s *supposition) original(offset int) int {
	moved := 0 // how much further text is than the value
	for _, one := range s.value.unknown {
		start, length := one.start+moved, len(s.chosen[one.name])
		if offset < start {
			break
		}
		if offset < start+length {
			return one.start
		}
		moved += length - (one.end - one.start)
	}
	return offset - moved
}

// excuse makes errors about literals with unknown named values warnings.
func (k *Compiler) excuse(e *Element, messages Messages) {
	var places []apim.Position
	var collect func(*Element)
	collect = func(e *Element) {
		for i := range e.Attrs {
			if a := &e.Attrs[i]; len(a.Value.unknown) > 0 && !a.Value.Expression {
				places = append(places, a.Pos, a.Value.Pos)
			}
		}
		if len(e.Text.unknown) > 0 && !e.Text.Expression {
			places = append(places, e.Pos, e.Text.Pos)
		}
		for _, c := range e.Children {
			collect(c)
		}
	}
	collect(e)
	for i := range messages {
		if m := &messages[i]; !m.Warning && slices.Contains(places, m.Pos) {
			m.Warning = true
			m.Text += "; it holds a named value that is not known here"
		}
	}
}
