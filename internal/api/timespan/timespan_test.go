package timespan

import (
	"testing"
	"time"
)

// noon is now, in the tests.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, start, end string }{
		{"PT1H", "2026-03-14T11:00:00Z", "2026-03-14T12:00:00Z"},
		{"P1D", "2026-03-13T12:00:00Z", "2026-03-14T12:00:00Z"},
		{"p1dt12h30m", "2026-03-12T23:30:00Z", "2026-03-14T12:00:00Z"},
		{"PT1.5S", "2026-03-14T11:59:58.5Z", "2026-03-14T12:00:00Z"},
		{"P2W", "2026-02-28T12:00:00Z", "2026-03-14T12:00:00Z"},
		{"2026-01-01T00:00:00Z/2026-01-02", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
		{"2026-01-01T00:00:00.000Z/PT1H", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
		{"PT1H/2026-01-01T00:00:00+01:00", "2025-12-31T22:00:00Z", "2025-12-31T23:00:00Z"},
	} {
		got, err := Parse(c.text, noon)
		if err != nil || got.Start.UTC().Format(time.RFC3339Nano) != c.start || got.End.UTC().Format(time.RFC3339Nano) != c.end {
			t.Errorf("%s: %v to %v (%v)", c.text, got.Start, got.End, err)
		}
	}
	for _, text := range []string{"P", "PT", "P1DT", "1h", "PT1H/PT1H", "2026-01-02/2026-01-01", "2026-13-01/PT1H", "P99999999999Y", "PT1H/"} {
		if got, err := Parse(text, noon); err == nil {
			t.Errorf("%q is accepted as %v", text, got)
		}
	}
}

func FuzzTimespan(f *testing.F) {
	f.Add("PT1H/2026-01-01T00:00:00+01:00")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := Parse(text, noon); err == nil && got.End.Before(got.Start) {
			t.Errorf("%q ends before it starts", text)
		}
	})
}
