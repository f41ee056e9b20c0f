package azuremonitor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/storage"
)

// Pull reads all minutes that are over and were not read yet. When it fails
// nothing counts as read: the next pull asks again. What was stored before it
// stopped in between is known by its time.
func (p *Puller) Pull(ctx context.Context) error {
	p.pulling.Lock()
	defer p.pulling.Unlock()
	start, end := p.window()
	if !start.Before(end) {
		return nil
	}
	samples, cut, err := p.read(ctx, start, end)
	if err == nil {
		err = p.keepSamples(ctx, samples, kept{start, end})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.status.Error = told(err)
		p.status.Errors[reasonOf(err)]++
		return err
	}
	p.until, p.status.Until, p.status.Error = end, end, ""
	p.status.Pulls++
	p.status.Cut += cut
	return nil
}

// window is what is to be read: whole minutes, none younger than the delay, none
// older than can be caught up.
func (p *Puller) window() (start, end time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	end = p.o.Now().UTC().Add(-p.o.Delay).Truncate(time.Minute)
	start = p.until
	if oldest := end.Add(-p.o.CatchUp).Truncate(time.Minute); start.Before(oldest) {
		if !start.IsZero() {
			p.status.Skipped += uint64(oldest.Sub(start) / time.Minute)
			p.until = oldest // counted once, also when this pull fails
		}
		start = oldest
	}
	return start, end
}

// read asks for all metrics of a time.
func (p *Puller) read(ctx context.Context, start, end time.Time) (out []Sample, cut uint64, err error) {
	if err := p.define(ctx); err != nil {
		return nil, 0, err
	}
	fixed, err := p.fixed(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, q := range p.queries {
		q.start, q.end = start, end
		list, err := p.o.Client.series(ctx, p.id.text, &q)
		if err != nil {
			return nil, 0, err
		}
		if len(q.dimensions) > 0 && len(list) >= int(q.top) {
			cut++
			p.o.Logger.Warn("Azure Monitor has more series than one answer may have: sums over them are too small; name fewer dimensions", "resource", p.id.text, "metrics", strings.Join(q.metrics, ","))
		}
		out = append(out, p.samples(&q, list, fixed)...)
	}
	return out, cut, nil
}

// fixed are the labels that all series have: of the settings, and the tags of the
// resource.
func (p *Puller) fixed(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	if len(p.o.Tags) > 0 {
		tags, err := p.o.Client.tags(ctx, p.id)
		if err != nil {
			return nil, err
		}
		for name, value := range tags {
			if slices.ContainsFunc(p.o.Tags, func(t string) bool { return strings.EqualFold(t, name) }) {
				out[p.tagLabel(name)] = value
			}
		}
	}
	for name, value := range p.o.Labels {
		out[name] = value
	}
	return out, nil
}

func (p *Puller) tagLabel(name string) string {
	if p.o.Names == NamesAzure {
		return tagLabel(name)
	}
	return snake(name)
}

// samples of an answer, without those of minutes that were not asked for: they
// are not over, or were read before.
func (p *Puller) samples(q *query, list []series, fixed map[string]string) []Sample {
	var out []Sample
	for i := range list {
		s := &list[i]
		for j := range s.points {
			at := &s.points[j]
			if at.at.Before(q.start) || !at.at.Before(q.end) {
				continue
			}
			if p.o.Names == NamesAzure {
				out = append(out, exporter(p.id, s, at, &naming{metric: exporterName, interval: q.interval, timespan: q.interval, fixed: fixed})...)
				continue
			}
			out = append(out, tidy(p.id, s, at, q.aggregations, fixed)...)
		}
	}
	return out
}

// keepSamples stores what was read, between two notes of it.
func (p *Puller) keepSamples(ctx context.Context, samples []Sample, k kept) error {
	if err := p.keep(k); err != nil {
		return err
	}
	if err := p.store(ctx, samples); err != nil {
		return err
	}
	p.begun = k.Begun
	return p.keep(kept{k.Begun, k.Begun})
}

// store writes the samples in one piece: after a crash all or none are there.
func (p *Puller) store(ctx context.Context, samples []Sample) error {
	slices.SortStableFunc(samples, func(a, b Sample) int { return int(a.Milli - b.Milli) })
	app := p.o.Appendable.AppenderV2(ctx)
	var n Status
	for i := range samples {
		s := &samples[i]
		b := labels.NewBuilder(labels.EmptyLabels())
		for name, value := range s.Labels {
			b.Set(name, value)
		}
		b.Set(model.MetricNameLabel, s.Name)
		_, err := app.Append(0, b.Labels(), 0, s.Milli, s.Value, nil, nil, storage.AppendV2Options{MetricFamilyName: s.Name,
			Metadata: metadata.Metadata{Type: model.MetricTypeGauge, Help: "Of Azure Monitor: a value for each minute, no counter.", Unit: ""}})
		switch {
		case err == nil:
			n.Samples++
		case errors.Is(err, storage.ErrDuplicateSampleForTimestamp), late(err) && s.Milli < p.begun.UnixMilli():
			n.Known++
		case late(err):
			n.Late++
		default:
			n.Refused++
		}
	}
	if err := app.Commit(); err != nil {
		return &storeError{err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.status
	s.Samples, s.Known, s.Late, s.Refused = s.Samples+n.Samples, s.Known+n.Known, s.Late+n.Late, s.Refused+n.Refused
	if n.Late > 0 {
		p.o.Logger.Warn("values of Azure Monitor are older than the workspace takes: set its outOfOrderWindow", "resource", p.id.text, "samples", n.Late)
	}
	return nil
}

// lag is how old the newest minute is that was read, in seconds; before the first
// one, how long ago the puller was made.
func (p *Puller) lag() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.until
	if from.IsZero() {
		from = p.since
	}
	return p.o.Now().Sub(from).Seconds()
}

// late tells whether a sample is older than its series or the store takes.
func late(err error) bool {
	return errors.Is(err, storage.ErrOutOfOrderSample) || errors.Is(err, storage.ErrOutOfBounds) || errors.Is(err, storage.ErrTooOldSample)
}
