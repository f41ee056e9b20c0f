package promql

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// WorkspaceLabel says of a series that is read across workspaces which one it
// is of. A series' own label of that name becomes KeptLabel, as Prometheus does
// it with the labels of targets.
const (
	WorkspaceLabel = "workspace"
	KeptLabel      = "exported_workspace"
)

// Source is one workspace of a query across several.
type Source struct {
	Name      string
	Samples   storage.SampleAndChunkQueryable
	Exemplars storage.ExemplarQueryable
}

type acrossKey struct{}

// WithSources says which workspaces a query reads; they must stay open until
// the query ends.
func WithSources(ctx context.Context, sources []Source) context.Context {
	return context.WithValue(ctx, acrossKey{}, sources)
}

// Across reads the workspaces that a context names as if they were one, with
// their names as a label. It keeps nothing.
type Across struct{}

var errNoSources = errors.New("query across workspaces: the request names none")

func sources(ctx context.Context) ([]Source, error) {
	s, _ := ctx.Value(acrossKey{}).([]Source)
	if len(s) == 0 {
		return nil, errNoSources
	}
	return s, nil
}

// Querier reads from mint to maxt, in ms.
func (Across) Querier(mint, maxt int64) (storage.Querier, error) {
	return &acrossQuerier{mint: mint, maxt: maxt}, nil
}

// acrossQuerier opens the workspaces' queriers when it is asked: only then is
// it known which.
type acrossQuerier struct {
	mint, maxt int64
	open       []storage.Querier
}

// each calls f for every workspace that the matchers do not exclude, with the
// matchers that it understands itself.
func (a *acrossQuerier) each(ctx context.Context, matchers []*labels.Matcher, f func(name string, q storage.Querier, inner []*labels.Matcher) error) error {
	all, err := sources(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		inner, ok := innerMatchers(s.Name, matchers)
		if !ok {
			continue
		}
		q, err := s.Samples.Querier(a.mint, a.maxt)
		if err != nil {
			return err
		}
		a.open = append(a.open, q)
		if err := f(s.Name, q, inner); err != nil {
			return err
		}
	}
	return nil
}

func innerMatchers(name string, matchers []*labels.Matcher) ([]*labels.Matcher, bool) {
	inner := make([]*labels.Matcher, 0, len(matchers))
	for _, m := range matchers {
		switch m.Name {
		case WorkspaceLabel:
			if !m.Matches(name) {
				return nil, false
			}
			continue
		case KeptLabel:
			if kept, err := labels.NewMatcher(m.Type, WorkspaceLabel, m.Value); err == nil {
				m = kept
			}
		}
		inner = append(inner, m)
	}
	if len(inner) == 0 && len(matchers) > 0 { // all were of the workspace's name: every series
		if all, err := labels.NewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".+"); err == nil {
			inner = append(inner, all)
		}
	}
	return inner, true
}

// outer is a series' labels with its workspace.
func outer(b *labels.Builder, ls labels.Labels, name string) labels.Labels {
	b.Reset(ls)
	if own := ls.Get(WorkspaceLabel); own != "" {
		b.Set(KeptLabel, own)
	}
	b.Set(WorkspaceLabel, name)
	return b.Labels()
}

func (a *acrossQuerier) Select(ctx context.Context, _ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	out := &acrossSet{at: -1, warnings: annotations.Annotations{}}
	builder := labels.NewBuilder(labels.EmptyLabels())
	out.err = a.each(ctx, matchers, func(name string, q storage.Querier, inner []*labels.Matcher) error {
		set := q.Select(ctx, false, hints, inner...)
		for set.Next() {
			s := set.At()
			out.series = append(out.series, renamed{s, outer(builder, s.Labels(), name)})
		}
		out.warnings.Merge(set.Warnings())
		return set.Err()
	})
	slices.SortFunc(out.series, func(x, y renamed) int { return labels.Compare(x.labels, y.labels) })
	return out
}

type renamed struct {
	storage.Series
	labels labels.Labels
}

func (r renamed) Labels() labels.Labels                           { return r.labels }
func (r renamed) Iterator(it chunkenc.Iterator) chunkenc.Iterator { return r.Series.Iterator(it) }

type acrossSet struct {
	series   []renamed
	at       int
	err      error
	warnings annotations.Annotations
}

func (s *acrossSet) Next() bool {
	s.at++
	return s.err == nil && s.at < len(s.series)
}
func (s *acrossSet) At() storage.Series                { return s.series[s.at] }
func (s *acrossSet) Err() error                        { return s.err }
func (s *acrossSet) Warnings() annotations.Annotations { return s.warnings }

func (a *acrossQuerier) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	var out []string
	warnings := annotations.Annotations{}
	err := a.each(ctx, matchers, func(workspace string, q storage.Querier, inner []*labels.Matcher) error {
		if name == WorkspaceLabel {
			out = append(out, workspace)
			return nil
		}
		asked := name
		if name == KeptLabel {
			asked = WorkspaceLabel
		}
		values, w, err := q.LabelValues(ctx, asked, hints, inner...)
		out = append(out, values...)
		warnings.Merge(w)
		return err
	})
	return distinct(out), warnings, err
}

func (a *acrossQuerier) LabelNames(ctx context.Context, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	out := []string{WorkspaceLabel}
	warnings := annotations.Annotations{}
	err := a.each(ctx, matchers, func(_ string, q storage.Querier, inner []*labels.Matcher) error {
		names, w, err := q.LabelNames(ctx, hints, inner...)
		if slices.Contains(names, WorkspaceLabel) {
			names = append(names, KeptLabel)
		}
		out = append(out, names...)
		warnings.Merge(w)
		return err
	})
	return distinct(out), warnings, err
}

func distinct(s []string) []string {
	slices.SortFunc(s, strings.Compare)
	return slices.Compact(s)
}

func (a *acrossQuerier) Close() error {
	var errs []error
	for _, q := range a.open {
		errs = append(errs, q.Close())
	}
	a.open = nil
	return errors.Join(errs...)
}

// ChunkQuerier serves remote read's streamed form from the samples.
func (x Across) ChunkQuerier(mint, maxt int64) (storage.ChunkQuerier, error) {
	return &acrossChunks{acrossQuerier{mint: mint, maxt: maxt}}, nil
}

type acrossChunks struct{ acrossQuerier }

func (a *acrossChunks) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.ChunkSeriesSet {
	return storage.NewSeriesSetToChunkSet(a.acrossQuerier.Select(ctx, sorted, hints, matchers...))
}

// ExemplarQuerier reads the exemplars of all of them.
func (Across) ExemplarQuerier(ctx context.Context) (storage.ExemplarQuerier, error) {
	all, err := sources(ctx)
	if err != nil {
		return nil, err
	}
	out := acrossExemplars{}
	for _, s := range all {
		q, err := s.Exemplars.ExemplarQuerier(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, namedExemplars{s.Name, q})
	}
	return out, nil
}

type namedExemplars struct {
	name string
	storage.ExemplarQuerier
}

type acrossExemplars []namedExemplars

func (a acrossExemplars) Select(start, end int64, selectors ...[]*labels.Matcher) ([]exemplar.QueryResult, error) {
	var out []exemplar.QueryResult
	builder := labels.NewBuilder(labels.EmptyLabels())
	for _, one := range a {
		var inner [][]*labels.Matcher
		for _, matchers := range selectors {
			if m, ok := innerMatchers(one.name, matchers); ok {
				inner = append(inner, m)
			}
		}
		if len(inner) == 0 {
			continue
		}
		results, err := one.ExemplarQuerier.Select(start, end, inner...)
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			r.SeriesLabels = outer(builder, r.SeriesLabels, one.name)
			out = append(out, r)
		}
	}
	return out, nil
}
