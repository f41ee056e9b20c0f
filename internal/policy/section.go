package policy

import "gatehouse/internal/policy/expr"

// How a statement ends less than the whole pipeline.
type sectionEnd uint8

const (
	sectionRuns   sectionEnd = iota
	sectionDone              // the section is over; after inbound there is no backend section
	sectionServed            // a stored response answers: outbound goes on after its store
)

// EndSection stops the running section with context.Response as what the next
// one works on. Ended in inbound, the backend section does not run.
func (c *Context) EndSection() { c.ended, c.section = true, sectionDone }

// Serve answers from inbound with a response that a statement stored earlier.
// The rest of inbound and the backend section are skipped. Outbound goes on
// after the last statement that stores responses: what stands before it has
// already made the stored response what it is.
func (c *Context) Serve(r *expr.Response) {
	c.Response, c.ended, c.section = r, true, sectionServed
	c.Exchange.CacheHit = true
}

// leave tells how a section ended and makes ready for the next one; over is
// true when nothing more may run.
func (c *Context) leave() (how sectionEnd, over bool) {
	how, over = c.section, c.ended && c.section == sectionRuns
	if !over {
		c.ended, c.section = false, sectionRuns
	}
	return how, over
}

// afterStore is the place in outbound after the last statement that stores
// responses, or has one inside.
func (k *Compiler) afterStore(outbound Block) (place int) {
	for i := range outbound {
		if k.stores(k.elements[outbound[i].index]) {
			place = i + 1
		}
	}
	return place
}

func (k *Compiler) stores(e *Element) bool {
	if d := k.env.Definitions[e.Name]; d != nil && d.StoresResponse {
		return true
	}
	for _, c := range e.Children {
		if k.stores(c) {
			return true
		}
	}
	return false
}

// Cacheable is what cache-lookup knows of a request that it did not answer.
type Cacheable struct {
	Key            string
	External       bool   // where the caching-type of cache-lookup allows it
	Downstream     string // none, private, public
	MustRevalidate bool
}
