package server

import (
	"cmp"
	"fmt"
	"net/http"

	"gatehouse/internal/ingest/track"
)

// Profiles of telemetry.
const (
	profileCompat = "compat" // Azure's limits
	profileNative = "native" // wider ones
)

// limits are what a profile decides, with the settings that win over it.
type limits struct {
	manyDimensions bool
	bodyBytes      int // of a body that a diagnostic may keep
	series         int // of custom metrics of a workspace within 12 hours
	itemBytes      int // of an Application Insights item
	item           track.Limits
	capStatus      int // of items beyond a daily cap, 0: Azure's
}

// profiles of telemetry. The zero value of a limit of items is Azure's.
var profiles = map[string]limits{
	profileCompat: {bodyBytes: 8192, series: 50_000, itemBytes: 64 << 10},
	profileNative: {manyDimensions: true, bodyBytes: 64 << 10, series: 1_000_000, itemBytes: 1 << 20, capStatus: http.StatusTooManyRequests,
		item: track.Limits{ID: 1024, Name: 4096, URL: 16 << 10, Text: 4096, Data: 64 << 10, Message: 256 << 10, Key: 512, Value: 64 << 10, Entries: 1000, Exceptions: 50, Frames: 1000}},
}

// limits of the profile, with what is set beside it.
func (c *TelemetryConfig) limits() (limits, error) {
	l, ok := profiles[cmp.Or(c.Profile, profileCompat)]
	if !ok {
		return l, fmt.Errorf("telemetry.profile: %q is not one of %s, %s", c.Profile, profileCompat, profileNative)
	}
	l.manyDimensions = l.manyDimensions || c.ManyDimensions
	l.series, l.itemBytes = cmp.Or(c.CustomMetricSeries, l.series), cmp.Or(c.MaxItemBytes, l.itemBytes)
	return l, nil
}
