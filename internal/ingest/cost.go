package ingest

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/telemetry"
)

// Parts of a request's record, by what they cost.
const (
	PartRecord  = "record"
	PartHeaders = "headers"
	PartBodies  = "bodies"
	PartSteps   = "steps"
)

// DiagnosticCost is what one diagnostic made of requests since the start.
type DiagnosticCost struct {
	Diagnostic, API, Logger string // API is "" for all APIs; all are "" without a diagnostic
	Parts                   []PartCost
}

// PartCost counts one part of the records. Time is an estimate: counts and bytes
// by what one costs.
type PartCost struct {
	Part         string
	Count, Bytes int64
	Time         time.Duration
}

// costKey tells diagnostics apart over reloads.
type costKey struct{ scope, diagnostic, logger string }

// diagnosticCost are the live counters of one diagnostic. The worker writes them.
type diagnosticCost struct {
	headers [4][]string // wanted, by telemetry's parts of an exchange
	bodies  [4]bool
	counts  *costCounts
}

type costCounts struct{ record, headers, bodies, steps counted }

type counted struct{ count, bytes atomic.Int64 }

func (c *counted) add(count, bytes int) {
	if count > 0 {
		c.count.Add(int64(count))
		c.bytes.Add(int64(bytes))
	}
}

// costs are all diagnostics that kept something.
type costs struct {
	mu sync.Mutex
	by map[costKey]*costCounts
}

// of makes the counter of a diagnostic; nil is requests without any.
func (c *costs) of(d *telemetry.Diagnostic) *diagnosticCost {
	out := &diagnosticCost{}
	var key costKey
	if d != nil {
		key = costKey{d.Scope, d.ID, d.Logger}
		for n, rule := range [...]*telemetry.CaptureRule{&d.FrontendRequest, &d.FrontendResponse, &d.BackendRequest, &d.BackendResponse} {
			out.headers[n] = rule.Headers
			out.bodies[n] = rule.BodyBytes > 0
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if out.counts = c.by[key]; out.counts == nil {
		out.counts = &costCounts{}
		if c.by == nil {
			c.by = map[costKey]*costCounts{}
		}
		c.by[key] = out.counts
	}
	return out
}

// count adds the row of an exchange.
func (d *diagnosticCost) count(e *telemetry.Exchange, rowBytes, stepBytes int) {
	headers, headerBytes, bodies, bodyBytes := 0, 0, 0, 0
	for n := range e.Captures {
		c := &e.Captures[n]
		part := partIndex(c.Part)
		switch {
		case c.Name == "" && d.bodies[part]:
			bodies, bodyBytes = bodies+1, bodyBytes+len(c.Value)
		case c.Name != "" && slices.ContainsFunc(d.headers[part], func(name string) bool { return strings.EqualFold(name, c.Name) }):
			headers, headerBytes = headers+1, headerBytes+len(c.Name)+len(c.Value)
		}
	}
	d.counts.headers.add(headers, headerBytes)
	d.counts.bodies.add(bodies, bodyBytes)
	d.counts.steps.add(len(e.Steps), stepBytes)
	d.counts.record.add(1, max(rowBytes-headerBytes-bodyBytes-stepBytes, 0))
}

func partIndex(part string) int {
	switch part {
	case telemetry.FrontendRequest:
		return 0
	case telemetry.FrontendResponse:
		return 1
	case telemetry.BackendRequest:
		return 2
	}
	return 3
}

// Costs gives what each diagnostic made since the start, dearest first.
func (i *Ingest) Costs() []DiagnosticCost {
	c := &i.rows.costs
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []DiagnosticCost
	for key, n := range c.by {
		if n.record.count.Load() > 0 {
			out = append(out, DiagnosticCost{Diagnostic: key.diagnostic, API: key.scope, Logger: key.logger, Parts: n.parts()})
		}
	}
	total := func(d *DiagnosticCost) (sum time.Duration) {
		for _, p := range d.Parts {
			sum += p.Time
		}
		return sum
	}
	slices.SortFunc(out, func(a, b DiagnosticCost) int {
		return cmp.Or(cmp.Compare(total(&b), total(&a)), cmp.Compare(a.API, b.API), cmp.Compare(a.Diagnostic, b.Diagnostic), cmp.Compare(a.Logger, b.Logger))
	})
	return out
}

func (n *costCounts) parts() []PartCost {
	part := func(name string, c *counted, each, perByte time.Duration) PartCost {
		p := PartCost{Part: name, Count: c.count.Load(), Bytes: c.bytes.Load()}
		p.Time = time.Duration(p.Count)*each + time.Duration(p.Bytes)*perByte
		return p
	}
	return []PartCost{
		part(PartRecord, &n.record, telemetry.CostOfRecord, 0),
		part(PartHeaders, &n.headers, telemetry.CostOfHeader, 0),
		part(PartBodies, &n.bodies, telemetry.CostOfBody, telemetry.CostOfBodyByte),
		part(PartSteps, &n.steps, telemetry.CostOfStep, 0),
	}
}
