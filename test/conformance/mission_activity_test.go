package conformance

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/monitor/armmonitor"

	"gatehouse/internal/activity"
)

// P17: each scrape and each query leaves who, what, when and its result, as
// Azure's own client reads it, and so does one that is refused.
func missionActivity(t *testing.T, h *house) {
	since := time.Now().UTC().Add(-time.Millisecond)
	token, _ := h.azure(t)
	ask := func(url, bearer string, want int) {
		t.Helper()
		req, err := http.NewRequest("GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", "mission-activity")
		if bearer != "" {
			req.Header.Set("Authorization", "Bearer "+bearer)
		}
		resp, err := h.trusting(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d", url, resp.StatusCode)
		}
	}
	ask(h.monitor+"/metrics", "", 200)
	ask(h.secure+"/prometheus/api/v1/query?query=up&secret=s3cret-in-query", string(token), 200)
	ask(h.secure+"/prometheus/federate?match[]=up", "wrong-token-s3cret", 401)
	want := "Microsoft.ApiManagement/service/metrics/read Scrape local user Succeeded\n" +
		"Microsoft.Monitor/accounts/data/federate/read Scrape unknown Failed\n" +
		"Microsoft.Monitor/accounts/data/metrics/read Query admin token Succeeded"
	var got string
	eventually(t, "three records", func() bool { // a record is written when its request ends
		got = h.activities(t, since)
		return strings.Count(got, "\n") == 2
	})
	if got != want {
		t.Errorf("got\n%s", got)
	}
	dir := filepath.Join(h.data, "activity")
	if v, err := activity.Verify(dir); err != nil || v.Records < 3 {
		t.Errorf("%+v %v", v, err)
	}
	for _, secret := range []string{"s3cret", string(token)} {
		if found := grepFolder(t, dir, secret); found != "" {
			t.Errorf("a secret stands in %s", found)
		}
	}
}

// activities are the records of this test's requests, in the order of their words.
func (h *house) activities(t *testing.T, since time.Time) string {
	t.Helper()
	token, options := h.azure(t)
	client, err := armmonitor.NewActivityLogsClient(subscription, token, options)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	pager := client.NewListPager("eventTimestamp ge '"+since.Format(time.RFC3339Nano)+"' and eventTimestamp le '"+time.Now().UTC().Format(time.RFC3339Nano)+"'", nil)
	for pager.More() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Value {
			if *e.Properties["userAgent"] != "mission-activity" {
				continue
			}
			if e.EventTimestamp.Before(since) || *e.HTTPRequest.ClientIPAddress != "127.0.0.1" {
				t.Errorf("%+v", e)
			}
			got = append(got, *e.OperationName.Value+" "+*e.Category.Value+" "+*e.Caller+" "+*e.Status.Value)
		}
	}
	slices.Sort(got)
	return strings.Join(got, "\n")
}

// grepFolder names a file that has the text in it.
func grepFolder(t *testing.T, dir, text string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if data, err := os.ReadFile(path); err != nil || strings.Contains(string(data), text) {
			return path
		}
	}
	return ""
}

// A43: each request stands in a log of its own, sampled or not, whose records and
// gaps together are all requests that were counted, and whose chain is whole.
func missionAudit(t *testing.T, h *house) {
	const n = 40
	for range n {
		h.call(t, "GET", "/audited/nowhere?key=s3cret-of-the-query", "", "Authorization", "Bearer s3cret-of-the-caller")
	}
	eventually(t, "a record of each request", func() bool {
		var newest struct {
			Value []struct{ Properties map[string]string }
		}
		h.get(t, "/api/audit?operation=gatewaylogs&limit=1000", &newest)
		count := 0
		for _, e := range newest.Value {
			count += b2i(e.Properties["path"] == "/audited/nowhere")
		}
		return count == n
	})
	dir := filepath.Join(h.data, "audit")
	var all, sent float64
	eventually(t, "as many records and missing ones as requests", func() bool { // others may send some meanwhile
		sent = 0
		for _, m := range h.expose(t)["gatehouse_telemetry_exchanges_total"].GetMetric() {
			sent += m.GetCounter().GetValue()
		}
		all = h.audited(t, dir)
		return all == sent
	})
	if found := grepFolder(t, dir, "s3cret"); found != "" {
		t.Errorf("a secret stands in %s", found)
	}
}

// audited counts the records of the chain and those that are missing in it.
func (h *house) audited(t *testing.T, dir string) float64 {
	t.Helper()
	v, err := activity.Verify(dir)
	if err != nil || v.First != 1 {
		t.Fatalf("%+v %v", v, err)
	}
	var gaps struct {
		Value []struct{ Properties map[string]string }
	}
	h.get(t, "/api/audit?operation=gap&limit=1000", &gaps)
	all := float64(v.Records)
	for _, g := range gaps.Value {
		lost, err := strconv.Atoi(g.Properties["lost"])
		if err != nil {
			t.Error(err)
		}
		all += float64(lost - 1)
	}
	return all
}
