package template

import (
	"encoding/json"
	"strings"
	"testing"
)

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func place1(parameters map[string]any) Deployment {
	return Deployment{Name: "d", Subscription: "S", Group: "G", Location: "west", Parameters: parameters, Strict: true,
		Reference: func(id string) (map[string]any, bool) {
			return map[string]any{"InstrumentationKey": "k1"}, strings.HasSuffix(id, "/components/ai")
		}}
}

// Each expression stands as an output.
func TestExpressions(t *testing.T) {
	for text, want := range map[string]string{
		`[concat('a', parameters('n'), 'b')]`:                                                             `"a3b"`,
		`[variables('twice')]`:                                                                            `"xx"`,
		`[format('{0}-{1}-{0}-{9}', 'a', '{0}')]`:                                                         `"a-{0}-a-{9}"`,
		`[resourceId('A.B/c/d', 'x', 'y')]`:                                                               `"/subscriptions/S/resourceGroups/G/providers/A.B/c/x/d/y"`,
		`[resourceId('other', 'A.B/c', 'x')]`:                                                             `"/subscriptions/S/resourceGroups/other/providers/A.B/c/x"`,
		`[resourceId('T', 'other', 'A.B/c', 'x')]`:                                                        `"/subscriptions/T/resourceGroups/other/providers/A.B/c/x"`,
		`[extensionResourceId('/x', 'A.B/c', 'y')]`:                                                       `"/x/providers/A.B/c/y"`,
		`[resourceGroup().location]`:                                                                      `"west"`,
		`[if(equals(parameters('n'), 3), 'yes', variables('none'))]`:                                      `"yes"`,
		`[if(false(), parameters('none').a[1], createArray(1, 'b'))]`:                                     `[1,"b"]`,
		`[reference(resourceId('Microsoft.Insights/components', 'ai'), '2020-02-02').InstrumentationKey]`: `"k1"`,
		`[coalesce(null(), parameters('o').MISSING2, 'z')]`:                                               ``,
		`[parameters('o').In.list[1]]`:                                                                    `2`,
		`[union(createObject('a', 1), createObject('b', 2))]`:                                             `{"a":1,"b":2}`,
		`[union(createArray(1, 2), createArray(2, 3))]`:                                                   `[1,2,3]`,
		`[join(createArray('a', 'b'), '/')]`:                                                              `"a/b"`,
		`[substring('hello', 1, 3)]`:                                                                      `"ell"`,
		`[substring('hello', 4, 3)]`:                                                                      ``,
		`[and(not(empty('a')), or(false(), contains(createArray('A'), 'a')))]`:                            `true`,
		`[length(split('a,b,c', ','))]`:                                                                   `3`,
		`[toUpper(trim(' x '))]`:                                                                          `"X"`,
		`[base64('hello')]`:                                                                               `"aGVsbG8="`,
		`[guid('a', 'b')]`:                                                                                `"aa45b9a3-9fd2-5b69-9d0c-9c45bbb8d9a6"`,
		`[json('{"a":[true]}').a[0]]`:                                                                     `true`,
		`[add(int('4'), mul(2, 3))]`:                                                                      `10`,
		`[[not an expression]`:                                                                            `"[not an expression]"`,
		`[variables('rows')]`:                                                                             `["r0","r1"]`,
		`[tryGet(parameters('o'), 'nothing')]`:                                                            `null`,
		`[copyIndex()]`:                                                                                   ``,
		`[uniqueString('x')]`:                                                                             ``,
		`[parameters('x']`:                                                                                ``,
		`[startsWith('Abc', 'aB')]`:                                                                       `true`,
	} {
		data, _ := json.Marshal(text)
		root := parse(t, `{"parameters":{"n":{"type":"int","defaultValue":3},"o":{"type":"object"}},"variables":{"one":"x","twice":"[concat(variables('one'), variables('one'))]","copy":[{"name":"rows","count":2,"input":"[concat('r', copyIndex('rows'))]"}]},"resources":[],"outputs":{"o":{"type":"string","value":`+string(data)+`}}}`)
		r, err := Resolve(root, place1(map[string]any{"o": parse(t, `{"In":{"list":[1,2]}}`)}))
		got := ""
		if err == nil {
			out, _ := json.Marshal(r.Outputs["o"].(map[string]any)["value"])
			got = string(out)
		}
		if strings.HasPrefix(text, "[guid") {
			if len(got) != 38 || got[15] != '5' {
				t.Errorf("%s: %s", text, got)
			}
			continue
		}
		if got != want {
			t.Errorf("%s: %s %v, want %s", text, got, err, want)
		}
	}
}

// As Bicep compiles it: symbolic names, what is there already, a module, copies,
// conditions, children.
func TestTemplateOfBicep(t *testing.T) {
	root := parse(t, `{
	  "languageVersion": "2.0",
	  "parameters": {"apim": {"type": "string"}, "names": {"type": "array", "defaultValue": ["a", "b"]}, "secret": {"type": "secureString"}},
	  "resources": {
	    "diag": {"type": "Microsoft.ApiManagement/service/diagnostics", "apiVersion": "2024-05-01", "name": "[format('{0}/{1}', parameters('apim'), 'applicationinsights')]",
	      "properties": {"loggerId": "[resourceId('Microsoft.ApiManagement/service/loggers', parameters('apim'), 'ai')]", "sampling": {"percentage": "[reference('mod').outputs.percent.value]"}}, "dependsOn": ["log"]},
	    "ai": {"existing": true, "type": "Microsoft.Insights/components", "apiVersion": "2020-02-02", "name": "ai"},
	    "log": {"type": "Microsoft.ApiManagement/service/loggers", "apiVersion": "2024-05-01", "name": "[format('{0}/{1}', parameters('apim'), 'ai')]",
	      "properties": {"credentials": {"instrumentationKey": "[reference('ai').InstrumentationKey]", "other": "[parameters('secret')]"}}},
	    "off": {"condition": "[equals(parameters('apim'), 'x')]", "type": "A.B/c", "name": "n"},
	    "many": {"copy": {"name": "many", "count": "[length(parameters('names'))]"}, "type": "Microsoft.ApiManagement/service/namedValues", "name": "[format('{0}/{1}', parameters('apim'), parameters('names')[copyIndex()])]", "properties": {"value": "[copyIndex('many', 10)]"}},
	    "mod": {"type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "module", "properties": {"expressionEvaluationOptions": {"scope": "inner"}, "mode": "Incremental",
	      "parameters": {"p": {"value": "[parameters('apim')]"}},
	      "template": {"parameters": {"p": {"type": "string"}}, "resources": [{"type": "Microsoft.ApiManagement/service", "name": "[parameters('p')]", "sku": {"name": "BasicV2"},
	        "resources": [{"type": "loggers", "name": "child", "properties": {}}]}], "outputs": {"percent": {"type": "int", "value": 25}}}}}
	  }}`)
	r, err := Resolve(root, place1(map[string]any{"apim": "contoso", "secret": "s3"}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range r.Resources {
		data, _ := json.Marshal(one.Body["properties"])
		got = append(got, one.Type+" "+one.Name+" "+string(data))
	}
	want := []string{
		`Microsoft.ApiManagement/service contoso null`,
		`Microsoft.ApiManagement/service/loggers contoso/child {}`,
		`Microsoft.ApiManagement/service/diagnostics contoso/applicationinsights {"loggerId":"/subscriptions/S/resourceGroups/G/providers/Microsoft.ApiManagement/service/contoso/loggers/ai","sampling":{"percentage":25}}`,
		`Microsoft.ApiManagement/service/loggers contoso/ai {"credentials":{"instrumentationKey":"k1","other":"s3"}}`,
		`Microsoft.ApiManagement/service/namedValues contoso/a {"value":10}`,
		`Microsoft.ApiManagement/service/namedValues contoso/b {"value":11}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{"parameters":{"p":{"type":"string"}},"resources":[]}`:                                                                 "has no value",
		`{"parameters":{},"resources":[{"type":"A.B/c","name":"a/b"}]}`:                                                         "does not have a part",
		`{"resources":[{"type":"A.B/c","name":"a","x":"[reference('b')]"},{"type":"A.B/c","name":"b","x":"[reference('a')]"}]}`: "refers to itself",
		`{"resources":[{"type":"A.B/c","name":"a","copy":{"name":"c","count":1000000}}]}`:                                       "count must be",
		`{"resources":[{"type":"A.B/c","name":"a","p":{"copy":[{"name":"c","count":"many","input":1}]}}]}`:                      "count must be",
		`{"resources":["x"]}`: "not an object",
		`{"resources":[{"type":"Microsoft.Resources/deployments","name":"m","properties":{"templateLink":{}}}]}`:                 "links are not followed",
		`{"variables":{"a":"[concat(variables('a'),variables('a'))]"},"resources":[{"type":"A.B/c","name":"[variables('a')]"}]}`: "nested too deeply",
	} {
		if _, err := Resolve(parse(t, text), place1(nil)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.90s: %v, want %q", text, err, want)
		}
	}
	d := place1(map[string]any{"p": "x"})
	for text, want := range map[string]string{
		`{"parameters":{"p":{"type":"int"}}}`:                              "not of the type",
		`{"parameters":{"p":{"type":"string","allowedValues":["a","b"]}}}`: "is not one of",
		`{"parameters":{}}`: "has no parameter",
	} {
		if _, err := Resolve(parse(t, text), d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzResolve(f *testing.F) {
	f.Add(`{"variables":{"v":"[if(true(), concat('a', 'b'), 1)]"},"resources":[{"type":"A.B/c","name":"[variables('v')]","copy":{"name":"l","count":3},"properties":{"x":"[copyIndex()]"}}]}`)
	f.Add(`{"resources":{"s":{"type":"A.B/c","name":"n","properties":"[reference('s', '', 'Full')]"}},"outputs":{"o":{"value":"[substring('abc',0,2)]"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var root map[string]any
		if json.Unmarshal([]byte(text), &root) == nil {
			_, _ = Resolve(root, place1(nil))
		}
	})
}
