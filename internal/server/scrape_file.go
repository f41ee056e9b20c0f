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
// while the process runs: a file, or what was written over the API.
type scrapeFile struct {
	path string
	log  *slog.Logger

	mu     sync.Mutex
	own    []byte // written over the API; without a path
	loaded []byte
	err    error // of the last load
}

// load reads the file and puts it in force, if it differs from what is. On an
// error the old one stays.
func (f *scrapeFile) load(s *scrape.Scraper) (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.err = err }()
	data := f.own
	if f.path != "" {
		if data, err = os.ReadFile(f.path); err != nil {
			return false, fmt.Errorf("read the scrape configuration: %w", err)
		}
	}
	return f.force(s, data)
}

// putOwn puts in force what is written over the API. On an error the old one
// stays.
func (f *scrapeFile) putOwn(s *scrape.Scraper, text []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.force(s, text); err != nil {
		return err
	}
	f.own, f.err = text, nil
	return nil
}

func (f *scrapeFile) ownText() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.own
}

func (f *scrapeFile) force(s *scrape.Scraper, data []byte) (changed bool, err error) {
	if f.loaded == nil && len(data) == 0 {
		return false, nil // as the scraper begins
	}
	if f.loaded != nil && bytes.Equal(data, f.loaded) {
		return false, nil
	}
	text := data
	if configmap.Is(data) {
		var warnings []string
		if text, warnings, err = configmap.Convert(data); err != nil {
			return false, f.named(err)
		}
		for _, w := range warnings {
			f.log.Warn("config maps", "file", f.path, "message", w)
		}
	}
	if err := s.Load(text); err != nil {
		return false, f.named(err)
	}
	f.loaded = append([]byte{}, data...)
	return true, nil
}

// named puts the file's name, when there is one, before an error.
func (f *scrapeFile) named(err error) error {
	if f.path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", f.path, err)
}

func (f *scrapeFile) fault() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}
