package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

// kql asks the default workspace and gives the rows of the answer.
func (h *house) kql(t *testing.T, query string) [][]any {
	t.Helper()
	return h.kqlIn(t, "default", query)
}

// kqlIn asks one workspace.
func (h *house) kqlIn(t *testing.T, workspace, query string) [][]any {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"query": query})
	resp, err := http.Post(h.monitor+"/v1/apps/"+workspace+"/query", "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(resp.Body)
	var out struct{ Tables []struct{ Rows [][]any } }
	if err := json.Unmarshal(data, &out); err != nil || resp.StatusCode != http.StatusOK || len(out.Tables) == 0 {
		t.Fatalf("%s: %d %v\n%s", query, resp.StatusCode, err, data)
	}
	return out.Tables[0].Rows
}

// exceptions waits for the exceptions of an operation: type, problem, method,
// message, and the id of what it happened in.
func (h *house) exceptions(t *testing.T, operation string) (rows [][]any) {
	t.Helper()
	eventually(t, "the exceptions of "+operation, func() bool {
		rows = h.kql(t, fmt.Sprintf("exceptions | where operation_Id == '%s' | project type, problemId, method, outerMessage, operation_ParentId", operation))
		return len(rows) > 0
	})
	return rows
}

// A29: a client that leaves is an exception with that reason.
func missionLeftException(t *testing.T, h *house) {
	id := newTraceID(t)
	req, _ := http.NewRequest("GET", h.gateway+"/abandoned/endless", nil)
	req.Header.Set("Traceparent", parent(id))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	rows := h.exceptions(t, id)
	if len(rows) != 1 || rows[0][0] != "ClientConnectionFailure" || rows[0][4] == "" {
		t.Errorf("%v", rows)
	}
	got := h.kql(t, fmt.Sprintf("requests | where operation_Id == '%s' | project success", id))
	if len(got) != 1 || got[0][0] != "False" {
		t.Errorf("success of the request: %v", got)
	}
}

// A30: a policy that fails is an exception that says which, and where it stands.
func missionPolicyException(t *testing.T, h *house) {
	id := newTraceID(t)
	if a := h.call(t, "GET", "/broken/items/1", "", "Traceparent", parent(id)); a.status != http.StatusInternalServerError {
		t.Fatal(a.status, a.body)
	}
	rows := h.exceptions(t, id)
	if len(rows) != 1 || rows[0][0] != "ExpressionValueEvaluationFailure" || rows[0][1] != "ExpressionValueEvaluationFailure at set-variable" {
		t.Fatalf("%v", rows)
	}
	if where := fmt.Sprint(rows[0][2]); !strings.Contains(where, "api") || !strings.Contains(where, "inbound") || !strings.Contains(where, "set-variable") {
		t.Errorf("where: %s", where)
	}
}

// A31: each class of failing answers is one exception; others are none.
func missionStatusException(t *testing.T, h *house) {
	ids := map[int]string{}
	for _, status := range []int{200, 302, 404, 503} {
		ids[status] = newTraceID(t)
		h.call(t, "GET", fmt.Sprintf("/plain/items/1?status=%d", status), "", "Traceparent", parent(ids[status]))
	}
	for _, status := range []int{404, 503} {
		rows := h.exceptions(t, ids[status])
		if len(rows) != 1 || rows[0][0] != fmt.Sprint(status) || rows[0][1] != fmt.Sprintf("%d at forward-request", status) {
			t.Errorf("%d: %v", status, rows)
		}
	}
	h.settled(t)
	for _, status := range []int{200, 302} {
		if rows := h.kql(t, fmt.Sprintf("exceptions | where operation_Id == '%s'", ids[status])); len(rows) != 0 {
			t.Errorf("%d: %v", status, rows)
		}
	}
}

// A44: half of the requests give the count, the share of failures and the 90th
// percentile of all of them, each within five standard errors of the sample.
func missionSampledRates(t *testing.T, h *house) {
	const n, failures, p = 3000, 600, 0.5
	h.load(t, n-failures, "/thinned/items/1", http.StatusOK)
	h.load(t, failures, "/thinned/items/1?status=503", http.StatusServiceUnavailable)
	h.settled(t)
	rows := h.kql(t, "requests | where operation_Name startswith 'thinned;' | summarize total = sum(itemCount), failed = sumif(itemCount, resultCode == '503'), p90 = percentile(duration, 90), kept = count()")
	total, failed, p90, kept := rows[0][0].(float64), rows[0][1].(float64), rows[0][2].(float64), rows[0][3].(float64)
	deviation := 5 * math.Sqrt(n*(1-p)/p)
	if math.Abs(total-n) > deviation || kept > 0.6*n {
		t.Errorf("%v of %d requests, from %v rows: the bound is %v", total, n, kept, deviation)
	}
	if share, bound := failed/total, 5*math.Sqrt(0.2*0.8/kept); math.Abs(share-float64(failures)/n) > bound {
		t.Errorf("share of failures %v, want 0.2 within %v", share, bound)
	}
	// How many of all requests, which the metrics count, were at most as slow as
	// the sample's percentile says.
	below := fmt.Sprintf(`histogram_fraction(0, %g, sum(http_server_request_duration_seconds{gatehouse_api="thinned"}))`, p90/1000)
	eventually(t, "the counter", func() bool {
		return h.query(t, `sum(http_server_request_duration_seconds_count{gatehouse_api="thinned"})`) == n
	})
	if got, bound := h.query(t, below), 5*math.Sqrt(0.9*0.1/kept)+0.01; math.Abs(got-0.9) > bound {
		t.Errorf("the sample's 90th percentile is %v ms: %v of all requests are below it, want 0.9 within %v", p90, got, bound)
	}
}

// A47: the same rows are in the classic and the workspace's table.
func missionBothNames(t *testing.T, h *house) {
	id := newTraceID(t)
	h.call(t, "GET", "/kept/items/1?status=404", "", "Traceparent", parent(id))
	h.exceptions(t, id)
	for classic, workspace := range map[string]string{"requests": "AppRequests", "dependencies": "AppDependencies", "exceptions": "AppExceptions"} {
		old := h.kql(t, fmt.Sprintf("%s | where operation_Id == '%s' | project itemId, timestamp, operation_Name, cloud_RoleName", classic, id))
		now := h.kql(t, fmt.Sprintf("%s | where OperationId == '%s' | project _ItemId, TimeGenerated, OperationName, AppRoleName", workspace, id))
		if len(old) != 1 || fmt.Sprint(old) != fmt.Sprint(now) {
			t.Errorf("%s: %v\n%s: %v", classic, old, workspace, now)
		}
	}
}

// A48: the connection string that a workspace shows is all that a client needs.
func missionConnectionString(t *testing.T, h *house) {
	var out struct {
		Workspaces []struct {
			Name             string
			ConnectionString string `json:"connection_string"`
		}
	}
	client := h.trusting(t)
	secret, err := os.ReadFile(filepath.Join(h.data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequest("GET", h.secure+"/api/workspaces", nil)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(secret)))
	shown, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer shown.Body.Close()
	if err := json.NewDecoder(shown.Body).Decode(&out); err != nil || len(out.Workspaces) == 0 {
		t.Fatal(shown.StatusCode, err, out)
	}
	c, err := telemetry.ParseConnectionString(out.Workspaces[0].ConnectionString)
	if err != nil {
		t.Fatal(err)
	}
	item := fmt.Sprintf(`{"name":"Microsoft.ApplicationInsights.Event","time":%q,"iKey":%q,"data":{"baseType":"EventData","baseData":{"ver":2,"name":"by connection string"}}}`,
		time.Now().UTC().Format(time.RFC3339Nano), c.InstrumentationKey)
	resp, err := client.Post(strings.TrimSuffix(c.IngestionEndpoint, "/")+"/v2.1/track", "application/json", strings.NewReader(item))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"itemsAccepted":1`) {
		t.Fatal(resp.StatusCode, string(answer))
	}
	eventually(t, "the event", func() bool { return len(h.kql(t, "customEvents | where name == 'by connection string'")) == 1 })
}
