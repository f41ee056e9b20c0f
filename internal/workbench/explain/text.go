package explain

import (
	"fmt"
	"slices"
	"strings"
)

// Text shows the policy with one line for each element: where it comes from,
// its scope, and what it says.
func (p *Policy) Text() string {
	var b strings.Builder
	b.WriteString("API " + p.API)
	if p.Operation != "" {
		b.WriteString(", operation " + p.Operation)
	}
	if p.Product != "" {
		b.WriteString(", product " + p.Product)
	}
	b.WriteString("\n")
	w := &writer{out: &b}
	for _, s := range slices.Concat(p.Sections, p.Resolvers) {
		w.measure(s.Statements)
	}
	for _, s := range p.Sections {
		fmt.Fprintf(&b, "\n%s\n", s.Name)
		if len(s.Statements) == 0 {
			b.WriteString("  (nothing runs)\n")
		}
		w.elements(s.Statements, 0)
	}
	for _, r := range p.Resolvers {
		b.WriteString("\nresolver " + r.Name + "\n")
		w.elements(r.Statements, 0)
	}
	return b.String()
}

type writer struct {
	out   *strings.Builder
	width int
}

// maxPlace keeps a long path from pushing everything to the right.
const maxPlace = 60

func (w *writer) measure(list []Element) {
	for i := range list {
		w.width = max(w.width, min(maxPlace, len([]rune(at(&list[i])))))
		w.measure(list[i].Children)
	}
}

func at(e *Element) string {
	text := fmt.Sprintf("%s:%d", e.File, e.Line)
	if e.Fragment != "" {
		text += " (fragment " + e.Fragment + ")"
	}
	return text
}

func (w *writer) elements(list []Element, depth int) {
	for i := range list {
		e := &list[i]
		fmt.Fprintf(w.out, "  %-*s  %-9s  %s%s\n", w.width, at(e), e.Scope, strings.Repeat("  ", depth), line(e))
		w.elements(e.Children, depth+1)
	}
}

// maxLine is where an expression is cut; --json shows all of it.
const maxLine = 100

func line(e *Element) string {
	var b strings.Builder
	b.WriteString(e.Name)
	for _, a := range e.Attributes {
		fmt.Fprintf(&b, " %s=%s", a.Name, cut(a.Value))
	}
	if e.Text != "" {
		b.WriteString(": " + cut(e.Text))
	}
	return b.String()
}

// cut puts a text on one line.
func cut(text string) string {
	r := []rune(strings.Join(strings.Fields(text), " "))
	if len(r) > maxLine {
		return string(r[:maxLine]) + "..."
	}
	return string(r)
}
