package server

import (
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// maxAhead is how far the clock of a sender may be ahead, as Prometheus has it
// for its own receivers.
const maxAhead = 10 * time.Minute

// notAhead refuses samples of the future: one of them would make the store
// think that everybody else's are too old.
type notAhead struct {
	storage.AppenderV2
	most int64 // milliseconds since 1970
}

func (a notAhead) Append(ref storage.SeriesRef, ls labels.Labels, st, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, o storage.AOptions) (storage.SeriesRef, error) {
	if t > a.most {
		return 0, fmt.Errorf("%w: a sample of %q is more than %s ahead", storage.ErrOutOfBounds, ls.Get("__name__"), maxAhead)
	}
	return a.AppenderV2.Append(ref, ls, st, t, v, h, fh, o)
}
