package suite

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/workbench/stage"
)

// Coverage collects which statements ran and which branches of expressions
// were taken, over all cases.
type Coverage struct {
	mu         sync.Mutex
	statements map[place]bool
	branches   map[place]bool
	live       []counted // branches of the case that runs
}

type counted struct {
	place
	*expr.Branch
}

// place is a statement or a branch in a document. What stands in a fragment
// counts once, however often it is included.
type place struct {
	file         string
	line, column int
	name         string
}

// NewCoverage makes an empty one.
func NewCoverage() *Coverage {
	return &Coverage{statements: map[place]bool{}, branches: map[place]bool{}}
}

// written tells whether a document is one that the user wrote.
func written(file string) bool { return !strings.HasPrefix(file, "(") }

func at(f *file, pos apim.Position, name string) place {
	return place{shown(f, pos.File), pos.Line, pos.Column, name}
}

// add notes all statements of a service.
func (v *Coverage) add(f *file, s *stage.Stage) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range s.Pipelines() {
		for _, e := range p.Elements() {
			if key := at(f, e.Pos, "<"+e.Name+">"); written(e.Pos.File) && !v.statements[key] {
				v.statements[key] = false
			}
		}
	}
}

// branch gives what notes the branches of a service.
func (v *Coverage) branch(f *file) func(apim.Position, *expr.Branch) {
	return func(pos apim.Position, b *expr.Branch) {
		if !written(pos.File) {
			return
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		v.live = append(v.live, counted{at(f, pos, b.Name), b})
	}
}

// fold keeps what a case took and lets its programs go: each case compiles the
// policies anew.
func (v *Coverage) fold() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, one := range v.live {
		v.branches[one.place] = v.branches[one.place] || one.Taken()
	}
	v.live = nil
}

// recorder notes what a request runs.
func (v *Coverage) recorder(f *file) policy.Recorder { return marker{v, f} }

type marker struct {
	v *Coverage
	f *file
}

func (m marker) Before(c *policy.Context, index uint16) {
	e := c.Pipeline.Element(index)
	if !written(e.Pos.File) {
		return
	}
	m.v.mu.Lock()
	defer m.v.mu.Unlock()
	m.v.statements[at(m.f, e.Pos, "<"+e.Name+">")] = true
}

func (m marker) After(*policy.Context, uint16, error) {}

func (m marker) Done(*policy.Context, *policy.Error) {}

// documentCoverage is the coverage of one document.
type documentCoverage struct {
	statements, ran, branches, taken int
	missed                           []place
}

func (v *Coverage) documents() map[string]*documentCoverage {
	out := map[string]*documentCoverage{}
	of := func(p place) *documentCoverage {
		if out[p.file] == nil {
			out[p.file] = &documentCoverage{}
		}
		return out[p.file]
	}
	for p, ran := range v.statements {
		d := of(p)
		d.statements++
		if ran {
			d.ran++
		} else {
			d.missed = append(d.missed, p)
		}
	}
	for p, taken := range v.branches {
		d := of(p)
		d.branches++
		if taken {
			d.taken++
		} else {
			d.missed = append(d.missed, p)
		}
	}
	return out
}

// Print writes a line for each document, and below it what no case reached.
func (v *Coverage) Print(w io.Writer) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "coverage       statements     branches\n")
	total := documentCoverage{}
	documents := v.documents()
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		d := documents[name]
		d.print(&b, name)
		total.statements, total.ran = total.statements+d.statements, total.ran+d.ran
		total.branches, total.taken = total.branches+d.branches, total.taken+d.taken
		slices.SortFunc(d.missed, func(a, b place) int {
			return cmp.Or(a.line-b.line, a.column-b.column, strings.Compare(a.name, b.name))
		})
		for _, p := range d.missed {
			fmt.Fprintf(&b, "    %s:%d:%d: %s\n", p.file, p.line, p.column, p.missed())
		}
	}
	total.print(&b, "all documents")
	_, err := io.WriteString(w, b.String())
	return err
}

// Percent is how much of all statements and branches was reached.
func (v *Coverage) Percent() float64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	reached, all := 0, 0
	for _, d := range v.documents() {
		reached, all = reached+d.ran+d.taken, all+d.statements+d.branches
	}
	return percent(reached, all)
}

func (p place) missed() string {
	if strings.HasPrefix(p.name, "<") {
		return p.name + " never ran"
	}
	what, outcome, _ := strings.Cut(p.name, ": ")
	return what + " was never " + outcome
}

func (d *documentCoverage) print(w io.Writer, name string) {
	fmt.Fprintf(w, "%5.1f %%   %5d of %-5d %5d of %-5d %s\n", percent(d.ran+d.taken, d.statements+d.branches), d.ran, d.statements, d.taken, d.branches, name)
}

func percent(n, of int) float64 {
	if of == 0 {
		return 100
	}
	return 100 * float64(n) / float64(of)
}
