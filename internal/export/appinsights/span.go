package appinsights

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/telemetry"
)

// span adds the items of a row: the same that the tables of a workspace show.
func (b *batch) span(s *telemetry.Span) {
	if s.Source == "gateway" && s.Kind == "server" {
		b.gateway(s)
		return
	}
	r := &row{Span: s, attributes: parsed(s.Attributes), tags: parsed(s.Tags), resource: b.resource(s.Resource)}
	r.common = spanTags(r)
	switch s.Kind {
	case "server", "consumer":
		b.request(r)
	default:
		b.dependency(s, r.attributes, r.tagsBelow(s.ParentSpanID))
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
	if fields["source"] == "" {
		fields["source"] = s.Target
	}
	if tags["ai.operation.name"] == "" {
		tags["ai.operation.name"] = requestName(s.Span)
	}
	if m := numbers(s.Measurements); len(m) > 0 {
		fields["measurements"] = m
	}
	b.add(requestData, s.Time, s.SampleWeight, tags, plain(attributes), fields)
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
