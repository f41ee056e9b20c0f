package metrics

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"gatehouse/internal/query/promql"
)

// limited refuses what is over the quotas of the workspace's queries, in
// Prometheus's form, and counts what is answered.
func limited(o Options, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !metered.MatchString(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		err := o.Engine.MayReturn()
		if err == nil && r.URL.Path == "/api/v1/series" {
			err = findWithin(o.Engine, r)
		}
		if err != nil {
			status, _ := limitStatus(0, err)
			sayWhen(w, err)
			writeError(w, status, "bad_data", err.Error())
			return
		}
		out := &meteredWriter{ResponseWriter: w}
		next.ServeHTTP(out, r)
		o.Engine.Returned(out.bytes)
	})
}

// metered are the routes whose answers grow with what is stored.
var metered = regexp.MustCompile(`^/api/v1/(query|query_range|query_exemplars|series|labels|label/[^/]+/values)$`)

// findWithin checks a look-up of series. Without a start it is of the longest
// time that there may be.
func findWithin(e *promql.Engine, r *http.Request) error {
	l := e.Limits().Limits
	if !l.OneMetric || r.ParseForm() != nil {
		return nil // upstream says what is wrong with the form
	}
	end, start := time.Now(), time.Time{}
	if t, ok := parseTime(r.Form.Get("end")); ok {
		end = t
	}
	if t, ok := parseTime(r.Form.Get("start")); ok {
		start = t
	} else {
		start = end.Add(-l.MaxFindRange)
		r.Form.Set("start", strconv.FormatFloat(float64(start.UnixMilli())/1000, 'f', 3, 64))
	}
	for _, text := range r.Form["match[]"] {
		matchers, err := e.Parser.ParseMetricSelector(text)
		if err != nil {
			return nil // as above
		}
		if err := l.CheckFind(matchers, start, end); err != nil {
			e.Refused(err)
			return err
		}
	}
	return nil
}

// parseTime reads seconds since 1970 or RFC 3339, as upstream does.
func parseTime(text string) (time.Time, bool) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return time.UnixMilli(int64(seconds * 1000)), true
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil
}

// limitStatus is 429 for a limit that the same query may pass later.
func limitStatus[T any](_ T, err error) (status int, override bool) {
	var limit *promql.LimitError
	if errors.As(err, &limit) && limit.RetryAfter > 0 {
		return http.StatusTooManyRequests, true
	}
	return http.StatusBadRequest, false
}

func sayWhen(w http.ResponseWriter, err error) {
	var limit *promql.LimitError
	if errors.As(err, &limit) && limit.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((limit.RetryAfter+time.Second-1)/time.Second)))
	}
}

// meteredWriter counts the bytes of an answer, and says with a 429 of upstream's
// when to ask again.
type meteredWriter struct {
	http.ResponseWriter
	bytes int64
}

func (m *meteredWriter) WriteHeader(status int) {
	if h := m.Header(); status == http.StatusTooManyRequests && h.Get("Retry-After") == "" {
		h.Set("Retry-After", "30") // the span of the quotas
	}
	m.ResponseWriter.WriteHeader(status)
}

func (m *meteredWriter) Write(p []byte) (int, error) {
	n, err := m.ResponseWriter.Write(p)
	m.bytes += int64(n)
	return n, err
}

// Unwrap lets deadlines through.
func (m *meteredWriter) Unwrap() http.ResponseWriter { return m.ResponseWriter }
