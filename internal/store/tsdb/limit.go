package tsdb

import (
	"fmt"
	"sync/atomic"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

// LimitError says that a new series was refused. It passes for
// storage.ErrOutOfBounds because the remote write handlers answer that with
// 400; any other error becomes a 500, which senders repeat for ever.
type LimitError struct{ Limit int64 }

func (e *LimitError) Error() string {
	return fmt.Sprintf("the workspace has reached its limit of %d active series: the new series is refused; drop labels with many values or raise the limit", e.Limit)
}

func (e *LimitError) Reason() string       { return "series_limit" }
func (e *LimitError) Is(target error) bool { return target == storage.ErrOutOfBounds }

// seriesLimit counts the head's series exactly, refuses new ones at max and
// those that are not admitted. It is called by the TSDB; max 0 means no limit.
type seriesLimit struct {
	current, max, refused, scrubbed atomic.Int64
	admission                       atomic.Pointer[Admission] // nil: all are admitted
}

func (l *seriesLimit) PreCreation(ls labels.Labels) error {
	if a := l.admission.Load(); a != nil {
		if err := a.check(ls); err != nil {
			l.refused.Add(1)
			return err
		}
	}
	limit := l.max.Load()
	if limit > 0 && l.current.Load() >= limit {
		l.refused.Add(1)
		return &LimitError{Limit: limit}
	}
	return nil
}

func (l *seriesLimit) PostCreation(labels.Labels) { l.current.Add(1) }

func (l *seriesLimit) PostDeletion(gone map[chunks.HeadSeriesRef]labels.Labels) {
	l.current.Add(-int64(len(gone)))
}
