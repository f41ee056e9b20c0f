package azure

import (
	"fmt"
	"strconv"
	"strings"
)

// call is a template function. Those that rule groups use are there.
func (t *template) call(name string, args []any, depth int) (any, error) {
	switch strings.ToLower(name) {
	case "parameters":
		return t.parameter(text(args, 0), depth)
	case "variables":
		v, ok := t.variables[text(args, 0)]
		if !ok {
			return nil, fmt.Errorf("there is no variable %q", text(args, 0))
		}
		return t.resolve(v, depth+1)
	case "concat":
		return concat(args)
	case "split":
		return list(strings.Split(text(args, 0), text(args, 1))), nil
	case "last", "first":
		return end(args, strings.EqualFold(name, "last"))
	case "tolower":
		return strings.ToLower(text(args, 0)), nil
	case "toupper":
		return strings.ToUpper(text(args, 0)), nil
	case "replace":
		return strings.ReplaceAll(text(args, 0), text(args, 1), text(args, 2)), nil
	case "string":
		return text(args, 0), nil
	case "format":
		return format(args), nil
	case "resourcegroup", "subscription":
		return t.place(strings.ToLower(name))
	case "resourceid":
		return t.resourceID(args)
	case "true", "false":
		return strings.EqualFold(name, "true"), nil
	}
	return nil, fmt.Errorf("the function %s is not known here: write its value into the document", name)
}

// parameter gives the value that was given, or the template's default.
func (t *template) parameter(name string, depth int) (any, error) {
	if v, ok := t.given[name]; ok {
		return v, nil
	}
	declared, ok := t.declared[name].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("there is no parameter %q", name)
	}
	if v, ok := declared["defaultValue"]; ok {
		return t.resolve(v, depth+1)
	}
	return nil, fmt.Errorf("the parameter %q has no value: give one", name)
}

// place is where the template is deployed: parameters called resourceGroup and
// subscription may say it.
func (t *template) place(function string) (any, error) {
	subscription := given(t.given, "subscriptionId", "00000000-0000-0000-0000-000000000000")
	if function == "subscription" {
		return map[string]any{"subscriptionId": subscription, "id": "/subscriptions/" + subscription}, nil
	}
	group := given(t.given, "resourceGroup", "gatehouse")
	return map[string]any{"name": group, "location": given(t.given, "location", "local"), "id": "/subscriptions/" + subscription + "/resourceGroups/" + group}, nil
}

func given(values map[string]any, name, otherwise string) string {
	if v, ok := values[name].(string); ok {
		return v
	}
	return otherwise
}

func (t *template) resourceID(args []any) (any, error) {
	kind := strings.Split(text(args, 0), "/")
	if len(args) != len(kind) || len(kind) < 2 {
		return nil, fmt.Errorf("resourceId takes a type and a name for each part of it")
	}
	group, err := t.place("resourcegroup")
	if err != nil {
		return nil, err
	}
	id := group.(map[string]any)["id"].(string) + "/providers/" + kind[0]
	for i := 1; i < len(kind); i++ {
		id += "/" + kind[i] + "/" + text(args, i)
	}
	return id, nil
}

// text is an argument as text, "" when it is missing.
func text(args []any, i int) string {
	if i >= len(args) {
		return ""
	}
	switch v := args[i].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(args[i])
}

func list(in []string) []any {
	out := make([]any, len(in))
	for i, s := range in {
		out[i] = s
	}
	return out
}

// maxText bounds what concatenation makes of a small document.
const maxText = 1 << 20

func concat(args []any) (any, error) {
	if len(args) > 0 {
		if _, ok := args[0].([]any); ok {
			var out []any
			for _, a := range args {
				more, _ := a.([]any)
				out = append(out, more...)
			}
			return out, nil
		}
	}
	var b strings.Builder
	for i := range args {
		b.WriteString(text(args, i))
		if b.Len() > maxText {
			return nil, fmt.Errorf("concat makes more than %d bytes", maxText)
		}
	}
	return b.String(), nil
}

func end(args []any, last bool) (any, error) {
	if len(args) == 1 {
		if l, ok := args[0].([]any); ok && len(l) > 0 {
			if last {
				return l[len(l)-1], nil
			}
			return l[0], nil
		}
		if s, ok := args[0].(string); ok && s != "" {
			if last {
				return s[len(s)-1:], nil
			}
			return s[:1], nil
		}
	}
	return nil, fmt.Errorf("first and last need a list or a text that is not empty")
}

func format(args []any) string {
	out := text(args, 0)
	for i := 1; i < len(args); i++ {
		out = strings.ReplaceAll(out, "{"+strconv.Itoa(i-1)+"}", text(args, i))
	}
	return out
}
