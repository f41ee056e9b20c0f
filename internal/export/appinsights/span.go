package appinsights

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/telemetry"
)

// span adds the items of a row: the same that the tables of a workspace show.
func (b *batch) span(s *telemetry.Span) {
	r := &row{Span: s, attributes: parsed(s.Attributes), tags: parsed(s.Tags), resource: b.resource(s.Resource)}
	r.common = spanTags(r)
	switch s.Kind {
	case "server", "consumer":
		b.request(r)
	default:
		b.dependency(s, r.attributes, r.tagsBelow(s.ParentSpanID))
	}
	if s.Source == "gateway" {
		b.calls(r)
		b.failure(r)
		return
	}
	b.events(r)
}

// row is a span with what is read of it once for all its items.
type row struct {
	*telemetry.Span
	attributes, tags, resource object
	common                     map[string]string // tags of items
}

// tagsBelow are the tags of an item with a parent.
func (r *row) tagsBelow(parent string) map[string]string {
	out := maps.Clone(r.common)
	out["ai.operation.parentId"] = parent
	return out
}

func spanTags(s *row) map[string]string {
	out := tagsOf(s.tags, s.resource, s.Service, s.Instance)
	out["ai.operation.id"], out["ai.operation.parentId"] = s.TraceID, s.ParentSpanID
	if out["ai.operation.name"] == "" && s.Source == "gateway" {
		out["ai.operation.name"] = s.Name
	}
	if s.ClientIP != "" {
		out["ai.location.ip"] = s.ClientIP
	}
	attributes := s.attributes
	out["ai.user.id"] = first(out["ai.user.id"], str(attributes["enduser.pseudo.id"]))
	out["ai.user.authUserId"] = first(out["ai.user.authUserId"], str(attributes["enduser.id"]))
	return out
}

func (b *batch) request(s *row) {
	attributes, tags := s.attributes, s.tagsBelow(s.ParentSpanID)
	fields := object{"id": s.SpanID, "name": requestName(s.Span), "duration": timespan(time.Duration(s.Duration)), "responseCode": requestCode(s.Span, attributes),
		"success": requestSuccess(s.Span), "url": s.Data, "source": str(s.tags["source"])}
	if s.Data == "" {
		fields["url"] = composed(s.Span)
	}
	if fields["source"] == "" && s.Source != "gateway" {
		fields["source"] = s.Target
	}
	if tags["ai.operation.name"] == "" {
		tags["ai.operation.name"] = requestName(s.Span)
	}
	props, m := plain(attributes), numbers(s.Measurements)
	if s.Source == "gateway" {
		props = dimensions(s, attributes, s.Method)
		m = map[string]float64{"Request Size": float64(s.RequestBytes), "Response Size": float64(s.ResponseBytes),
			"Client Time (in ms)": float64(max(s.Duration-s.BackendTime-s.PolicyTime, 0)) / 1e6}
	}
	if len(m) > 0 {
		fields["measurements"] = m
	}
	b.add(requestData, s.Time, s.SampleWeight, tags, props, fields)
}

func requestName(s *telemetry.Span) string {
	switch {
	case s.Source == "gateway":
		return s.Method + " " + s.Path
	case s.Source == "otlp" && s.Method != "":
		return s.Method + " " + first(s.Route, s.Path)
	}
	return s.Name
}

func requestCode(s *telemetry.Span, attributes object) string {
	switch {
	case s.ResultCode != "":
		return s.ResultCode
	case s.Source == "gateway" && s.Outcome == "client-closed":
		return "0 [not sent in full]"
	case s.StatusCode > 0:
		return strconv.Itoa(int(s.StatusCode))
	}
	return first(str(attributes["rpc.grpc.status_code"]), "0")
}

func requestSuccess(s *telemetry.Span) bool {
	ok := s.Status != "error"
	switch s.Source {
	case "track":
		return ok
	case "gateway":
		return ok && s.Outcome != "client-closed" && s.StatusCode >= 1 && s.StatusCode < 400
	}
	return ok && s.StatusCode < 400
}

func composed(s *telemetry.Span) string {
	out := s.Path
	if s.Host != "" {
		out = s.Scheme + "://" + s.Host + s.Path
	}
	if s.Query != "" {
		out += "?" + s.Query
	}
	return out
}

// calls adds a dependency for each attempt to reach a backend.
func (b *batch) calls(s *row) {
	last := int32(0)
	for _, c := range s.Calls {
		if c.Source == "forward-request" {
			last = max(last, c.Attempt)
		}
	}
	for n := range s.Calls {
		c := &s.Calls[n]
		props := dimensions(s, nil, c.Method)
		if c.Source == "forward-request" && c.Attempt == last {
			for name, v := range s.attributes {
				if rest, ok := strings.CutPrefix(name, backendPrefix); ok {
					props.set(rest, str(v))
				}
			}
		}
		tags := s.tagsBelow(s.SpanID)
		b.add(dependencyData, s.Time+c.Offset, s.SampleWeight, tags, props, object{"id": callID(s.Span, c), "name": c.Method + " " + pathOf(c.URL),
			"duration": timespan(time.Duration(c.Duration)), "resultCode": strconv.Itoa(int(c.Status)), "data": c.URL, "target": c.Target, "type": callType,
			"success": (c.Outcome == "ok" || c.Outcome == "returned") && c.Status >= 1 && c.Status < 400})
	}
}

const (
	callType      = "Backend" // of the gateway's own calls
	backendPrefix = "backend."
)

// callID is the id that the tables show for a call without one.
func callID(s *telemetry.Span, c *telemetry.CallRow) string {
	if c.SpanID != "" {
		return c.SpanID
	}
	sum := md5.Sum([]byte(s.SpanID + "|" + c.Source + "|" + strconv.FormatInt(c.Offset, 10)))
	return hex.EncodeToString(sum[:])[:16]
}

func pathOf(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return "/"
	}
	rest, _, _ = strings.Cut(rest, "?")
	rest, _, _ = strings.Cut(rest, "#")
	if at := strings.IndexByte(rest, '/'); at >= 0 {
		return rest[at:]
	}
	return "/"
}

// failure adds the exception of a request through the gateway that failed.
func (b *batch) failure(s *row) {
	if s.Outcome != "client-closed" && s.ErrorReason == "" && s.StatusCode < 400 {
		return
	}
	reason, problem, message := describe(s.Span)
	thrown := object{"id": 1, "outerId": 0, "typeName": clip(reason, 1024), "message": clip(message, 32768), "hasFullStack": s.ErrorWhere != ""}
	if s.ErrorWhere != "" {
		thrown["parsedStack"] = []object{{"level": 0, "method": clip(s.ErrorWhere, 1024)}}
	}
	b.add(exceptionData, s.Time+s.Duration, s.SampleWeight, s.tagsBelow(s.SpanID), dimensions(s, s.attributes, s.Method),
		object{"problemId": problem, "severityLevel": "Error", "exceptions": []object{thrown}})
}

func describe(s *telemetry.Span) (reason, problem, message string) {
	const left = "ClientConnectionFailure"
	switch {
	case s.Outcome == "client-closed" || s.ErrorReason == left:
		if s.ErrorSource == "" || s.ErrorSource == "gateway" {
			return left, left + " at transfer-response", "A task was canceled."
		}
		return left, left + " at " + s.ErrorSource, "The operation was canceled."
	case s.ErrorReason != "" && s.ErrorSource != "":
		return s.ErrorReason, s.ErrorReason + " at " + s.ErrorSource, first(s.ErrorMessage, s.ErrorReason)
	case s.ErrorReason != "":
		return s.ErrorReason, s.ErrorReason, first(s.ErrorMessage, s.ErrorReason)
	}
	where := "gateway"
	switch {
	case s.Outcome == "returned":
		where = "return-response"
	case len(s.Calls) > 0:
		where = "forward-request"
	}
	code := strconv.Itoa(int(s.StatusCode))
	return code, code + " at " + where, first(http.StatusText(int(s.StatusCode)), "HTTP "+code)
}

// dimensions are API Management's own custom dimensions, with what was captured.
func dimensions(s *row, attributes object, method string) properties {
	p := properties{}
	for name, v := range attributes {
		if !strings.HasPrefix(name, backendPrefix) && name != "gatehouse.cache_hit" {
			p.set(name, str(v))
		}
	}
	p["API Type"] = first(str(s.attributes["gatehouse.api.type"]), "http")
	p["Service Type"], p["Cache"] = "API Management", "None"
	if str(s.attributes["gatehouse.cache_hit"]) == "true" {
		p["Cache"] = "Hit"
	}
	p.set("API Name", s.API)
	p.set("API Revision", s.APIRevision)
	p.set("Operation Name", s.Operation)
	p.set("Product Name", s.Product)
	p.set("Subscription Name", s.Subscription)
	p.set("Region", str(s.resource["cloud.region"]))
	p.set("Request Id", s.RequestID)
	p.set("Service ID", s.Service)
	p.set("Service Name", s.Host)
	p.set("HTTP Method", method)
	return p
}

// plain are the attributes of a row of another sender.
func plain(attributes object) properties {
	p := properties{}
	for name, v := range attributes {
		p[name] = str(v)
	}
	return p
}

// events adds the events of a span: exceptions, and messages.
func (b *batch) events(s *row) {
	if s.Events == "" {
		return
	}
	var list []struct {
		Time       json.Number `json:"time"`
		Name       string      `json:"name"`
		Attributes object      `json:"attributes"`
	}
	if json.Unmarshal([]byte(s.Events), &list) != nil {
		return
	}
	for _, v := range list {
		at, err := strconv.ParseInt(v.Time.String(), 10, 64)
		if err != nil {
			at = s.Time
		}
		tags := s.tagsBelow(s.SpanID)
		if v.Name != "exception" {
			b.add(messageData, at, s.SampleWeight, tags, plain(v.Attributes), object{"message": v.Name, "severityLevel": "Information"})
			continue
		}
		kind := first(str(v.Attributes["exception.type"]), "exception")
		b.add(exceptionData, at, s.SampleWeight, tags, plain(v.Attributes), object{"problemId": kind, "severityLevel": "Error",
			"exceptions": []object{thrown(kind, str(v.Attributes["exception.message"]), str(v.Attributes["exception.stacktrace"]))}})
	}
}

func thrown(kind, message, stack string) object {
	out := object{"id": 1, "outerId": 0, "typeName": clip(kind, 1024), "message": clip(message, 32768), "hasFullStack": stack != ""}
	if stack != "" {
		out["stack"] = clip(stack, 32768)
	}
	return out
}

func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

func oneOf(attributes object, names ...string) string {
	for _, name := range names {
		if v := str(attributes[name]); v != "" {
			return v
		}
	}
	return ""
}

func withPort(host, port string) string {
	if host == "" || port == "" || port == "80" || port == "443" {
		return host
	}
	return fmt.Sprintf("%s:%s", host, port)
}
