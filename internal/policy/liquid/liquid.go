// Package liquid renders Liquid templates as the set-body policy does: the
// dialect of DotLiquid in C# mode.
//
// What comes in: the text of a template, compiled once, and for each rendering
// the variables that it may read. What goes out: text, or an error with the
// place in the template. It must never read a file (there is no include), never
// calls a method of a Go value, and ends within its limits whatever the
// template says.
package liquid

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/policy/expr"
)

// Limits of one rendering.
const (
	maxSteps  = 1_000_000
	maxOutput = 8 << 20 // bytes of the result, and of every text on the way
	maxTime   = 5 * time.Second
	maxDepth  = 64 // of nested blocks and expressions
)

// Template is a compiled template, shared by all renderings.
type Template struct {
	nodes    []node
	warnings []Problem
}

// Problem is what is wrong at a byte of a template.
type Problem struct {
	Offset int
	Text   string
}

// Error gives the text.
func (p *Problem) Error() string { return p.Text }

// Warnings are what may mean something else in Azure.
func (t *Template) Warnings() []Problem { return t.warnings }

// Parse compiles a template.
func Parse(text string) (t *Template, err *Problem) {
	p := &parser{tokens: nil, text: text}
	defer func() {
		if r := recover(); r != nil {
			problem, ok := r.(*Problem)
			if !ok {
				panic(r)
			}
			t, err = nil, problem
		}
	}()
	p.tokens = scan(text)
	nodes := p.block(nil)
	return &Template{nodes: nodes, warnings: p.warnings}, nil
}

// Render makes the text. variables are the names that the template can read.
func (t *Template) Render(ctx context.Context, variables map[string]any, now time.Time) (out []byte, err error) {
	r := &run{ctx: ctx, now: now, variables: make(map[string]any, len(variables)+4), deadline: time.Now().Add(maxTime)}
	for name, v := range variables {
		r.variables[name] = v
	}
	defer func() {
		switch x := recover().(type) {
		case nil:
		case *Problem:
			out, err = nil, x
		case lazyFailure:
			out, err = nil, x.err
		default:
			panic(x)
		}
	}()
	var b strings.Builder
	r.out = &b
	r.nodes(t.nodes)
	return []byte(b.String()), nil
}

// Lazy is a variable that is made when the template reads it first.
type Lazy func() (any, error)

type lazyFailure struct{ err error }

// run is one rendering.
type run struct {
	ctx       context.Context
	now       time.Time
	deadline  time.Time
	variables map[string]any
	cycles    map[string]int
	counters  map[string]int64
	changed   map[node]string
	out       *strings.Builder
	steps     int
	check     int // when the clock is looked at next
	interrupt interrupt
}

// interrupt is what ends an iteration.
type interrupt uint8

const (
	goOn interrupt = iota
	breakLoop
	continueLoop
)

func fail(offset int, format string, args ...any) {
	panic(&Problem{Offset: offset, Text: fmt.Sprintf(format, args...)})
}

// step counts work and ends what takes too long.
func (r *run) step(offset int) {
	r.steps++
	if r.steps > maxSteps {
		fail(offset, "the template does more than %d steps", maxSteps)
	}
	if r.steps < r.check {
		return
	}
	r.check = r.steps + 1024
	if r.ctx.Err() != nil || time.Now().After(r.deadline) {
		fail(offset, "rendering the template takes too long")
	}
}

// charge counts work on a text.
func (r *run) charge(offset, size int) {
	if size > maxOutput {
		fail(offset, "a text is longer than %d bytes", maxOutput)
	}
	r.steps += size / 256
	r.step(offset)
}

// weigh counts what reading a member or the text of a value may cost.
func (r *run) weigh(offset int, v any, deep bool) any {
	n := 0
	switch x := v.(type) {
	case *Element:
		n = len(x.Children) + len(x.Attrs)
		if deep {
			n = x.size()
		}
	case *expr.JToken:
		if x.Kind() == expr.JObject {
			n = x.Len()
		}
	}
	if n >= 64 {
		r.steps += n / 64
		r.step(offset)
	}
	return v
}

func (r *run) write(offset int, s string) {
	if r.out.Len()+len(s) > maxOutput {
		fail(offset, "the result is longer than %d bytes", maxOutput)
	}
	r.out.WriteString(s)
}

func (r *run) nodes(list []node) {
	for _, n := range list {
		if r.interrupt != goOn {
			return
		}
		n.render(r)
	}
}

// capture renders into a text of its own.
func (r *run) capture(list []node) string {
	outer := r.out
	var b strings.Builder
	r.out = &b
	r.nodes(list)
	r.out = outer
	return b.String()
}
