package server

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"gatehouse/internal/ingest/scrape"
	"gatehouse/internal/ingest/scrape/configmap"
)

// ScrapeConfig says what the default workspace scrapes.
type ScrapeConfig struct {
	File string `yaml:"file"` // in the form of prometheus.yml, or config maps of Azure's agents
}

// scrapeFile is the scrape configuration of one workspace, which may change
// while the process runs.
type scrapeFile struct {
	path string
	log  *slog.Logger

	mu     sync.Mutex
	loaded []byte
	err    error // of the last load
}

// load reads the file and puts it in force, if it differs from what is. On an
// error the old one stays.
func (f *scrapeFile) load(s *scrape.Scraper) (changed bool, err error) {
	if f.path == "" {
		return false, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.err = err }()
	data, err := os.ReadFile(f.path)
	if err != nil {
		return false, fmt.Errorf("read the scrape configuration: %w", err)
	}
	if f.loaded != nil && bytes.Equal(data, f.loaded) {
		return false, nil
	}
	text := data
	if configmap.Is(data) {
		var warnings []string
		if text, warnings, err = configmap.Convert(data); err != nil {
			return false, fmt.Errorf("%s: %w", f.path, err)
		}
		for _, w := range warnings {
			f.log.Warn("config maps", "file", f.path, "message", w)
		}
	}
	if err := s.Load(text); err != nil {
		return false, fmt.Errorf("%s: %w", f.path, err)
	}
	f.loaded = data
	return true, nil
}

func (f *scrapeFile) fault() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}
