package azure_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"gatehouse/internal/rules/azure"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

const full = `{
 "parameters": {"cluster": {"type": "string"}, "where": {"defaultValue": "[resourceGroup().location]"}},
 "variables": {"name": "[last(split(parameters('cluster'), '/'))]", "title": "[concat('It''s ', variables('name'), ' - ', split(parameters('cluster'),'/')[1])]"},
 "resources": [
  {"type": "Microsoft.Storage/storageAccounts", "name": "[unknown('x')]"},
  {"type": "Microsoft.AlertsManagement/prometheusRuleGroups", "apiVersion": "2023-03-01", "name": "[concat('g-', variables('name'))]", "location": "[parameters('where')]", "tags": {"a": "b"},
   "properties": {"description": "[variables('title')]", "enabled": true, "clusterName": "c", "scopes": ["[parameters('cluster')]"], "interval": "PT1M", "rules": [
    {"record": "off:first", "expression": "up", "enabled": false},
    {"record": "a:b", "expression": "sum by (job) (up{x=\"[y]\"})", "labels": {"l": "[[v]"}},
    {"record": "off:middle", "expression": "up", "enabled": false},
    {"alert": "Down", "expression": "up == 0\nor absent(up)", "for": "PT05M", "severity": 3, "annotations": {"summary": "{{ $labels.job }}: # no\ncomment"},
     "resolveConfiguration": {"autoResolved": true, "timeToResolve": "PT10M"}, "actions": [{"actionGroupId": "id", "actionProperties": {"p": "q"}}]},
    {"alert": "Never", "expression": "up == 0", "resolveConfiguration": {"autoResolved": false}, "actions": {"actionGroups": ["one", "two"]}},
    {"record": "off:last", "expression": "up", "enabled": false}]}},
  {"type": "microsoft.alertsmanagement/prometheusrulegroups", "name": "whole", "properties": {"enabled": false, "scopes": ["w"], "rules": [{"record": "x:y", "expression": "up"}]}}]}`

func TestThereAndBack(t *testing.T) {
	groups, err := azure.Read([]byte(full), map[string]any{"cluster": "a/b/c", "location": "north"})
	if err != nil {
		t.Fatal(err)
	}
	if len(groups) != 2 || groups[0].Name != "g-c" || groups[0].Location != "north" || groups[0].Properties.Description != "It's c - b" || groups[0].Properties.Rules[1].Expression != `sum by (job) (up{x="[y]"})` {
		t.Fatalf("%+v", groups)
	}
	file, err := azure.ToPrometheus(groups)
	if err != nil {
		t.Fatal(err)
	}
	parsed, errs := rulefmt.Parse(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatalf("%v\n%s", errs, file)
	}
	if r := parsed.Groups[0].Rules; len(r) != 3 || r[1].For.String() != "5m" || r[1].KeepFiringFor.String() != "10m" || len(parsed.Groups[1].Rules) != 0 {
		t.Errorf("%+v", parsed.Groups)
	}
	back, err := azure.FromPrometheus(file, azure.Defaults{Scopes: []string{"other"}, ActionGroup: "other"})
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	same(t, groups, back, file)
	template, err := azure.Template(back)
	if err != nil {
		t.Fatal(err)
	}
	again, err := azure.Read(template, nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, groups, again, template)
}

func same(t *testing.T, want, got []azure.Group, text []byte) {
	t.Helper()
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	if !reflect.DeepEqual(string(a), string(b)) {
		t.Errorf("want\n%s\ngot\n%s\nof\n%s", a, b, text)
	}
}

func TestFromPlainFile(t *testing.T) {
	groups, err := azure.FromPrometheus([]byte("groups: [{name: g, interval: 2m, rules: [{alert: A, expr: up == 0, for: 90s, keep_firing_for: 1h}]}]"),
		azure.Defaults{Scopes: []string{"w"}, ClusterName: "c", Location: "l", ActionGroup: "x"})
	if err != nil {
		t.Fatal(err)
	}
	r := groups[0].Properties.Rules[0]
	if groups[0].Properties.Interval != "PT2M" || r.For != "PT90S" || r.Resolve.TimeToResolve != "PT1H" || r.Actions[0].ActionGroupID != "x" {
		t.Errorf("%+v", groups)
	}
}

func TestFaults(t *testing.T) {
	group := func(properties string) string {
		return `{"name": "g", "properties": {` + properties + `}}`
	}
	expression := func(e string) string {
		return `{"variables": {"loop": "[variables('loop')]"}, "parameters": {"p": {}}, "resources": [{"type": "` + azure.Type + `", "name": "[` + e + `]"}]}`
	}
	for text, want := range map[string]string{
		`{`:                  "unexpected end",
		`{"resources": []}`:  "no resource of type",
		group(`"rules": []`): "0 rules",
		group(`"interval": "PT10S", "rules": [{"record": "a", "expression": "b"}]`): "from PT1M",
		group(`"interval": "1m", "rules": [{"record": "a", "expression": "b"}]`):    "not a duration",
		group(`"rules": [{"record": "a", "alert": "b", "expression": "b"}]`):        "either record or alert",
		group(`"rules": [{"record": "a"}]`):                                         "no expression",
		group(`"rules": [{"alert": "a", "expression": "b", "severity": 5}]`):        "severity 5",
		expression("parameters('p')"):                                               `"p" has no value`,
		expression("parameters('q')"):                                               `no parameter "q"`,
		expression("variables('loop')"):                                             "uses itself",
		expression("uniqueString('x')"):                                             "uniqueString is not known",
		expression("concat('a'"):                                                    "missing",
		expression("'a' 'b'"):                                                       "unexpected",
		expression("split('a','b')[7]"):                                             "no element",
	} {
		if _, err := azure.Read([]byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestWorkIsBounded(t *testing.T) {
	var variables []string
	for i := range 8 {
		uses := strings.Repeat(fmt.Sprintf("variables('v%d'),", i+1), 8)
		variables = append(variables, fmt.Sprintf(`"v%d": "[concat(%s'')]"`, i, uses))
	}
	text := `{"variables": {` + strings.Join(variables, ",") + `, "v8": ""}, "resources": [{"type": "` + azure.Type + `", "name": "[variables('v0')]"}]}`
	if _, err := azure.Read([]byte(text), nil); err == nil || !strings.Contains(err.Error(), "too many steps") {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(full)
	f.Add(`{"value": [{"name": "g", "properties": {"rules": [{"record": "a", "expression": "b"}]}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		groups, err := azure.Read([]byte(text), map[string]any{"cluster": "a/b/c"})
		if err != nil {
			return
		}
		if _, err := azure.ToPrometheus(groups); err != nil {
			t.Errorf("what is checked does not convert: %v", err)
		}
	})
}
