package track

import (
	"strconv"
	"strings"

	"gatehouse/internal/telemetry"
)

// thrown is one exception of a chain, the outermost first.
type thrown struct {
	ID           number `json:"id"`
	OuterID      number `json:"outerId"`
	TypeName     text   `json:"typeName"`
	Message      text   `json:"message"`
	HasFullStack text   `json:"hasFullStack"`
	Stack        text   `json:"stack"`
	ParsedStack  []struct {
		Level    number `json:"level"`
		Method   text   `json:"method"`
		Assembly text   `json:"assembly"`
		FileName text   `json:"fileName"`
		Line     number `json:"line"`
	} `json:"parsedStack"`
}

func (it *item) exception() *fault {
	var d struct {
		custom
		ProblemID     text     `json:"problemId"`
		SeverityLevel text     `json:"severityLevel"`
		HandledAt     text     `json:"handledAt"`
		Exceptions    []thrown `json:"exceptions"`
	}
	if f := it.read(&d); f != nil {
		return f
	}
	if len(d.Exceptions) == 0 {
		return missing("exceptions", "ExceptionData")
	}
	l := it.o.Limits
	chain := d.Exceptions
	if len(chain) > l.Exceptions {
		it.marked("exceptions")
		chain = chain[:l.Exceptions]
	}
	outer, inner := chain[0], chain[len(chain)-1]
	word, number, level := severity(d.SeverityLevel)
	if !d.SeverityLevel.set {
		word, number, level = "error", 17, 3
	}
	own := columns{"severityLevel": level}
	method, assembly := it.place(own, "outer", outer)
	it.place(own, "innermost", inner)
	if len(chain) > 1 { // otherwise the readers take the outer one's
		it.put(own, "innermostType", inner.TypeName.s, l.Text)
		it.put(own, "innermostMessage", inner.Message.s, l.Message)
	}
	it.put(own, "type", outer.TypeName.s, l.Text)
	it.put(own, "method", method, l.Text)
	it.put(own, "assembly", assembly, l.Text)
	it.put(own, "handledAt", d.HandledAt.s, l.Text)
	it.put(own, "problemId", problem(d.ProblemID.s, outer.TypeName.s, method), l.Text)
	details := make([]columns, 0, len(chain))
	for _, x := range chain {
		details = append(details, it.detail(x, word))
	}
	own["details"] = details
	it.record(telemetry.TypeException, "", it.cut("message", outer.Message.s, l.Message), own, d.custom)
	it.log.Severity, it.log.SeverityNumber = word, number
	return nil
}

// problem names what is grouped as one: the sender's word, or type and method.
func problem(said, kind, method string) string {
	switch {
	case said != "":
		return said
	case method == "":
		return kind
	}
	return kind + " at " + method
}

// place sets where one end of the chain was thrown.
func (it *item) place(own columns, end string, x thrown) (method, assembly string) {
	if len(x.ParsedStack) > 0 {
		method, assembly = x.ParsedStack[0].Method.s, x.ParsedStack[0].Assembly.s
	} else {
		method = topOf(x.Stack.s)
	}
	it.put(own, end+"Method", method, it.o.Limits.Text)
	it.put(own, end+"Assembly", assembly, it.o.Limits.Text)
	return method, assembly
}

// topOf finds the function of the first line of a stack that is a text.
func topOf(stack string) string {
	for line := range strings.SplitSeq(stack, "\n") {
		if rest, found := strings.CutPrefix(strings.TrimSpace(line), "at "); found {
			name, _, _ := strings.Cut(rest, "(")
			return strings.TrimSpace(name)
		}
	}
	return ""
}

func (it *item) detail(x thrown, severity string) columns {
	l := it.o.Limits
	out := columns{"id": formatID(x.ID), "outerId": formatID(x.OuterID), "type": it.cut("type", x.TypeName.s, l.Text),
		"message": it.cut("message", x.Message.s, l.Message), "severityLevel": azureSeverity(severity)}
	it.put(out, "rawStack", x.Stack.s, l.Message)
	frames := x.ParsedStack
	if len(frames) > l.Frames {
		it.marked("parsedStack")
		frames = frames[:l.Frames]
	}
	parsed := make([]columns, 0, len(frames))
	for i, f := range frames {
		one := columns{"level": i}
		if f.Level.set {
			one["level"] = int64(f.Level.f)
		}
		it.put(one, "method", f.Method.s, l.Text)
		it.put(one, "assembly", f.Assembly.s, l.Text)
		it.put(one, "fileName", f.FileName.s, l.Text)
		if f.Line.set && f.Line.f != 0 {
			one["line"] = int64(f.Line.f)
		}
		parsed = append(parsed, one)
	}
	if len(parsed) > 0 {
		out["parsedStack"] = parsed
	}
	return out
}

func formatID(n number) string { return strconv.FormatInt(int64(n.f), 10) }

// azureSeverity is the word that details use.
func azureSeverity(word string) string {
	switch word {
	case "information":
		return "Information"
	case "warning":
		return "Warning"
	case "error":
		return "Error"
	case "fatal":
		return "Critical"
	}
	return "Verbose"
}
