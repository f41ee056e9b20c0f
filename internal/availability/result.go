package availability

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/telemetry"
)

// Result is what came out of one run: of its last try.
type Result struct {
	Test     string        `json:"test"`
	Location string        `json:"location"`
	Time     time.Time     `json:"time"`
	Success  bool          `json:"success"`
	Message  string        `json:"message"`
	Failure  string        `json:"failure,omitempty"` // kind, "" of a success
	Duration time.Duration `json:"-"`
	Attempts int           `json:"attempts"`
	Status   int           `json:"status,omitempty"` // 0: no answer
	Size     int64         `json:"size"`             // bytes of the body that were read
	ID       string        `json:"id"`               // span id that was sent in traceparent
	Trace    string        `json:"operation_Id"`
	// CertificateExpires is the end of the certificate, of several on the way
	// through redirects the first.
	CertificateExpires *time.Time `json:"certificateExpires,omitempty"`
	Response           *Response  `json:"response,omitempty"` // of a failure
}

// MarshalJSON writes the duration in milliseconds.
func (r Result) MarshalJSON() ([]byte, error) {
	type plain Result
	return json.Marshal(struct {
		plain
		Milliseconds float64 `json:"duration_ms"`
	}{plain(r), float64(r.Duration) / 1e6})
}

// Response is the answer that did not do, without secrets.
type Response struct {
	Status    int               `json:"status"`
	Headers   map[string]string `json:"headers"`
	Body      string            `json:"body"` // its beginning
	Truncated bool              `json:"truncated"`
}

// keep takes from an answer what explains a failure.
func (p *probe) keep(resp *http.Response, body []byte, more bool) {
	r := &Response{Status: resp.StatusCode, Headers: map[string]string{}}
	names := make([]string, 0, len(resp.Header))
	for name := range resp.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names[:min(len(names), maxKeptHeaders)] {
		value := mask
		if !sensitive(name) {
			value = p.test.scrub(strings.Join(resp.Header[name], ", "))
		}
		r.Headers[name] = clip(strings.ToValidUTF8(value, "\uFFFD"), maxKeptHeader)
	}
	text := p.test.scrub(strings.ToValidUTF8(string(body), "\uFFFD"))
	r.Body = clip(text, maxKept)
	r.Truncated = more || len(r.Body) < len(text)
	p.result.Status, p.result.Response = resp.StatusCode, r
}

// clip cuts a text at a rune.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// syntheticSource marks what the tests make, as Azure's do.
const syntheticSource = "Gatehouse availability test"

// rowOf is the row of a result in availabilityResults.
func rowOf(t *compiled, r *Result) telemetry.LogRecord {
	severity, number := "information", int32(9)
	if !r.Success {
		severity, number = "error", 17
	}
	return telemetry.LogRecord{
		Time: r.Time.UnixNano(), TraceID: r.Trace, SpanID: r.ID, Severity: severity, SeverityNumber: number, Body: r.Message, EventName: r.Test,
		Service: "availability", Instance: r.Location, Source: "availability", Type: telemetry.TypeAvailability, Workspace: t.workspace, SampleWeight: 1,
		Tags:       encode(map[string]string{"operation_Name": r.Test, "operation_SyntheticSource": syntheticSource}),
		Item:       encode(map[string]any{"id": r.ID, "success": r.Success, "duration": float64(r.Duration) / 1e6, "location": r.Location, "size": r.Size}),
		Attributes: encode(dimensions(t, r)),
	}
}

// dimensions are named as those of captured requests are.
func dimensions(t *compiled, r *Result) map[string]string {
	out := map[string]string{"Attempts": strconv.Itoa(r.Attempts)}
	if t.Gateway {
		out["Target"] = "gateway" + clip(shownURL(t.Path), maxKeptHeader)
	} else {
		out["Target"] = clip(shownURL(t.URL), maxKeptHeader)
	}
	if r.Status > 0 {
		out["Status"] = strconv.Itoa(r.Status)
	}
	if r.CertificateExpires != nil {
		out["Certificate Expires"] = r.CertificateExpires.Format(time.RFC3339)
	}
	if r.Failure != "" {
		out["Failure"] = r.Failure
	}
	if r.Response == nil {
		return out
	}
	for name, value := range r.Response.Headers {
		out["Response-"+name] = value
	}
	out["Response-Body"] = r.Response.Body
	if r.Response.Truncated {
		out["Response-Body.truncated"] = "true"
	}
	return out
}

func encode(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}
