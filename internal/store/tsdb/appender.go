package tsdb

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/storage"
)

// Appender gives what writes samples, whatever way they come: it counts those
// that are stored, notes those that are refused and why, and hashes personal
// data when the workspace is told to.
func (db *DB) Appender(ctx context.Context) storage.Appender {
	return &appender{Appender: db.DB.Appender(ctx), db: db}
}

// AppenderV2 is Appender for the newer interface.
func (db *DB) AppenderV2(ctx context.Context) storage.AppenderV2 {
	return &appenderV2{AppenderV2: db.DB.AppenderV2(ctx), db: db}
}

// scrub is the labels as the workspace keeps them.
func (db *DB) scrub(ls labels.Labels) labels.Labels {
	if !db.hash {
		return ls
	}
	return db.hashPersonal(ls)
}

// stored counts a sample that was taken, or notes why it was not.
func (db *DB) stored(n *int64, ls labels.Labels, err error) {
	if err == nil {
		*n++
		return
	}
	db.refused.add(ls, err, time.Now())
}

type appenderV2 struct {
	storage.AppenderV2
	db *DB
	n  int64 // samples to be committed
}

func (a *appenderV2) Append(ref storage.SeriesRef, ls labels.Labels, st, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, o storage.AppendV2Options) (storage.SeriesRef, error) {
	ref, err := a.AppenderV2.Append(ref, a.db.scrub(ls), st, t, v, h, fh, o)
	a.db.stored(&a.n, ls, err)
	return ref, err
}

func (a *appenderV2) Commit() error {
	err := a.AppenderV2.Commit()
	if err == nil {
		a.db.meter.add(a.n, time.Now())
	}
	return err
}

type appender struct {
	storage.Appender
	db *DB
	n  int64 // samples to be committed
}

func (a *appender) Commit() error {
	err := a.Appender.Commit()
	if err == nil {
		a.db.meter.add(a.n, time.Now())
	}
	return err
}

func (a *appender) Append(ref storage.SeriesRef, ls labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	ref, err := a.Appender.Append(ref, a.db.scrub(ls), t, v)
	a.db.stored(&a.n, ls, err)
	return ref, err
}

func (a *appender) AppendHistogram(ref storage.SeriesRef, ls labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (storage.SeriesRef, error) {
	ref, err := a.Appender.AppendHistogram(ref, a.db.scrub(ls), t, h, fh)
	a.db.stored(&a.n, ls, err)
	return ref, err
}

func (a *appender) AppendExemplar(ref storage.SeriesRef, ls labels.Labels, e exemplar.Exemplar) (storage.SeriesRef, error) {
	return a.Appender.AppendExemplar(ref, a.db.scrub(ls), e)
}

func (a *appender) UpdateMetadata(ref storage.SeriesRef, ls labels.Labels, m metadata.Metadata) (storage.SeriesRef, error) {
	return a.Appender.UpdateMetadata(ref, a.db.scrub(ls), m)
}

func (a *appender) AppendSTZeroSample(ref storage.SeriesRef, ls labels.Labels, t, st int64) (storage.SeriesRef, error) {
	return a.Appender.AppendSTZeroSample(ref, a.db.scrub(ls), t, st)
}

func (a *appender) AppendHistogramSTZeroSample(ref storage.SeriesRef, ls labels.Labels, t, st int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (storage.SeriesRef, error) {
	return a.Appender.AppendHistogramSTZeroSample(ref, a.db.scrub(ls), t, st, h, fh)
}
