package otlp

import (
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"gatehouse/internal/telemetry"
)

// promotion moves attributes of the semantic conventions into the columns of a
// row. What has the wrong type stays an attribute. Of an attribute that is
// there under its present and its old name the present one wins.
type promotion struct {
	row *telemetry.Span
	w   *objectWriter // gets the mark of a value that was cut
}

// take says that the attribute became a column.
func (p *promotion) take(key string, v pcommon.Value) bool {
	row := p.row
	switch key {
	case "http.route":
		return p.text(&row.Route, key, v)
	case "http.request.method":
		return p.text(&row.Method, key, v)
	case "url.scheme":
		return p.text(&row.Scheme, key, v)
	case "url.path":
		return p.text(&row.Path, key, v)
	case "url.query":
		return p.query(key, v)
	case "server.address":
		return p.text(&row.Host, key, v)
	case "client.address":
		return p.text(&row.ClientIP, key, v)
	case "user_agent.original":
		return p.text(&row.UserAgent, key, v)
	case "error.type":
		return p.text(&row.ErrorReason, key, v)
	case "http.response.status_code":
		return p.statusCode(v, true)
	case "http.request.body.size":
		return size(&row.RequestBytes, v, true)
	case "http.response.body.size":
		return size(&row.ResponseBytes, v, true)
	}
	return p.takeOld(key, v)
}

// takeOld is take for the names before version 1.21 of the conventions.
func (p *promotion) takeOld(key string, v pcommon.Value) bool {
	row := p.row
	switch key {
	case "http.method":
		return p.oldText(&row.Method, key, v)
	case "http.scheme":
		return p.oldText(&row.Scheme, key, v)
	case "http.target":
		return p.target(key, v)
	case "http.user_agent":
		return p.oldText(&row.UserAgent, key, v)
	case "http.client_ip":
		return p.oldText(&row.ClientIP, key, v)
	case "net.host.name":
		return row.Kind == "server" && p.oldText(&row.Host, key, v)
	case "net.peer.name":
		return row.Kind == "client" && p.oldText(&row.Host, key, v)
	case "http.status_code":
		return p.statusCode(v, false)
	case "http.request_content_length":
		return size(&row.RequestBytes, v, false)
	case "http.response_content_length":
		return size(&row.ResponseBytes, v, false)
	}
	return false
}

func (p *promotion) text(column *string, key string, v pcommon.Value) bool {
	if v.Type() != pcommon.ValueTypeStr {
		return false
	}
	p.set(column, key, v.Str())
	return true
}

func (p *promotion) oldText(column *string, key string, v pcommon.Value) bool {
	if *column != "" {
		return v.Type() == pcommon.ValueTypeStr
	}
	return p.text(column, key, v)
}

func (p *promotion) set(column *string, key, value string) {
	if len(value) > p.w.maxBytes {
		p.w.truncated(key)
	}
	*column = clean(value, p.w.maxBytes)
}

func (p *promotion) query(key string, v pcommon.Value) bool {
	if v.Type() != pcommon.ValueTypeStr {
		return false
	}
	p.set(&p.row.Query, key, maskedQuery(strings.TrimPrefix(v.Str(), "?")))
	return true
}

// target is path and query in one.
func (p *promotion) target(key string, v pcommon.Value) bool {
	if v.Type() != pcommon.ValueTypeStr {
		return false
	}
	path, query, _ := strings.Cut(v.Str(), "?")
	if p.row.Path == "" {
		p.set(&p.row.Path, key, path)
	}
	if p.row.Query == "" {
		p.set(&p.row.Query, key, maskedQuery(query))
	}
	return true
}

func (p *promotion) statusCode(v pcommon.Value, present bool) bool {
	n, ok := integer(v)
	if !ok || n < 100 || n > 999 {
		return false
	}
	if present || p.row.StatusCode == 0 {
		p.row.StatusCode = int32(n)
	}
	return true
}

func size(column *int64, v pcommon.Value, present bool) bool {
	n, ok := integer(v)
	if !ok || n < 0 {
		return false
	}
	if present || *column == 0 {
		*column = n
	}
	return true
}

// integer also reads digits in a text, which some senders write.
func integer(v pcommon.Value) (int64, bool) {
	switch v.Type() {
	case pcommon.ValueTypeInt:
		return v.Int(), true
	case pcommon.ValueTypeStr:
		n, err := strconv.ParseInt(v.Str(), 10, 64)
		return n, err == nil
	}
	return 0, false
}
