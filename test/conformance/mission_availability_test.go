package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/availability"
	"gatehouse/internal/server"
)

// front passes connections on to the gateway until it is closed: an endpoint
// that can be stopped.
type front struct {
	net.Listener
	mu   sync.Mutex
	open []net.Conn
}

func newFront(t *testing.T, to string) *front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{Listener: l}
	t.Cleanup(f.stop)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				_ = c.Close()
				continue
			}
			f.mu.Lock()
			f.open = append(f.open, c, b)
			f.mu.Unlock()
			go func() { _, _ = io.Copy(b, c); _ = b.Close() }()
			go func() { _, _ = io.Copy(c, b); _ = c.Close() }()
		}
	}()
	return f
}

func (f *front) stop() {
	_ = f.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.open {
		_ = c.Close()
	}
}

// probes sets two places up, and an endpoint in front of the gateway.
func (h *house) probes(t *testing.T, c *server.Config) {
	h.front = newFront(t, strings.TrimPrefix(h.gateway, "http://"))
	c.Availability = server.AvailabilityConfig{GatewayURL: "http://" + h.front.Addr().String(),
		Locations: []availability.Location{{Name: "west", LocalAddress: "127.0.0.1"}, {Name: "east", LocalAddress: "127.0.0.2"}}}
}

// availabilityPane is what the pane of a test shows.
type availabilityPane struct {
	FailedLocations []string
	Uptime          struct {
		Results, Passed int
		Ratio           float64
	}
	Last []struct {
		Location, Message string
		Success           bool
		Time              time.Time
	}
}

func (h *house) monitorCall(t *testing.T, method, path, body string, want int) {
	t.Helper()
	req, err := http.NewRequest(method, h.monitor+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != want {
		t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, text)
	}
}

const monitored = `{"gateway":true,"frequency":"1s","retries":0`

// A10: one call adds the monitor; the endpoint is asked from two places; when
// its listener stops, the next run of each place fails, the answer is told, and
// an alert comes.
func missionMonitor(t *testing.T, h *house) {
	h.monitorCall(t, "POST", "/api/availability", monitored+"}", http.StatusCreated)
	pane := func() (p availabilityPane) {
		h.get(t, "/api/availability/gateway", &p)
		return p
	}
	eventually(t, "results from two places", func() bool {
		p := pane()
		return len(p.Last) == 2 && p.Last[0].Success && p.Last[1].Success && p.Last[0].Location != p.Last[1].Location
	})
	h.front.stop()
	stopped := time.Now()
	eventually(t, "failures from two places", func() bool { return len(pane().FailedLocations) == 2 })
	for _, r := range h.results(t) {
		if r.success && r.time.After(stopped) {
			t.Errorf("a run after the listener stopped passed: %+v", r)
		}
		if !r.success && !strings.Contains(r.message, "connection") && !strings.Contains(r.message, "no answer") {
			t.Errorf("the reason is not told: %+v", r)
		}
	}
	within(t, 2*time.Minute, "the alert", func() bool {
		return h.query(t, `ALERTS{alertname="GatehouseAvailabilityTestFails",alertstate="firing",test="gateway"}`) == 1
	})
}

type monitorResult struct {
	time     time.Time
	location string
	success  bool
	message  string
}

// results are the rows of the table, newest first, by the query API.
func (h *house) results(t *testing.T) []monitorResult {
	t.Helper()
	var all struct {
		Workspaces []struct {
			ID string `json:"application_id"`
		}
	}
	h.get(t, "/api/workspaces", &all)
	body, _ := json.Marshal(map[string]string{"timespan": "PT1H",
		"query": "availabilityResults | where name == 'gateway' | order by timestamp desc | project timestamp, location, success, message"})
	resp, err := http.Post(h.monitor+"/v1/apps/"+all.Workspaces[0].ID+"/query", "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ Tables []struct{ Rows [][]any } }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || len(out.Tables) != 1 {
		t.Fatalf("%v %+v", err, out)
	}
	var list []monitorResult
	for _, row := range out.Tables[0].Rows {
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(row[0]))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, monitorResult{at, fmt.Sprint(row[1]), fmt.Sprint(row[2]) == "true" || fmt.Sprint(row[2]) == "True" || fmt.Sprint(row[2]) == "1", fmt.Sprint(row[3])})
	}
	return list
}

// A11: the table and the pane agree, result by result and in their ratio.
func missionMonitorResults(t *testing.T, h *house) {
	if len(h.results(t)) == 0 { // run alone
		h.monitorCall(t, "POST", "/api/availability", monitored+"}", http.StatusCreated)
		eventually(t, "results", func() bool { return len(h.results(t)) >= 4 })
	}
	h.monitorCall(t, "PUT", "/api/availability/gateway", monitored+`,"enabled":false}`, http.StatusOK)
	var shown struct {
		Results []struct {
			Time              time.Time
			Location, Message string
			Success           bool
		}
	}
	var p availabilityPane
	var rows []monitorResult
	eventually(t, "the last run to be stored", func() bool {
		before := len(h.results(t))
		h.get(t, "/api/availability/gateway/results?limit=1000&window=1h", &shown)
		h.get(t, "/api/availability/gateway?window=1h", &p)
		rows = h.results(t)
		return before == len(rows) && len(shown.Results) == len(rows) && p.Uptime.Results == len(rows)
	})
	passed := 0
	for n, r := range rows {
		passed += b2i(r.success)
		s := shown.Results[n]
		if !s.Time.Equal(r.time) || s.Location != r.location || s.Success != r.success || s.Message != r.message {
			t.Errorf("the pane has %+v, the table %+v", s, r)
		}
	}
	if p.Uptime.Passed != passed || p.Uptime.Ratio != float64(passed)/float64(len(rows)) {
		t.Errorf("the pane says %+v, the table %d of %d", p.Uptime, passed, len(rows))
	}
}
