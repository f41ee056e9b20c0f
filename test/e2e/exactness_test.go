package e2e

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// answering replies itself: a failure when the id says so.
const answering = `<policies><inbound><base/><choose>
<when condition="@(context.Request.MatchedParameters["id"] == "fail")"><return-response><set-status code="500" reason="Failed"/></return-response></when>
<otherwise><return-response><set-status code="200" reason="OK"/></return-response></otherwise>
</choose></inbound><backend><base/></backend><outbound><base/></outbound><on-error><base/></on-error></policies>`

// sampled is a folder with an API for each percentage, all keeping failures.
func sampled(percentages []int) map[string]string {
	files := service("http://127.0.0.1:1", map[string]string{
		"loggers/insights/loggerInformation.json": `{"properties":{"loggerType":"applicationInsights"}}`,
	})
	for _, p := range percentages {
		dir := fmt.Sprintf("apis/at-%d/", p)
		files[dir+"apiInformation.json"] = strings.Replace(strings.Replace(files["apis/api/apiInformation.json"], `"path":"api"`, fmt.Sprintf(`"path":"at-%d"`, p), 1), "Test API", fmt.Sprint("At ", p), 1)
		files[dir+"specification.yaml"] = files["apis/api/specification.yaml"]
		files[dir+"policy.xml"] = answering
		files[dir+"diagnostics/applicationinsights/diagnosticInformation.json"] = fmt.Sprintf(`{"properties":{"loggerId":"/loggers/insights","alwaysLog":"allErrors","sampling":{"samplingType":"fixed","percentage":%d}}}`, p)
	}
	return files
}

// 10,000 requests at each percentage, 500 of which fail: all failures are kept,
// and the others weighted by item_count are what was sent, within the bounds of
// the binomial distribution.
func TestSampledCountsAreExact(t *testing.T) {
	percentages := []int{0, 1, 10, 50, 100}
	const total, failures = 10_000, 500
	// Nothing is dropped: all rows together fit the queue and the writer's batches.
	config := folder(t, map[string]string{"gatehouse.yaml": "telemetry: {queueSize: 60000}\n"}) + "/gatehouse.yaml"
	p := start(t, "", "--service", folder(t, sampled(percentages)), "--config", config)
	var work []string
	for i := range total {
		for _, percent := range percentages {
			id := "ok"
			if i%(total/failures) == 0 {
				id = "fail"
			}
			work = append(work, fmt.Sprintf("%s/at-%d/items/%s", p.gateway, percent, id))
		}
	}
	loadAll(t, work)
	p.wait("the counter in PromQL", func() bool {
		return p.query("sum(http_server_request_duration_seconds_count)") >= float64(len(work))
	})
	if dropped := p.query(`sum(gatehouse_telemetry_dropped_total)`); dropped != 0 {
		t.Fatalf("%v were dropped", dropped)
	}
	for _, percent := range percentages {
		const want = total - failures
		rate := float64(percent) / 100
		bound := 0.0
		if percent > 0 {
			bound = 5 * math.Sqrt(want*rate*(1-rate)) / rate
		}
		var all, failed traceList
		// The last rows are on their way for a moment.
		p.wait(fmt.Sprintf("the records at %d %%", percent), func() bool {
			p.get(fmt.Sprintf("/api/traces/search?limit=1&api=at-%d&status=error", percent), &failed)
			p.get(fmt.Sprintf("/api/traces/search?limit=1&api=at-%d", percent), &all)
			others := all.Total - failed.Total
			return failed.Total == failures && (percent == 0 || math.Abs(float64(others-want)) <= bound)
		})
		t.Logf("%3d %%: %d failures, the others are counted as %d of %d", percent, failed.Total, all.Total-failed.Total, want)
		if percent == 0 && all.Total != failures {
			t.Errorf("0 %%: %d records beside the failures", all.Total-failures)
		}
	}
}

// loadAll calls all URLs over 16 connections.
func loadAll(t *testing.T, urls []string) {
	t.Helper()
	var failed atomic.Int64
	var next atomic.Int64
	var wg sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	for range 16 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(urls); i = int(next.Add(1)) - 1 {
				resp, err := client.Get(urls[i])
				if err != nil {
					failed.Add(1)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 {
		t.Fatalf("%d of %d requests failed", failed.Load(), len(urls))
	}
}

// A client that leaves makes its request unsuccessful, though the backend
// answered well; three attempts are three calls of one request.
func TestCutsAndRetriesAreSeen(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/items/") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1000)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(backend.Close)
	files := service(backend.URL, map[string]string{
		"loggers/insights/loggerInformation.json":                    `{"properties":{"loggerType":"applicationInsights"}}`,
		"diagnostics/applicationinsights/diagnosticInformation.json": `{"properties":{"loggerId":"/loggers/insights","sampling":{"percentage":0},"alwaysLog":"allErrors"}}`,
		"apis/api/operations/get-item/policy.xml":                    `<policies><inbound><base/></inbound><backend><retry condition="@(context.Response.StatusCode == 503)" count="2" interval="0"><forward-request/></retry></backend><outbound><base/></outbound><on-error><base/></on-error></policies>`,
	})
	p := start(t, "", "--service", folder(t, files))
	const cut, retried = "11111111111111111111111111111111", "22222222222222222222222222222222"
	req, _ := http.NewRequestWithContext(t.Context(), "GET", p.gateway+"/api/endless", nil)
	req.Header.Set("Traceparent", "00-"+cut+"-00f067aa0ba902b7-01")
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 5000)); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if status, _, body := p.call("GET", "/api/items/1", nil, "Traceparent", "00-"+retried+"-00f067aa0ba902b7-01"); status != 503 {
		t.Fatal(status, body)
	}
	tree := p.trace(cut)
	if r := tree.Spans[0].Request; r["outcome"] != "client-closed" || r["status"] != 200.0 || r["error_source"] != "transfer-response" || r["item_count"] != 1.0 {
		t.Errorf("the cut request: %v", r)
	}
	var attempts []float64
	for _, s := range p.trace(retried).Spans {
		if s.Call != nil {
			attempts = append(attempts, s.Call["attempt"].(float64))
		}
	}
	if slices.Sort(attempts); !slices.Equal(attempts, []float64{1, 2, 3}) {
		t.Errorf("attempts %v", attempts)
	}
}

// trace waits for a trace and reads it.
func (p *process) trace(id string) (out traceTree) {
	p.t.Helper()
	p.wait("trace "+id, func() bool {
		out = traceTree{}
		return p.get("/api/traces/"+id, &out) == http.StatusOK && len(out.Spans) > 0
	})
	return out
}
