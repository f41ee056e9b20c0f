package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/alerting/action"
	"gatehouse/internal/api"
	"gatehouse/internal/query/kql"
	"gatehouse/internal/rules/logsearch"
	"gatehouse/internal/telemetry"
)

// logRules are the files of log search rules, which may change while the process
// runs.
type logRules struct {
	paths      []string
	parameters map[string]any
	evaluator  *logsearch.Evaluator

	changes sync.Mutex // one at a time: queries are tried
	loaded  map[string][]byte
	kept    []logsearch.Rule // of the resource API

	mu      sync.Mutex       // of what follows
	err     error            // of the last load
	ofFiles []logsearch.Rule // of the files, in force
}

// makeLogRules makes the rules, still none, before alerts can ask for one.
func (s *Server) makeLogRules() error {
	put := s.takeAlerts // made later than the rules, before their first evaluation
	evaluator, err := logsearch.New(logsearch.Options{Query: s.askLogs, Notify: put, Link: s.logsLink, Logger: quiet(s.log)})
	if err != nil {
		return err
	}
	kept, err := logSearchRules(s.kept.logRules.All())
	s.logRules = &logRules{paths: s.config.Rules.LogSearch, parameters: s.config.Rules.Parameters, evaluator: evaluator, kept: kept}
	return err
}

// openLogRules reads the files and begins to evaluate.
func (s *Server) openLogRules() error {
	s.onClose("log search rules", func() error { s.logRules.evaluator.Stop(); return nil })
	if _, err := s.logRules.load(context.Background()); err != nil {
		return err
	}
	return s.ingest.Registry().Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_log_search_rules_failed",
		Help: "Log search rules whose last evaluation failed."}, s.logRules.failed))
}

// load puts the files in force, if they differ from those that are. On an error
// the rules in force stay.
func (l *logRules) load(ctx context.Context) (changed bool, err error) {
	l.changes.Lock()
	defer l.changes.Unlock()
	defer func() { l.ended(err) }()
	files, rules, err := l.read()
	if err != nil || (l.loaded != nil && maps.EqualFunc(files, l.loaded, slices.Equal[[]byte])) {
		return false, err
	}
	return l.force(ctx, files, rules)
}

func (l *logRules) read() (map[string][]byte, []logsearch.Rule, error) {
	files, rules := map[string][]byte{}, []logsearch.Rule(nil)
	for _, path := range l.paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, fmt.Errorf("read log search rules: %w", err)
		}
		list, err := logsearch.Read(data, l.parameters)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		files[path], rules = data, append(rules, list...)
	}
	return files, rules, nil
}

// force puts the rules of the files in force with those of the resource API.
func (l *logRules) force(ctx context.Context, files map[string][]byte, rules []logsearch.Rule) (changed bool, err error) {
	if err := l.evaluator.Load(ctx, slices.Concat(rules, l.kept)); err != nil {
		return false, err
	}
	l.loaded = files
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ofFiles = rules
	return true, nil
}

// put puts the rules of the resource API in force, beside those of the files. On
// an error the old ones stay.
func (l *logRules) put(kept []logsearch.Rule) error {
	l.changes.Lock()
	defer l.changes.Unlock()
	before := l.kept
	l.kept = kept
	files, rules, err := l.read()
	if err == nil {
		_, err = l.force(context.Background(), files, rules)
	}
	if err != nil {
		l.kept = before
		return err
	}
	l.ended(nil)
	return nil
}

// ended keeps what the last load came to.
func (l *logRules) ended(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// check says what put would refuse.
func (l *logRules) check(kept []logsearch.Rule) error {
	_, rules, err := l.read()
	if err != nil {
		return err
	}
	return l.evaluator.Check(context.Background(), slices.Concat(rules, kept))
}

func (l *logRules) fileRules() []logsearch.Rule {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ofFiles)
}

func (l *logRules) fault() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		return ""
	}
	return l.err.Error()
}

func (l *logRules) failed() (n float64) {
	for _, status := range l.evaluator.Status() {
		if status.Error != "" {
			n++
		}
	}
	return n
}

// list answers with the state of each rule, and why the files were not loaded.
func (l *logRules) list(w http.ResponseWriter, _ *http.Request) {
	api.WriteJSON(w, http.StatusOK, map[string]any{"rules": l.evaluator.Status(), "error": l.fault()})
}

// action is what alerting knows of a rule beside its alerts' labels.
func (l *logRules) action(name string) (action.Rule, bool) {
	r, ok := l.evaluator.Find(name)
	if !ok {
		return action.Rule{}, false
	}
	p, c := &r.Properties, &r.Properties.Criteria.AllOf[0]
	out := action.Rule{Group: r.ID, Name: r.Name, Interval: p.Frequency, Description: p.Description, Severity: r.Severity(), Scopes: p.Scopes, StaysFired: r.StaysFired(),
		Log: &action.LogCondition{Window: p.Window, Query: c.Query, MeasureColumn: c.MeasureColumn, Operator: c.Operator, Threshold: *c.Threshold,
			Aggregation: c.TimeAggregation, Dimensions: c.Labels(), Periods: action.Periods(c.Periods()), WindowStart: logsearch.WindowStart, WindowEnd: logsearch.WindowEnd}}
	for _, id := range p.Actions.Groups {
		out.Actions = append(out.Actions, action.Target{GroupID: id, Properties: p.Actions.Properties})
	}
	return out, true
}

// scoped are the workspaces that a rule's scopes name, by resource id or name.
func (s *Server) scoped(scopes []string) ([]telemetry.Workspace, error) {
	if len(scopes) == 0 {
		scopes = []string{telemetry.DefaultWorkspace}
	}
	var out []telemetry.Workspace
	for _, scope := range scopes {
		w, ok := s.workspaces.ByResource(scope)
		if !ok {
			w, ok = s.workspaces.ByName(scope)
		}
		if !ok {
			return nil, fmt.Errorf("scope %q is no telemetry workspace: give one of telemetry.workspaces that resourceId", scope)
		}
		out = append(out, *w)
	}
	return out, nil
}

// askLogs answers the question of a log search rule.
func (s *Server) askLogs(ctx context.Context, q logsearch.Question) (logsearch.Answer, error) {
	in, err := s.scoped(q.Scopes)
	if err != nil {
		return logsearch.Answer{}, err
	}
	request := kql.Request{Query: q.Query, Start: q.Start, End: q.End, Now: q.End, Limits: kql.DefaultLimits()}
	request.Rows = q.Rows
	for _, w := range in {
		request.Workspaces = append(request.Workspaces, w.Name)
	}
	result, err := s.kql.Query(ctx, request)
	if err != nil {
		return logsearch.Answer{}, err
	}
	if len(result.Tables) != 1 {
		return logsearch.Answer{}, errors.New("the query has several results; a condition has one")
	}
	t := result.Tables[0]
	out := logsearch.Answer{Rows: t.Rows, Cut: result.Partial != ""}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, c.Name)
	}
	return out, nil
}

// logsLink is where the rows behind an alert are read.
func (s *Server) logsLink(q logsearch.Question) string {
	in, err := s.scoped(q.Scopes)
	if err != nil {
		return ""
	}
	span := q.Start.UTC().Format(time.RFC3339) + "/" + q.End.UTC().Format(time.RFC3339)
	return s.monitorURL() + "/v1/apps/" + in[0].ApplicationID + "/query?" + url.Values{"query": {q.Query}, "timespan": {span}}.Encode()
}
