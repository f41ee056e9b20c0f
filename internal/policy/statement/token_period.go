package statement

import (
	"time"

	"gatehouse/internal/policy"
)

// tokenPeriod is how often a token quota begins anew: at the full hour, at
// midnight, on Monday, on the first of the month or of January, all in UTC.
type tokenPeriod struct {
	name, unit string
	// start is the start of the period that holds t, next that of the one after.
	start, next func(t time.Time) time.Time
}

var tokenPeriods = [...]tokenPeriod{
	{"Hourly", "hour", func(t time.Time) time.Time { return t.Truncate(time.Hour) }, func(t time.Time) time.Time { return t.Add(time.Hour) }},
	{"Daily", "day", midnight, func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
	{"Weekly", "week", func(t time.Time) time.Time {
		return midnight(t).AddDate(0, 0, -(int(t.Weekday())+6)%7)
	}, func(t time.Time) time.Time { return t.AddDate(0, 0, 7) }},
	{"Monthly", "month", func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	}, func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
	{"Yearly", "year", func(t time.Time) time.Time {
		return time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	}, func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }},
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// window is the period that holds t. Months and years differ in length: each
// is a window of its own.
func (p *tokenPeriod) window(t time.Time) policy.Window {
	start := p.start(t.UTC())
	return policy.Window{Start: start, Period: p.next(start).Sub(start)}
}
