package statement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/policy"
)

// waitStatement runs its children beside each other and goes on when all, or
// the first of them, are done. A choose that does more than asking and setting
// variables runs alone, as it may change the request or the response.
type waitStatement struct {
	mode     policy.String // all or any
	parallel []branch
	alone    []policy.Block
	bodies   bool // a branch may read a body
}

// branch is a child with the variables that it may set.
type branch struct {
	block     policy.Block
	variables []string
}

func wait() *policy.Definition {
	return &policy.Definition{Name: "wait", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"for"}, Compile: compileWait}
}

func compileWait(k *policy.Compiler, e *policy.Element) policy.Statement {
	warnNarrow(k, e, policy.Inbound|policy.Backend|policy.Outbound)
	checkChildren(k, e, "send-request", "cache-lookup-value", "choose")
	s := &waitStatement{mode: k.String(e, "for", "all")}
	if a := e.Attr("for"); a != nil && !a.Value.Expression && a.Value.Text != "all" && a.Value.Text != "any" {
		k.Errorf(a.Value.Pos, "for=%q: expected all or any", a.Value.Text)
	}
	for i, c := range e.Children {
		block := k.Block(e.Children[i : i+1])
		if variables, ok := variablesOf(c); ok {
			s.parallel = append(s.parallel, branch{block, variables})
			s.bodies = s.bodies || readsBody(c)
		} else {
			s.alone = append(s.alone, block)
		}
	}
	return s
}

// variablesOf lists the variables that an element sets; ok is false when it may
// do anything else.
func variablesOf(e *policy.Element) (names []string, ok bool) {
	attribute := map[string]string{"send-request": "response-variable-name", "cache-lookup-value": "variable-name", "set-variable": "name"}[e.Name]
	switch {
	case attribute != "":
		if a := e.Attr(attribute); a != nil {
			names = append(names, a.Value.Text)
		}
		return names, true
	case e.Name != "choose" && e.Name != "when" && e.Name != "otherwise":
		return nil, false
	}
	for _, c := range e.Children {
		more, ok := variablesOf(c)
		if !ok {
			return nil, false
		}
		names = append(names, more...)
	}
	return names, true
}

// readsBody tells whether an element may read the body of the request or the
// response: by an expression, or by copying the request.
func readsBody(e *policy.Element) bool {
	if e.Text.Expression && strings.Contains(e.Text.Text, "Body") {
		return true
	}
	for i := range e.Attrs {
		v := &e.Attrs[i].Value
		if v.Expression && (strings.Contains(v.Text, "Body") || e.Attrs[i].Name == "mode") || e.Attrs[i].Name == "mode" && v.Text == "copy" {
			return true
		}
	}
	return slices.ContainsFunc(e.Children, readsBody)
}

func (s *waitStatement) Run(c *policy.Context) error {
	mode, err := s.mode.Eval(c)
	if err != nil {
		return err
	}
	if mode != "all" && mode != "any" {
		return invalid(c, "wait", "The expression of for must give all or any.")
	}
	if err := s.runParallel(c, mode == "any"); err != nil {
		return err
	}
	if mode == "any" && len(s.parallel) > 0 {
		return nil
	}
	for _, block := range s.alone {
		if err := block.Run(c); err != nil || c.Ended() {
			return err
		}
	}
	return nil
}

// result is how a branch ended.
type result struct {
	fork *policy.Context
	err  error
}

// runBranch keeps a panic within the request, as the server does elsewhere.
func runBranch(f *policy.Context, block policy.Block) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a branch of wait panicked: %v", r)
		}
	}()
	return block.Run(f)
}

// runParallel runs the branches beside each other. All are awaited, also
// cancelled ones, as they share what belongs to the request.
func (s *waitStatement) runParallel(c *policy.Context, first bool) error {
	ctx, cancel := context.WithCancel(c.Std)
	defer cancel()
	ended := make(chan int, len(s.parallel))
	results := make([]result, len(s.parallel))
	started := 0
	c.Settle()
	var failure error
	for i := range s.parallel {
		r := &results[i]
		if r.fork, failure = c.Fork(ctx, s.bodies, len(s.parallel)); failure != nil {
			cancel()
			break
		}
		started++
		go func() {
			r.err = runBranch(r.fork, s.parallel[i].block)
			ended <- i
		}()
	}
	winner := -1
	for range started {
		if i := <-ended; first && winner < 0 && results[i].err == nil {
			winner = i
			cancel()
		}
	}
	return s.join(c, results[:started], winner, failure)
}

// join takes over the results in document order: all of them, or the winner's.
func (s *waitStatement) join(c *policy.Context, results []result, winner int, failure error) error {
	for i := range results {
		r := &results[i]
		if r.err != nil && failure == nil {
			failure = r.err
		}
		if r.err == nil && (winner < 0 || winner == i) {
			c.Join(r.fork, s.parallel[i].variables)
		} else {
			c.Drop(r.fork)
		}
	}
	switch {
	case winner >= 0:
		return nil
	case errors.Is(c.Std.Err(), context.Canceled):
		return policy.ErrClientClosed
	}
	return failure
}
