package server

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"

	"gatehouse/internal/availability"
)

// AvailabilityConfig are tests that ask addresses whether they answer.
type AvailabilityConfig struct {
	// Gateway tests the gateway's own endpoint: the availability monitor.
	Gateway bool `yaml:"gateway"`
	// GatewayURL is where clients reach it; "" is its first door here.
	GatewayURL string `yaml:"gatewayURL"`
	// Locations are places to test from; none is this node under its host name.
	Locations    []availability.Location  `yaml:"locations"`
	DenyNetworks []string                 `yaml:"denyNetworks"` // nil: the link-local ones
	CAFile       string                   `yaml:"caFile"`       // PEM, beside the system's and the own authority
	MaxTests     int                      `yaml:"maxTests"`
	Tests        []AvailabilityTestConfig `yaml:"tests"`
}

// AvailabilityTestConfig is a test with headers that the settings do not hold.
type AvailabilityTestConfig struct {
	availability.Test `yaml:",inline"`
	SecretHeaders     map[string]Secret `yaml:"secretHeaders"`
}

// gatewayTest is the name of the monitor of the gateway's endpoint.
const gatewayTest = "gateway"

// monitor is the availability monitor with those of its tests that were made at
// run time, which the catalog keeps.
type monitor struct {
	*availability.Monitor
	load func(string) ([]byte, error)
	save func(string, []byte) error

	mu       sync.Mutex
	settings map[string]bool              // names in lower case; not changed at run time
	made     map[string]availability.Test // likewise; in the catalog
}

const availabilityDocument = "availability"

func (s *Server) openAvailability() error {
	c := s.config.Availability
	o, err := s.availabilityOptions(c)
	if err != nil {
		return err
	}
	m := &monitor{load: s.catalog.Load, save: s.catalog.Save, settings: map[string]bool{}, made: map[string]availability.Test{}}
	if m.Monitor, err = availability.New(o); err != nil {
		return err
	}
	s.availability = m
	s.onClose("availability", m.Close)
	if err := m.fromSettings(c); err != nil {
		return err
	}
	if err := m.fromCatalog(s); err != nil {
		return err
	}
	return s.ingest.Registry().Register(availability.NewCollector(m.Monitor))
}

func (s *Server) availabilityOptions(c AvailabilityConfig) (availability.Options, error) {
	o := availability.Options{Locations: c.Locations, Rows: s.ingest, MaxTests: c.MaxTests, Logger: s.log, Deny: availability.DefaultDeny()}
	if len(o.Locations) == 0 {
		name, err := os.Hostname()
		if err != nil || name == "" {
			name = "local"
		}
		o.Locations = []availability.Location{{Name: name}}
	}
	if c.DenyNetworks != nil {
		o.Deny = nil
	}
	for _, text := range c.DenyNetworks {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return o, fmt.Errorf("availability.denyNetworks: %q is not a range such as 169.254.0.0/16", text)
		}
		o.Deny = append(o.Deny, network)
	}
	if c.GatewayURL != "" && !absolute(c.GatewayURL) {
		return o, fmt.Errorf("availability.gatewayURL: %q is not an absolute URL", c.GatewayURL)
	}
	o.Gateway = func() string {
		if c.GatewayURL != "" {
			return c.GatewayURL
		}
		if all := s.GatewayURLs(); len(all) > 0 {
			return all[0]
		}
		return ""
	}
	o.Workspace = func(name string) (string, bool) {
		w, ok := s.workspaces.ByName(name)
		if !ok {
			return "", false
		}
		return w.Name, true
	}
	var err error
	o.Roots, err = s.trusted("availability.caFile", c.CAFile)
	return o, err
}

// trusted are the system's authorities, the own one and those of a file.
func (s *Server) trusted(setting, file string) (*x509.CertPool, error) {
	pool, err := authorities(setting, file)
	if err != nil {
		return nil, err
	}
	if pool == nil {
		if pool, err = x509.SystemCertPool(); err != nil {
			pool = x509.NewCertPool()
		}
	}
	own, err := os.ReadFile(s.ca.Path)
	if err == nil {
		pool.AppendCertsFromPEM(own)
	}
	return pool, err
}

func (m *monitor) fromSettings(c AvailabilityConfig) error {
	list := c.Tests
	if c.Gateway {
		list = append([]AvailabilityTestConfig{{Test: availability.Test{Name: gatewayTest, Gateway: true}}}, list...)
	}
	for n := range list {
		t := list[n].Test
		key := strings.ToLower(t.Name)
		if m.settings[key] {
			return fmt.Errorf("availability.tests: two have the name %q", t.Name)
		}
		headers := map[string]string{}
		for name, value := range t.Headers {
			headers[name] = value
		}
		for name, secret := range list[n].SecretHeaders {
			value, err := secret.read()
			if err != nil {
				return fmt.Errorf("availability.tests: %s: secretHeaders.%s: %w", t.Name, name, err)
			}
			headers[name] = value
			t.SecretHeaders = append(t.SecretHeaders, name)
		}
		t.Headers = headers
		if err := m.Put(t); err != nil {
			return fmt.Errorf("availability.tests: %w", err)
		}
		m.settings[key] = true
	}
	return nil
}

// fromCatalog brings back the tests that were made at run time. One that does
// not fit the settings any more is told and kept, but not run.
func (m *monitor) fromCatalog(s *Server) error {
	data, err := m.load(availabilityDocument)
	if err != nil || len(data) == 0 {
		return err
	}
	if err := json.Unmarshal(data, &m.made); err != nil {
		return fmt.Errorf("the catalog's availability tests are damaged: %w", err)
	}
	for key, t := range m.made {
		if m.settings[key] {
			s.log.Warn("an availability test of the settings has the name of one made at run time, which does not run", "test", t.Name)
			continue
		}
		if err := m.Put(t); err != nil {
			s.log.Warn("an availability test does not run", "error", err)
		}
	}
	return nil
}

var (
	errOfSettings = errors.New("this test stands in gatehouse.yaml; change it there")
	errTestExists = errors.New("there is a test of this name already")
)

// add makes a test, or replaces one that was made at run time.
func (m *monitor) add(t availability.Test, replace bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := strings.ToLower(t.Name)
	old, known := m.made[key]
	switch {
	case m.settings[key]:
		return errOfSettings
	case known && !replace:
		return errTestExists
	}
	if err := m.Put(t); err != nil {
		return err
	}
	m.made[key] = t
	if err := m.write(); err != nil {
		// As it was: what is not kept does not run either.
		if delete(m.made, key); known {
			m.made[key] = old
			return errors.Join(err, m.Put(old))
		}
		return errors.Join(err, m.Delete(t.Name))
	}
	return nil
}

func (m *monitor) remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := strings.ToLower(name)
	old, known := m.made[key]
	switch {
	case m.settings[key]:
		return errOfSettings
	case !known:
		return availability.ErrUnknown
	}
	delete(m.made, key)
	if err := m.write(); err != nil {
		m.made[key] = old
		return err
	}
	if err := m.Delete(name); err != nil && !errors.Is(err, availability.ErrUnknown) {
		return err
	}
	return nil
}

func (m *monitor) write() error {
	data, err := json.Marshal(m.made)
	if err != nil {
		return err
	}
	return m.save(availabilityDocument, data)
}

// fixed tells whether a test stands in the settings.
func (m *monitor) fixed(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.settings[strings.ToLower(name)]
}
