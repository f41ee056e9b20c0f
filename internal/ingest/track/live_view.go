package track

import (
	"time"
)

// View is a live point as it is shown: one process, one second.
type View struct {
	Time     string `json:"time"`
	Role     string `json:"role"`
	Instance string `json:"instance"`
	Machine  string `json:"machine"`
	Stream   string `json:"stream"`
	Version  string `json:"version"`
	Source   string `json:"source"` // sdk, gateway
	// Metrics by the names of metricNames; others under their own name.
	Metrics   map[string]float64 `json:"metrics"`
	Documents []Document         `json:"documents"`
	Errors    []string           `json:"errors,omitempty"` // of the collection configuration
}

// Document is one request, call, exception, event or message of a View.
type Document struct {
	Type       string            `json:"type"`
	Streams    []string          `json:"streams,omitempty"`
	Name       string            `json:"name,omitempty"`
	URL        string            `json:"url,omitempty"`
	Code       string            `json:"code,omitempty"`
	Duration   *float64          `json:"duration_ms,omitempty"`
	Message    string            `json:"message,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
}

// metricName gives the name under which a metric of the protocol is shown.
func metricName(name string) string {
	switch name {
	case `\ApplicationInsights\Requests/Sec`:
		return "requests_per_second"
	case `\ApplicationInsights\Request Duration`:
		return "request_duration_ms"
	case `\ApplicationInsights\Requests Failed/Sec`:
		return "requests_failed_per_second"
	case `\ApplicationInsights\Requests Succeeded/Sec`:
		return "requests_succeeded_per_second"
	case `\ApplicationInsights\Dependency Calls/Sec`:
		return "dependencies_per_second"
	case `\ApplicationInsights\Dependency Call Duration`:
		return "dependency_duration_ms"
	case `\ApplicationInsights\Dependency Calls Failed/Sec`:
		return "dependencies_failed_per_second"
	case `\ApplicationInsights\Dependency Calls Succeeded/Sec`:
		return "dependencies_succeeded_per_second"
	case `\ApplicationInsights\Exceptions/Sec`:
		return "exceptions_per_second"
	case `\% Process\Processor Time Normalized`, `\Processor(_Total)\% Processor Time`:
		return "cpu_percent"
	case `\Process\Physical Bytes`, `\Memory\Committed Bytes`:
		return "memory_bytes"
	}
	return name
}

func (p *livePoint) view(o *Options) *View {
	it := &item{o: o} // for its cuts
	l := o.Limits
	v := &View{Time: o.Now().UTC().Format(time.RFC3339Nano), Role: it.cut("", p.RoleName.s, l.Text), Instance: it.cut("", p.Instance.s, l.Text),
		Machine: it.cut("", p.MachineName.s, l.Text), Stream: it.cut("", p.StreamID.s, l.Text), Version: it.cut("", p.Version.s, l.Text), Source: "sdk",
		Metrics: map[string]float64{}, Documents: []Document{}}
	for _, m := range p.Metrics[:min(len(p.Metrics), maxLiveMetrics)] {
		if m.Value.set {
			v.Metrics[metricName(it.cut("", m.Name.s, l.Text))] = m.Value.f
		}
	}
	for _, d := range p.Documents[:min(len(p.Documents), maxDocuments)] {
		v.Documents = append(v.Documents, d.view(it))
	}
	for _, e := range p.ConfigErrors[:min(len(p.ConfigErrors), maxDocuments)] {
		v.Errors = append(v.Errors, it.cut("", e.Message.s, l.Text))
	}
	return v
}

func (d *liveDocument) view(it *item) Document {
	l := it.o.Limits
	out := Document{Type: it.cut("", d.DocumentType.s, l.Text), Name: it.cut("", first(d.Name.s, d.ExceptionType.s), l.Name),
		URL: it.cut("", maskedURL(first(d.URL.s, d.CommandName.s)), l.URL), Code: it.cut("", first(d.ResponseCode.s, d.ResultCode.s), l.Text),
		Message: it.cut("", first(d.Message.s, d.ExceptionMessage.s), l.Value)}
	if t, ok := timespan(d.Duration.s); ok {
		ms := float64(t.Nanoseconds()) / 1e6
		out.Duration = &ms
	} else if t, ok := isoDuration(d.Duration.s); ok {
		ms := float64(t.Nanoseconds()) / 1e6
		out.Duration = &ms
	}
	for _, s := range d.DocumentStreamIDs[:min(len(d.DocumentStreamIDs), maxStreams)] {
		out.Streams = append(out.Streams, it.cut("", s.s, l.Text))
	}
	for _, p := range d.Properties[:min(len(d.Properties), l.Entries)] {
		if out.Properties == nil {
			out.Properties = map[string]string{}
		}
		value := it.cut("", p.Value.s, l.Value)
		if secret(p.Key.s) {
			value = mask
		}
		out.Properties[it.cut("", p.Key.s, l.Key)] = value
	}
	return out
}

// isoDuration reads the form PT1.5S, which live documents use.
func isoDuration(s string) (time.Duration, bool) {
	if len(s) < 4 || s[:2] != "PT" {
		return 0, false
	}
	lower := []byte(s[2:])
	for i, c := range lower {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	d, err := time.ParseDuration(string(lower))
	return d, err == nil
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
