package traces

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/api"
	"gatehouse/internal/query/explore"
)

const (
	defaultSearchRange   = 15 * time.Minute
	defaultServicesRange = time.Hour
	maxText              = 256 // characters of a parameter
)

// parameters reads a query string and collects what is wrong with it, so that
// one answer names all mistakes.
type parameters struct {
	values url.Values
	now    time.Time
	known  map[string]bool
	wrong  map[string]string
}

// readParameters refuses a query string that is only partly readable: the rest
// of it would silently match more than was asked for.
func readParameters(query string, now time.Time) *parameters {
	values, err := url.ParseQuery(query)
	p := &parameters{values: values, now: now, known: map[string]bool{}, wrong: map[string]string{}}
	if err != nil {
		p.wrong["query string"] = "cannot be read: " + err.Error()
	}
	return p
}

func (p *parameters) get(name string) string {
	p.known[name] = true
	v := strings.TrimSpace(p.values.Get(name))
	if len(p.values[name]) > 1 {
		p.wrong[name] = "is given more than once"
	}
	if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
		p.wrong[name] = "is not a text in UTF-8"
	}
	if len(v) > maxText {
		p.wrong[name] = fmt.Sprintf("is longer than %d characters", maxText)
	}
	return v
}

func (p *parameters) filter() explore.Filter {
	start, end := p.timeRange(defaultSearchRange)
	f := explore.Filter{
		Start: start, End: end,
		Service: p.get("service"), API: p.get("api"), Operation: p.get("operation"),
		Product: p.get("product"), Subscription: p.get("subscription"),
		Status:     p.oneOf("status", "ok", "error"),
		Outcome:    p.oneOf("outcome", "ok", "error", "client-closed", "returned", "timeout"),
		HTTPStatus: p.httpStatus("http_status"), Text: p.get("q"),
		MinDuration: p.milliseconds("min_duration_ms"), MaxDuration: p.milliseconds("max_duration_ms"),
		Limit: p.limit("limit"),
	}
	if f.MaxDuration > 0 && f.MinDuration > f.MaxDuration {
		p.wrong["min_duration_ms"] = "is more than max_duration_ms"
	}
	p.refuseUnknown()
	return f
}

// timeRange reads start and end; end defaults to now, start to that long before.
func (p *parameters) timeRange(otherwise time.Duration) (start, end time.Time) {
	end = p.time("end", p.now)
	start = p.time("start", end.Add(-otherwise))
	if !start.Before(end) && p.wrong["start"] == "" && p.wrong["end"] == "" {
		p.wrong["start"] = "is not before end"
	}
	return start, end
}

// time reads RFC 3339 or Unix seconds, which may have a fraction.
func (p *parameters) time(name string, otherwise time.Time) time.Time {
	v := p.get(name)
	if v == "" {
		return otherwise
	}
	if t, err := time.Parse(time.RFC3339Nano, v); err == nil && t.Year() > 1970 && t.Year() < 2200 {
		return t
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 && s < 7e9 {
		whole, fraction := math.Modf(s)
		return time.Unix(int64(whole), int64(fraction*1e9))
	}
	p.wrong[name] = "must be a time as in RFC 3339, or Unix seconds"
	return otherwise
}

func (p *parameters) oneOf(name string, allowed ...string) string {
	v := p.get(name)
	if v != "" && !slices.Contains(allowed, v) {
		p.wrong[name] = "must be one of " + strings.Join(allowed, ", ")
	}
	return v
}

func (p *parameters) httpStatus(name string) string {
	v := strings.ToLower(p.get(name))
	if v == "" {
		return v
	}
	number, class := v, false
	if rest, ok := strings.CutSuffix(v, "xx"); ok {
		number, class = rest+"00", true
	}
	if n, err := strconv.Atoi(number); err != nil || n < 100 || n > 599 || (class && len(v) != 3) {
		p.wrong[name] = "must be a status code as 404, or a class as 4xx"
	}
	return v
}

func (p *parameters) milliseconds(name string) time.Duration {
	v := p.get(name)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || !(n >= 0 && n <= 1e9) {
		p.wrong[name] = "must be a number of milliseconds from 0 to 1000000000"
		return 0
	}
	return time.Duration(n * float64(time.Millisecond))
}

func (p *parameters) limit(name string) int {
	v := p.get(name)
	if v == "" {
		return explore.DefaultLimit
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > explore.MaxLimit {
		p.wrong[name] = fmt.Sprintf("must be a number from 1 to %d", explore.MaxLimit)
	}
	return n
}

// refuseUnknown names parameters that mean nothing here: a filter with a typing
// mistake would else silently match everything.
func (p *parameters) refuseUnknown() {
	for name := range p.values {
		if !p.known[name] {
			p.wrong[name] = "is not a parameter of this request"
		}
	}
}

// refused answers 400 when something is wrong.
func (p *parameters) refused(w http.ResponseWriter) bool {
	if len(p.wrong) == 0 {
		return false
	}
	names := make([]string, 0, len(p.wrong))
	for name := range p.wrong {
		names = append(names, name)
	}
	slices.Sort(names)
	message := make([]string, len(names))
	for i, name := range names {
		message[i] = name + " " + p.wrong[name]
	}
	api.WriteError(w, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: strings.Join(message, "; "), Fields: p.wrong})
	return true
}
