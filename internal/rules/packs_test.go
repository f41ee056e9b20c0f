package rules

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/rules"
)

// alertCase breaks something for a while: fires is when the alert must be
// firing, ends is when it must not any more.
type alertCase struct {
	pack, alert string
	fires, ends time.Duration
	series      string // one a line
}

// packCases reads testdata/pack_cases.txt.
func packCases(t *testing.T) (cases []alertCase) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "pack_cases.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, "  "):
			cases[len(cases)-1].series += line
		default:
			f := strings.Fields(line)
			c := alertCase{pack: f[0], alert: f[1]}
			if c.fires, err = time.ParseDuration(f[2]); err == nil {
				c.ends, err = time.ParseDuration(f[3])
			}
			if err != nil {
				t.Fatal(err)
			}
			cases = append(cases, c)
		}
	}
	return cases
}

func packWorld(t *testing.T, pack, series string) *world {
	t.Helper()
	file, text, err := Pack(pack)
	if err != nil {
		t.Fatal(err)
	}
	load := "load 1m\n"
	for line := range strings.Lines(series) {
		load += "  " + strings.TrimSpace(line) + "\n"
	}
	return newWorld(t, load, map[string][]byte{file: text}, time.Minute)
}

// firing are the names of alerts that fire after all steps up to a time. It
// fails for a rule that cannot be evaluated.
func (w *world) firing(t *testing.T, at time.Duration) (names []string) {
	t.Helper()
	w.evaluate(at)
	for _, g := range w.groups {
		for _, r := range g.Rules() {
			if r.LastError() != nil {
				t.Errorf("rule %s: %v", r.Name(), r.LastError())
			}
		}
		for _, r := range g.AlertingRules() {
			for _, a := range r.ActiveAlerts() {
				if a.State == rules.StateFiring {
					names = append(names, r.Name())
				}
				if summary := a.Annotations.Get("summary"); summary == "" || strings.Contains(summary, "error") || strings.Contains(summary, "<no value>") {
					t.Errorf("%s: summary %q", r.Name(), summary)
				}
			}
		}
	}
	return names
}

// Every alert of the packs for clusters and Windows fires and ends.
func TestPackAlerts(t *testing.T) {
	hours(t)
	left := append(alertNames(t, "aks"), alertNames(t, "windows")...)
	for _, c := range packCases(t) {
		t.Run(c.alert, func(t *testing.T) {
			w := packWorld(t, c.pack, c.series)
			if c.pack == "aks" { // whose alerts need no recorded series: the others cost time alone
				w.groups = slices.DeleteFunc(w.groups, func(g *rules.Group) bool {
					return !slices.ContainsFunc(g.AlertingRules(), func(r *rules.AlertingRule) bool { return r.Name() == c.alert })
				})
			}
			if got := w.firing(t, 2*time.Minute); slices.Contains(got, c.alert) {
				t.Errorf("it fires at once")
			}
			if got := w.firing(t, c.fires); !slices.Contains(got, c.alert) {
				t.Errorf("after %s fire %v", c.fires, got)
			}
			if got := w.firing(t, c.ends); slices.Contains(got, c.alert) {
				t.Errorf("after %s it still fires", c.ends)
			}
		})
		left = slices.DeleteFunc(left, func(name string) bool { return name == c.alert })
	}
	if len(left) > 0 {
		t.Errorf("no test of %v", left)
	}
}

func alertNames(t *testing.T, pack string) (names []string) {
	t.Helper()
	for _, g := range packWorld(t, pack, "up 1").groups {
		for _, r := range g.AlertingRules() {
			names = append(names, r.Name())
		}
	}
	return names
}
