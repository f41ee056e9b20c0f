package logsearch

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/alerting"
)

const errorsByAPI = `{"type": "microsoft.insights/scheduledqueryrules", "name": "errors by API", "properties": {
	"displayName": "Errors", "severity": 1, "evaluationFrequency": "PT5M", "windowSize": "PT15M",
	"criteria": {"allOf": [{"query": "requests | where success == false;\n", "timeAggregation": "Count", "operator": "GreaterThan", "threshold": 2,
		"dimensions": [{"name": "operation Name", "operator": "Exclude", "values": ["health"]}],
		"failingPeriods": {"numberOfEvaluationPeriods": 3, "minFailingPeriodsToAlert": 2}}]},
	"actions": {"actionGroups": ["/subscriptions/s/resourceGroups/r/providers/Microsoft.Insights/actionGroups/oncall"], "customProperties": {"team": "x"}}}}`

// history answers the question about each window from numbers by dimension.
type history struct {
	mu    sync.Mutex
	at    time.Time // end of the first window
	step  time.Duration
	rows  []map[string]float64 // newest first
	fail  error
	asked []Question
}

func (h *history) query(_ context.Context, q Question) (Answer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, q)
	out := Answer{Columns: []string{"operation Name", valueColumn}}
	if i := int(h.at.Sub(q.End) / h.step); h.fail == nil && i >= 0 && i < len(h.rows) {
		for name, n := range h.rows[i] {
			out.Rows = append(out.Rows, []any{name, int64(n)})
		}
	}
	return out, h.fail
}

func readOne(t *testing.T, text string) Rule {
	t.Helper()
	list, err := Read([]byte(text), nil)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	return list[0]
}

func TestQuestion(t *testing.T) {
	c := compile(readOne(t, errorsByAPI))
	want := "requests | where success == false\n| summarize gatehouse_value = count() by ['operation Name']"
	if c.question != want {
		t.Errorf("got  %s\nwant %s", c.question, want)
	}
	c.condition.TimeAggregation, c.condition.MeasureColumn, c.condition.Dimensions = "average", `it's a \ name`, nil
	if got := c.condition.question(); !strings.HasSuffix(got, `| summarize gatehouse_value = avg(['it\'s a \\ name'])`) {
		t.Error(got)
	}
}

func TestFailingPeriods(t *testing.T) {
	c := compile(readOne(t, errorsByAPI))
	end := time.Now()
	h := &history{at: end, step: c.window, rows: []map[string]float64{
		{"pay": 3, "list": 9, "health": 99, "old": 0}, {"pay": 3, "list": 1, "health": 99, "old": 5}, {"pay": 0, "list": 2, "gone": 7, "old": 4}}}
	got, err := c.evaluate(t.Context(), h.query, end)
	if err != nil {
		t.Fatal(err)
	}
	// pay fails in two of three windows, old too (its newest number is 0); list
	// and gone in one; health is excluded.
	if len(got) != 2 || got["pay"].value != 3 || got["old"].value != 0 {
		t.Errorf("%+v", got)
	}
	for i, q := range h.asked {
		if q.End.Sub(q.Start) != 15*time.Minute || !q.End.Equal(end.Add(-time.Duration(i)*15*time.Minute)) {
			t.Errorf("window %d: %s to %s", i, q.Start, q.End)
		}
	}
}

func TestOperators(t *testing.T) {
	limit := 5.0
	for operator, want := range map[string][3]bool{"Equals": {false, true, false}, "Equal": {false, true, false}, "GreaterThan": {false, false, true},
		"GreaterThanOrEqual": {false, true, true}, "LessThan": {true, false, false}, "LessThanOrEqual": {true, true, false}} {
		c := Condition{Operator: operator, Threshold: &limit}
		if got := [3]bool{c.met(4), c.met(5), c.met(6)}; got != want {
			t.Errorf("%s: %v", operator, got)
		}
	}
}

// run evaluates by hand at given times and keeps what is told.
type run struct {
	*Evaluator
	*running
	history *history
	told    []alerting.Alert
}

func newRun(t *testing.T, rule string) *run {
	t.Helper()
	r := &run{history: &history{step: time.Hour}}
	var err error
	r.Evaluator, err = New(Options{Query: r.history.query, Notify: func(_ context.Context, list ...alerting.Alert) error { r.told = list; return nil }, Settle: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	r.running = &running{compiled: compile(readOne(t, rule)), alerts: map[string]*firing{}}
	return r
}

// at evaluates with the same numbers in all windows.
func (r *run) at(t *testing.T, now time.Time, rows map[string]float64) []alerting.Alert {
	t.Helper()
	r.told = nil
	r.history.at, r.history.step = now.Add(-time.Nanosecond), r.window
	r.history.rows = []map[string]float64{rows, rows, rows}
	r.once(t.Context(), r.running, now)
	return r.told
}

func TestLife(t *testing.T) {
	r := newRun(t, errorsByAPI)
	start := time.Now()
	if got := r.at(t, start, map[string]float64{"pay": 2}); len(got) != 0 {
		t.Fatalf("at the threshold: %+v", got)
	}
	got := r.at(t, start.Add(5*time.Minute), map[string]float64{"pay": 7})
	if len(got) != 1 || got[0].Labels["operation_Name"] != "pay" || got[0].Labels["alertname"] != "errors by API" || got[0].Labels["severity"] != "error" ||
		got[0].Labels[alerting.RuleLabel] != "scheduledQueryRules/errors by API" || *got[0].Value != 7 || !got[0].EndsAt.After(time.Now()) {
		t.Fatalf("%+v", got)
	}
	if got[0].Annotations["summary"] != "Errors: Count is 7, GreaterThan 2" {
		t.Error(got[0].Annotations)
	}
	started := got[0].StartsAt
	// Healthy, but not for three intervals yet: it goes on as the same alert.
	if got = r.at(t, start.Add(15*time.Minute), nil); len(got) != 1 || !got[0].StartsAt.Equal(started) || !got[0].EndsAt.After(time.Now()) {
		t.Fatalf("%+v", got)
	}
	if view := r.view(); view.State != "firing" || view.Firing != 1 {
		t.Errorf("%+v", view)
	}
	end := start.Add(20 * time.Minute)
	if got = r.at(t, end, nil); len(got) != 1 || !got[0].EndsAt.Equal(end) {
		t.Fatalf("%+v", got)
	}
	if got = r.at(t, end.Add(time.Minute), nil); len(got) != 0 || r.view().State != "healthy" {
		t.Errorf("after the end: %+v", got)
	}
}

// An evaluation that fails neither ends an alert nor begins one.
func TestFailedEvaluation(t *testing.T) {
	r := newRun(t, errorsByAPI)
	now := time.Now()
	r.at(t, now, map[string]float64{"pay": 7})
	r.history.fail = errors.New("the lake is away")
	got := r.at(t, now.Add(3*time.Hour), nil)
	if len(got) != 1 || !got[0].EndsAt.After(time.Now()) {
		t.Errorf("%+v", got)
	}
	if view := r.view(); view.State != "failed" || view.Error != "the lake is away" {
		t.Errorf("%+v", view)
	}
}

func TestStaysFired(t *testing.T) {
	r := newRun(t, strings.Replace(errorsByAPI, `"severity": 1`, `"autoMitigate": false`, 1))
	now := time.Now()
	r.at(t, now, map[string]float64{"pay": 7})
	if got := r.at(t, now.Add(24*time.Hour), nil); len(got) != 1 || !got[0].EndsAt.IsZero() {
		t.Errorf("%+v", got)
	}
}

func TestHealthyFor(t *testing.T) {
	for every, want := range map[string]time.Duration{"PT1M": 10 * time.Minute, "PT5M": 15 * time.Minute, "PT15M": 45 * time.Minute, "PT1H": 2 * time.Hour, "P1D": 24 * time.Hour} {
		if got := healthyFor(span(every)); got != want {
			t.Errorf("%s: %s, want %s", every, got, want)
		}
	}
	r := compile(readOne(t, strings.Replace(errorsByAPI, `"severity": 1`, `"resolveConfiguration": {"autoResolved": true, "timeToResolve": "PT7M"}`, 1)))
	if r.resolve != 7*time.Minute || r.StaysFired() {
		t.Errorf("%s %v", r.resolve, r.StaysFired())
	}
}

// Load keeps rules that did not change, ends the alerts of those that are gone,
// and leaves everything as it is when one is bad.
func TestLoad(t *testing.T) {
	h := &history{step: 15 * time.Minute}
	var mu sync.Mutex
	over := map[string]bool{}
	var e *Evaluator
	var err error
	e, err = New(Options{Query: h.query, Settle: time.Nanosecond, Notify: func(_ context.Context, list ...alerting.Alert) error {
		mu.Lock()
		defer mu.Unlock()
		for _, a := range list {
			if _, known := e.Find(a.Labels["alertname"]); !known { // as alerting does, to call the rule's action groups
				t.Errorf("%s is not known any more", a.Labels["alertname"])
			}
			over[a.Labels["operation_Name"]] = !a.EndsAt.After(time.Now())
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Stop()
	h.at = time.Now().Add(time.Hour)
	h.rows = []map[string]float64{4: {"pay": 9}, 5: {"pay": 9}} // of the hour before that, as now is four windows before
	rule := readOne(t, errorsByAPI)
	if err := e.Load(t.Context(), []Rule{rule}); err != nil {
		t.Fatal(err)
	}
	state := func() Status { return e.Status()[0] }
	deadline := time.Now().Add(30 * time.Second)
	for state().LastEvaluation.IsZero() || state().Firing != 1 {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", state())
		}
		time.Sleep(time.Millisecond)
	}
	bad := rule
	bad.Properties.Window = "PT1M"
	if err := e.Load(t.Context(), []Rule{bad}); err == nil || !strings.Contains(err.Error(), "windowSize") || state().Firing != 1 {
		t.Errorf("%v %+v", err, state())
	}
	if err := e.Load(t.Context(), []Rule{rule}); err != nil || state().Firing != 1 {
		t.Errorf("%v %+v", err, state())
	}
	if err := e.Load(t.Context(), nil); err != nil || len(e.Status()) != 0 {
		t.Errorf("%v %v", err, e.Status())
	}
	mu.Lock()
	defer mu.Unlock()
	if !over["pay"] {
		t.Errorf("the alert of a rule that is gone was not ended: %v", over)
	}
}

func TestReadFaults(t *testing.T) {
	for change, want := range map[string]string{
		`"PT5M"=>"5m"`:                              `evaluationFrequency: "5m" is not a duration`,
		`"PT15M"=>"PT1M"`:                           "windowSize: PT1M: from PT1M to P2D and no shorter",
		`"Count"=>"Median"`:                         `timeAggregation "Median"`,
		`"Count"=>"Total"`:                          "needs metricMeasureColumn",
		`"GreaterThan"=>"Above"`:                    `operator "Above"`,
		`"threshold": 2,=>`:                         "threshold is missing",
		`"severity": 1=>"severity": 5`:              "severity 5: from 0 to 4",
		`"Exclude"=>"Without"`:                      `dimension "operation Name"`,
		`ToAlert": 2=>ToAlert": 4`:                  "failingPeriods: 4 of 3",
		`"errors by API"=>"a/b"`:                    "the name may not",
		`"displayName"=>"kind": "", "x"`:            "",
		`scheduledqueryrules=>components`:           "no resource of type",
		`"query": "requests=>"query": ""}, {"q": "`: "has 2 conditions",
	} {
		from, to, _ := strings.Cut(change, "=>")
		_, err := Read([]byte(strings.Replace(errorsByAPI, from, to, 1)), nil)
		if (want == "" && err != nil) || (want != "" && (err == nil || !strings.Contains(err.Error(), want))) {
			t.Errorf("%s: %v", change, err)
		}
	}
}

// A deployment template's expressions are resolved.
func TestTemplate(t *testing.T) {
	text := `{"parameters": {"env": {"type": "string"}, "limit": {"defaultValue": 3}}, "resources": [
		{"type": "Microsoft.Insights/components", "name": "x"},
		{"type": "Microsoft.Insights/scheduledQueryRules", "apiVersion": "2021-08-01", "kind": "LogAlert", "name": "[concat('slow-', parameters('env'))]", "properties": {
		"evaluationFrequency": "PT1M", "windowSize": "PT5M", "criteria": {"allOf": [{"query": "requests", "timeAggregation": "Maximum", "metricMeasureColumn": "duration",
		"operator": "GreaterThan", "threshold": "[parameters('limit')]"}]}}}]}`
	list, err := Read([]byte(text), map[string]any{"env": "prod"})
	if err != nil || len(list) != 1 || list[0].Name != "slow-prod" || *list[0].Properties.Criteria.AllOf[0].Threshold != 3 || list[0].Severity() != 3 {
		t.Errorf("%+v %v", list, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(errorsByAPI))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := Read(data, nil)
		if err != nil {
			return
		}
		for _, r := range list {
			if c := compile(r); c.every < time.Minute || c.question == "" {
				t.Errorf("%+v", c)
			}
		}
	})
}

// A query that makes its rows itself may run for ever; the rules in force are not
// asked again when another comes.
func TestTrial(t *testing.T) {
	asked := 0
	e, err := New(Options{Trial: time.Millisecond, Query: func(ctx context.Context, q Question) (Answer, error) {
		if strings.Contains(q.Query, "range") {
			<-ctx.Done()
			return Answer{}, ctx.Err()
		}
		asked++
		return Answer{Columns: []string{"operation Name", valueColumn}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	first, endless := readOne(t, errorsByAPI), readOne(t, errorsByAPI)
	first.Properties.Enabled = new(bool) // not evaluated
	if err := e.Load(t.Context(), []Rule{first}); err != nil || asked != 1 {
		t.Fatal(asked, err)
	}
	endless.Name, endless.Properties.Criteria.AllOf[0].Query = "endless", "range x from 1 to 1000000000 step 1"
	err = e.Load(t.Context(), []Rule{first, endless})
	if err == nil || !strings.Contains(err.Error(), `"endless": its query takes longer than 1ms`) || asked != 1 {
		t.Fatal(asked, err)
	}
	if _, there := e.Find("endless"); there {
		t.Error("a rule that was refused is in force")
	}
}
