package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

const noRules = "groups: []\n"

// ruleFile has 40 recording and 40 alerting rules, evaluated every five seconds.
func ruleFile() string {
	var b strings.Builder
	b.WriteString("groups:\n")
	for n := range counters {
		fmt.Fprintf(&b, `- name: group%02[1]d
  interval: 5s
  rules:
  - {record: 'path:bench_%02[1]d:rate5m', expr: 'sum by (path) (rate(bench_%02[1]d_total[5m]))'}
  - {alert: Bench%02[1]d, expr: 'path:bench_%02[1]d:rate5m > 1e12', for: 1m}
`, n)
	}
	return b.String()
}

const ruleSeconds = 20

// rules lets both evaluate the same rules at the same time and compares the
// processor time, less what both use without rules, and the time that an
// evaluation took.
func (b *bench) rules(pair [2]*process) error {
	idle := [2]time.Duration{pair[0].cpu(), pair[1].cpu()}
	time.Sleep(ruleSeconds * time.Second)
	for k, p := range pair {
		idle[k] = p.cpu() - idle[k]
	}
	b.add("nothing to do", "ms of CPU a second", false, idle[0].Seconds()*1000/ruleSeconds, idle[1].Seconds()*1000/ruleSeconds)
	for _, p := range pair {
		if err := os.WriteFile(p.rules, []byte(ruleFile()), 0o600); err != nil {
			return err
		}
		if err := p.reload(); err != nil {
			return err
		}
	}
	time.Sleep(6 * time.Second) // the first evaluation of all
	before := [2]time.Duration{pair[0].cpu(), pair[1].cpu()}
	var took [2][]float64
	for range ruleSeconds {
		time.Sleep(time.Second)
		for k, p := range pair {
			t, err := p.evaluation()
			if err != nil {
				return err
			}
			took[k] = append(took[k], t)
		}
	}
	var cost [2]float64
	for k, p := range pair {
		cost[k] = (p.cpu() - before[k] - idle[k]).Seconds() * 1000 / ruleSeconds
	}
	b.add("80 rules every five seconds", "ms of CPU a second", false, cost[0], cost[1])
	b.add("one evaluation of a rule", "ms", false, median(took[0])*1000, median(took[1])*1000)
	return nil
}

// evaluation is the mean time of the rules' last evaluations, in seconds.
func (p *process) evaluation() (float64, error) {
	resp, err := http.Get(p.base + "/api/v1/rules")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var out struct {
		Data struct {
			Groups []struct {
				Rules []struct {
					EvaluationTime float64 `json:"evaluationTime"`
					Health         string  `json:"health"`
				} `json:"rules"`
			} `json:"groups"`
		} `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return 0, err
	}
	sum, n := 0.0, 0
	for _, g := range out.Data.Groups {
		for _, r := range g.Rules {
			if r.Health == "err" {
				return 0, fmt.Errorf("a rule of %s has failed", p.cmd.Path)
			}
			sum, n = sum+r.EvaluationTime, n+1
		}
	}
	if n != 2*counters {
		return 0, fmt.Errorf("%s evaluates %d rules, want %d", p.cmd.Path, n, 2*counters)
	}
	return sum / float64(n), nil
}
