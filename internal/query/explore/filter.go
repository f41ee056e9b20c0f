package explore

import (
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/store/lake"
)

// Filter says which spans a search is about. Empty fields match everything.
type Filter struct {
	Start, End   time.Time // End exclusive
	Service      string
	API          string
	Operation    string
	Product      string
	Subscription string
	Status       string // "ok" (not an error) or "error"
	Outcome      string // ok, error, client-closed, returned, timeout
	HTTPStatus   string // "404", or a class as "4xx"
	MinDuration  time.Duration
	MaxDuration  time.Duration // 0: no bound
	Text         string        // a trace id, span id or request id, or part of a name, path, error or attribute
	Limit        int           // of traces
}

// Limits of a search.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// where gives the condition as SQL, and the values that its parameters are
// bound to. Without a text only spans that enter a service match: one a
// service a request, so that counts are counts of requests.
func (f *Filter) where() (string, []any) {
	w := &conditions{}
	w.equal("service", f.Service)
	w.equal("api", f.API)
	w.equal("operation", f.Operation)
	w.equal("product", f.Product)
	w.equal("subscription", f.Subscription)
	w.equal("outcome", f.Outcome)
	switch f.Status {
	case "error":
		w.add("status = 'error'")
	case "ok":
		w.add("status <> 'error'")
	}
	if class, ok := strings.CutSuffix(f.HTTPStatus, "xx"); ok {
		w.add("http_status_code // 100 = " + w.arg(class) + "::INTEGER")
	} else if f.HTTPStatus != "" {
		w.add("http_status_code = " + w.arg(f.HTTPStatus) + "::INTEGER")
	}
	if f.MinDuration > 0 {
		w.add("duration_ns >= " + w.arg(int64(f.MinDuration)))
	}
	if f.MaxDuration > 0 {
		w.add("duration_ns <= " + w.arg(int64(f.MaxDuration)))
	}
	switch {
	case IsTraceID(f.Text):
		w.add("trace_id = " + w.arg(strings.ToLower(f.Text)))
	case f.Text != "":
		w.text(f.Text)
	case f.Service == "" && f.HTTPStatus != "":
		// The status that the caller got, not the one of a backend behind it: a
		// retry may have saved the request.
		w.add("(source = 'gateway' OR parent_span_id = '')")
	default:
		w.add("(kind IN ('server', 'consumer') OR parent_span_id = '')")
	}
	return strings.Join(w.parts, " AND "), w.args
}

// source bounds what of the spans table is read.
func (f *Filter) source(start, end time.Time) map[string]lake.Source {
	src := lake.Source{Table: lake.Spans, Start: start, End: end}
	if IsTraceID(f.Text) {
		src.TraceID = strings.ToLower(f.Text)
	}
	return map[string]lake.Source{"spans": src}
}

type conditions struct {
	parts []string
	args  []any
}

func (w *conditions) add(part string) { w.parts = append(w.parts, part) }

// arg binds a value and gives its placeholder.
func (w *conditions) arg(v any) string {
	w.args = append(w.args, v)
	return fmt.Sprintf("$%d", len(w.args))
}

func (w *conditions) equal(column, value string) {
	if value != "" {
		w.add(column + " = " + w.arg(value))
	}
}

func (w *conditions) text(text string) {
	exact := w.arg(strings.ToLower(text))
	like := w.arg("%" + escapeLike.Replace(text) + "%")
	var parts []string
	for _, column := range []string{"span_id", "request_id"} {
		parts = append(parts, column+" = "+exact)
	}
	for _, column := range []string{"name", "url_path", "error_reason", "error_message", "status_message", "attributes"} {
		parts = append(parts, column+" ILIKE "+like+" ESCAPE '\\'")
	}
	w.add("(" + strings.Join(parts, " OR ") + ")")
}

// escapeLike makes the wild cards of LIKE ordinary characters.
var escapeLike = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// IsTraceID says whether s is written as a trace id: 32 hexadecimal digits.
func IsTraceID(s string) bool {
	if len(s) != 32 {
		return false
	}
	for _, c := range s {
		if !strings.ContainsRune("0123456789abcdefABCDEF", c) {
			return false
		}
	}
	return true
}

// IsOperationID says whether s may be the id of a trace that was not made by
// W3C's rules: older Application Insights SDKs use ids of other forms.
func IsOperationID(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for _, c := range s {
		if c != '-' && c != '_' && c != '.' && c != '|' && !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return false
		}
	}
	return true
}
