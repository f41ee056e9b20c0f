package scrape_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/ingest/scrape"
	"gatehouse/internal/query/promql"
	"gatehouse/internal/store/tsdb"

	"github.com/prometheus/client_golang/prometheus"
)

func open(t *testing.T, change func(*scrape.Options)) (*scrape.Scraper, *promql.Engine) {
	t.Helper()
	db, err := tsdb.Open(tsdb.Options{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	o := scrape.Options{Appendable: db, Registerer: prometheus.NewRegistry()}
	if change != nil {
		change(&o)
	}
	s, err := scrape.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s, promql.New(db, promql.Options{})
}

func target(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "# TYPE temperature gauge\ntemperature{room=\"hall\"} 21\ndropped 1\n")
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func eventually(t *testing.T, e *promql.Engine, query string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		v, err := e.Instant(context.Background(), query, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(v) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has no series", query)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func TestDiscovery(t *testing.T) {
	address, dir := target(t), t.TempDir()
	groups := fmt.Sprintf(`[{"targets": [%q], "labels": {"from": "SOURCE"}}]`, address)
	if err := os.WriteFile(filepath.Join(dir, "targets.json"), []byte(strings.Replace(groups, "SOURCE", "file", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	list := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, strings.Replace(groups, "SOURCE", "http", 1))
	}))
	defer list.Close()
	s, e := open(t, func(o *scrape.Options) { o.Folder = dir })
	err := s.Load([]byte(fmt.Sprintf(`
global: {scrape_interval: 100ms, scrape_timeout: 100ms}
scrape_configs:
- job_name: still
  static_configs: [{targets: [%q]}]
  metric_relabel_configs: [{source_labels: [__name__], regex: dropped, action: drop}, {target_label: level, replacement: ground}]
- {job_name: file, file_sd_configs: [{files: [targets.json]}]}
- {job_name: http, http_sd_configs: [{url: %q}]}
`, address, list.URL)))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, e, `temperature{job="still",level="ground",room="hall"} == 21`)
	eventually(t, e, `temperature{job="file",from="file"}`)
	eventually(t, e, `temperature{job="http",from="http"}`)
	eventually(t, e, `up{job="still"} == 1`)
	if v, err := e.Instant(context.Background(), `dropped{job="still"}`, time.Now()); err != nil || len(v) != 0 {
		t.Errorf("what relabelling drops is stored: %v %v", v, err)
	}
	if pools := s.TargetsActive(); len(pools["still"]) != 1 {
		t.Errorf("targets: %v", pools)
	}
}

func TestFaultsKeepTheOld(t *testing.T) {
	address := target(t)
	s, e := open(t, func(o *scrape.Options) { o.MinInterval = time.Second })
	good := fmt.Sprintf("scrape_configs: [{job_name: good, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{targets: [%q]}]}]", address)
	if err := s.Load([]byte(good)); err != nil {
		t.Fatal(err)
	}
	eventually(t, e, `up{job="good"} == 1`)
	for text, want := range map[string]string{
		"scrape_configs: [{job_name: fast, scrape_interval: 100ms, scrape_timeout: 100ms}]": "at least 1s",
		"scrape_configs: [{job_name: a}, {job_name: a}]":                                    "multiple scrape configs",
		"scrape_config: []": "not found",
		"scrape_configs: [{job_name: a, relabel_configs: [{action: jump}]}]": "jump",
	} {
		if err := s.Load([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if pools := s.TargetsActive(); len(pools["good"]) != 1 {
		t.Errorf("the old targets are gone: %v", pools)
	}
	if c := s.Config(); len(c.ScrapeConfigs) != 1 {
		t.Errorf("configuration: %v", c)
	}
}
