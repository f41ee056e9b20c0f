package objective

import (
	"bytes"
	"strings"
	"testing"
)

const two = `
objectives:
- {name: orders, api: orders, availability: 99.9, latency: {below: 500ms, share: 99}}
- {name: gold, product: gold, availability: 99.5, window: 7d}
`

func TestChangingAnObjectiveChangesItsRulesAlone(t *testing.T) {
	generate := func(text string) map[string][]byte {
		t.Helper()
		s, err := Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		files, err := s.RuleFiles()
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	before, after := generate(two), generate(strings.Replace(two, "99.9", "99.5", 1))
	for name := range before {
		changed := !bytes.Equal(before[name], after[name])
		if changed != (name == "objectives/orders.yml") {
			t.Errorf("%s: changed %v", name, changed)
		}
	}
	for text, want := range map[string]string{
		string(before["objectives/orders.yml"]): "> 0.0144 ",
		string(after["objectives/orders.yml"]):  "> 0.072 ",
		string(before["objectives/gold.yml"]):   "> 0.0168 ", // 0.02 * 168 * 0.005
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no threshold %q in\n%s", want, text)
		}
	}
	if text := string(before["objectives/default.yml"]); !strings.Contains(text, `gatehouse_api!~"none|orders"`) {
		t.Error("the default is for an API with its own objective too")
	}
}

func TestReadNamesFaults(t *testing.T) {
	for text, want := range map[string]string{
		"objectives: [{name: a, api: x}]":                               "neither availability nor latency",
		"objectives: [{name: a, availability: 99}]":                     "either an api or a product",
		"objectives: [{name: a, api: x, product: y, availability: 99}]": "either an api or a product",
		"objectives: [{name: a, api: x, availability: 100}]":            "a percentage",
		"objectives: [{name: a, api: x, latency: {share: 99}}]":         "latency needs below",
		"objectives: [{name: default, api: x, availability: 99}]":       "stands twice",
		"objectives: [{name: a b, api: x, availability: 99}]":           "is not a name",
		"objectives: [{name: a, api: x, availability: 99, window: 1h}]": "window 1h",
		"default: {api: x, availability: 99}":                           "names none",
		"objective: []":                                                 "field objective not found",
	} {
		if _, err := Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if s, err := Read(nil); err != nil || s.Default == nil || s.Default.Availability != 99.9 {
		t.Errorf("%+v %v", s, err)
	}
	if s, err := Read([]byte("noDefault: true")); err != nil || len(s.All()) != 0 {
		t.Errorf("%+v %v", s, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(two))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Read(text)
		if err != nil {
			return
		}
		if _, err := s.RuleFiles(); err != nil {
			t.Fatal(err)
		}
	})
}
