package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"gatehouse/internal/activity/siem"
)

// SinkConfig is a receiver of audit events.
type SinkConfig struct {
	Name    string            `yaml:"name"`
	Log     string            `yaml:"log"`     // activity, requests; "" is activity
	Format  string            `yaml:"format"`  // syslog, cef, ocsf
	Address string            `yaml:"address"` // udp://, tcp://, tls://, file:///, https://
	Headers map[string]Secret `yaml:"headers"` // of https, e.g. an access token
	CAFile  string            `yaml:"caFile"`  // PEM, instead of the system's authorities
	// CertificateFile and KeyFile are shown to a receiver that asks for them.
	CertificateFile string `yaml:"certificateFile"`
	KeyFile         string `yaml:"keyFile"`
}

// Values of SinkConfig.Log.
const (
	logActivity = "activity"
	logRequests = "requests"
)

// openSinks starts to send audit events to their receivers.
func (s *Server) openSinks() error {
	if len(s.config.SIEM) == 0 {
		return nil
	}
	metrics, err := siem.NewMetrics(s.registry)
	if err != nil {
		return err
	}
	for i := range s.config.SIEM {
		c := &s.config.SIEM[i]
		o, err := s.sinkOptions(c)
		if err != nil {
			return fmt.Errorf("siem %s: %w", c.Name, err)
		}
		o.Metrics = metrics
		sink, err := siem.Open(o)
		if err != nil {
			return fmt.Errorf("siem %s: %w", c.Name, err)
		}
		s.onClose("audit sink "+c.Name, sink.Close)
	}
	return nil
}

func (s *Server) sinkOptions(c *SinkConfig) (siem.Options, error) {
	folder := map[string]string{"": "activity", logActivity: "activity", logRequests: "audit"}[c.Log]
	o := siem.Options{Name: c.Name, Log: filepath.Join(s.config.Data.Folder, folder), State: filepath.Join(s.config.Data.Folder, "siem"),
		Format: c.Format, Address: c.Address, Headers: map[string]string{}, Version: s.version, Logger: s.log}
	var err error
	for name, secret := range c.Headers {
		if o.Headers[name], err = secret.read(); err != nil {
			return o, fmt.Errorf("headers.%s: %w", name, err)
		}
		if o.Headers[name] == "" {
			return o, fmt.Errorf("headers.%s: it is empty; name a file or env", name)
		}
	}
	if o.Host, err = os.Hostname(); err != nil {
		return o, err
	}
	o.TLS, err = (&ExportConfig{CAFile: c.CAFile, CertificateFile: c.CertificateFile, KeyFile: c.KeyFile}).clientTLS()
	return o, err
}

// checkSinks looks at what one sink alone cannot know.
func (c *Config) checkSinks() error {
	name := regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	names, addresses := map[string]bool{}, map[string]bool{}
	for _, sink := range c.SIEM {
		switch {
		case !name.MatchString(sink.Name):
			return fmt.Errorf("siem: the name %q is not one of small letters, digits and hyphens, at most 63", sink.Name)
		case names[sink.Name]:
			return fmt.Errorf("siem: two sinks are named %s", sink.Name)
		case addresses[sink.Address]:
			return fmt.Errorf("siem %s: another sink has the same address: give each its own, so that one's failure does not disturb the other", sink.Name)
		case sink.Log != "" && sink.Log != logActivity && sink.Log != logRequests:
			return fmt.Errorf("siem %s: log: %q is not one of %s, %s", sink.Name, sink.Log, logActivity, logRequests)
		case sink.Log == logRequests && !c.Activity.Requests:
			return errors.New("siem " + sink.Name + ": requests are not recorded: set activity.requests too")
		}
		names[sink.Name], addresses[sink.Address] = true, true
	}
	return nil
}
