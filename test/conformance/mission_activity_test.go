package conformance

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
