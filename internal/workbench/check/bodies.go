package check

import (
	"fmt"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
)

// bodyReader follows who consumes a body in the order in which statements run.
type bodyReader struct {
	c        *checker
	message  string // Request or Response
	consumed apim.Position
	by       string
}

// bodies finds bodies that are read for good and needed again: by another
// expression, or by forward-request, which then has nothing to send.
func (c *checker) bodies(e *policy.Effective) {
	request := &bodyReader{c: c, message: "Request"}
	request.block(e.Inbound)
	request.block(e.Backend)
	response := &bodyReader{c: c, message: "Response"}
	response.block(e.Outbound)
}

// block follows statements that run one after the other.
func (b *bodyReader) block(list []*policy.Element) {
	for _, e := range list {
		b.statement(e)
	}
}

func (b *bodyReader) statement(e *policy.Element) {
	switch e.Name {
	case "choose":
		b.branches(e)
		return
	case "forward-request":
		if b.by != "" && b.message == "Request" {
			b.c.warn(ruleBody, b.consumed, fmt.Sprintf("%s reads the request body for good, and <forward-request> in line %d then sends none. Write As<...>(preserveContent: true)", b.by, e.Pos.Line))
			b.by = ""
		}
		return
	case "set-body":
		b.reads(e)
		b.by = "" // there is a new body
		return
	case "return-response", "send-request", "send-one-way-request":
		visit(e, b.reads)
		if e.Name == "return-response" {
			b.by = ""
		}
		return
	}
	b.reads(e)
	for _, child := range e.Children {
		b.statement(child)
	}
}

// branches follows each branch of a choose from the same state; a body counts
// as consumed after it when one branch consumed it.
func (b *bodyReader) branches(e *policy.Element) {
	before := *b
	after := before
	for _, branch := range e.Children {
		one := before
		one.reads(branch)
		before.consumed, before.by = one.consumed, one.by // the next condition runs after this one
		one.block(branch.Children)
		if one.by != "" && !b.c.reach(branch.Children) {
			after = one
		}
	}
	if after.by == "" {
		after = before
	}
	*b = after
}

// reads notes what the expressions of one element do with the body.
func (b *bodyReader) reads(e *policy.Element) {
	for _, v := range values(e) {
		for _, u := range uses(v) {
			if !strings.HasPrefix(u.Path, b.message+".Body.As") {
				continue
			}
			pos := v.Position(u.Offset)
			if b.by != "" {
				b.c.warn(ruleBody, pos, fmt.Sprintf("the %s body was read for good by %s in line %d, so that this read fails. Write As<...>(preserveContent: true) there", strings.ToLower(b.message), b.by, b.consumed.Line))
				return
			}
			if !u.Preserve {
				b.consumed, b.by = pos, "<"+e.Name+">"
			}
		}
	}
}
