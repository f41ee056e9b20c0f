package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestProfiles: what one keeps the other lifts, and a single setting wins.
func TestProfiles(t *testing.T) {
	for _, c := range []struct {
		config        TelemetryConfig
		series, items int
		many          bool
	}{
		{TelemetryConfig{}, 50_000, 64 << 10, false},
		{TelemetryConfig{Profile: "native"}, 1_000_000, 1 << 20, true},
		{TelemetryConfig{Profile: "native", CustomMetricSeries: 7, MaxItemBytes: 8}, 7, 8, true},
		{TelemetryConfig{Profile: "compat", ManyDimensions: true}, 50_000, 64 << 10, true},
	} {
		l, err := c.config.limits()
		if err != nil || l.series != c.series || l.itemBytes != c.items || l.manyDimensions != c.many {
			t.Errorf("%+v: %+v %v", c.config, l, err)
		}
	}
	if _, err := (&TelemetryConfig{Profile: "wide"}).limits(); err == nil || !strings.Contains(err.Error(), "compat, native") {
		t.Errorf("an unknown one: %v", err)
	}
	for profile, bytes := range map[string]string{"compat": "8193", "native": "65537"} {
		if err := checkBody(t, profile, bytes); err == nil || !strings.Contains(err.Error(), "bytes") {
			t.Errorf("%s takes %s bytes: %v", profile, bytes, err)
		}
	}
	for profile, bytes := range map[string]string{"compat": "8192", "native": "65536"} {
		if err := checkBody(t, profile, bytes); err != nil {
			t.Errorf("%s refuses %s bytes: %v", profile, bytes, err)
		}
	}
}

// checkBody checks a service whose diagnostic keeps so many bytes of a body.
func checkBody(t *testing.T, profile, bytes string) error {
	t.Helper()
	config := DefaultConfig()
	config.Telemetry.Profile, config.Service.Folder = profile, t.TempDir()
	for name, text := range map[string]string{
		"loggers/l/loggerInformation.json":                           `{"properties":{"loggerType":"applicationInsights"}}`,
		"diagnostics/applicationinsights/diagnosticInformation.json": `{"properties":{"loggerId":"/loggers/l","frontend":{"request":{"body":{"bytes":` + bytes + `}}}}}`,
	} {
		path := filepath.Join(config.Service.Folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return CheckService(config, &strings.Builder{})
}
