package route

import "gatehouse/internal/apim"

// Table is the compiled routing table of a service. Safe for concurrent use.
type Table struct {
	root *apiNode
}

// Compile builds the table.
// Two APIs on one path and version, or two operations of one API with one
// verb and template, are an error that names both resources.
func Compile(s *apim.Service) (*Table, error) {
	b := &builder{root: &apiNode{}}
	return b.build(s)
}
