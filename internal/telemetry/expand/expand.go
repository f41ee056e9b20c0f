// Package expand makes the spans that are nested in the row of a request
// through the gateway: one for each execution of a policy statement and each
// backend call.
//
// What comes in: a row. What goes out: its parts, with the same ids at every
// reading. It must never change the row.
package expand

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"gatehouse/internal/telemetry"
)

// Part is a nested span: of a statement or of a call.
type Part struct {
	SpanID, ParentSpanID string
	Name                 string
	Start, End           int64 // Unix nanoseconds
	Status               string
	StatusText           string
	// Statement and Outcome are those of an executed policy statement.
	Statement *telemetry.StepInfo
	Outcome   string
	Call      *telemetry.CallRow // of a call
}

// Row gives the statements and the calls of a row, in the order of their
// starts. The warnings say what of it is damaged and left out.
func Row(row *telemetry.Span) (statements, calls []Part, warnings []string) {
	if row.Source != "gateway" {
		return nil, nil, nil
	}
	steps, err := telemetry.DecodeSteps(row.Steps)
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("the policy steps of span %s are damaged: only %d are shown", row.SpanID, len(steps)))
	}
	var pipeline []telemetry.StepInfo
	if row.Pipeline != "" {
		if err := json.Unmarshal([]byte(row.Pipeline), &pipeline); err != nil {
			warnings = append(warnings, fmt.Sprintf("the policy description of span %s is damaged", row.SpanID))
		}
	}
	statements = expandSteps(row, steps, pipeline)
	return statements, expandCalls(row, statements), warnings
}

// expandSteps makes one span a statement execution. Executions are recorded in
// the order of their starts; the span of one hangs below the execution of its
// enclosing statement that was running at that time.
func expandSteps(row *telemetry.Span, steps []telemetry.Step, pipeline []telemetry.StepInfo) []Part {
	out := make([]Part, 0, len(steps))
	for i, step := range steps {
		info := telemetry.StepInfo{Name: fmt.Sprintf("statement %d", step.Index), Parent: -1}
		if int(step.Index) < len(pipeline) {
			info = pipeline[step.Index]
		}
		p := Part{SpanID: DerivedID(row.SpanID, i), Name: info.Name, Start: row.Time + step.Start, End: row.Time + step.Start + step.Duration,
			Status: status(step.Outcome.String()), Statement: &info, Outcome: step.Outcome.String()}
		p.ParentSpanID = enclosing(row, out, steps, p.Start, info.Parent, pipeline)
		out = append(out, p)
	}
	return out
}

// enclosing finds the latest execution before a start of the statement at
// index, or of the one around that, which was running then.
func enclosing(row *telemetry.Span, before []Part, steps []telemetry.Step, start int64, index int, pipeline []telemetry.StepInfo) string {
	for range len(pipeline) { // a damaged description may run in a circle
		if index < 0 || index >= len(pipeline) {
			break
		}
		for i := len(before) - 1; i >= 0; i-- {
			if int(steps[i].Index) == index && before[i].Start <= start && start <= before[i].End {
				return before[i].SpanID
			}
		}
		index = pipeline[index].Parent
	}
	return row.SpanID
}

// expandCalls makes one span a backend call. It hangs below the innermost
// statement of the name that made it and was running when the call started.
func expandCalls(row *telemetry.Span, statements []Part) []Part {
	out := make([]Part, 0, len(row.Calls))
	for i := range row.Calls {
		c := &row.Calls[i]
		p := Part{SpanID: c.SpanID, Name: callName(c), Start: row.Time + c.Offset, End: row.Time + c.Offset + max(c.Duration, 0),
			Status: callStatus(c), StatusText: c.Error, Call: c}
		if p.SpanID == "" {
			p.SpanID = DerivedID(row.SpanID, -1-i)
		}
		p.ParentSpanID = maker(row, statements, p.Start, c.Source)
		out = append(out, p)
	}
	return out
}

// maker finds the statement that made a call: by name first; a call of another
// source hangs below whatever statement was running.
func maker(row *telemetry.Span, statements []Part, start int64, source string) string {
	for _, byName := range []bool{true, false} {
		for i := len(statements) - 1; i >= 0; i-- {
			st := &statements[i]
			if st.Start <= start && start <= st.End && (!byName || st.Name == source) {
				return st.SpanID
			}
		}
	}
	return row.SpanID
}

func callName(c *telemetry.CallRow) string {
	target := c.Backend
	if target == "" {
		target = c.Target
	}
	name := c.Method + " " + target
	if c.Attempt > 1 {
		name += fmt.Sprintf(" (attempt %d)", c.Attempt)
	}
	return name
}

func callStatus(c *telemetry.CallRow) string {
	if c.Status >= 500 {
		return "error"
	}
	return status(c.Outcome)
}

func status(outcome string) string {
	if outcome == telemetry.OutcomeError.String() || outcome == telemetry.OutcomeTimeout.String() {
		return "error"
	}
	return "ok"
}

// DerivedID gives a span that was not recorded as one an id that is the same at
// every reading.
func DerivedID(span string, order int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", span, order))
	return hex.EncodeToString(sum[:8])
}
