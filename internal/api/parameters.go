package api

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
)

// MaxParameter is how many bytes a parameter of a query string may have.
const MaxParameter = 256

// Parameters reads a query string and collects what is wrong with it, so that
// one answer names all mistakes.
type Parameters struct {
	values url.Values
	now    time.Time
	known  map[string]bool
	Wrong  map[string]string // parameter to what is wrong with it
}

// ReadParameters refuses a query string that is only partly readable: the rest
// of it would silently match more than was asked for.
func ReadParameters(query string, now time.Time) *Parameters {
	values, err := url.ParseQuery(query)
	p := &Parameters{values: values, now: now, known: map[string]bool{}, Wrong: map[string]string{}}
	if err != nil {
		p.Wrong["query string"] = "cannot be read: " + err.Error()
	}
	return p
}

// Get gives a parameter, "" when it is absent.
func (p *Parameters) Get(name string) string {
	p.known[name] = true
	v := strings.TrimSpace(p.values.Get(name))
	if len(p.values[name]) > 1 {
		p.Wrong[name] = "is given more than once"
	}
	if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
		p.Wrong[name] = "is not a text in UTF-8"
	}
	if len(v) > MaxParameter {
		p.Wrong[name] = fmt.Sprintf("is longer than %d characters", MaxParameter)
	}
	return v
}

// TimeRange reads start and end; end defaults to now, start to that long before.
func (p *Parameters) TimeRange(otherwise time.Duration) (start, end time.Time) {
	end = p.Time("end", p.now)
	start = p.Time("start", end.Add(-otherwise))
	if !start.Before(end) && p.Wrong["start"] == "" && p.Wrong["end"] == "" {
		p.Wrong["start"] = "is not before end"
	}
	return start, end
}

// Time reads RFC 3339 or Unix seconds, which may have a fraction.
func (p *Parameters) Time(name string, otherwise time.Time) time.Time {
	v := p.Get(name)
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
	p.Wrong[name] = "must be a time as in RFC 3339, or Unix seconds"
	return otherwise
}

// OneOf gives a parameter that may be absent or one of the allowed texts.
func (p *Parameters) OneOf(name string, allowed ...string) string {
	v := p.Get(name)
	if v != "" && !slices.Contains(allowed, v) {
		p.Wrong[name] = "must be one of " + strings.Join(allowed, ", ")
	}
	return v
}

// Milliseconds gives a duration, 0 when it is absent.
func (p *Parameters) Milliseconds(name string) time.Duration {
	v := p.Get(name)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || !(n >= 0 && n <= 1e9) {
		p.Wrong[name] = "must be a number of milliseconds from 0 to 1000000000"
		return 0
	}
	return time.Duration(n * float64(time.Millisecond))
}

// Limit gives a number of rows from 1 to most.
func (p *Parameters) Limit(name string, otherwise, most int) int {
	v := p.Get(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		p.Wrong[name] = fmt.Sprintf("must be a number from 1 to %d", most)
	}
	return n
}

// Prefixed gives the parameters whose names start with a prefix, in order of
// their names, each as the rest of its name and its value.
func (p *Parameters) Prefixed(prefix string) (out [][2]string) {
	for name := range p.values {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			out = append(out, [2]string{rest, p.Get(name)})
		}
	}
	slices.SortFunc(out, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return out
}

// RefuseUnknown names parameters that mean nothing here: a filter with a typing
// mistake would else silently match everything.
func (p *Parameters) RefuseUnknown() {
	for name := range p.values {
		if !p.known[name] {
			p.Wrong[name] = "is not a parameter of this request"
		}
	}
}

// Refused answers 400 when something is wrong.
func (p *Parameters) Refused(w http.ResponseWriter) bool {
	if len(p.Wrong) == 0 {
		return false
	}
	names := make([]string, 0, len(p.Wrong))
	for name := range p.Wrong {
		names = append(names, name)
	}
	slices.Sort(names)
	message := make([]string, len(names))
	for i, name := range names {
		message[i] = name + " " + p.Wrong[name]
	}
	WriteError(w, http.StatusBadRequest, Error{Code: CodeInvalid, Message: strings.Join(message, "; "), Fields: p.Wrong})
	return true
}
