package logs

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// interval is a range of time; a zero end is open.
type interval struct{ start, end time.Time }

// parseTimespan reads an ISO 8601 interval: a duration that ends now, two
// times, or a time and a duration. "" is no bound.
func parseTimespan(text string, now time.Time) (interval, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return interval{}, nil
	}
	first, second, both := strings.Cut(text, "/")
	if !both {
		d, err := parseDuration(first)
		if err != nil {
			return interval{}, err
		}
		return interval{start: now.Add(-d), end: now}, nil
	}
	if d, err := parseDuration(first); err == nil {
		end, err := parseTime(second)
		return interval{end.Add(-d), end}, err
	}
	start, err := parseTime(first)
	if err != nil {
		return interval{}, err
	}
	if d, err := parseDuration(second); err == nil {
		return interval{start, start.Add(d)}, nil
	}
	end, err := parseTime(second)
	if err == nil && end.Before(start) {
		err = fmt.Errorf("%q ends before it starts", text)
	}
	return interval{start, end}, err
}

func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time such as 2026-01-31T12:00:00Z nor a duration such as PT1H", text)
}

var isoDuration = regexp.MustCompile(`^P(?:(\d+(?:\.\d+)?)Y)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$`)

const maxDuration = 100 * 365 * 24 * time.Hour

// parseDuration reads an ISO 8601 duration; a year has 365 days and a month 30,
// as in Azure.
func parseDuration(text string) (time.Duration, error) {
	m := isoDuration.FindStringSubmatch(strings.ToUpper(strings.TrimSpace(text)))
	wrong := fmt.Errorf("%q is not an ISO 8601 duration such as PT1H or P1D", text)
	if m == nil || len(text) > 64 || strings.HasSuffix(strings.ToUpper(text), "T") {
		return 0, wrong
	}
	total, given := 0.0, false
	for n, unit := range []time.Duration{365 * 24 * time.Hour, 30 * 24 * time.Hour, 7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if m[n+1] == "" {
			continue
		}
		v, err := strconv.ParseFloat(m[n+1], 64)
		if err != nil {
			return 0, wrong
		}
		total, given = total+v*float64(unit), true
	}
	if !given {
		return 0, wrong
	}
	if total > float64(maxDuration) {
		return 0, fmt.Errorf("%q is longer than 100 years", text)
	}
	return time.Duration(total), nil
}
