package track

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// text is a value that should be a string; senders also write numbers and
// booleans. An absent one and null are not set.
type text struct {
	s   string
	set bool
}

func (t *text) UnmarshalJSON(b []byte) error {
	*t = text{set: true}
	switch {
	case bytes.Equal(b, []byte("null")):
		t.set = false
		return nil
	case b[0] == '"':
		return json.Unmarshal(b, &t.s)
	}
	t.s = string(b)
	return nil
}

// number is a value that should be a number; senders also write it as a string.
type number struct {
	f   float64
	set bool // false also for what is no finite number
}

func (n *number) UnmarshalJSON(b []byte) error {
	var t text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(t.s), 64)
	*n = number{f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)}
	return nil
}

// truth is true, false or not said.
func (t text) truth() (value, known bool) {
	switch strings.ToLower(strings.TrimSpace(t.s)) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}

// timespan reads [-][d.]hh:mm:ss[.fraction], or a number of milliseconds. There
// are senders that write more than 23 hours instead of days.
func timespan(s string) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	rest, negative := strings.CutPrefix(s, "-")
	parts := strings.Split(rest, ":")
	if len(parts) == 1 {
		ms, err := strconv.ParseFloat(s, 64)
		return time.Duration(ms * 1e6), err == nil && math.Abs(ms) < maxMilliseconds
	}
	if len(parts) != 3 {
		return 0, false
	}
	days, hours, found := strings.Cut(parts[0], ".")
	if !found {
		days, hours = "0", parts[0]
	}
	d, ok1 := digits(days, 5)
	h, ok2 := digits(hours, 5)
	m, ok3 := digits(parts[1], 2)
	whole, fraction, _ := strings.Cut(parts[2], ".")
	sec, ok4 := digits(whole, 2)
	nano, ok5 := digits((fraction + "000000000")[:9], 9)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || len(fraction) > 12 || m > 59 || sec > 59 {
		return 0, false
	}
	out := time.Duration(d)*24*time.Hour + time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(sec)*time.Second + time.Duration(nano)
	if negative {
		out = -out
	}
	return out, true
}

// maxMilliseconds of a duration, about a hundred years.
const maxMilliseconds = 3.2e12

func digits(s string, most int) (int64, bool) {
	if s == "" || len(s) > most {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// moment reads an ISO 8601 time with any number of digits in its fraction; one
// without a zone is UTC.
func moment(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1700 && t.Year() < 2262 {
			return t, true
		}
	}
	return time.Time{}, false
}

// severity gives the lake's word and OpenTelemetry's number of a level, which
// is a number or a name.
func severity(level text) (word string, otel int32, azure int) {
	switch strings.ToLower(strings.TrimSpace(level.s)) {
	case "1", "information", "info":
		return "information", 9, 1
	case "2", "warning":
		return "warning", 13, 2
	case "3", "error":
		return "error", 17, 3
	case "4", "critical", "fatal":
		return "fatal", 21, 4
	}
	return "debug", 5, 0
}

// encode is JSON as it is stored: no escapes for HTML.
func encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "" // texts and finite numbers always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}
