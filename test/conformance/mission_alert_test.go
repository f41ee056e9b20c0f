package conformance

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// P10: one alert reaches a webhook and PagerDuty, firing and resolved, each
// time with the same key.
func missionReceivers(t *testing.T, h *house) {
	h.call(t, "GET", "/alarm/items/1?status=500", "")
	eventually(t, "the first error is a sample", func() bool {
		return h.query(t, `sum(http_server_request_duration_seconds_count{gatehouse_api="alarm"})`) >= 1
	})
	var fired, ended hookCall
	var trigger, resolve pageCall
	eventually(t, "firing at both receivers", func() bool {
		h.call(t, "GET", "/alarm/items/1?status=500", "")
		var hook, page bool
		fired, hook = h.alerts.hook("firing")
		trigger, page = h.alerts.page("trigger")
		return hook && page
	})
	acknowledged := h.acknowledge(t)
	eventually(t, "resolved at both receivers", func() bool {
		var hook, page bool
		ended, hook = h.alerts.hook("resolved")
		resolve, page = h.alerts.page("resolve")
		return hook && page
	})
	if fired.Alerts[0].Labels["gatehouse_api"] != "alarm" || fired.Alerts[0].Labels["severity"] != "page" {
		t.Errorf("labels %v", fired.Alerts[0].Labels)
	}
	if fired.GroupKey == "" || fired.GroupKey != ended.GroupKey || fired.Alerts[0].Fingerprint != ended.Alerts[0].Fingerprint {
		t.Errorf("webhook: %q then %q", fired.GroupKey, ended.GroupKey)
	}
	if acknowledged.DedupKey != trigger.DedupKey {
		t.Errorf("PagerDuty: %+v then %+v", trigger, acknowledged)
	}
	if trigger.DedupKey == "" || trigger.DedupKey != resolve.DedupKey || trigger.RoutingKey != "mission" {
		t.Errorf("PagerDuty: %+v then %+v", trigger, resolve)
	}
}

// acknowledge acknowledges the alert of P10 in the list of all alerts, which
// PagerDuty is told of.
func (h *house) acknowledge(t *testing.T) (page pageCall) {
	t.Helper()
	const query = "/api/alerts?state=fired&label=alertname=MissionErrors&label=gatehouse_api=alarm"
	var list struct {
		Alerts []struct {
			ID string `json:"id"`
		} `json:"alerts"`
	}
	eventually(t, "acknowledged at PagerDuty", func() bool {
		h.get(t, query, &list)
		for _, a := range list.Alerts {
			if resp, err := http.Post(h.monitor+"/api/alerts/"+a.ID+"/acknowledge", "application/json", strings.NewReader(`{"by": "ada"}`)); err == nil {
				_ = resp.Body.Close()
			}
		}
		var ok bool
		page, ok = h.alerts.page("acknowledge")
		return ok
	})
	return page
}

// recordedLoad sends what P19 compares with: 90 good and 10 failed requests,
// the first of each before the others.
func (h *house) recordedLoad(t *testing.T) {
	t.Helper()
	const series = `count(http_server_request_duration_seconds_count{gatehouse_api="recorded"})`
	h.call(t, "GET", "/recorded/items/1", "")
	h.call(t, "GET", "/recorded/items/1?status=500", "")
	eventually(t, "both series", func() bool { return h.query(t, series) == 2 })
	h.load(t, 89, "/recorded/items/1?delay=20ms", 200)
	h.load(t, 9, "/recorded/items/1?status=500&delay=20ms", 500)
	h.recordedLoaded = time.Now()
}

// recorded gives the first sample of a shipped rule whose five minutes hold all of
// recordedLoad, and its time. The other rows may take longer than that.
func (h *house) recorded(t *testing.T, series string) (value, at float64) {
	t.Helper()
	from, to := float64(h.recordedLoaded.Add(5*time.Second).Unix()), float64(h.recordedLoaded.Add(4*time.Minute).Unix())
	within(t, 90*time.Second, "a sample of "+series, func() bool {
		var out struct {
			Data struct {
				Result []struct{ Values [][2]any }
			}
		}
		if h.get(t, "/prometheus/api/v1/query?query="+url.QueryEscape(series+"[1h]"), &out) != http.StatusOK || len(out.Data.Result) != 1 {
			return false
		}
		for _, sample := range out.Data.Result[0].Values {
			at, _ = sample[0].(float64)
			v, err := strconv.ParseFloat(fmt.Sprint(sample[1]), 64)
			if value = v; err == nil && !math.IsNaN(v) && at >= from && at < to {
				return true
			}
		}
		return false
	})
	return value, at
}

// P19: the shipped rules record percentiles and success ratios that match the
// raw data.
func missionPercentiles(t *testing.T, h *house) {
	const labels = `{gatehouse_api="recorded",gatehouse_operation="get-item"}`
	for _, p := range []struct{ name, quantile string }{{"p50", "0.5"}, {"p95", "0.95"}, {"p99", "0.99"}} {
		name := "gatehouse:request_duration_seconds:" + p.name + labels
		got, at := h.recorded(t, name)
		raw := fmt.Sprintf(`histogram_quantile(%s, sum(rate(http_server_request_duration_seconds%s[5m])))`, p.quantile, labels)
		want := h.queryAt(t, raw, at)
		if math.IsNaN(got) || got < 0.02 || math.Abs(got-want) > 0.01*want {
			t.Errorf("%s = %v at %v, the raw data give %v", p.name, got, at, want)
		}
	}
	if got, _ := h.recorded(t, "gatehouse:request_success:ratio5m"+labels); math.Abs(got-0.9) > 1e-3 { // the two series need not begin at the same sample
		t.Errorf("success ratio %v, want 0.9", got)
	}
}

// M16: rule files of the Prometheus project load unchanged and run.
func missionUpstreamRules(t *testing.T, h *house) {
	var out ruleList
	if status := h.get(t, "/prometheus/api/v1/rules", &out); status != http.StatusOK {
		t.Fatal(status)
	}
	kinds, files := map[string]int{}, map[string]bool{}
	for _, g := range out.Data.Groups {
		if !strings.Contains(g.File, "fixtures") {
			continue
		}
		files[g.File] = true
		for _, r := range g.Rules {
			kinds[r.Type]++
			if r.Health == "err" || r.Error != "" {
				t.Errorf("%s: %s", r.Name, r.Error)
			}
		}
	}
	if len(files) != len(upstreamRules(t)) || kinds["recording"] < 5 || kinds["alerting"] < 2 {
		t.Errorf("%d files, rules %v", len(files), kinds)
	}
}

// M17: recorded series feed other rules, in the order of their group.
func missionChainedRules(t *testing.T, h *house) {
	eventually(t, "the last of the chain", func() bool { return h.query(t, "count(mission:third)") == 1 })
	// The first rule records the time of the evaluation; the third is 0 only
	// when the ones before it ran first in the same evaluation.
	if got := h.query(t, "max_over_time(abs(mission:third)[1m:1s])"); got != 0 {
		t.Errorf("rules of one group ran out of order: %v s", got)
	}
	eventually(t, "the alert on a recorded series", func() bool {
		var out ruleList
		h.get(t, "/prometheus/api/v1/rules?type=alert", &out)
		for _, g := range out.Data.Groups {
			for _, r := range g.Rules {
				if r.Name == "MissionChained" && r.State == "firing" {
					return true
				}
			}
		}
		return false
	})
}
