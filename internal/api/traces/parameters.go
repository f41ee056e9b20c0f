package traces

import (
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/query/explore"
)

const (
	defaultSearchRange   = 15 * time.Minute
	defaultServicesRange = time.Hour
)

func filter(p *api.Parameters) explore.Filter {
	start, end := p.TimeRange(defaultSearchRange)
	f := explore.Filter{
		Start: start, End: end,
		Service: p.Get("service"), API: p.Get("api"), Operation: p.Get("operation"),
		Product: p.Get("product"), Subscription: p.Get("subscription"),
		Status:     p.OneOf("status", "ok", "error"),
		Outcome:    p.OneOf("outcome", "ok", "error", "client-closed", "returned", "timeout"),
		HTTPStatus: httpStatus(p, "http_status"), Text: p.Get("q"),
		MinDuration: p.Milliseconds("min_duration_ms"), MaxDuration: p.Milliseconds("max_duration_ms"),
		Limit: p.Limit("limit", explore.DefaultLimit, explore.MaxLimit),
	}
	if f.MaxDuration > 0 && f.MinDuration > f.MaxDuration {
		p.Wrong["min_duration_ms"] = "is more than max_duration_ms"
	}
	p.RefuseUnknown()
	return f
}

func httpStatus(p *api.Parameters, name string) string {
	v := strings.ToLower(p.Get(name))
	if v == "" {
		return v
	}
	number, class := v, false
	if rest, ok := strings.CutSuffix(v, "xx"); ok {
		number, class = rest+"00", true
	}
	if n, err := strconv.Atoi(number); err != nil || n < 100 || n > 599 || (class && len(v) != 3) {
		p.Wrong[name] = "must be a status code as 404, or a class as 4xx"
	}
	return v
}
