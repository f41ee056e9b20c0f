package graphql

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Error is one entry of "errors" in a response.
type Error struct {
	Message    string         `json:"message"`
	Locations  []Location     `json:"locations,omitempty"`
	Path       []any          `json:"path,omitempty"` // names and indexes
	Extensions map[string]any `json:"extensions,omitempty"`
}

// Location is a place in a document.
type Location struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

func (e *Error) Error() string { return e.Message }

// Errors is what is wrong with a request.
type Errors []*Error

// JSON is the response of a request that was not executed.
func (e Errors) JSON() []byte {
	var b bytes.Buffer
	encode(&b, map[string]Errors{"errors": e})
	return b.Bytes()
}

func errorf(format string, args ...any) *Error { return &Error{Message: fmt.Sprintf(format, args...)} }

// at places an error at a node of the document.
func (e *Error) at(p *ast.Position) *Error {
	if p != nil {
		e.Locations = []Location{{p.Line, p.Column}}
	}
	return e
}

// maxReported bounds the errors about one request.
const maxReported = 20

func fromLibrary(list gqlerror.List) Errors {
	var out Errors
	for _, e := range list {
		if len(out) == maxReported {
			break
		}
		one := &Error{Message: e.Message}
		for _, l := range e.Locations {
			one.Locations = append(one.Locations, Location{l.Line, l.Column})
		}
		out = append(out, one)
	}
	return out
}

// sort puts the errors of an execution into the order of their paths, so that
// answers do not depend on which resolver was faster.
func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return slices.CompareFunc(a.Path, b.Path, func(x, y any) int {
			i, ok := x.(int)
			j, also := y.(int)
			if ok && also {
				return i - j
			}
			s, t := fmt.Sprint(x), fmt.Sprint(y)
			switch {
			case s < t:
				return -1
			case s > t:
				return 1
			}
			return 0
		})
	})
}
