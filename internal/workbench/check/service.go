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
	c.report.Files = documents(s)
	c.report.Documents, c.report.Policies = len(c.report.Files), len(effectives)
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

// documents gives the files of policy documents and fragments.
func documents(s *apim.Service) []string {
	var out []string
	add := func(d *apim.Document) {
		if d != nil {
			out = append(out, d.File)
		}
	}
	for _, f := range s.Fragments {
		add(&f.Document)
	}
	add(s.Policy)
	for _, p := range s.Products {
		add(p.Policy)
	}
	for _, a := range s.APIs {
		add(a.Policy)
		for _, op := range a.Operations {
			add(op.Policy)
		}
		for _, r := range a.Resolvers {
			add(r.Policy)
		}
	}
	return out
}
