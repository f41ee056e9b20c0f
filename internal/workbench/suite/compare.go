package suite

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
	"gatehouse/internal/workbench/stage"
)

// Diff is one thing that is not as expected.
type Diff struct{ Path, Want, Got string }

// wildcard stands for any text in an expected text.
const wildcard = "***"

// matches compares a text with an expected one, which may hold wildcards.
func matches(want, got string) bool {
	parts := strings.Split(want, wildcard)
	if len(parts) == 1 {
		return want == got
	}
	rest, ok := strings.CutPrefix(got, parts[0])
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if !ok || i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}

// sections of expect in the order in which they are shown.
var sections = []struct {
	name    string
	compare func(want *expect, got *observed) []Diff
}{
	{"route", compareRoute}, {"response", compareResponse}, {"backend", compareBackend}, {"requests", compareRequests},
	{"variables", compareVariables}, {"traces", compareTraces}, {"metrics", compareMetrics}, {"error", compareError},
}

func compare(want *expect, got *observed) []Diff {
	var out []Diff
	for _, r := range got.unanswered {
		out = append(out, Diff{"requests", "an answer for " + r, "no url under requests matches it"})
	}
	for _, s := range sections {
		out = append(out, s.compare(want, got)...)
	}
	return out
}

func text(path, want, got string) []Diff {
	if want == "" || matches(want, got) {
		return nil
	}
	return []Diff{{path, want, got}}
}

func compareRoute(want *expect, got *observed) []Diff {
	if want.Route == nil {
		return nil
	}
	return slices.Concat(text("route.api", want.Route.API, got.API), text("route.operation", want.Route.Operation, got.Operation),
		text("route.product", want.Route.Product, got.Product))
}

func compareResponse(want *expect, got *observed) []Diff {
	m := want.Response
	if m == nil {
		return nil
	}
	var out []Diff
	if m.Status != 0 && m.Status != got.Status {
		out = append(out, Diff{"response.status", strconv.Itoa(m.Status), strconv.Itoa(got.Status)})
	}
	if m.Fail == "close" != got.Broken {
		out = append(out, Diff{"response.fail", strconv.Quote(m.Fail), fmt.Sprintf("broken: %v", got.Broken)})
	}
	return append(out, compareMessage("response", m, got.Header, got.Body)...)
}

func compareMessage(path string, m *message, header http.Header, body []byte) []Diff {
	var out []Diff
	for _, name := range sortedKeys(m.Headers) {
		have, list := header.Values(name), m.Headers[name]
		at := path + ".headers." + name
		switch {
		case list == nil && len(have) > 0:
			out = append(out, Diff{at, "(absent)", strings.Join(have, ", ")})
		case list == nil:
		case len(have) == 0:
			out = append(out, Diff{at, strings.Join(*list, ", "), "(absent)"})
		case !slices.EqualFunc(*list, have, matches) && !matches(strings.Join(*list, ", "), strings.Join(have, ", ")):
			out = append(out, Diff{at, strings.Join(*list, ", "), strings.Join(have, ", ")})
		}
	}
	switch {
	case m.JSON.Kind != 0:
		out = append(out, compareJSON(path+".json", &m.JSON, body)...)
	case m.Body != nil && !matches(*m.Body, string(body)) && !matches(strings.TrimRight(*m.Body, "\n"), strings.TrimRight(string(body), "\n")):
		out = append(out, Diff{path + ".body", *m.Body, string(body)})
	}
	return out
}

func compareBackend(want *expect, got *observed) []Diff {
	return compareCalls("backend", want.Backend, got.backend)
}

// compareRequests takes any order: branches of wait send theirs as it comes.
func compareRequests(want *expect, got *observed) []Diff {
	if want.Requests == nil {
		return nil
	}
	return compareCalls("requests", want.Requests, arranged(*want.Requests, got.requests))
}

// arranged puts calls into the order of the expected ones that they match;
// where one matches nothing, all stay as they are.
func arranged(want messages, got []call) []call {
	rest, out := slices.Clone(got), make([]call, 0, len(got))
	for i := range want {
		one := want[i : i+1]
		at := slices.IndexFunc(rest, func(c call) bool { return len(compareCalls("", &one, []call{c})) == 0 })
		if at < 0 {
			return got
		}
		out, rest = append(out, rest[at]), slices.Delete(rest, at, at+1)
	}
	return append(out, rest...)
}

func compareCalls(path string, want *messages, got []call) []Diff {
	if want == nil {
		return nil
	}
	if len(*want) != len(got) {
		var names []string
		for _, c := range got {
			names = append(names, c.method+" "+c.url)
		}
		return []Diff{{path, fmt.Sprintf("%d requests", len(*want)), fmt.Sprintf("%d requests: %s", len(got), strings.Join(names, ", "))}}
	}
	var out []Diff
	for i := range got {
		at, m := path, &(*want)[i]
		if len(got) > 1 {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		out = slices.Concat(out, text(at+".method", m.Method, got[i].method), text(at+".url", m.URL, got[i].url),
			compareMessage(at, m, got[i].header, got[i].body))
	}
	return out
}

func compareVariables(want *expect, got *observed) []Diff {
	var out []Diff
	for _, name := range sortedKeys(want.Variables) {
		at := "variables." + name
		i := slices.IndexFunc(got.Variables, func(v stage.Variable) bool { return v.Name == name })
		if i < 0 {
			out = append(out, Diff{at, show(want.Variables[name]), "(not set)"})
			continue
		}
		out = append(out, compareValue(at, normal(want.Variables[name]), plain(got.Variables[i].Value))...)
	}
	return out
}

// plain is a value of an expression as YAML and JSON know it.
func plain(v any) any {
	switch v := v.(type) {
	case nil, bool, string:
		return v
	case int32:
		return float64(v)
	case int64:
		return float64(v)
	case float64:
		return v
	case *expr.Response:
		out := map[string]any{"status": float64(v.StatusCode)}
		if data, ok := v.Body.Buffered(); ok {
			out["body"] = string(data)
		}
		return out
	case *expr.JToken:
		if parsed, err := parseJSON([]byte(v.JSON(false))); err == nil {
			return parsed
		}
	}
	return expr.ToString(v)
}

var severities = map[telemetry.Severity]string{telemetry.SeverityVerbose: "verbose", telemetry.SeverityInformation: "information",
	telemetry.SeverityWarning: "warning", telemetry.SeverityError: "error"}

func compareTraces(want *expect, got *observed) []Diff {
	if want.Traces == nil {
		return nil
	}
	have := got.Exchange.Events
	if len(*want.Traces) != len(have) {
		var names []string
		for i := range have {
			names = append(names, have[i].Source+": "+have[i].Message)
		}
		return []Diff{{"traces", fmt.Sprintf("%d traces", len(*want.Traces)), fmt.Sprintf("%d traces: %s", len(have), strings.Join(names, "; "))}}
	}
	var out []Diff
	for i := range have {
		w, at := &(*want.Traces)[i], fmt.Sprintf("traces[%d]", i)
		out = slices.Concat(out, text(at+".source", w.Source, have[i].Source), text(at+".severity", w.Severity, severities[have[i].Severity]),
			text(at+".message", w.Message, have[i].Message), compareAttributes(at+".metadata.", w.Metadata, have[i].Metadata))
	}
	return out
}

func compareAttributes(path string, want map[string]string, got []telemetry.Attribute) []Diff {
	var out []Diff
	for _, name := range sortedKeys(want) {
		i := slices.IndexFunc(got, func(a telemetry.Attribute) bool { return a.Key == name })
		switch {
		case i < 0:
			out = append(out, Diff{path + name, want[name], "(absent)"})
		case !matches(want[name], got[i].Value):
			out = append(out, Diff{path + name, want[name], got[i].Value})
		}
	}
	return out
}

func compareMetrics(want *expect, got *observed) []Diff {
	if want.Metrics == nil {
		return nil
	}
	have := got.Exchange.Measurements
	if len(*want.Metrics) != len(have) {
		var names []string
		for i := range have {
			names = append(names, have[i].Namespace+"/"+have[i].Name)
		}
		return []Diff{{"metrics", fmt.Sprintf("%d metrics", len(*want.Metrics)), fmt.Sprintf("%d metrics: %s", len(have), strings.Join(names, ", "))}}
	}
	var out []Diff
	for i := range have {
		w, at := &(*want.Metrics)[i], fmt.Sprintf("metrics[%d]", i)
		out = slices.Concat(out, text(at+".name", w.Name, have[i].Name), text(at+".namespace", w.Namespace, have[i].Namespace))
		if w.Value != nil && *w.Value != have[i].Value {
			out = append(out, Diff{at + ".value", show(*w.Value), show(have[i].Value)})
		}
		out = append(out, compareAttributes(at+".dimensions.", w.Dimensions, have[i].Dimensions)...)
	}
	return out
}

func compareError(want *expect, got *observed) []Diff {
	w, have := want.Error, got.LastError
	switch {
	case w == nil || w.none && have == nil:
		return nil
	case w.none:
		return []Diff{{"error", "none", have.Source + ": " + have.Reason + ": " + have.Message}}
	case have == nil:
		return []Diff{{"error", w.Reason, "none"}}
	}
	return slices.Concat(text("error.source", w.Source, have.Source), text("error.reason", w.Reason, have.Reason),
		text("error.message", w.Message, have.Message), text("error.scope", w.Scope, have.Scope), text("error.section", w.Section, have.Section),
		text("error.path", w.Path, have.Path), text("error.policy-id", w.ID, have.PolicyID))
}

func sortedKeys[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// show is a value on one line.
func show(v any) string {
	data, err := yaml.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimRight(string(data), "\n")
}
