package ingest

import (
	"strconv"
	"unicode/utf8"

	"gatehouse/internal/telemetry"
)

// Limits of texts in rows, in bytes.
const (
	maxText = 8 << 10
	maxBody = 32 << 10
)

// attributes writes what has no column as a JSON object; nothing when there is
// nothing to say.
func (r *rowBuilder) attributes(e *telemetry.Exchange, s *telemetry.Span) {
	kind := apiType(e)
	if kind == "" && e.User == "" && !e.CacheHit && e.DroppedSteps == 0 && len(e.Captures) == 0 && e.Protocol == "1.1" && e.Failure.PolicyID == "" && e.Model.Total == 0 {
		return
	}
	from := len(r.text)
	r.text = append(r.text, '{')
	if kind != "" {
		r.pair("gatehouse.api.type", kind)
	}
	if e.User != "" {
		r.pair("enduser.id", e.User)
	}
	if e.Protocol != "" && e.Protocol != "1.1" {
		r.pair("network.protocol.version", e.Protocol)
	}
	if e.RPCStatus != "" {
		r.pair("rpc.system", "grpc")
		r.pair("rpc.grpc.status_code", e.RPCStatus)
	}
	if e.Failure.PolicyID != "" {
		r.pair("gatehouse.policy.id", e.Failure.PolicyID)
	}
	if e.CacheHit {
		r.key("gatehouse.cache_hit")
		r.text = append(r.text, "true"...)
	}
	r.model(&e.Model)
	if e.DroppedSteps > 0 {
		r.key("gatehouse.dropped_steps")
		r.text = strconv.AppendInt(r.text, int64(e.DroppedSteps), 10)
	}
	for n := range e.Captures {
		c := &e.Captures[n]
		r.captureKey(c, "")
		r.text = telemetry.AppendJSON(r.text, clip(c.Value, 64<<10))
		if c.Truncated { // the original size
			r.captureKey(c, ".truncated")
			r.text = append(strconv.AppendInt(append(r.text, '"'), c.Size, 10), '"')
		}
	}
	r.text = append(r.text, '}')
	if len(r.text) == from+2 {
		r.text = r.text[:from]
		return
	}
	r.cuts = append(r.cuts, cut{&s.Attributes, from, len(r.text)})
}

// model writes a call of a language model under OpenTelemetry's names.
func (r *rowBuilder) model(m *telemetry.ModelCall) {
	if m.Total == 0 {
		return
	}
	for _, t := range [...]struct{ name, text string }{{"gen_ai.request.model", m.Deployment}, {"gen_ai.response.model", m.Model}} {
		if t.text != "" {
			r.pair(t.name, t.text)
		}
	}
	for _, n := range [...]struct {
		name  string
		count int64
	}{{"gen_ai.usage.input_tokens", m.Prompt}, {"gen_ai.usage.output_tokens", m.Completion}, {"gen_ai.usage.total_tokens", m.Total}} {
		r.key(n.name)
		r.text = strconv.AppendInt(r.text, n.count, 10)
	}
	if m.Streamed {
		r.key("gen_ai.request.stream")
		r.text = append(r.text, "true"...)
	}
}

// apiType is the type of the API, "" for the usual one.
func apiType(e *telemetry.Exchange) string {
	if e.Endpoint == nil || e.Endpoint.APIType == "http" {
		return ""
	}
	return e.Endpoint.APIType
}

func (r *rowBuilder) pair(key, value string) {
	r.key(key)
	r.text = telemetry.AppendJSON(r.text, value)
}

func (r *rowBuilder) key(key string) {
	r.comma()
	r.text = append(telemetry.AppendJSON(r.text, key), ':')
}

func (r *rowBuilder) comma() {
	if r.text[len(r.text)-1] != '{' {
		r.text = append(r.text, ',')
	}
}

// captureKey names a capture as Azure's custom dimensions do: Request-Name,
// Response-Body. Those of backend calls have "backend." in front, by which the
// dependencies are told from the request.
func (r *rowBuilder) captureKey(c *telemetry.Capture, suffix string) {
	r.comma()
	prefix := "Request-"
	switch c.Part {
	case telemetry.FrontendResponse:
		prefix = "Response-"
	case telemetry.BackendRequest:
		prefix = "backend.Request-"
	case telemetry.BackendResponse:
		prefix = "backend.Response-"
	}
	name := c.Name
	if name == "" {
		name = "Body"
	}
	r.text = telemetry.AppendJSONText(append(append(r.text, '"'), prefix...), name)
	r.text = append(append(r.text, suffix...), '"', ':')
}

func metadata(list []telemetry.Attribute) string {
	if len(list) == 0 {
		return ""
	}
	b := []byte{'{'}
	for n := range list {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(telemetry.AppendJSON(b, list[n].Key), ':')
		b = telemetry.AppendJSON(b, clip(list[n].Value, maxText))
	}
	return string(append(b, '}'))
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
