package logsearch

import (
	"reflect"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/alerting"
)

// Labels of an alert beside its dimensions.
const (
	QueryLabel = "log_query" // the rule's name: by it the list of alerts knows the kind
	// ActionPrefix begins the value of alerting.RuleLabel.
	ActionPrefix = "scheduledQueryRules/"
)

// Annotations with the window behind an alert.
const (
	WindowStart = "windowStartTime"
	WindowEnd   = "windowEndTime"
)

// told is an alert as it is now; a zero ends means that it fires.
type told struct {
	firing
	ends time.Time
}

func equal(a, b Rule) bool { return reflect.DeepEqual(a, b) }

// note keeps what an evaluation was like; changed says that its error is new.
func (r *running) note(at time.Time, took time.Duration, err error) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.status.Error
	r.status.LastEvaluation, r.status.Seconds, r.status.Error = at.UTC(), took.Seconds(), ""
	if err != nil {
		r.status.Error = err.Error()
	}
	return before != r.status.Error
}

// update takes what fails now and gives every alert that fires or is over.
func (r *running) update(failing map[string]point, now, end time.Time) []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return nil
	}
	for key, p := range failing {
		f := r.alerts[key]
		if f == nil {
			f = &firing{started: now}
			r.alerts[key] = f
		}
		f.point, f.met, f.window = p, now, [2]time.Time{end.Add(-r.window), end}
	}
	var out []told
	for key, f := range r.alerts {
		t := told{firing: *f}
		if !r.StaysFired() && now.Sub(f.met) >= r.resolve {
			t.ends = now
			delete(r.alerts, key)
		}
		out = append(out, t)
	}
	return out
}

// still gives the alerts that fire, for another while.
func (r *running) still() []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []told
	for _, f := range r.alerts {
		out = append(out, told{firing: *f})
	}
	return out
}

// resolveAll ends the alerts of a rule that is gone.
func (r *running) resolveAll(now time.Time) []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	var out []told
	for key, f := range r.alerts {
		out = append(out, told{*f, now})
		delete(r.alerts, key)
	}
	return out
}

func (r *running) view() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.status
	p := &r.Properties
	out.Name, out.Enabled, out.Severity, out.Query, out.Every, out.Window = r.Name, r.enabled(), r.Severity(), r.condition.Query, p.Frequency, p.Window
	out.Firing = len(r.alerts)
	switch {
	case !out.Enabled:
		out.State = "disabled"
	case out.LastEvaluation.IsZero():
		out.State = "waiting"
	case out.Error != "":
		out.State = "failed"
	case out.Firing > 0:
		out.State = "firing"
	default:
		out.State = "healthy"
	}
	return out
}

// Severity of the rule, from 0 to 4.
func (r *Rule) Severity() int {
	if r.Properties.Severity == nil {
		return 3
	}
	return *r.Properties.Severity
}

// severityLabel is the word of the other rules for a severity.
func severityLabel(n int) string {
	return [...]string{"critical", "error", "warning", "info", "verbose"}[n]
}

// alert words one alert. An alert that fires ends by itself when it is not told
// again for as long as it would take to resolve it.
func (e *Evaluator) alert(r *running, t told) alerting.Alert {
	labels := map[string]string{}
	for i, d := range r.condition.Dimensions {
		labels[labelName(d.Name)] = t.dimensions[i]
	}
	labels["alertname"], labels["severity"] = r.Name, severityLabel(r.Severity())
	labels[QueryLabel], labels[alerting.RuleLabel] = r.Name, ActionPrefix+r.Name
	value := t.value
	q := Question{Query: r.condition.Query, Start: t.window[0], End: t.window[1], Scopes: r.Properties.Scopes}
	out := alerting.Alert{Labels: labels, StartsAt: t.started, EndsAt: t.ends, Value: &value, GeneratorURL: e.options.Link(q),
		Annotations: map[string]string{"summary": r.summary(value), "description": r.Properties.Description,
			WindowStart: q.Start.UTC().Format(time.RFC3339), WindowEnd: q.End.UTC().Format(time.RFC3339)}}
	if t.ends.IsZero() {
		out.EndsAt = time.Now().Add(r.resolve + 3*r.every)
		if r.StaysFired() {
			out.EndsAt = time.Time{}
		}
	}
	return out
}

func (r *running) summary(value float64) string {
	title := r.Properties.DisplayName
	if title == "" {
		title = r.Name
	}
	c := r.condition
	return title + ": " + c.TimeAggregation + " is " + strconv.FormatFloat(value, 'g', 6, 64) + ", " + c.Operator + " " + strconv.FormatFloat(*c.Threshold, 'g', -1, 64)
}

// labelName makes the name of a column one of a label.
func labelName(name string) string {
	out := strings.Map(func(c rune) rune {
		if c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
			return c
		}
		return '_'
	}, name)
	if out[0] >= '0' && out[0] <= '9' {
		out = "_" + out
	}
	return out
}

// Labels gives the label of each dimension.
func (c *Condition) Labels() map[string]string {
	out := map[string]string{}
	for _, d := range c.Dimensions {
		out[d.Name] = labelName(d.Name)
	}
	return out
}
