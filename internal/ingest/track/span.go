package track

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/telemetry"
)

// custom are the parts that most types share.
type custom struct {
	Properties   pairs   `json:"properties"`
	Measurements numbers `json:"measurements"`
}

func (it *item) request() *fault {
	var d struct {
		custom
		ID           text `json:"id"`
		Source       text `json:"source"`
		Name         text `json:"name"`
		Duration     text `json:"duration"`
		ResponseCode text `json:"responseCode"`
		Success      text `json:"success"`
		URL          text `json:"url"`
	}
	if f := it.read(&d); f != nil {
		return f
	}
	duration, f := it.duration(d.Duration, "RequestData")
	switch {
	case f != nil:
		return f
	case !d.ID.set:
		return missing("id", "RequestData")
	case !d.ResponseCode.set:
		return missing("responseCode", "RequestData")
	}
	l := it.o.Limits
	if d.Source.s != "" {
		it.tags["source"] = it.cut("source", d.Source.s, l.Text)
	}
	s := &telemetry.Span{SpanID: it.cut("id", spanID(d.ID.s), l.ID), Name: it.cut("name", maskedURL(d.Name.s), l.Name), Kind: "server", Duration: int64(duration),
		ResultCode: it.cut("responseCode", d.ResponseCode.s, l.Text), Data: it.cut("url", maskedURL(d.URL.s), l.URL)}
	it.finish(s, d.Success, d.custom)
	return nil
}

func (it *item) dependency() *fault {
	var d struct {
		custom
		ID         text `json:"id"`
		Name       text `json:"name"`
		Duration   text `json:"duration"`
		ResultCode text `json:"resultCode"`
		Success    text `json:"success"`
		Data       text `json:"data"`
		Target     text `json:"target"`
		Type       text `json:"type"`
	}
	if f := it.read(&d); f != nil {
		return f
	}
	duration, f := it.duration(d.Duration, "RemoteDependencyData")
	switch {
	case f != nil:
		return f
	case !d.Name.set:
		return missing("name", "RemoteDependencyData")
	}
	l := it.o.Limits
	s := &telemetry.Span{SpanID: it.cut("id", spanID(d.ID.s), l.ID), Name: it.cut("name", maskedURL(d.Name.s), l.Name), Kind: dependencyKind(d.Type.s), Duration: int64(duration),
		ResultCode: it.cut("resultCode", d.ResultCode.s, l.Text), CallType: it.cut("type", d.Type.s, l.Text), Target: it.cut("target", d.Target.s, l.Text),
		Data: it.cut("data", maskedURL(d.Data.s), l.Data)}
	it.finish(s, d.Success, d.custom)
	return nil
}

func dependencyKind(kind string) string {
	switch {
	case strings.HasPrefix(kind, "InProc"):
		return "internal"
	case strings.HasPrefix(kind, "Queue Message"):
		return "producer"
	}
	return "client"
}

func (it *item) duration(d text, kind string) (time.Duration, *fault) {
	if d.s == "" {
		return 0, missing("duration", kind)
	}
	out, ok := timespan(d.s)
	if !ok {
		return 0, invalid("Field 'duration' on type '" + kind + "' is of incorrect type. Expected: d.hh:mm:ss.fffffff")
	}
	if out < 0 { // the sender's clock went back meanwhile: nothing takes less than no time
		it.marked("duration")
		out = 0
	}
	return out, nil
}

// finish fills in what spans share. A sender that does not say whether it
// worked is judged by the code.
func (it *item) finish(s *telemetry.Span, success text, c custom) {
	it.web(s)
	worked, known := success.truth()
	if !known {
		worked = s.StatusCode < 400
	}
	s.Status = "ok"
	if !worked {
		s.Status = "error"
	}
	it.custom(c.Properties, c.Measurements)
	s.Time, s.TraceID, s.ParentSpanID = it.time, it.operation, it.parent
	s.Service, s.Instance, s.ClientIP, s.Source = it.role, it.instance, it.address, source
	s.Workspace, s.SampleWeight, s.Tags = it.workspace.Name, it.weight, it.tagText()
	s.Attributes, s.Measurements = it.attributes, it.measurements
	it.span = s
}

// spanID reads the older form of an id, |trace.span., which pages still send:
// the other side of their calls knows the span alone, from traceparent, and the
// two would not be joined.
func spanID(id string) string {
	if len(id) == 51 && id[0] == '|' && id[33] == '.' && id[50] == '.' && hexadecimal(id[1:33]) && hexadecimal(id[34:50]) {
		return id[34:50]
	}
	return id
}

func hexadecimal(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

// web fills HTTP's own columns from what the protocol has: a code, METHOD /path
// and a URL.
func (it *item) web(s *telemetry.Span) {
	if method, _, found := strings.Cut(s.Name, " "); found && httpMethod(method) {
		s.Method = method
	}
	u, err := url.Parse(s.Data)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") {
		if s.Method == "" {
			return // 0 is the code of SQL, and others have codes of their own
		}
		u = &url.URL{}
	}
	if code, err := strconv.Atoi(s.ResultCode); err == nil && code >= 100 && code < 600 {
		s.StatusCode = int32(code)
	}
	s.Scheme, s.Host, s.Path = u.Scheme, u.Host, u.EscapedPath()
}

func httpMethod(s string) bool {
	switch s {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT":
		return true
	}
	return false
}
