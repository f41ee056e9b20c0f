package kql

import (
	"slices"
	"sync"

	"github.com/ua-parser/uap-go/uaparser"

	"gatehouse/internal/store/lake"
)

// agentFunctions tell browsers, systems and devices from user agents, by the
// public collection of rules that Kusto works with too.
func agentFunctions() []function {
	return []function{
		{"parse_user_agent", "ss", "j", "CAST(kql_user_agent({0}, {1}) AS JSON)", unnamed},
		{"parse_user_agent", "sj", "j", "CAST(kql_user_agent({0}, CAST({1} AS VARCHAR)) AS JSON)", unnamed},
	}
}

func agentNatives() []lake.Function {
	// The rules are compiled when a query asks for them first.
	rules := sync.OnceValues(func() (*uaparser.Parser, error) { return uaparser.New() })
	return []lake.Function{native("user_agent", "ss>s", func(a []any) any {
		r, err := rules()
		if err != nil {
			return nil
		}
		return userAgent(r, a[0].(string), a[1].(string))
	})}
}

// maxAgent bounds a text that all rules look at.
const maxAgent = 2 << 10

// userAgent gives the parts that are looked for: a word, or an array of words.
func userAgent(rules *uaparser.Parser, text, parts string) any {
	if len(text) > maxAgent {
		return nil
	}
	look := jsonTexts(parts)
	if len(look) == 0 {
		look = []string{parts}
	}
	out := map[string]any{}
	if slices.Contains(look, "browser") {
		b := rules.ParseUserAgent(text)
		out["Browser"] = map[string]string{"Family": b.Family, "MajorVersion": b.Major, "MinorVersion": b.Minor, "Patch": b.Patch}
	}
	if slices.Contains(look, "os") {
		o := rules.ParseOs(text)
		out["OperatingSystem"] = map[string]string{"Family": o.Family, "MajorVersion": o.Major, "MinorVersion": o.Minor, "Patch": o.Patch, "PatchMinor": o.PatchMinor}
	}
	if slices.Contains(look, "device") {
		d := rules.ParseDevice(text)
		out["Device"] = map[string]string{"Family": d.Family, "Brand": d.Brand, "Model": d.Model}
	}
	if len(out) == 0 {
		return nil
	}
	return jsonOf(out)
}
