package rules

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"go.yaml.in/yaml/v3"

	"gatehouse/internal/rules/objective"
)

// unitTests is the part of promtool's format that the shipped tests use.
type unitTests struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	Tests              []struct {
		Name        string         `yaml:"name"`
		Interval    model.Duration `yaml:"interval"`
		InputSeries []struct {
			Series string `yaml:"series"`
			Values string `yaml:"values"`
		} `yaml:"input_series"`
		Alerts  []alertTest `yaml:"alert_rule_test"`
		Queries []queryTest `yaml:"promql_expr_test"`
	} `yaml:"tests"`
}

type alertTest struct {
	At        model.Duration `yaml:"eval_time"`
	Alertname string         `yaml:"alertname"`
	Want      []struct {
		Labels      map[string]string `yaml:"exp_labels"`
		Annotations map[string]string `yaml:"exp_annotations"`
	} `yaml:"exp_alerts"`
}

type queryTest struct {
	Expr string         `yaml:"expr"`
	At   model.Duration `yaml:"eval_time"`
	Want []struct {
		Labels string  `yaml:"labels"`
		Value  float64 `yaml:"value"`
	} `yaml:"exp_samples"`
}

func TestShippedRules(t *testing.T) {
	hours(t)
	runUnitTests(t, "testdata/shipped_test.yml", defaults(t))
}

func TestPacks(t *testing.T) {
	hours(t)
	files := map[string][]byte{}
	for _, name := range Packs() {
		file, text, err := Pack(name)
		if err != nil {
			t.Fatal(err)
		}
		files[file] = text
	}
	runUnitTests(t, "testdata/packs_test.yml", files)
	if _, _, err := Pack("../shipped/telemetry"); err == nil {
		t.Error("a file outside the packs was read")
	}
}

func runUnitTests(t *testing.T, tests string, files map[string][]byte) {
	t.Helper()
	text, err := os.ReadFile(tests)
	if err != nil {
		t.Fatal(err)
	}
	var all unitTests
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, name := range all.RuleFiles {
		if files[strings.TrimPrefix(name, "../")] == nil {
			t.Fatalf("%s is not shipped", name)
		}
	}
	for _, c := range all.Tests {
		t.Run(c.Name, func(t *testing.T) {
			load := fmt.Sprintf("load %s\n", c.Interval)
			for _, s := range c.InputSeries {
				load += "  " + s.Series + " " + s.Values + "\n"
			}
			w := newWorld(t, load, files, time.Duration(all.EvaluationInterval))
			for _, q := range c.Queries {
				w.checkQuery(t, q)
			}
			for _, a := range c.Alerts {
				w.checkAlert(t, a)
			}
		})
	}
}

// defaults are the rules of an installation that sets nothing. Those of the
// default objective stand as a file beside the tests, for promtool.
func defaults(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	standard := objective.Standard()
	generated, err := standard.RuleFiles()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range generated {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if kept, err := os.ReadFile(file); err != nil || !bytes.Equal(kept, text) {
			t.Fatalf("%s is not what is generated (run with -update): %v", file, err)
		}
		files[name] = text
	}
	return files
}

var update = flag.Bool("update", false, "rewrite generated files")

// world evaluates rules at given times over loaded series.
type world struct {
	engine *promql.Engine
	rules  *Rules
	groups []*rules.Group
	query  QueryFunc
	step   time.Duration
	done   time.Duration // the next step
}

func newWorld(t *testing.T, load string, files map[string][]byte, step time.Duration) *world {
	t.Helper()
	store := promqltest.LoadedStorage(t, load)
	t.Cleanup(func() { _ = store.Close() })
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	w := &world{engine: engine, step: step, query: QueryFunc(rules.EngineQueryFunc(engine, store))}
	var err error
	if w.rules, err = New(Options{Query: w.query, Appendable: store, Queryable: store}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.rules.Stop)
	if err := w.rules.Load(files); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	groups, errs := w.rules.upstream.LoadGroups(time.Minute, w.rules.external, "", nil, false, names...)
	if errs != nil {
		t.Fatal(errs)
	}
	for _, g := range groups {
		w.groups = append(w.groups, g)
	}
	return w
}

// evaluate runs all groups at each of their steps up to a time after the start
// of the series.
func (w *world) evaluate(at time.Duration) time.Time {
	for ; w.done <= at; w.done += w.step {
		now := time.Unix(0, 0).Add(w.done).UTC()
		for _, g := range w.groups {
			if w.done%g.Interval() == 0 {
				g.Eval(context.Background(), now)
			}
		}
	}
	return time.Unix(0, 0).Add(at).UTC()
}

func (w *world) checkQuery(t *testing.T, c queryTest) {
	t.Helper()
	now := w.evaluate(time.Duration(c.At))
	got, err := w.query(context.Background(), c.Expr, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(c.Want) {
		t.Fatalf("%s: %v, want %v", c.Expr, got, c.Want)
	}
	p := parser.NewParser(parser.Options{})
	for _, want := range c.Want {
		metric, err := p.ParseMetric(want.Labels)
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(got, func(s promql.Sample) bool {
			return s.Metric.String() == metric.String() && math.Abs(s.F-want.Value) < 1e-9
		})
		if !found {
			t.Errorf("%s: %v, want %s %v", c.Expr, got, metric, want.Value)
		}
	}
}

func (w *world) checkAlert(t *testing.T, c alertTest) {
	t.Helper()
	w.evaluate(time.Duration(c.At))
	var got []string
	for _, g := range w.groups {
		for _, r := range g.AlertingRules() {
			for _, a := range r.ActiveAlerts() {
				if r.Name() == c.Alertname && a.State == rules.StateFiring {
					labels := a.Labels.Map()
					delete(labels, "alertname")
					got = append(got, fmt.Sprint(labels, a.Annotations.Map()))
				}
			}
		}
		for _, r := range g.Rules() {
			if r.LastError() != nil {
				t.Errorf("rule %s: %v", r.Name(), r.LastError())
			}
		}
	}
	var want []string
	for _, a := range c.Want {
		want = append(want, fmt.Sprint(a.Labels, a.Annotations))
	}
	slices.Sort(got)
	slices.Sort(want)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s at %s: %v, want %v", c.Alertname, c.At, got, want)
	}
}

// hours skips a test that evaluates rules over many hours of samples: under the
// race detector (make race says -short) that takes minutes and shows nothing, as
// it is one goroutine of Prometheus's engine.
func hours(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it evaluates many hours")
	}
}
