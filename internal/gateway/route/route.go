// Package route finds the API and the operation that a request means.
//
// What comes in: the resources of a service once, and then verb, path, query
// and headers of each request. What goes out: the API, the operation, the
// matched template parameters and the rest of the path for the backend, or
// why there is none. It must never change a request, answer one, or read
// anything but its arguments; a literal match allocates nothing.
package route

import (
	"gatehouse/internal/apim"
)

// Parameter is a matched parameter of a URL template, percent-decoded.
type Parameter struct{ Name, Value string }

// Outcome is how a match ended.
type Outcome uint8

// Outcomes.
const (
	Found            Outcome = iota // API and operation are set
	NoAPI                           // no API has this path and version
	NoOperation                     // the API is set; no template fits the path
	MethodNotAllowed                // the API is set; templates fit, none with this verb
)

// Request is what a match looks at.
type Request struct {
	Method   string              // upper case
	Path     string              // escaped, as received, without query
	RawQuery string              // without "?"
	Header   map[string][]string // canonical names; only version headers are read
}

// Match is the result of Table.Match.
type Match struct {
	Outcome        Outcome
	API            *apim.API
	APIIndex       int // in Service.APIs, -1 without an API
	Operation      *apim.Operation
	OperationIndex int         // in API.Operations, -1 without an operation
	Parameters     []Parameter // appended to the slice given to Match
	// Rest is the escaped path below the API's path, version and revision: ""
	// or "/...". It goes behind the path of the backend's base URL. Dot
	// segments are already resolved.
	Rest    string
	Allowed []string // MethodNotAllowed only: sorted verbs that would match
}
