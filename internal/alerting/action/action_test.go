package action

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestReadForms(t *testing.T) {
	one := `{"type": "microsoft.insights/ActionGroups", "name": "a", "properties": {"groupShortName": "a"}}`
	for name, c := range map[string]struct {
		text  string
		count int
		fault string
	}{
		"one":               {one, 1, ""},
		"byte order mark":   {"\xef\xbb\xbf" + one, 1, ""},
		"list":              {"[" + one + "," + one + "]", 2, ""},
		"template":          {`{"resources": [` + one + `, {"type": "Other/things", "name": "b"}]}`, 1, ""},
		"management answer": {`{"value": [` + one + `]}`, 1, ""},
		"no group":          {`{"resources": []}`, 0, "no resource of type"},
		"no JSON":           {`name: a`, 0, "invalid character"},
		"short name":        {`{"name": "a", "properties": {"groupShortName": "longer than twelve"}}`, 1, "groupShortName"},
		"name":              {`{"name": "a/b", "properties": {"groupShortName": "a"}}`, 1, "the name"},
		"URL":               {`{"name": "a", "properties": {"groupShortName": "a", "webhookReceivers": [{"name": "w", "serviceUri": "ftp://x/secret"}]}}`, 1, `receiver "w"`},
		"mail":              {`{"name": "a", "properties": {"groupShortName": "a", "emailReceivers": [{"name": "e", "emailAddress": "nobody"}]}}`, 1, `email receiver "e"`},
		"key":               {`{"name": "a", "properties": {"groupShortName": "a", "pagerDutyReceivers": [{"name": "p"}]}}`, 1, "integrationKey"},
	} {
		t.Run(name, func(t *testing.T) {
			groups, err := Read([]byte(c.text))
			if len(groups) != c.count || (err != nil) != (c.fault != "") || err != nil && !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%d groups, %v", len(groups), err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows the URL: %v", err)
			}
		})
	}
}

// The published shape of the common alert schema, field by field.
func TestCommonSchema(t *testing.T) {
	value := 1.5
	p := Common(Rule{Name: "g/A", Expression: "x > 1", Interval: "PT1M", Severity: 3}, Occurrence{ID: "id", Fingerprint: "f",
		Labels: map[string]string{"alertname": "A"}, Annotations: map[string]string{"summary": "s"}, Value: &value,
		Fired: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Resolved: time.Date(2026, 1, 2, 3, 9, 5, 0, time.UTC)}, nil)
	got, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"schemaId":"azureMonitorCommonAlertSchema","data":{"essentials":{` +
		`"alertId":"/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.AlertsManagement/alerts/id","alertRule":"g/A",` +
		`"severity":"Sev3","signalType":"Metric","monitorCondition":"Resolved","monitoringService":"Prometheus","alertTargetIDs":[],"configurationItems":[],` +
		`"originAlertId":"f","firedDateTime":"2026-01-02T03:04:05.0000000Z","resolvedDateTime":"2026-01-02T03:09:05.0000000Z","description":"s",` +
		`"essentialsVersion":"1.0","alertContextVersion":"1.0"},"alertContext":{"interval":"PT1M","expression":"x \u003e 1","expressionValue":1.5,` +
		`"labels":{"alertname":"A"},"annotations":{"summary":"s"},"ruleGroup":""},"customProperties":{}}}`
	if string(got) != want {
		t.Errorf("%s", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"name": "a", "properties": {"groupShortName": "a", "webhookReceivers": [{"serviceUri": "http://x"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		groups, err := Read(data)
		if err != nil {
			return
		}
		for i := range groups {
			_ = groups[i].Shown()
			_ = groups[i].Unsupported()
		}
	})
}
