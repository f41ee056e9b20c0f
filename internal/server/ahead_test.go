package server

import (
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/ingest/otlp"
)

// A sample of the far future, which anybody may send by OTLP, does not keep the
// samples of others out.
func TestFutureSamplesAreRefused(t *testing.T) {
	c := DefaultConfig()
	c.Service.Folder, c.Data.Folder, c.Rules.NoShipped = t.TempDir(), t.TempDir(), true
	if err := os.MkdirAll(filepath.Join(c.Service.Folder, "apis"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := Open(c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	receiver := httptest.NewServer(otlp.New(otlp.Options{Rows: s.ingest, Metrics: s.otlpMetrics}).Handler())
	defer receiver.Close()
	gauge := func(name string, at int64) (int, string) {
		return send(t, http.MethodPost, receiver.URL+"/v1/metrics", "application/json", []byte(fmt.Sprintf(
			`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":%q,"gauge":{"dataPoints":[{"timeUnixNano":"%d","asDouble":5}]}}]}]}]}`, name, at)))
	}
	for _, at := range []int64{math.MaxInt64, time.Now().Add(time.Hour).UnixNano()} {
		if status, text := gauge("future", at); status != http.StatusOK || !strings.Contains(text, "ahead") {
			t.Errorf("a sample at %d: %d %s", at, status, text)
		}
	}
	if status, text := gauge("present", time.Now().UnixNano()); status != http.StatusOK || strings.Contains(text, "partialSuccess\":{\"") {
		t.Errorf("a sample of now: %d %s", status, text)
	}
	if most := s.tsdb.Head().MaxTime(); most > time.Now().Add(time.Minute).UnixMilli() {
		t.Errorf("the store has samples up to %v", time.UnixMilli(most))
	}
}
