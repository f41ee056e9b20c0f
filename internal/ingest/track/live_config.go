package track

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Bounds of a configuration; SDKs evaluate it for every item.
const (
	maxStreams     = 10
	maxGroups      = 20
	maxFilters     = 20
	maxDerived     = 20 // metrics
	maxFilterBytes = 64 << 10
)

// Configuration is what SDKs collect while somebody watches, in the protocol's
// own words.
type Configuration struct {
	ETag            string
	Metrics         []DerivedMetric
	DocumentStreams []DocumentStream
}

// DerivedMetric is a number that SDKs make of the items that pass a filter.
type DerivedMetric struct {
	ID                 string `json:"Id"`
	TelemetryType      string
	FilterGroups       []FilterGroup
	Projection         string
	Aggregation        string
	BackEndAggregation string
}

// DocumentStream says which items are sent as documents.
type DocumentStream struct {
	ID                   string `json:"Id"`
	DocumentFilterGroups []DocumentFilterGroup
}

// DocumentFilterGroup is a filter for one type of item.
type DocumentFilterGroup struct {
	TelemetryType string
	Filters       FilterGroup
}

// FilterGroup is passed by items that pass each of its filters.
type FilterGroup struct{ Filters []Filter }

// Filter compares a field.
type Filter struct{ FieldName, Predicate, Comparand string }

// defaultConfiguration shows failures, events and messages, as Azure does.
func defaultConfiguration() Configuration {
	failed := FilterGroup{Filters: []Filter{{"Success", "Equal", "false"}}}
	all := FilterGroup{Filters: []Filter{}}
	c := Configuration{Metrics: []DerivedMetric{}, DocumentStreams: []DocumentStream{{ID: "all-types-default", DocumentFilterGroups: []DocumentFilterGroup{
		{"Request", failed}, {"Dependency", failed}, {"Exception", all}, {"Event", all}, {"Trace", all}}}}}
	c.seal()
	return c
}

// seal gives the configuration the tag by which SDKs know it.
func (c *Configuration) seal() {
	c.ETag = ""
	sum := sha256.Sum256([]byte(encode(c)))
	c.ETag = hex.EncodeToString(sum[:8])
}

// readConfiguration checks what a viewer asks for: SDKs drop the whole of a
// configuration that they do not understand.
func readConfiguration(body []byte) (Configuration, error) {
	c := Configuration{Metrics: []DerivedMetric{}, DocumentStreams: []DocumentStream{}}
	if err := json.Unmarshal(body, &c); err != nil {
		return c, fmt.Errorf("the configuration is not JSON of the form {\"Metrics\": [...], \"DocumentStreams\": [...]}: %w", err)
	}
	if len(c.Metrics) > maxDerived || len(c.DocumentStreams) > maxStreams {
		return c, fmt.Errorf("at most %d metrics and %d document streams", maxDerived, maxStreams)
	}
	for i := range c.Metrics {
		if err := c.Metrics[i].check(); err != nil {
			return c, fmt.Errorf("in Metrics[%d]: %w", i, err)
		}
	}
	for i, s := range c.DocumentStreams {
		if s.ID == "" || len(s.DocumentFilterGroups) > maxGroups {
			return c, fmt.Errorf("DocumentStreams[%d]: needs an Id and at most %d groups", i, maxGroups)
		}
		for n := range s.DocumentFilterGroups {
			g := &s.DocumentFilterGroups[n]
			if err := oneOf("TelemetryType", g.TelemetryType, "Request", "Dependency", "Exception", "Event", "Trace"); err != nil {
				return c, fmt.Errorf("DocumentStreams[%d].DocumentFilterGroups[%d]: %w", i, n, err)
			}
			if err := g.Filters.check(); err != nil {
				return c, fmt.Errorf("DocumentStreams[%d].DocumentFilterGroups[%d]: %w", i, n, err)
			}
		}
	}
	c.seal()
	return c, nil
}

func (m *DerivedMetric) check() error {
	if m.ID == "" || m.Projection == "" {
		return fmt.Errorf("needs an Id and a Projection such as Count()")
	}
	if m.BackEndAggregation == "" {
		m.BackEndAggregation = m.Aggregation
	}
	if m.FilterGroups == nil {
		m.FilterGroups = []FilterGroup{}
	}
	if err := oneOf("TelemetryType", m.TelemetryType, "Request", "Dependency", "Exception", "Event", "Trace"); err != nil {
		return err
	}
	if err := oneOf("Aggregation", m.Aggregation, "Avg", "Sum", "Min", "Max"); err != nil {
		return err
	}
	if len(m.FilterGroups) > maxGroups {
		return fmt.Errorf("at most %d filter groups", maxGroups)
	}
	for i := range m.FilterGroups {
		if err := m.FilterGroups[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (g *FilterGroup) check() error {
	if g.Filters == nil {
		g.Filters = []Filter{}
	}
	if len(g.Filters) > maxFilters {
		return fmt.Errorf("at most %d filters in a group", maxFilters)
	}
	for _, f := range g.Filters {
		if f.FieldName == "" {
			return fmt.Errorf("a filter needs a FieldName, such as Success or CustomDimensions.tier")
		}
		if err := oneOf("Predicate", f.Predicate, "Equal", "NotEqual", "LessThan", "GreaterThan", "LessThanOrEqual", "GreaterThanOrEqual", "Contains", "DoesNotContain"); err != nil {
			return err
		}
	}
	return nil
}

func oneOf(field, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s is one of %s", field, strings.Join(allowed, ", "))
}
