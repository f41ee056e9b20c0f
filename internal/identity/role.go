package identity

import "strings"

// Role is a set of actions. In patterns * stands for any characters, and case
// does not count.
type Role struct {
	Name           string   `yaml:"name"`
	ID             string   `yaml:"id"`
	Actions        []string `yaml:"actions"`
	NotActions     []string `yaml:"notActions"`
	DataActions    []string `yaml:"dataActions"`
	NotDataActions []string `yaml:"notDataActions"`
}

// grants says whether a role has an action, which is in lower case.
func (r *Role) grants(action string, data bool) bool {
	if data {
		return anyMatch(r.DataActions, action) && !anyMatch(r.NotDataActions, action)
	}
	return anyMatch(r.Actions, action) && !anyMatch(r.NotActions, action)
}

func anyMatch(patterns []string, action string) bool {
	for _, p := range patterns {
		if match(fold(p), action) {
			return true
		}
	}
	return false
}

// match compares an action with a pattern, both in lower case.
func match(pattern, action string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == action
	}
	if !strings.HasPrefix(action, head) {
		return false
	}
	action = action[len(head):]
	for {
		part, next, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(action, part)
		}
		at := strings.Index(action, part)
		if at < 0 {
			return false
		}
		action, rest = action[at+len(part):], next
	}
}

// readOnly says whether a role changes nothing here: its actions end in /read,
// or ask for support or search, which the services of Azure do.
func (r *Role) readOnly() bool {
	for _, p := range append(append([]string(nil), r.Actions...), r.DataActions...) {
		if p = fold(p); !strings.HasSuffix(p, "/read") && !harmless[p] {
			return false
		}
	}
	return true
}

// harmless are actions of Azure's reading roles that do not end in /read and
// that no route here needs.
var harmless = map[string]bool{"microsoft.operationalinsights/workspaces/search/action": true, "microsoft.support/*": true}

func fold(text string) string { return strings.ToLower(text) }

// foldScope gives a scope the form in which scopes are compared.
func foldScope(scope string) string { return "/" + strings.Trim(fold(scope), "/") }

// BuiltIn are Azure's roles with their ids, of which those that concern gateways
// and monitoring are carried.
func BuiltIn() []Role {
	shared := []string{"Microsoft.Authorization/*/read", "Microsoft.Insights/alertRules/*", "Microsoft.ResourceHealth/availabilityStatuses/read",
		"Microsoft.Resources/deployments/*", "Microsoft.Resources/subscriptions/resourceGroups/read", "Microsoft.Support/*"}
	with := func(first ...string) []string { return append(first, shared...) }
	return []Role{
		{Name: "Owner", ID: "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", Actions: []string{"*"}},
		{Name: "Contributor", ID: "b24988ac-6180-42a0-ab88-20f7382dd24c", Actions: []string{"*"}, NotActions: []string{
			"Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write", "Microsoft.Authorization/elevateAccess/Action",
			"Microsoft.Blueprint/blueprintAssignments/write", "Microsoft.Blueprint/blueprintAssignments/delete", "Microsoft.Compute/galleries/share/action",
			"Microsoft.Purview/consents/write", "Microsoft.Purview/consents/delete"}},
		{Name: "Reader", ID: "acdd72a7-3385-48ef-bd42-f606fba81ae7", Actions: []string{"*/read"}},
		{Name: "Monitoring Reader", ID: "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
			Actions: []string{"*/read", "Microsoft.OperationalInsights/workspaces/search/action", "Microsoft.Support/*"}},
		{Name: "Monitoring Data Reader", ID: "b0d8363b-8ddd-447d-831f-62ca05bff136", DataActions: []string{"Microsoft.Monitor/accounts/data/metrics/read"}},
		{Name: "Monitoring Metrics Publisher", ID: "3913510d-42f4-4e42-8a64-420c390055eb",
			Actions:     []string{"Microsoft.Insights/Register/Action", "Microsoft.Support/*", "Microsoft.Resources/subscriptions/resourceGroups/read"},
			DataActions: []string{"Microsoft.Insights/Metrics/Write", "Microsoft.Insights/Telemetry/Write"}},
		{Name: "Monitoring Contributor", ID: "749f88d5-cbae-40b8-bcfc-e573ddc772fa", Actions: monitoringContributor()},
		{Name: "API Management Service Contributor", ID: "312a565d-c81f-4fd8-895a-4e21e48d571c", Actions: with("Microsoft.ApiManagement/service/*")},
		{Name: "API Management Service Operator Role", ID: "e022efe7-f5ba-4159-bbe4-b44f577e9b61", NotActions: []string{"Microsoft.ApiManagement/service/users/keys/read"},
			Actions: with("Microsoft.ApiManagement/service/*/read", "Microsoft.ApiManagement/service/backup/action", "Microsoft.ApiManagement/service/delete",
				"Microsoft.ApiManagement/service/managedeployments/action", "Microsoft.ApiManagement/service/read", "Microsoft.ApiManagement/service/restore/action",
				"Microsoft.ApiManagement/service/updatecertificate/action", "Microsoft.ApiManagement/service/updatehostname/action", "Microsoft.ApiManagement/service/write")},
		{Name: "API Management Service Reader Role", ID: "71522526-b88f-4d52-b57f-d31fc3546d0d", NotActions: []string{"Microsoft.ApiManagement/service/users/keys/read"},
			Actions: with("Microsoft.ApiManagement/service/*/read", "Microsoft.ApiManagement/service/read")},
	}
}

func monitoringContributor() []string {
	out := []string{"*/read", "Microsoft.Insights/Register/Action", "Microsoft.OperationalInsights/workspaces/write",
		"Microsoft.OperationalInsights/workspaces/search/action", "Microsoft.OperationalInsights/workspaces/sharedKeys/action", "Microsoft.Support/*"}
	for provider, types := range map[string][]string{
		"Microsoft.AlertsManagement/": {"actionRules", "alerts", "alertsSummary", "investigations", "migrateFromSmartDetection", "prometheusRuleGroups", "smartDetectorAlertRules", "smartGroups"},
		"Microsoft.Insights/": {"actiongroups", "activityLogAlerts", "AlertRules", "components", "createNotifications", "dataCollectionEndpoints", "dataCollectionRules",
			"dataCollectionRuleAssociations", "DiagnosticSettings", "eventtypes", "LogDefinitions", "metricalerts", "MetricDefinitions", "Metrics", "notificationStatus",
			"privateLinkScopes", "privateLinkScopeOperationStatuses", "scheduledqueryrules", "webtests", "workbooks", "workbooktemplates"},
		"Microsoft.Monitor/":                        {"accounts", "investigations"},
		"Microsoft.OperationalInsights/workspaces/": {"intelligencepacks", "savedSearches", "storageinsightconfigs"},
	} {
		for _, t := range types {
			out = append(out, provider+t+"/*")
		}
	}
	return out
}
