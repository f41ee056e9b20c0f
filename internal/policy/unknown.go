package policy

import (
	"slices"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy/expr"
)

// Named values that do not exist stand for their own names when a document is
// looked at without its service. What is wrong only because of that is no
// error: the real value decides.

// unknownNames lists the names that stand for themselves in text[start:end].
func (s *source) unknownNames(start, end int) []string {
	var out []string
	for i := s.from(start); i < len(s.spans) && s.spans[i].start < end; i++ {
		if one := &s.spans[i]; one.unknown && !slices.Contains(out, one.name) {
			out = append(out, one.name)
		}
	}
	return out
}

// stand-ins for an unknown value in C# code: as it is within a string, then a
// value of each kind that a named value can be.
func standIns(name string) []string { return []string{name, `"` + name + `"`, "1", "true"} }

// maxSupposed bounds how many unknown names of one expression are tried.
const maxSupposed = 4

// supposed compiles an expression with a stand-in for each unknown name, nil
// when none fits.
func (k *Compiler) supposed(v Value, want expr.Type) *expr.Program {
	if len(v.unknown) > maxSupposed {
		return nil
	}
	names := slices.Clone(v.unknown)
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) }) // one name may be part of another
	var try func(text string, left []string) *expr.Program
	try = func(text string, left []string) *expr.Program {
		if len(left) == 0 {
			p, err := expr.Compile(text, v.Block, want, k.env.Profile)
			if err != nil {
				return nil
			}
			return p
		}
		for _, value := range standIns(left[0]) {
			if p := try(strings.ReplaceAll(text, left[0], value), left[1:]); p != nil {
				return p
			}
		}
		return nil
	}
	return try(v.Text, names)
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
