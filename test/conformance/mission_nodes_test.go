package conformance

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/server"
)

// node is a Gatehouse that is stopped and started again.
type node struct {
	*house
	name   string
	config server.Config
	stop   context.CancelFunc
	done   chan error
}

// newNode starts a Gatehouse over a data folder of its own.
func (h *house) newNode(t *testing.T, name string, settings func(*node)) *node {
	t.Helper()
	n := &node{house: &house{data: t.TempDir(), service: t.TempDir(), backend: h.backend, log: &lockedText{}}, name: name, config: server.DefaultConfig()}
	gateway, monitor := freePort(t), freePort(t)
	n.gateway, n.monitor = "http://"+gateway, "http://"+monitor
	n.config.Service.Folder, n.config.Service.Name, n.config.Data.Folder = n.service, "pair", n.data
	n.config.Listen = server.ListenConfig{Gateway: gateway, Monitor: monitor}
	n.config.Telemetry.MetricsInterval = server.Duration(200 * time.Millisecond)
	files := map[string]string{"policy.xml": "<policies><inbound/><backend><forward-request/></backend><outbound/><on-error/></policies>"}
	h.addAPI(files, "plain", "", "", false)
	n.write(t, files)
	settings(n)
	n.start(t)
	t.Cleanup(func() {
		n.end(t)
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, n.log)
		}
	})
	return n
}

func (n *node) start(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	n.stop, n.done = stop, done
	go func() {
		done <- server.Run(ctx, n.config, "conformance", slog.New(slog.NewTextHandler(n.log, nil)), io.Discard)
	}()
	within(t, time.Minute, n.name+" is ready", func() bool {
		resp, err := http.Get(n.monitor + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// end stops it, once.
func (n *node) end(t *testing.T) {
	t.Helper()
	if n.stop == nil {
		return
	}
	n.stop()
	n.stop = nil
	if err := <-n.done; err != nil {
		t.Errorf("%s stopped: %v", n.name, err)
	}
}

// scrapeJob writes a scrape configuration of one job and gives its file.
func scrapeJob(t *testing.T, job, interval string, targets ...string) string {
	t.Helper()
	var hosts []string
	for _, target := range targets {
		hosts = append(hosts, strconv.Quote(strings.TrimPrefix(target, "http://")))
	}
	file := filepath.Join(t.TempDir(), "scrape.yml")
	text := fmt.Sprintf("scrape_configs: [{job_name: %s, scrape_interval: %s, scrape_timeout: %[2]s, static_configs: [{targets: [%s]}]}]\n", job, interval, strings.Join(hosts, ", "))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// times are those of all samples of a series in the last minutes.
func (h *house) times(t *testing.T, series string) []float64 {
	t.Helper()
	var out struct {
		Data struct {
			Result []struct{ Values [][2]any }
		}
	}
	if status := h.get(t, "/prometheus/api/v1/query?query="+url.QueryEscape(series+"[10m]"), &out); status != http.StatusOK {
		t.Fatalf("%s: %d", series, status)
	}
	var at []float64
	for _, s := range out.Data.Result {
		for _, v := range s.Values {
			at = append(at, v[0].(float64))
		}
	}
	return at
}

// M29: a pair that is fed the same is restarted node by node: together they miss
// no interval, and neither the shipped rules nor one that asks for the series at
// every second fire. Over a gap of two minutes none of the shipped rules fires.
func missionGap(t *testing.T, h *house) {
	u := quietly()
	u.healthySeries(t, 4)
	promtoolTests(t, "30s", everyRule, []unitTest{u})

	room := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "temperature 21") }))
	t.Cleanup(room.Close)
	const interval = 2 * time.Second
	rules := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(rules, []byte("groups: [{name: gone, interval: 1s, rules: [{alert: Gone, expr: absent(temperature)}]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var pair []*node
	for _, name := range []string{"first", "second"} {
		pair = append(pair, h.newNode(t, name, func(n *node) { n.config.Scrape.File = scrapeJob(t, "room", interval.String(), room.URL) }))
	}
	fed := func(n *node, after float64) {
		t.Helper()
		eventually(t, n.name+" is fed", func() bool {
			at := n.times(t, "temperature")
			return len(at) > 0 && slices.Max(at) > after
		})
	}
	for _, n := range pair {
		fed(n, 0)
		n.config.Rules.Files = []string{rules} // from the restart on: before the first sample it would be right to fire
	}
	for _, n := range pair {
		n.end(t)
		other := pair[0]
		if n == other {
			other = pair[1]
		}
		fed(other, slices.Max(other.times(t, "temperature")))
		n.start(t)
		fed(n, float64(time.Now().UnixMilli())/1000)
	}
	at := append(pair[0].times(t, "temperature"), pair[1].times(t, "temperature")...)
	slices.Sort(at)
	for i := 1; i < len(at); i++ {
		if gap := at[i] - at[i-1]; gap >= 2*interval.Seconds() {
			t.Errorf("a gap of %.1f s after %.1f: the pair missed an interval", gap, at[i-1])
		}
	}
	for _, n := range pair {
		if fired := n.query(t, `count(count_over_time(ALERTS{alertstate="firing"}[10m]))`); fired != 0 {
			t.Errorf("%v alerts fired on the %s node", fired, n.name)
		}
	}
}

// P31: a node tells what it serves; a change is another hash, the change back the
// first one again. Two running nodes that serve different things are shown and
// alerted, and the same folder for both ends it. How long the shipped alert waits
// is tested beside.
func missionDrift(t *testing.T, h *house) {
	h.driftOfOne(t)
	shipped, err := os.ReadFile(filepath.Join(rulesFolder(t), "shipped", "credentials.yml"))
	if err != nil {
		t.Fatal(err)
	}
	rules := filepath.Join(t.TempDir(), "rules.yml") // the shipped ones, without waiting
	text := strings.NewReplacer("for: 10m", "for: 0s", "interval: 1m", "interval: 1s", "interval: 30s", "interval: 1s").Replace(string(shipped))
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	second := h.newNode(t, "second", func(n *node) {
		n.write(t, map[string]string{"apis/plain/specification.yaml": strings.Replace(description, "get-item", "get-thing", 1)})
	})
	first := h.newNode(t, "first", func(n *node) {
		n.config.Scrape.File = scrapeJob(t, "pair", "200ms", n.monitor, second.monitor)
		n.config.Rules.Files, n.config.Rules.NoShipped, n.config.Rules.Interval = []string{rules}, true, server.Duration(time.Second)
	})
	const firing = `count(ALERTS{alertname="GatehouseNodesDiffer",alertstate="firing",job="pair"})`
	eventually(t, "both nodes are shown, with two hashes", func() bool {
		return first.query(t, `count(count by (config) (gatehouse_node_info{job="pair"}))`) == 2 && first.query(t, `count(count by (instance) (gatehouse_node_info{job="pair"}))`) == 2
	})
	eventually(t, "drift is alerted", func() bool { return first.query(t, firing) == 1 })
	second.write(t, map[string]string{"apis/plain/specification.yaml": description})
	eventually(t, "the nodes converge", func() bool { return first.query(t, `count(count by (config) (gatehouse_node_info{job="pair"}))`) == 1 })
	eventually(t, "the alert ends", func() bool { return first.query(t, firing) == 0 })
}

// olderFolder unpacks the data folder of the first version: twelve requests, a
// clean stop, five more, kill -9; and a silence.
func olderFolder(t *testing.T) string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "older", "data.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for r := tar.NewReader(z); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return folder
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, filepath.FromSlash(filepath.Clean("/"+head.Name)))
		if head.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o755)
		} else {
			var data []byte
			if data, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, data, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// M04: the data folder of an older version is opened in place: its samples, also
// those of a log that kill -9 left, its traces and its silences are there, also
// after another restart. (kill -9 of this version is tested in test/e2e.)
func missionUpgrade(t *testing.T, h *house) {
	folder := olderFolder(t)
	n := h.newNode(t, "upgraded", func(n *node) {
		n.data, n.config.Data.Folder = folder, folder
		n.config.Data.MetricRetention, n.config.Data.TraceRetention = server.Duration(100*365*24*time.Hour), server.Duration(100*365*24*time.Hour)
	})
	for round := range 2 {
		for at, want := range map[float64]float64{1795752299: 12, 1795752321: 5} {
			if got := n.queryAt(t, `sum(http_server_request_duration_seconds_count{job="",gatehouse_api="api"} or http_server_request_duration_seconds_count{gatehouse_api="api"})`, at); got != want {
				t.Errorf("round %d: %v requests at %.0f, want %v", round, got, at, want)
			}
		}
		if trace := n.trace(t, "0af7651916cd43dd8448eb211c803193"); len(trace.Spans) < 2 || trace.Spans[0].Request["status"] != 200.0 {
			t.Errorf("round %d: the older trace is %+v", round, trace)
		}
		var silences []struct{ Comment string }
		n.get(t, "/alertmanager/api/v2/silences", &silences)
		if len(silences) != 1 || silences[0].Comment != "kept over upgrades" {
			t.Errorf("round %d: silences %+v", round, silences)
		}
		n.call(t, "GET", "/plain/items/1", "")
		eventually(t, "a request of this version", func() bool {
			return n.query(t, `sum(http_server_request_duration_seconds_count{gatehouse_api="plain"})`) >= 1
		})
		if round == 0 {
			n.end(t)
			n.start(t)
		}
	}
}
