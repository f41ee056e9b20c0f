package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Rules and scraping of a workspace that is made while the process runs are
// written over the API: in force at once, kept over a restart, gone with it.
func TestMetricFiles(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "temperature 21") }))
	t.Cleanup(target.Close)
	data := t.TempDir()
	file := filepath.Join(t.TempDir(), "scrape.yml")
	if err := os.WriteFile(file, []byte("scrape_configs: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fixed := MetricWorkspaceConfig{Name: "fixed", Scrape: file}
	base, closeAll := openMetrics(t, data, fixed)
	admin := base + "/api/metric-workspaces/"
	put := func(path, body string) (int, string) {
		return send(t, "PUT", admin+path, "application/yaml", []byte(body))
	}
	job := "scrape_configs: [{job_name: room, scrape_interval: 100ms, scrape_timeout: 100ms, basic_auth: {username: u, password: hidden-7}, static_configs: [{targets: ['" + strings.TrimPrefix(target.URL, "http://") + "']}]}]\n"
	rules := "groups: [{name: g, interval: 1s, rules: [{record: doubled, expr: temperature * 2}]}]\n"
	wantStatus(t, "no workspace", 404, "no metric workspace")(put("team/scrape", job))
	wantStatus(t, "make", 201, "")(put("team", `{}`))
	wantStatus(t, "scrape", 204, "")(put("team/scrape", job))
	wantStatus(t, "rules", 204, "")(put("team/rules/doubled.yml", rules))
	query := func(base, what string) {
		t.Helper()
		eventuallyTrue(t, what, func() bool {
			status, text := send(t, "GET", base+"/workspaces/team/prometheus/api/v1/query?query=doubled", "", nil)
			return status == 200 && strings.Contains(text, `"42"`)
		})
	}
	query(base, "a rule over a scraped sample")
	for _, c := range []struct{ path, body, want string }{
		{"team/rules/doubled.yml", "groups: [{name: g, rules: [{record: doubled, expr: 'sum('}]}]", "parse error"},
		{"team/rules/..%2Fx", rules, "not a name"},
		{"team/scrape", "scrape_configs: [{job_name: x, scrape_interval: 1ms, scrape_timeout: 1ms}]", "at least 100ms"},
		{"team/scrape", "scrape_configs: [{job_name: x, bearer_token_file: /etc/passwd}]", "bearer_token_file in line 1"},
		{"team/scrape", "scrape_configs: [{job_name: x, file_sd_configs: [{files: [a.yml]}]}]", "file_sd_configs"},
		{"team/scrape", "scrape_config_files: [/etc/x]", "scrape_config_files"},
	} {
		wantStatus(t, c.body, 400, c.want)(put(c.path, c.body))
	}
	wantStatus(t, "of the settings", 409, "settings file")(put("fixed/scrape", job))
	wantStatus(t, "too large", 413, "1048576 bytes")(put("team/scrape", strings.Repeat("#", maxOwnFile+1)))
	wantStatus(t, "list", 200, `{"files":["doubled.yml"]}`)(send(t, "GET", admin+"team/rules", "", nil))
	wantStatus(t, "read", 200, "temperature * 2")(send(t, "GET", admin+"team/rules/doubled.yml", "", nil))
	status, text := send(t, "GET", admin+"team/scrape", "", nil)
	if status != 200 || !strings.Contains(text, "job_name: room") || strings.Contains(text, "hidden-7") {
		t.Errorf("scrape configuration: %d %s", status, text)
	}
	wantStatus(t, "change", 200, "")(put("team", `{"maxSeries":1000}`))
	query(base, "after a change of the workspace")
	closeAll()

	base, _ = openMetrics(t, data, fixed)
	admin = base + "/api/metric-workspaces/"
	query(base, "after a restart")
	wantStatus(t, "delete a file", 204, "")(send(t, "DELETE", admin+"team/rules/doubled.yml", "", nil))
	wantStatus(t, "delete it again", 404, "no rule file")(send(t, "DELETE", admin+"team/rules/doubled.yml", "", nil))
	wantStatus(t, "delete scraping", 204, "")(send(t, "DELETE", admin+"team/scrape", "", nil))
	wantStatus(t, "no jobs", 200, `"activeTargets":[]`)(send(t, "GET", base+"/workspaces/team/prometheus/api/v1/targets", "", nil))
	wantStatus(t, "rules again", 204, "")(put("team/rules/doubled.yml", rules))
	wantStatus(t, "delete the workspace", 204, "")(send(t, "DELETE", admin+"team?confirm=team", "", nil))
	wantStatus(t, "make again", 201, "")(put("team", `{}`))
	wantStatus(t, "without its files", 200, `{"files":[]}`)(send(t, "GET", admin+"team/rules", "", nil))
}

func eventuallyTrue(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// The limits of Azure's workspaces in the compat profile, as answers of the HTTP
// API, and what is used of them.
func TestAzureQueryLimits(t *testing.T) {
	base, _ := openMetrics(t, t.TempDir(),
		MetricWorkspaceConfig{Name: "azure", AzureCompat: true},
		MetricWorkspaceConfig{Name: "small", Query: MetricQueryConfig{UserHours: 1}, BytesPerMinute: 100},
		MetricWorkspaceConfig{Name: "tiny", Query: MetricQueryConfig{ReturnedBytes: 50}})
	azure, small := base+"/workspaces/azure/prometheus", base+"/workspaces/small/prometheus"
	wantStatus(t, "write", 204, "")(writeSample(t, azure, 1, "__name__", "m", "job", "a"))
	end := time.Now().Unix()
	ranged := fmt.Sprintf("/api/v1/query_range?query=vector(1)&start=%d&end=%d&step=60", end-3000, end)
	for _, c := range []struct {
		url    string
		status int
		want   string
	}{
		{azure + `/api/v1/query?query=m`, 200, `"1"`},
		{azure + `/api/v1/query?query={job="a"}`, 400, `"errorType":"bad_data","error":"invalid parameter \"query\": the selector {job=\"a\"} does not name one metric`},
		{azure + `/api/v1/series?match[]=m`, 200, `"job":"a"`},
		{azure + `/api/v1/series?match[]=m{job=~"a"}`, 400, `regular expression`},
		{azure + `/api/v1/series?match[]={job="a"}`, 400, `{"status":"error","errorType":"bad_data","error":"match[] does not name one metric`},
		{azure + fmt.Sprintf(`/api/v1/series?match[]=m&start=%d&end=%d`, end-86400, end), 400, `at most 12h0m0s`},
		{azure + `/api/v1/label/job/values`, 200, `["a"]`},
		{base + "/api/metric-workspaces/azure", 200, `"active_series_limit":1000000`},
		{base + "/api/metric-workspaces/azure", 200, `"samples_per_minute_limit":1000000,"requests_per_minute_limit":15000,"bytes_per_minute_limit":50000000000`},
		{base + "/api/metric-workspaces/azure", 200, `"refused":{"name":3,"range":1}`},
		{small + ranged, 200, `"success"`},
		{small + ranged, 429, `"errorType":"bad_data","error":"invalid parameter \"query\": the hours that queries ask for of an account are limited to 1 in 30s`},
		{base + "/api/metric-workspaces/small", 200, `"query_usage":{"hours":0.83`},
	} {
		wantStatus(t, c.url, c.status, c.want)(send(t, "GET", c.url, "", nil))
	}
	resp, err := http.Get(small + ranged)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	large := base + "/workspaces/tiny/prometheus/api/v1/query?query=vector(1)"
	wantStatus(t, "bytes", 200, "")(send(t, "GET", large, "", nil))
	wantStatus(t, "bytes", 429, `{"status":"error","errorType":"bad_data","error":"the bytes of answers of a workspace are limited to 50 in 30s`)(send(t, "GET", large, "", nil))
	wantStatus(t, "written bytes", 204, "")(writeSample(t, small, 1, "__name__", "m", "long", strings.Repeat("0123456789abcdef", 8)+fmt.Sprint(time.Now())))
	wantStatus(t, "written bytes", 429, "100 bytes a minute")(writeSample(t, small, 1, "__name__", "m"))
}
