package apiops

import (
	"fmt"
	"strings"

	"gatehouse/internal/apim"
)

// Problem is one thing that stops a folder from being served.
type Problem struct {
	apim.Position
	Text string
}

func (p Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems are all problems that were found, in the order of reading.
type Problems []Problem

// maxProblems that are listed; one mistake can be repeated in thousands of files.
const maxProblems = 200

func (p Problems) add(q Problem) Problems {
	if len(p) >= maxProblems {
		return p
	}
	return append(p, q)
}

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].Error()
	}
	return strings.Join(lines, "\n")
}
