package tsdb

import (
	"context"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/storage"
)

// Appender gives what writes samples; personal data is hashed on the way when
// the workspace is told to.
func (db *DB) Appender(ctx context.Context) storage.Appender {
	if !db.hash {
		return db.DB.Appender(ctx)
	}
	return &scrubber{Appender: db.DB.Appender(ctx), db: db}
}

// AppenderV2 is Appender for the newer interface.
func (db *DB) AppenderV2(ctx context.Context) storage.AppenderV2 {
	if !db.hash {
		return db.DB.AppenderV2(ctx)
	}
	return &scrubberV2{AppenderV2: db.DB.AppenderV2(ctx), db: db}
}

type scrubberV2 struct {
	storage.AppenderV2
	db *DB
}

func (s *scrubberV2) Append(ref storage.SeriesRef, ls labels.Labels, st, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, o storage.AppendV2Options) (storage.SeriesRef, error) {
	return s.AppenderV2.Append(ref, s.db.hashPersonal(ls), st, t, v, h, fh, o)
}

type scrubber struct {
	storage.Appender
	db *DB
}

func (s *scrubber) Append(ref storage.SeriesRef, ls labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	return s.Appender.Append(ref, s.db.hashPersonal(ls), t, v)
}

func (s *scrubber) AppendHistogram(ref storage.SeriesRef, ls labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (storage.SeriesRef, error) {
	return s.Appender.AppendHistogram(ref, s.db.hashPersonal(ls), t, h, fh)
}

func (s *scrubber) AppendExemplar(ref storage.SeriesRef, ls labels.Labels, e exemplar.Exemplar) (storage.SeriesRef, error) {
	return s.Appender.AppendExemplar(ref, s.db.hashPersonal(ls), e)
}

func (s *scrubber) UpdateMetadata(ref storage.SeriesRef, ls labels.Labels, m metadata.Metadata) (storage.SeriesRef, error) {
	return s.Appender.UpdateMetadata(ref, s.db.hashPersonal(ls), m)
}

func (s *scrubber) AppendSTZeroSample(ref storage.SeriesRef, ls labels.Labels, t, st int64) (storage.SeriesRef, error) {
	return s.Appender.AppendSTZeroSample(ref, s.db.hashPersonal(ls), t, st)
}

func (s *scrubber) AppendHistogramSTZeroSample(ref storage.SeriesRef, ls labels.Labels, t, st int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (storage.SeriesRef, error) {
	return s.Appender.AppendHistogramSTZeroSample(ref, s.db.hashPersonal(ls), t, st, h, fh)
}
