package template

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// call is a template function that needs to know the template; the others are
// in the table of functions.
func (t *template) call(name string, args []any, depth int) (any, error) {
	switch strings.ToLower(name) {
	case "parameters":
		return t.parameter(text(args, 0), depth)
	case "variables":
		return t.variable(text(args, 0), depth)
	case "resourcegroup":
		d := t.deployment
		return map[string]any{"name": d.Group, "location": d.Location, "id": t.groupID(), "tags": map[string]any{}}, nil
	case "subscription":
		return map[string]any{"subscriptionId": t.deployment.Subscription, "id": "/subscriptions/" + t.deployment.Subscription, "tenantId": uuid.Nil.String()}, nil
	case "deployment":
		return map[string]any{"name": t.deployment.Name}, nil
	case "environment":
		return map[string]any{"name": "Gatehouse", "resourceManager": ""}, nil
	case "resourceid", "subscriptionresourceid", "extensionresourceid":
		return t.resourceID(strings.ToLower(name), args)
	case "reference":
		return t.reference(args)
	case "copyindex":
		return t.copyIndex(args)
	}
	f := functions[strings.ToLower(name)]
	if f == nil {
		return nil, fmt.Errorf("the function %s is not known here: write its value into the template", name)
	}
	return f(args)
}

// parameter gives the value that was given, or the template's default.
func (t *template) parameter(name string, depth int) (any, error) {
	if v, ok := lookup(t.given, name); ok {
		return v, nil
	}
	v, _ := lookup(t.declared, name)
	declared, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("there is no parameter %q", name)
	}
	if v, ok := declared["defaultValue"]; ok {
		return t.resolve(v, depth+1)
	}
	if declared["nullable"] == true {
		return nil, nil
	}
	return nil, fmt.Errorf("the parameter %q has no value: give one", name)
}

func (t *template) variable(name string, depth int) (any, error) {
	if v, ok := lookup(t.variables, name); ok {
		return t.resolve(v, depth+1)
	}
	copies, _ := t.variables["copy"].([]any)
	for _, c := range copies {
		if m, ok := c.(map[string]any); ok && strings.EqualFold(text([]any{m["name"]}, 0), name) {
			out := map[string]any{}
			err := t.copyProperties(map[string]any{"copy": []any{m}}, out, depth+1)
			v, _ := lookup(out, name)
			return v, err
		}
	}
	return nil, fmt.Errorf("there is no variable %q", name)
}

func (t *template) groupID() string {
	return "/subscriptions/" + t.deployment.Subscription + "/resourceGroups/" + t.deployment.Group
}

// resourceID takes a type and a name for each part of it. A subscription and a
// group, or the id of another resource, may stand before them.
func (t *template) resourceID(function string, args []any) (any, error) {
	at := 0
	for at < len(args) && !strings.Contains(strings.TrimPrefix(text(args, at), "/"), "/") {
		at++
	}
	scope := t.groupID()
	switch {
	case function == "extensionresourceid" && len(args) > 1:
		scope, at = text(args, 0), 1
	case function == "subscriptionresourceid":
		scope = "/subscriptions/" + t.deployment.Subscription
		if at == 1 {
			scope = "/subscriptions/" + text(args, 0)
		}
	case at == 1:
		scope = "/subscriptions/" + t.deployment.Subscription + "/resourceGroups/" + text(args, 0)
	case at == 2:
		scope = "/subscriptions/" + text(args, 0) + "/resourceGroups/" + text(args, 1)
	}
	kind := strings.Split(text(args, at), "/")
	if len(args)-at != len(kind) || len(kind) < 2 {
		return nil, fmt.Errorf("%s takes a type and a name for each part of it", function)
	}
	id := scope + "/providers/" + kind[0]
	for i := 1; i < len(kind); i++ {
		id += "/" + kind[i] + "/" + text(args, at+i)
	}
	return id, nil
}

// made gives the properties of a resource of the template as it will be.
func (t *template) made(one *item, body map[string]any) map[string]any {
	written, _ := body["properties"].(map[string]any)
	if t.deployment.Made == nil {
		return written
	}
	out, ok := t.deployment.Made(one.id)
	if !ok {
		return written
	}
	out = maps.Clone(out)
	maps.Copy(out, written)
	return out
}

// reference gives the properties of a resource of the template, or of one that
// is there already; with "Full" the whole of it.
func (t *template) reference(args []any) (any, error) {
	name := text(args, 0)
	whole := strings.EqualFold(text(args, 2), "full")
	if one := t.index[strings.ToLower(name)]; one != nil {
		body, err := t.body(one)
		if err != nil || whole {
			return body, err
		}
		if p := t.made(one, body); p != nil {
			return p, nil
		}
	}
	if t.deployment.Reference != nil {
		if p, ok := t.deployment.Reference(name); ok && whole {
			return map[string]any{"id": name, "properties": p}, nil
		} else if ok {
			return p, nil
		}
	}
	return nil, fmt.Errorf("there is no resource %q here to refer to", name)
}

// copyIndex is where the innermost copy stands, or the one that is named; a
// number is added.
func (t *template) copyIndex(args []any) (any, error) {
	name, offset := "", 0.0
	for _, a := range args {
		switch a := a.(type) {
		case string:
			name = a
		case float64:
			offset = a
		}
	}
	for i := len(t.loops) - 1; i >= 0; i-- {
		if name == "" || strings.EqualFold(t.loops[i].loop, name) {
			return float64(t.loops[i].n) + offset, nil
		}
	}
	return nil, errors.New("copyIndex stands outside of a copy")
}

// text is an argument as text, "" when it is missing.
func text(args []any, i int) string {
	if i >= len(args) {
		return ""
	}
	switch v := args[i].(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		if v {
			return "True" // as Azure writes it
		}
		return "False"
	case []any, map[string]any:
		data, err := json.Marshal(v)
		if err == nil {
			return string(data)
		}
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

func bounded(s string) (any, error) {
	if len(s) > maxText {
		return nil, fmt.Errorf("it makes more than %d bytes", maxText)
	}
	return s, nil
}

type function = func(args []any) (any, error)

// onText makes a function of one of texts.
func onText(f func(args []string) (any, error), least int) function {
	return func(args []any) (any, error) {
		if len(args) < least {
			return nil, fmt.Errorf("%d arguments are missing", least-len(args))
		}
		in := make([]string, len(args))
		for i := range args {
			in[i] = text(args, i)
		}
		return f(in)
	}
}

// functions that need nothing but their arguments.
var functions = map[string]function{
	"concat": concat, "format": format, "first": func(a []any) (any, error) { return end(a, false) }, "last": func(a []any) (any, error) { return end(a, true) },
	"split":   onText(func(a []string) (any, error) { return list(strings.Split(a[0], a[1])), nil }, 2),
	"tolower": onText(func(a []string) (any, error) { return strings.ToLower(a[0]), nil }, 1),
	"toupper": onText(func(a []string) (any, error) { return strings.ToUpper(a[0]), nil }, 1),
	"trim":    onText(func(a []string) (any, error) { return strings.TrimSpace(a[0]), nil }, 1),
	"replace": onText(replace, 3),
	"startswith": onText(func(a []string) (any, error) {
		return strings.HasPrefix(strings.ToLower(a[0]), strings.ToLower(a[1])), nil
	}, 2),
	"endswith": onText(func(a []string) (any, error) {
		return strings.HasSuffix(strings.ToLower(a[0]), strings.ToLower(a[1])), nil
	}, 2),
	"string": onText(func(a []string) (any, error) { return bounded(a[0]) }, 1),
	"base64": onText(func(a []string) (any, error) { return bounded(base64.StdEncoding.EncodeToString([]byte(a[0]))) }, 1),
	"guid": onText(func(a []string) (any, error) {
		return uuid.NewSHA1(uuid.MustParse("11fb06fb-712d-4ddd-98c7-e71bbd588830"), []byte(strings.Join(a, "-"))).String(), nil
	}, 1),
	"json": onText(func(a []string) (any, error) {
		var v any
		err := json.Unmarshal([]byte(a[0]), &v)
		return v, err
	}, 1),
	"int": onText(func(a []string) (any, error) { return strconv.ParseFloat(a[0], 64) }, 1),
	"bool": func(a []any) (any, error) {
		return strings.EqualFold(text(a, 0), "true") || text(a, 0) == "1", nil
	},
	"newguid": func([]any) (any, error) { return uuid.NewString(), nil },
	"utcnow":  func([]any) (any, error) { return time.Now().UTC().Format("20060102T150405Z"), nil },
	"true":    func([]any) (any, error) { return true, nil },
	"false":   func([]any) (any, error) { return false, nil },
	"null":    func([]any) (any, error) { return nil, nil },
	"equals":  func(a []any) (any, error) { return len(a) == 2 && equal(a[0], a[1]), nil },
	"not":     func(a []any) (any, error) { return len(a) == 1 && a[0] != true, nil },
	"and": func(a []any) (any, error) {
		for _, v := range a {
			if v != true {
				return false, nil
			}
		}
		return true, nil
	},
	"or": func(a []any) (any, error) {
		for _, v := range a {
			if v == true {
				return true, nil
			}
		}
		return false, nil
	},
	"coalesce": func(a []any) (any, error) {
		for _, v := range a {
			if v != nil {
				return v, nil
			}
		}
		return nil, nil
	},
	"empty":        func(a []any) (any, error) { n, err := length(a); return err == nil && n == 0, err },
	"length":       func(a []any) (any, error) { n, err := length(a); return float64(n), err },
	"contains":     contains,
	"createarray":  func(a []any) (any, error) { return append([]any{}, a...), nil },
	"createobject": createObject,
	"union":        union,
	"array": func(a []any) (any, error) {
		if l, ok := first(a).([]any); ok {
			return l, nil
		}
		return []any{first(a)}, nil
	},
	"join":      join,
	"substring": substring,
	"add":       arithmetic(func(x, y float64) float64 { return x + y }),
	"sub":       arithmetic(func(x, y float64) float64 { return x - y }),
	"mul":       arithmetic(func(x, y float64) float64 { return x * y }),
	"less":      func(a []any) (any, error) { return compare(a) < 0, nil },
	"greater":   func(a []any) (any, error) { return compare(a) > 0, nil },
	"tryget": func(a []any) (any, error) {
		v, err := element(first(a), at(a, 1))
		if err != nil {
			return nil, nil
		}
		return v, nil
	},
}

func first(a []any) any { return at(a, 0) }

func at(a []any, i int) any {
	if i < len(a) {
		return a[i]
	}
	return nil
}

// equal compares as Azure does: texts without regard to letter case.
func equal(a, b any) bool {
	x, isText := a.(string)
	y, both := b.(string)
	if isText && both {
		return strings.EqualFold(x, y)
	}
	return reflect.DeepEqual(a, b)
}

func compare(a []any) int {
	x, isNumber := first(a).(float64)
	y, both := at(a, 1).(float64)
	if isNumber && both {
		return int(min(max((x-y)*2, -1), 1))
	}
	return strings.Compare(text(a, 0), text(a, 1))
}

func arithmetic(f func(x, y float64) float64) function {
	return func(a []any) (any, error) {
		x, ok := first(a).(float64)
		y, both := at(a, 1).(float64)
		if !ok || !both {
			return nil, errors.New("two numbers are needed")
		}
		return f(x, y), nil
	}
}

func replace(a []string) (any, error) {
	if a[1] == "" {
		return a[0], nil
	}
	if n := strings.Count(a[0], a[1]); len(a[0])+n*len(a[2]) > maxText {
		return nil, fmt.Errorf("replace makes more than %d bytes", maxText)
	}
	return strings.ReplaceAll(a[0], a[1], a[2]), nil
}

func length(a []any) (int, error) {
	switch v := first(a).(type) {
	case nil:
		return 0, nil
	case string:
		return len([]rune(v)), nil
	case []any:
		return len(v), nil
	case map[string]any:
		return len(v), nil
	}
	return 0, errors.New("a text, a list or an object is needed")
}

func contains(a []any) (any, error) {
	switch v := first(a).(type) {
	case string:
		return strings.Contains(v, text(a, 1)), nil
	case map[string]any:
		_, ok := lookup(v, text(a, 1))
		return ok, nil
	case []any:
		for _, one := range v {
			if equal(one, at(a, 1)) {
				return true, nil
			}
		}
	}
	return false, nil
}

func createObject(a []any) (any, error) {
	if len(a)%2 != 0 {
		return nil, errors.New("names and values are needed by turns")
	}
	out := map[string]any{}
	for i := 0; i < len(a); i += 2 {
		out[text(a, i)] = a[i+1]
	}
	return out, nil
}

func union(a []any) (any, error) {
	objects, lists := map[string]any{}, []any{}
	for _, v := range a {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				objects[name] = value
			}
		case []any:
			for _, one := range v {
				if in, _ := contains([]any{lists, one}); in != true {
					lists = append(lists, one)
				}
			}
		}
	}
	if _, ok := first(a).([]any); ok {
		return lists, nil
	}
	return objects, nil
}

func join(a []any) (any, error) {
	items, _ := first(a).([]any)
	parts := make([]string, len(items))
	total := 0
	for i := range items {
		parts[i] = text(items, i)
		if total += len(parts[i]) + len(text(a, 1)); total > maxText {
			return nil, fmt.Errorf("join makes more than %d bytes", maxText)
		}
	}
	return strings.Join(parts, text(a, 1)), nil
}

func substring(a []any) (any, error) {
	s := []rune(text(a, 0))
	from, ok := at(a, 1).(float64)
	count := float64(len(s)) - from
	if n, given := at(a, 2).(float64); given {
		count = n
	}
	if !ok || from < 0 || count < 0 || from+count > float64(len(s)) {
		return nil, errors.New("substring reaches beyond the text")
	}
	return string(s[int(from):int(from+count)]), nil
}

func concat(args []any) (any, error) {
	if len(args) > 0 {
		if _, ok := args[0].([]any); ok {
			var out []any
			for _, a := range args {
				more, _ := a.([]any)
				if out = append(out, more...); len(out) > maxText {
					return nil, errors.New("concat makes too long a list")
				}
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

// format replaces {0}, {1} and so on, in one pass.
func format(args []any) (any, error) {
	in, out := text(args, 0), strings.Builder{}
	for i := 0; i < len(in); {
		stop := strings.IndexByte(in[i:], '}')
		if in[i] != '{' || stop < 0 {
			out.WriteByte(in[i])
			i++
			continue
		}
		n, err := strconv.Atoi(in[i+1 : i+stop])
		if err != nil || n < 0 || n+1 >= len(args) {
			out.WriteByte(in[i])
			i++
			continue
		}
		out.WriteString(text(args, n+1))
		i += stop + 1
		if out.Len() > maxText {
			return nil, fmt.Errorf("format makes more than %d bytes", maxText)
		}
	}
	return out.String(), nil
}
