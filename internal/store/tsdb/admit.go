package tsdb

import (
	"fmt"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// Admission says which new series a workspace takes in, whatever way they come.
// It is asked once, when a series is made. The zero value takes all.
type Admission struct {
	MaxLabels     int // of one series; 0: no limit, as of the others
	MaxLabelName  int // bytes
	MaxLabelValue int // bytes
	MaxMetricName int // bytes
	// FoldCase refuses series with labels that differ only by case, as a store
	// that does not tell cases apart must.
	FoldCase bool
	// Personal says what happens to series whose label values look like personal
	// data: "" nothing, PersonalRefuse, or PersonalHash.
	Personal string
}

// What happens to personal data in label values.
const (
	PersonalRefuse = "refuse"
	PersonalHash   = "hash"
)

// AzureAdmission are the limits of Azure Monitor workspaces.
func AzureAdmission() Admission {
	return Admission{MaxLabels: 63, MaxLabelName: 511, MaxLabelValue: 1023, MaxMetricName: 511, FoldCase: true}
}

// RefusedError says that a series is not taken in and why. Like LimitError it
// passes for storage.ErrOutOfBounds: it will not get better by being sent again.
type RefusedError struct{ reason, text string }

func (e *RefusedError) Error() string        { return e.text }
func (e *RefusedError) Reason() string       { return e.reason }
func (e *RefusedError) Is(target error) bool { return target == storage.ErrOutOfBounds }

func refused(reason, format string, args ...any) error {
	return &RefusedError{reason: reason, text: fmt.Sprintf(format, args...)}
}

// check gives why the series is refused, nil when it is taken. Label values do
// not stand in the error: they may be what must not be kept.
func (a *Admission) check(ls labels.Labels) error {
	name := ls.Get(model.MetricNameLabel)
	if a.MaxMetricName > 0 && len(name) > a.MaxMetricName {
		return refused("metric_name_too_long", "the metric name %.64s… has %d bytes, at most %d", name, len(name), a.MaxMetricName)
	}
	if a.MaxLabels > 0 && ls.Len() > a.MaxLabels {
		return refused("too_many_labels", "metric %s: %d labels, at most %d", name, ls.Len(), a.MaxLabels)
	}
	err := ls.Validate(func(l labels.Label) error { return a.checkLabel(name, l) })
	if err == nil && a.FoldCase {
		return foldedTwins(name, ls)
	}
	return err
}

func (a *Admission) checkLabel(metric string, l labels.Label) error {
	switch {
	case a.MaxLabelName > 0 && len(l.Name) > a.MaxLabelName:
		return refused("label_name_too_long", "metric %s: the label name %.64s… has %d bytes, at most %d", metric, l.Name, len(l.Name), a.MaxLabelName)
	case a.MaxLabelValue > 0 && l.Name != model.MetricNameLabel && len(l.Value) > a.MaxLabelValue:
		return refused("label_value_too_long", "metric %s: the value of label %s has %d bytes, at most %d", metric, l.Name, len(l.Value), a.MaxLabelValue)
	case a.Personal == PersonalRefuse:
		if kind := personal(l.Value); kind != "" {
			return refused("personal_data", "metric %s: the value of label %s looks like %s, which metrics must not hold; drop the label at its source", metric, l.Name, kind)
		}
	}
	return nil
}

// foldedTwins finds two labels with names that differ only by case.
func foldedTwins(metric string, ls labels.Labels) error {
	seen := make([]string, 0, 64)
	return ls.Validate(func(l labels.Label) error {
		for _, other := range seen {
			if len(other) == len(l.Name) && strings.EqualFold(other, l.Name) {
				return refused("labels_differ_by_case", "metric %s: the labels %s and %s differ only by case, so that they are one label: rename one of them", metric, other, l.Name)
			}
		}
		seen = append(seen, l.Name)
		return nil
	})
}
