package azuremonitor

import (
	"io"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// expose writes samples in Prometheus's text form with their times. Of two with
// the same labels the first counts.
func expose(w io.Writer, samples []Sample, help string) {
	families := map[string]*dto.MetricFamily{}
	seen := map[string]bool{}
	if help == "" {
		help = "Azure Monitor: a value of one interval, no counter."
	}
	var names []string
	for i := range samples {
		s := &samples[i]
		m := &dto.Metric{Gauge: &dto.Gauge{Value: &s.Value}, TimestampMs: &s.Milli}
		key := strings.Builder{}
		key.WriteString(s.Name)
		for _, name := range sorted(s.Labels) {
			value := s.Labels[name]
			m.Label = append(m.Label, &dto.LabelPair{Name: &name, Value: &value})
			key.WriteString("\xff" + name + "\xff" + value)
		}
		if seen[key.String()] {
			continue
		}
		seen[key.String()] = true
		f := families[s.Name]
		if f == nil {
			f = &dto.MetricFamily{Name: &s.Name, Help: &help, Type: dto.MetricType_GAUGE.Enum()}
			families[s.Name] = f
			names = append(names, s.Name)
		}
		f.Metric = append(f.Metric, m)
	}
	slices.Sort(names)
	for _, name := range names {
		_, _ = expfmt.MetricFamilyToText(w, families[name])
	}
}

func sorted(labels map[string]string) []string {
	out := make([]string, 0, len(labels))
	for name := range labels {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
