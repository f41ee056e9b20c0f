// Package objective turns service level objectives into rule files.
//
// What comes in: objectives as YAML. What goes out: a rule file for each of
// them: recorded ratios of failures, the budget that remains, and alerts on how
// fast it is spent. It must never evaluate a rule or read a file.
package objective

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// Objective is what is promised for an API or a product, or, as the default,
// for every API that has no objective of its own.
type Objective struct {
	Name         string         `yaml:"name" json:"name"`
	API          string         `yaml:"api" json:"api,omitempty"`
	Product      string         `yaml:"product" json:"product,omitempty"`
	Availability float64        `yaml:"availability" json:"availability,omitempty"` // percent of requests without a 5xx status
	Latency      *Latency       `yaml:"latency" json:"latency,omitempty"`
	Window       model.Duration `yaml:"window" json:"window"` // default 30d
}

// Latency is a share of requests, in percent, that end within a time.
type Latency struct {
	Below model.Duration `yaml:"below" json:"below"`
	Share float64        `yaml:"share" json:"share"`
}

// Set is a file of objectives.
type Set struct {
	// Default is for APIs without their own; 99.9 % available when it is not there.
	Default    *Objective  `yaml:"default"`
	NoDefault  bool        `yaml:"noDefault"`
	Objectives []Objective `yaml:"objectives"`
}

// DefaultName is the name of the default objective.
const DefaultName = "default"

// Standard is the set of an installation that declares none.
func Standard() Set {
	return Set{Default: &Objective{Name: DefaultName, Availability: 99.9, Window: defaultWindow}}
}

const (
	defaultWindow = model.Duration(30 * 24 * time.Hour)
	minWindow     = model.Duration(24 * time.Hour)
	maxWindow     = model.Duration(90 * 24 * time.Hour)
	maxObjectives = 200
)

// Read reads a file of objectives. Its error names every fault.
func Read(text []byte) (Set, error) {
	var s Set
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return s, fmt.Errorf("read objectives: %w", err)
	}
	if s.Default == nil && !s.NoDefault {
		s.Default = Standard().Default
	}
	if s.NoDefault {
		s.Default = nil
	}
	return s, s.check()
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

func (s *Set) check() error {
	var errs []error
	if s.Default != nil {
		s.Default.Name = DefaultName
		if s.Default.API != "" || s.Default.Product != "" {
			errs = append(errs, errors.New("read objectives: default is for every API: it names none"))
		}
		errs = append(errs, s.Default.check())
	}
	if len(s.Objectives) > maxObjectives {
		errs = append(errs, fmt.Errorf("read objectives: %d objectives, at most %d", len(s.Objectives), maxObjectives))
	}
	seen := map[string]bool{DefaultName: true}
	for i := range s.Objectives {
		o := &s.Objectives[i]
		switch {
		case !namePattern.MatchString(o.Name):
			errs = append(errs, fmt.Errorf("read objectives: %q is not a name: use 1 to 63 letters, digits, hyphens and underscores", o.Name))
		case seen[o.Name]:
			errs = append(errs, fmt.Errorf("read objectives: the name %q stands twice, or is the default's", o.Name))
		case (o.API == "") == (o.Product == ""):
			errs = append(errs, fmt.Errorf("objective %q: name either an api or a product", o.Name))
		}
		seen[o.Name] = true
		errs = append(errs, o.check())
	}
	return errors.Join(errs...)
}

func (o *Objective) check() error {
	if o.Window == 0 {
		o.Window = defaultWindow
	}
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("objective %q: "+format, append([]any{o.Name}, args...)...))
	}
	if o.Window < minWindow || o.Window > maxWindow {
		fault("window %s: from %s to %s", o.Window, minWindow, maxWindow)
	}
	if o.Availability == 0 && o.Latency == nil {
		fault("has neither availability nor latency")
	}
	if o.Availability != 0 && !percent(o.Availability) {
		fault("availability %g: a percentage such as 99.9, below 100", o.Availability)
	}
	if o.Latency != nil && (o.Latency.Below <= 0 || !percent(o.Latency.Share)) {
		fault("latency needs below (such as 500ms) and share (a percentage below 100)")
	}
	return errors.Join(errs...)
}

func percent(p float64) bool { return p >= 50 && p < 100 }

// All gives the default, if there is one, and the others.
func (s *Set) All() []Objective {
	var out []Objective
	if s.Default != nil {
		out = append(out, *s.Default)
	}
	return append(out, s.Objectives...)
}
