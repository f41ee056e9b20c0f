package main

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"
)

// result is one figure of both, and whether more is better.
type result struct {
	name, unit string
	values     [2]float64 // stock, ours
	more       bool
}

func (b *bench) add(name, unit string, more bool, stock, ours float64) {
	b.results = append(b.results, result{name, unit, [2]float64{stock, ours}, more})
	fmt.Fprintf(os.Stderr, "%-40s %12.4g %12.4g %s\n", name, stock, ours, unit)
}

// measure is the run with the smaller number of series.
func (b *bench) measure(series, rounds, asks int) error {
	pair, err := b.start("small")
	if err != nil {
		return err
	}
	defer b.stop()
	length := time.Duration(2*rounds) * every
	s := &sender{series: series, start: time.Now().Add(-length).Truncate(every)}
	made, err := s.round(pair, 0, 2)
	if err != nil {
		return err
	}
	b.add("first sample of a series", "us of CPU", false, micros(made[0], series), micros(made[1], series))
	for version := 2; version >= 1; version-- {
		var total [2]time.Duration
		first := 1 + (2-version)*rounds
		count := 0
		for n := first; n < first+rounds-1; n++ {
			used, err := s.round(pair, n, version)
			if err != nil {
				return err
			}
			total[0], total[1], count = total[0]+used[0], total[1]+used[1], count+series
		}
		b.add(fmt.Sprintf("remote write %d.0", version), "samples a CPU second", true, float64(count)/total[0].Seconds(), float64(count)/total[1].Seconds())
	}
	b.addMemory(pair, series)
	if err := b.queries(pair, asks); err != nil {
		return err
	}
	return b.rules(pair)
}

// measureMemory makes many series, one process after the other.
func (b *bench) measureMemory(series int) error {
	var memory [2]held
	var used [2]time.Duration
	for which, start := range []func(string) (*process, error){b.startPrometheus, b.startGatehouse} {
		p, err := start("large")
		if err != nil {
			return err
		}
		s := &sender{series: series, start: time.Now().Add(-4 * every).Truncate(every)}
		for n := range 3 {
			both, err := s.alone(p, n)
			if err != nil {
				return err
			}
			used[which] += both
		}
		memory[which] = settled(p)
		b.stop()
	}
	b.reportMemory(memory, series)
	b.add("new series and two more samples", "us of CPU", false, micros(used[0], series), micros(used[1], series))
	return nil
}

// alone is round for one process.
func (s *sender) alone(p *process, n int) (time.Duration, error) {
	before := p.cpu()
	at := s.start.Add(time.Duration(n) * every)
	for from := 0; from < s.series; from += perRequest {
		body, err := s.body(from, min(from+perRequest, s.series), n, at.UnixMilli(), 2)
		if err != nil {
			return 0, err
		}
		if err := s.post(p.base+"/api/v1/write", body, 2); err != nil {
			return 0, err
		}
	}
	return p.cpu() - before, nil
}

func (b *bench) addMemory(pair [2]*process, series int) {
	b.reportMemory([2]held{settled(pair[0]), settled(pair[1])}, series)
}

func (b *bench) reportMemory(m [2]held, series int) {
	const mib = 1 << 20
	b.add(fmt.Sprintf("memory, %d series", series), "MiB", false, m[0].now/mib, m[1].now/mib)
	b.add(fmt.Sprintf("of that, not pages of files, %d series", series), "MiB", false, m[0].own/mib, m[1].own/mib)
	b.add(fmt.Sprintf("most memory, %d series", series), "MiB", false, m[0].most/mib, m[1].most/mib)
}

// settled waits until the process is idle: its memory is then that of the series
// and not of requests under way.
func settled(p *process) held {
	for range 30 {
		before := p.cpu()
		time.Sleep(2 * time.Second)
		if p.cpu()-before < 100*time.Millisecond {
			break
		}
	}
	return p.memory()
}

func micros(d time.Duration, n int) float64 { return d.Seconds() * 1e6 / float64(n) }

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func quartile(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/4]
}

func (p *process) reload() error {
	resp, err := http.Post(p.base+"/-/reload", "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("reload of %s: %d", p.cmd.Path, resp.StatusCode)
	}
	return nil
}
