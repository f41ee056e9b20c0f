package check

import (
	"errors"
	"os"
	"path/filepath"

	"gatehouse/internal/apim"
	"gatehouse/internal/apim/apiops"
	"gatehouse/internal/policy"
)

// isService tells a folder in the APIOps layout from a folder of documents.
func isService(dir string) bool {
	for _, name := range []string{"apis", "products", "named values", "policy fragments", "backends", "version sets"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.IsDir() {
			return true
		}
	}
	return false
}

// service checks a folder in the APIOps layout.
func (c *checker) service(dir string) {
	s, err := apiops.Load(dir, apiops.Options{Overrides: c.options.Overrides})
	if err != nil {
		c.failure(err)
		return
	}
	for _, w := range s.Warnings {
		c.add(Finding{Rule: ruleAdvice, Severity: Warning, Message: w.Message, Pos: apim.Position{File: w.Resource}})
	}
	g := c.gateway()
	effectives, messages := g.Effectives(s)
	c.messages(messages)
	if !messages.Failed() { // what only the whole service shows: routes, backends
		if _, err := g.Compile(s); err != nil {
			c.failure(err)
		}
	}
	c.report.Documents, c.report.Policies = documents(s), len(effectives)
	if c.options.NoLint {
		return
	}
	for i := range effectives {
		e := &effectives[i]
		c.lint(e.Policy, e.Documents)
	}
}

// failure adds each part of an error under its place.
func (c *checker) failure(err error) {
	var messages policy.Messages
	var problems apiops.Problems
	switch {
	case errors.As(err, &messages):
		c.messages(messages)
	case errors.As(err, &problems):
		for _, p := range problems {
			c.add(Finding{Rule: ruleCompile, Severity: Error, Message: p.Text, Pos: p.Position})
		}
	default:
		c.add(Finding{Rule: ruleCompile, Severity: Error, Message: err.Error()})
	}
}

// documents counts policy documents and fragments.
func documents(s *apim.Service) int {
	n := len(s.Fragments)
	count := func(d *apim.Document) {
		if d != nil {
			n++
		}
	}
	count(s.Policy)
	for _, p := range s.Products {
		count(p.Policy)
	}
	for _, a := range s.APIs {
		count(a.Policy)
		for _, op := range a.Operations {
			count(op.Policy)
		}
		for _, r := range a.Resolvers {
			count(r.Policy)
		}
	}
	return n
}
