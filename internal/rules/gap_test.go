package rules

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/rules"
)

// healthy is a system in which nothing is wrong, for an hour and a half by the
// half minute: the file has a series and its value, or its growth with a plus, in
// each line. From the 100th sample on, gap samples are missing; with stale, the
// first of them says that the series ended, as when a target goes away.
func healthy(t *testing.T, gap int, stale bool) string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "healthy.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const before, total = 100, 180
	missing := fmt.Sprintf("_x%d", gap-1)
	if stale {
		missing = "stale " + missing
	} else {
		missing = "_ " + missing
	}
	if gap == 0 {
		missing = ""
	}
	var b strings.Builder
	b.WriteString("load 30s\n")
	for s := bufio.NewScanner(f); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cut := strings.LastIndex(line, " ")
		if h := strings.Index(line, " {{"); h > 0 {
			cut = h
		}
		series, value := line[:cut], line[cut+1:]
		step, ok := strings.CutPrefix(value, "+")
		switch {
		case strings.HasPrefix(value, "{{"):
			fmt.Fprintf(&b, "  %[1]s %[2]s+%[2]sx%[3]d %[4]s %[2]s+%[2]sx%[5]d\n", series, value, before, missing, total-before-gap)
		case ok:
			var n int
			if _, err := fmt.Sscan(step, &n); err != nil {
				t.Fatal(line, err)
			}
			fmt.Fprintf(&b, "  %s 0+%[2]dx%[3]d %[4]s %[5]d+%[2]dx%[6]d\n", series, n, before, missing, (before+gap+1)*n, total-before-gap)
		default:
			fmt.Fprintf(&b, "  %s %sx%d %s %sx%d\n", series, value, before, missing, value, total-before-gap)
		}
	}
	return b.String()
}

// allFiles are the rules that come along: shipped, objectives and packs.
func allFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := maps.Clone(defaults(t))
	for _, name := range Packs() {
		file, text, err := Pack(name)
		if err != nil {
			t.Fatal(err)
		}
		files[file] = text
	}
	return files
}

// A gap of two minutes, as when nodes are updated one after the other, fires none
// of the rules that come along, neither in it nor after it. All recording rules
// record something, so that the silence is not for lack of series.
func TestGapOfTwoMinutesFiresNothing(t *testing.T) {
	hours(t)
	for _, c := range []struct {
		name  string
		gap   int
		stale bool
	}{{"no gap", 0, false}, {"samples are missing", 4, false}, {"series end and come back", 4, true}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, healthy(t, c.gap, c.stale), allFiles(t), 30*time.Second)
			for at := 40 * time.Minute; at <= 85*time.Minute; at += time.Minute {
				if names := w.firing(t, at); len(names) > 0 {
					t.Fatalf("at %s fire %v", at, names)
				}
			}
			w.allRecorded(t)
		})
	}
}

// What a platform does of its own accord wakes nobody: rolling out, draining and
// starting nodes, scaling, renewing certificates, starting the gateway anew.
func TestExpectedActionsFireNothing(t *testing.T) {
	hours(t)
	text, err := os.ReadFile(filepath.Join("testdata", "expected_actions.txt"))
	if err != nil {
		t.Fatal(err)
	}
	load := healthy(t, 0, false)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			load += "  " + line + "\n"
		}
	}
	w := newWorld(t, load, allFiles(t), 30*time.Second)
	for at := 40 * time.Minute; at <= 85*time.Minute; at += time.Minute {
		if names := w.firing(t, at); len(names) > 0 {
			t.Fatalf("at %s fire %v", at, names)
		}
	}
}

// allRecorded fails for a recording rule without a series.
func (w *world) allRecorded(t *testing.T) {
	t.Helper()
	for _, g := range w.groups {
		for _, r := range g.Rules() {
			if slices.ContainsFunc(g.AlertingRules(), func(a *rules.AlertingRule) bool { return rules.Rule(a) == r }) {
				continue
			}
			got, err := w.query(t.Context(), r.Query().String(), time.Unix(0, 0).Add(85*time.Minute))
			if err != nil || len(got) == 0 {
				t.Errorf("%s: nothing is recorded: %v", r.Name(), err)
			}
		}
	}
}
