package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/monitor/armmonitor"
)

// adminToken is a credential for Azure's clients.
type adminToken string

func (a adminToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(a), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// azure gives what Azure's clients need to manage this Gatehouse.
func (h *house) azure(t *testing.T) (adminToken, *arm.ClientOptions) {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(h.data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	return adminToken(strings.TrimSpace(string(token))), &arm.ClientOptions{DisableRPRegistration: true, ClientOptions: azcore.ClientOptions{Transport: h.trusting(t),
		Cloud: cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: h.secure, Audience: "https://management.azure.com"}}}}}
}

const (
	subscription = "11111111-2222-3333-4444-555555555555"
	ruleGroupAt  = "/subscriptions/" + subscription + "/resourcegroups/ops/providers/Microsoft.AlertsManagement/prometheusRuleGroups/"
	groupBody    = `{"location": "westeurope", "tags": {"team": "mission"}, "properties": {"scopes": ["/subscriptions/` + subscription +
		`/resourceGroups/ops/providers/Microsoft.Monitor/accounts/elsewhere"], "interval": "PT1M", "rules": [{"record": "mission:managed", "expression": "vector(7)"},
		{"alert": "Managed", "expression": "vector(1)", "severity": 2, "actions": [{"actionGroupId": "` + actionGroupAt + `"}]}]}}`
	actionGroupAt = "/subscriptions/" + subscription + "/resourceGroups/ops/providers/Microsoft.Insights/actionGroups/managed"
)

// M18: a rule group is written, put in force, read back, changed and removed as a
// resource, beside an action group and a log search rule that Azure's own client
// manages.
func missionRuleGroups(t *testing.T, h *house) {
	missionAzureClient(t, h)
	group := func(method, body string, want int) (out map[string]any) {
		t.Helper()
		req, err := http.NewRequest(method, h.monitor+ruleGroupAt+"mission?api-version=2023-03-01", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_ = json.NewDecoder(resp.Body).Decode(&out)
		if resp.StatusCode != want {
			t.Fatalf("%s: %d %v", method, resp.StatusCode, out)
		}
		return out
	}
	if out := group("PUT", groupBody, http.StatusConflict); !strings.Contains(compactOf(t, out), "a resource of a file") {
		t.Error(out)
	}
	at := strings.Replace(ruleGroupAt, "prometheusRuleGroups/", "prometheusRuleGroups/managed-", 1)
	var got struct{ Properties, Tags json.RawMessage }
	put := func(body string, want int) {
		t.Helper()
		h.monitorCall(t, "PUT", at+"mission?api-version=2023-03-01", body, want)
	}
	put(strings.Replace(groupBody, `"vector(7)"`, `"vector("`, 1), http.StatusBadRequest)
	put(groupBody, http.StatusCreated)
	h.get(t, at+"mission?api-version=2023-03-01", &got)
	var sent struct{ Properties json.RawMessage }
	if err := json.Unmarshal([]byte(groupBody), &sent); err != nil || compact(t, got.Properties) != compact(t, sent.Properties) {
		t.Errorf("read back: %s", got.Properties)
	}
	if got := h.managedRules(t); got != "vector(7) vector(1) " {
		t.Errorf("in force: %q", got)
	}
	put(strings.Replace(groupBody, "vector(7)", "vector(8)", 1), http.StatusOK)
	if got := h.managedRules(t); got != "vector(8) vector(1) " {
		t.Errorf("in force after the change: %q", got)
	}
	h.monitorCall(t, "DELETE", at+"mission?api-version=2023-03-01", "", http.StatusOK)
	if got := h.managedRules(t); got != "" {
		t.Errorf("in force after the end: %q", got)
	}
}

// managedRules are the expressions of the group that was written, in order.
func (h *house) managedRules(t *testing.T) (out string) {
	t.Helper()
	var list ruleList
	h.get(t, "/prometheus/api/v1/rules", &list)
	for _, g := range list.Data.Groups {
		for _, r := range g.Rules {
			if g.Name == "managed-mission" {
				out += r.Query + " "
			}
		}
	}
	return out
}

func compact(t *testing.T, data []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return compactOf(t, v)
}

func compactOf(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// missionAzureClient writes, reads, lists, changes and removes an action group
// and a log search rule with armmonitor.
func missionAzureClient(t *testing.T, h *house) {
	token, options := h.azure(t)
	ctx := t.Context()
	groups, err := armmonitor.NewActionGroupsClient(subscription, token, options)
	if err != nil {
		t.Fatal(err)
	}
	group := armmonitor.ActionGroupResource{Location: to.Ptr("Global"), Properties: &armmonitor.ActionGroup{Enabled: to.Ptr(true), GroupShortName: to.Ptr("managed"),
		WebhookReceivers: []*armmonitor.WebhookReceiver{{Name: to.Ptr("hook"), ServiceURI: to.Ptr(h.alerts.server.URL + "/managed"), UseCommonAlertSchema: to.Ptr(true)}}}}
	made, err := groups.CreateOrUpdate(ctx, "ops", "managed", group, nil)
	if err != nil || *made.ID != actionGroupAt {
		t.Fatalf("%+v %v", made, err)
	}
	if read, err := groups.Get(ctx, "ops", "Managed", nil); err != nil || *read.Properties.WebhookReceivers[0].ServiceURI != h.alerts.server.URL+"/managed" {
		t.Errorf("%+v %v", read, err)
	}
	if patched, err := groups.Update(ctx, "ops", "managed", armmonitor.ActionGroupPatchBody{Properties: &armmonitor.ActionGroupPatch{Enabled: to.Ptr(false)}}, nil); err != nil || *patched.Properties.Enabled ||
		*patched.Properties.GroupShortName != "managed" {
		t.Errorf("%+v %v", patched, err)
	}
	group.Properties.GroupShortName = to.Ptr("longer than twelve")
	var refused *azcore.ResponseError
	if _, err := groups.CreateOrUpdate(ctx, "ops", "managed", group, nil); !errors.As(err, &refused) || refused.StatusCode != 400 || refused.ErrorCode != "ValidationError" {
		t.Errorf("a name that is too long: %v", err)
	}
	missionLogSearchClient(t, h)
	if page, err := groups.NewListBySubscriptionIDPager(nil).NextPage(ctx); err != nil || len(page.Value) != 1 || *page.Value[0].Name != "managed" {
		t.Errorf("%+v %v", page, err)
	}
	if _, err := groups.Delete(ctx, "ops", "managed", nil); err != nil {
		t.Error(err)
	}
}

func missionLogSearchClient(t *testing.T, h *house) {
	token, options := h.azure(t)
	ctx := t.Context()
	rules, err := armmonitor.NewScheduledQueryRulesClient(subscription, token, options)
	if err != nil {
		t.Fatal(err)
	}
	criterion := &armmonitor.Condition{Query: to.Ptr("requests | where name == 'none'"), TimeAggregation: to.Ptr(armmonitor.TimeAggregationCount),
		Operator: to.Ptr(armmonitor.ConditionOperatorGreaterThan), Threshold: to.Ptr(5.0)}
	rule := armmonitor.ScheduledQueryRuleResource{Location: to.Ptr("westeurope"), Properties: &armmonitor.ScheduledQueryRuleProperties{Severity: to.Ptr(armmonitor.AlertSeverityOne),
		EvaluationFrequency: to.Ptr("PT5M"), WindowSize: to.Ptr("PT5M"), Criteria: &armmonitor.ScheduledQueryRuleCriteria{AllOf: []*armmonitor.Condition{criterion}},
		Actions: &armmonitor.Actions{ActionGroups: []*string{to.Ptr(actionGroupAt)}}}}
	if _, err := rules.CreateOrUpdate(ctx, "ops", "managed logs", rule, nil); err != nil {
		t.Fatal(err)
	}
	var states struct {
		Rules []struct{ Name, State string }
	}
	eventually(t, "an evaluation", func() bool {
		h.get(t, "/api/log-search-rules", &states)
		for _, r := range states.Rules {
			if r.Name == "managed logs" && r.State == "healthy" {
				return true
			}
		}
		return false
	})
	criterion.Query = to.Ptr("requests | where nonsense == 1")
	if _, err := rules.CreateOrUpdate(ctx, "ops", "managed logs", rule, nil); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("a faulty query: %v", err)
	}
	if read, err := rules.Get(ctx, "ops", "managed logs", nil); err != nil || *read.Properties.Criteria.AllOf[0].Query != "requests | where name == 'none'" {
		t.Errorf("%+v %v", read, err)
	}
	if _, err := rules.Delete(ctx, "ops", "managed logs", nil); err != nil {
		t.Error(err)
	}
}
