// Package timespan reads the times of Azure's query APIs: ISO 8601 durations,
// times, and intervals of them.
//
// What comes in: text of a request. What goes out: times in UTC, or an error that
// says what is expected. It must never take a range that ends before it starts.
package timespan

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Span is a range of time; a zero Span is open.
type Span struct{ Start, End time.Time }

// Parse reads an ISO 8601 interval: a duration that ends now, two
// times, or a time and a duration. "" is no bound.
func Parse(text string, now time.Time) (Span, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Span{}, nil
	}
	first, second, both := strings.Cut(text, "/")
	if !both {
		d, err := Duration(first)
		if err != nil {
			return Span{}, err
		}
		return Span{now.Add(-d), now}, nil
	}
	if d, err := Duration(first); err == nil {
		end, err := Time(second)
		return Span{end.Add(-d), end}, err
	}
	start, err := Time(first)
	if err != nil {
		return Span{}, err
	}
	if d, err := Duration(second); err == nil {
		return Span{start, start.Add(d)}, nil
	}
	end, err := Time(second)
	if err == nil && end.Before(start) {
		err = fmt.Errorf("%q ends before it starts", text)
	}
	return Span{start, end}, err
}

// Time reads a time, of the zone UTC when it names none.
func Time(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time such as 2026-01-31T12:00:00Z nor a duration such as PT1H", text)
}

var isoDuration = regexp.MustCompile(`^P(?:(\d+(?:\.\d+)?)Y)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$`)

const maxDuration = 100 * 365 * 24 * time.Hour

// Duration reads an ISO 8601 duration; a year has 365 days and a month 30,
// as in Azure.
func Duration(text string) (time.Duration, error) {
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
