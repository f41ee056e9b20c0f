package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"gatehouse/internal/dashboards"
)

// writeSeries sends samples by remote write.
func (h *house) writeSeries(t *testing.T, workspace string, series ...prompb.TimeSeries) {
	t.Helper()
	body, err := (&prompb.WriteRequest{Timeseries: series}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(h.monitor+workspace+"/api/v1/write", "application/x-protobuf", bytes.NewReader(snappy.Encode(nil, body)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		t.Fatalf("write: %s %s", resp.Status, text)
	}
}

// sampled is a series of the labels, name and value in turn.
func sampled(samples []prompb.Sample, pairs ...string) prompb.TimeSeries {
	out := prompb.TimeSeries{Samples: samples}
	for i := 0; i+1 < len(pairs); i += 2 {
		out.Labels = append(out.Labels, prompb.Label{Name: pairs[i], Value: pairs[i+1]})
	}
	return out
}

// P24: the page of trends, from eight days of seeded data: the comparison with a
// week ago and the forecast are what the data say, and what their queries give.
func missionTrends(t *testing.T, h *house) {
	if status, _ := callJSON(t, http.DefaultClient, "PUT", h.monitor+"/api/metric-workspaces/history", map[string]any{}); status != http.StatusCreated {
		t.Fatalf("make the workspace: %d", status)
	}
	const api, day = "/workspaces/history/prometheus", 24 * time.Hour
	end := time.Now().Truncate(10 * time.Minute)
	rate := func(at time.Time) float64 { return 100 - end.Sub(at).Hours()/4 } // one more each four hours
	var rates, success []prompb.Sample
	flush := func() {
		h.writeSeries(t, api, sampled(rates, "__name__", "gatehouse:product_requests:rate5m", "gatehouse_product", "starter"),
			sampled(success, "__name__", "gatehouse:product_success:ratio5m", "gatehouse_product", "starter"))
		rates, success = nil, nil
	}
	for at := end.Add(-8 * day); !at.After(end); at = at.Add(10 * time.Minute) {
		rates = append(rates, prompb.Sample{Timestamp: at.UnixMilli(), Value: rate(at)})
		success = append(success, prompb.Sample{Timestamp: at.UnixMilli(), Value: 0.99 + rate(at)/1e5})
		if len(rates) == 3 { // a store that is empty takes the past in order
			flush()
		}
	}
	flush()
	shown := h.shown(t, "gatehouse-trends", fmt.Sprintf("workspace=history&from=%d&to=%d&step=600s", end.Add(-2*time.Hour).Unix(), end.Unix()))
	weekAgo := rate(end.Add(-7 * day))
	for panel, want := range map[string]map[string]float64{
		"Now and a week ago":                          {"now": 100, "a week ago": weekAgo},
		"Change against a week ago":                   {"starter": 100/weekAgo - 1},
		"In a day, at the rate of the last six hours": {"starter": 106},
		"Success, now and a week ago":                 {"starter": 0.991, "starter a week ago": 0.99 + weekAgo/1e5},
	} {
		got := panelSeries(t, shown, "Requests", panel)
		if len(got) != len(want) {
			t.Errorf("%s: %d series, want %d", panel, len(got), len(want))
		}
		for _, s := range got {
			if last := s.Points[len(s.Points)-1].V; math.Abs(last-want[s.Name]) > 1e-6 {
				t.Errorf("%s, %s: %v, want %v", panel, s.Name, last, want[s.Name])
			}
		}
		h.equalsQuery(t, api, shown, panel, end)
	}
}

// equalsQuery compares what a panel shows at its end with what the Prometheus API
// gives for its queries.
func (h *house) equalsQuery(t *testing.T, api string, shown *dashboards.Shown, panel string, end time.Time) {
	t.Helper()
	for _, r := range shown.Rows {
		for _, p := range r.Panels {
			if p.Title != panel {
				continue
			}
			for _, q := range p.Queries {
				want := h.queryIn(t, api, q.Expr, float64(end.Unix()))
				if len(q.Series) == 0 || q.Series[0].Points[len(q.Series[0].Points)-1].V != want {
					t.Errorf("%s: %s shows %+v, the query gives %v", panel, q.Expr, q.Series, want)
				}
			}
		}
	}
}

type uptimeData struct {
	Months []struct {
		Month, Product   string
		From, To         time.Time
		Uptime, Requests float64
	}
	Days []struct {
		Day    string
		Uptime float64
	}
}

// P25: a report of uptime for one product behind a link that needs no account,
// cannot be guessed, only reads and ends; the figure of the month is the
// indicator of availability.
func missionUptimeReport(t *testing.T, h *house) {
	now := time.Now()
	for minute := 50; minute >= 0; minute -= 10 { // 20 good ones and a failure a minute
		var good, bad []prompb.Sample
		for m := minute; m > max(minute-10, -1); m-- {
			at := now.Add(-time.Duration(m) * time.Minute).UnixMilli()
			good, bad = append(good, prompb.Sample{Timestamp: at, Value: float64(50-m) * 20}), append(bad, prompb.Sample{Timestamp: at, Value: float64(50 - m)})
		}
		const name = "http_server_request_duration_seconds_count"
		h.writeSeries(t, "/prometheus", sampled(good, "__name__", name, "gatehouse_product", "reported", "http_response_status_code", "200"),
			sampled(bad, "__name__", name, "gatehouse_product", "reported", "http_response_status_code", "500"))
	}
	status, made := callJSON(t, http.DefaultClient, "POST", h.monitor+"/api/reports", map[string]any{"product": "reported", "expires": now.Add(24 * time.Hour).UTC().Format(time.RFC3339)})
	link, _ := made["link"].(string)
	_, token, _ := strings.Cut(link, "/reports/")
	if status != http.StatusCreated || len(token) != 43 {
		t.Fatalf("%d %v", status, made)
	}
	client := h.trusting(t)
	defer client.CloseIdleConnections()
	if got := readLink(t, client, h.secure+"/api/reports", nil); got != http.StatusUnauthorized {
		t.Errorf("the list of links without an account: %d", got)
	}
	var data uptimeData
	if got := readLink(t, client, h.secure+"/reports/"+token+"/data", &data); got != http.StatusOK {
		t.Fatalf("the report's data: %d", got)
	}
	const want = 20.0 / 21
	if len(data.Months) == 0 || len(data.Days) == 0 || math.Abs(data.Days[len(data.Days)-1].Uptime-want) > 1e-9 {
		t.Fatalf("the report: %+v", data)
	}
	for _, m := range data.Months {
		window := fmt.Sprintf("%ds", int(m.To.Sub(m.From).Seconds()))
		sli := h.queryAt(t, dashboards.Uptime("gatehouse_product", `gatehouse_product="reported"`, window), float64(m.To.UnixNano())/1e9)
		if m.Product != "reported" || math.Abs(m.Uptime-want) > 1e-9 || math.Abs(m.Uptime-sli) > 1e-12 {
			t.Errorf("%s: %v, the indicator %v, want %v", m.Month, m.Uptime, sli, want)
		}
	}
	resp, err := client.Get(h.secure + "/reports/" + token)
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if text := string(page); resp.StatusCode != http.StatusOK || !strings.Contains(text, "Uptime of reported") || !strings.Contains(text, "95.2381 %") || !strings.Contains(text, "<svg") {
		t.Errorf("the page: %s %s", resp.Status, text)
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		req, _ := http.NewRequest(method, h.secure+"/reports/"+token, nil)
		if got := send(t, client, req); got/100 == 2 {
			t.Errorf("%s of a link: %d", method, got)
		}
	}
	for what, path := range map[string]string{"another token": strings.Repeat("A", 43), "the id": made["id"].(string), "none": ""} {
		if got := readLink(t, client, h.secure+"/reports/"+path+"/data", nil); got == http.StatusOK {
			t.Errorf("%s opens a report", what)
		}
	}
	h.reportEnds(t, client, token, made["id"].(string))
}

// reportEnds: a link ends at its date, or when it is taken back.
func (h *house) reportEnds(t *testing.T, client *http.Client, token, id string) {
	t.Helper()
	_, short := callJSON(t, http.DefaultClient, "POST", h.monitor+"/api/reports", map[string]any{"product": "reported", "expires": time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339Nano)})
	_, brief, _ := strings.Cut(short["link"].(string), "/reports/")
	eventually(t, "the end of a link", func() bool {
		return readLink(t, client, h.secure+"/reports/"+brief+"/data", nil) == http.StatusNotFound
	})
	if status, _ := callJSON(t, http.DefaultClient, "POST", h.monitor+"/api/reports", map[string]any{"expires": "2020-01-01T00:00:00Z"}); status != http.StatusBadRequest {
		t.Errorf("a link that is over from the start: %d", status)
	}
	if status, _ := callJSON(t, http.DefaultClient, "DELETE", h.monitor+"/api/reports/"+id, nil); status != http.StatusNoContent {
		t.Errorf("take a link back: %d", status)
	}
	if got := readLink(t, client, h.secure+"/reports/"+token+"/data", nil); got != http.StatusNotFound {
		t.Errorf("a link that was taken back: %d", got)
	}
}

func readLink(t *testing.T, client *http.Client, url string, into any) int {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if into != nil && resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode
}
