// Package template resolves deployment templates of Azure Resource Manager, as
// people write them and as Bicep compiles to them.
//
// What comes in: a template as JSON, where it is deployed, and values of its
// parameters. What goes out: its resources with every expression replaced by its
// value, and its outputs; or what is wrong, with the expression. It must never
// fetch anything, deploy, guess a value that nobody gave, or work for longer than
// a bounded number of steps.
package template

import (
	"errors"
	"fmt"
	"strings"
)

// Deployment is where a template is deployed, and with what.
type Deployment struct {
	Name, Subscription, Group, Location string
	// Parameters are values by the names of parameters.
	Parameters map[string]any
	// Strict refuses parameters that the template does not declare, and values of
	// other types than it says.
	Strict bool
	// Wanted picks types; nil takes all.
	Wanted func(kind string) bool
	// Reference gives the properties of a resource that is not in the template.
	Reference func(id string) (map[string]any, bool)
	// Made gives the properties that a resource of the template has once it is made,
	// beside those that the template says. Nil: none.
	Made func(id string) (map[string]any, bool)

	depth int
	spent *work
}

// work is what a template and those in it have asked for.
type work struct{ steps, bytes int }

// Resource of a template.
type Resource struct {
	ID, Type, Name string
	Body           map[string]any // as it would be sent, with type and name
}

// Result is what a template comes to.
type Result struct {
	Resources []Resource // those that are referred to first
	Outputs   map[string]any
}

// Bounds of a template.
const (
	maxResources   = 800 // as in Azure
	maxDeployments = 5   // deployments in deployments
	maxCopies      = 800
)

// nested is a deployment in a template.
const nested = "Microsoft.Resources/deployments"

// Resolve gives the resources of a template.
func Resolve(root map[string]any, d Deployment) (*Result, error) {
	if d.spent == nil {
		d.spent = &work{}
	}
	t := &template{deployment: d, spent: d.spent, given: d.Parameters, index: map[string]*item{}, resolving: map[string]bool{}}
	if d.depth > maxDeployments {
		return nil, fmt.Errorf("deployments are nested deeper than %d", maxDeployments)
	}
	t.declared, _ = root["parameters"].(map[string]any)
	t.variables, _ = root["variables"].(map[string]any)
	if err := t.checkParameters(); err != nil {
		return nil, err
	}
	if err := t.read(root["resources"], "", "", ""); err != nil {
		return nil, err
	}
	for _, one := range t.items {
		if _, err := t.body(one); err != nil {
			return nil, err
		}
	}
	out := &Result{Resources: t.out, Outputs: map[string]any{}}
	outputs, _ := root["outputs"].(map[string]any)
	for name, v := range outputs {
		m, _ := v.(map[string]any)
		value, err := t.resolve(m["value"], 0)
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", name, err)
		}
		out.Outputs[name] = map[string]any{"type": m["type"], "value": value}
	}
	return out, nil
}

// checkParameters compares what was given with what is declared.
func (t *template) checkParameters() error {
	if !t.deployment.Strict {
		return nil
	}
	for name := range t.given {
		if _, ok := lookup(t.declared, name); !ok {
			return fmt.Errorf("the template has no parameter %q", name)
		}
	}
	for name, v := range t.declared {
		declared, _ := v.(map[string]any)
		value, ok := lookup(t.given, name)
		if !ok {
			if _, ok := declared["defaultValue"]; ok || declared["nullable"] == true {
				continue
			}
			return fmt.Errorf("the parameter %q has no value: give one", name)
		}
		if err := checkParameter(name, declared, value); err != nil {
			return err
		}
	}
	return nil
}

func checkParameter(name string, declared map[string]any, value any) error {
	kind, _ := declared["type"].(string)
	ok := true
	switch strings.ToLower(kind) {
	case "string", "securestring":
		_, ok = value.(string)
	case "int":
		_, ok = value.(float64)
	case "bool":
		_, ok = value.(bool)
	case "array":
		_, ok = value.([]any)
	case "object", "secureobject":
		_, ok = value.(map[string]any)
	}
	if !ok {
		return fmt.Errorf("the value of the parameter %q is not of the type %s", name, kind)
	}
	allowed, _ := declared["allowedValues"].([]any)
	for _, a := range allowed {
		if equal(a, value) {
			return nil
		}
	}
	if len(allowed) > 0 {
		return fmt.Errorf("the value of the parameter %q is not one of %v", name, allowed)
	}
	return nil
}

// item is a resource before its expressions are resolved.
type item struct {
	raw            map[string]any
	kind, name, id string
	loop           string
	index          int
	existing       bool
	done           bool
	body           map[string]any
}

// read lists resources, a list or an object by symbolic names, with their
// children and copies.
func (t *template) read(list any, parentKind, parentName, loop string) error {
	switch list := list.(type) {
	case []any:
		for _, r := range list {
			if err := t.readOne(r, "", parentKind, parentName); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, symbol := range sorted(list) {
			if err := t.readOne(list[symbol], symbol, parentKind, parentName); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *template) readOne(v any, symbol, parentKind, parentName string) error {
	raw, ok := v.(map[string]any)
	if !ok {
		return errors.New("a resource is not an object")
	}
	kind, _ := raw["type"].(string)
	if parentKind != "" {
		kind = parentKind + "/" + kind
	}
	if w := t.deployment.Wanted; w != nil && !w(kind) && !strings.EqualFold(kind, nested) {
		return nil
	}
	count, loop := 1, ""
	if c, ok := raw["copy"].(map[string]any); ok {
		n, err := t.resolve(c["count"], 0)
		if err != nil {
			return fmt.Errorf("copy of %v: %w", raw["name"], err)
		}
		f, isNumber := n.(float64)
		if !isNumber || f < 0 || f > maxCopies {
			return fmt.Errorf("copy of %v: count must be a number from 0 to %d", raw["name"], maxCopies)
		}
		count, loop = int(f), text([]any{c["name"]}, 0)
	}
	for n := range count {
		if err := t.readCopy(raw, kind, symbol, parentName, loop, n); err != nil {
			return err
		}
	}
	return nil
}

func (t *template) readCopy(raw map[string]any, kind, symbol, parentName, loop string, n int) error {
	defer t.enter(loop, n)()
	if c, ok := raw["condition"]; ok {
		holds, err := t.resolve(c, 0)
		if err != nil {
			return fmt.Errorf("condition of %v: %w", raw["name"], err)
		}
		if holds != true {
			return nil
		}
	}
	name, err := t.resolve(raw["name"], 0)
	if err != nil {
		return fmt.Errorf("resource %v: %w", raw["name"], err)
	}
	one := &item{raw: raw, kind: kind, name: text([]any{name}, 0), loop: loop, index: n, existing: raw["existing"] == true}
	if parentName != "" {
		one.name = parentName + "/" + one.name
	}
	if one.id, err = t.idOf(one.kind, one.name); err != nil {
		return err
	}
	if t.items = append(t.items, one); len(t.items) > maxResources {
		return fmt.Errorf("more than %d resources", maxResources)
	}
	t.index[strings.ToLower(one.id)] = one
	t.index[strings.ToLower(one.name)] = one
	if symbol != "" {
		t.index[strings.ToLower(symbol)] = one
	}
	return t.read(raw["resources"], one.kind, one.name, loop)
}

// enter makes copyIndex work inside a copy; what it gives ends that.
func (t *template) enter(loop string, n int) func() {
	if loop == "" {
		return func() {}
	}
	t.loops = append(t.loops, place{loop, n})
	return func() { t.loops = t.loops[:len(t.loops)-1] }
}

// idOf joins the types and names of a resource.
func (t *template) idOf(kind, name string) (string, error) {
	types, names := strings.Split(kind, "/"), strings.Split(name, "/")
	if len(types) != len(names)+1 {
		return "", fmt.Errorf("the name %q does not have a part for each part of the type %s", name, kind)
	}
	id := t.groupID() + "/providers/" + types[0]
	for i, n := range names {
		id += "/" + types[i+1] + "/" + n
	}
	return id, nil
}

// body resolves a resource once, when it is referred to or when its turn comes.
func (t *template) body(one *item) (map[string]any, error) {
	if one.done {
		return one.body, nil
	}
	if one.existing {
		return t.outside(one)
	}
	if t.resolving[one.id] {
		return nil, fmt.Errorf("the resource %s refers to itself", one.name)
	}
	t.resolving[one.id] = true
	defer delete(t.resolving, one.id)
	loops := t.loops
	t.loops = nil
	defer func() { t.loops = loops }()
	defer t.enter(one.loop, one.index)()
	var err error
	if strings.EqualFold(one.kind, nested) {
		one.body, err = t.deploy(one)
	} else {
		one.body, err = t.plain(one)
	}
	if err != nil {
		return nil, fmt.Errorf("resource %s: %w", one.name, err)
	}
	one.done = true
	return one.body, nil
}

func (t *template) outside(one *item) (map[string]any, error) {
	if t.deployment.Reference != nil {
		if p, ok := t.deployment.Reference(one.id); ok {
			return map[string]any{"id": one.id, "name": one.name, "type": one.kind, "properties": p}, nil
		}
	}
	return map[string]any{"id": one.id, "name": one.name, "type": one.kind}, nil
}

func (t *template) plain(one *item) (map[string]any, error) {
	body := map[string]any{}
	for name, v := range one.raw {
		switch name {
		case "copy", "condition", "resources", "dependsOn", "comments", "type", "name":
			continue
		}
		resolved, err := t.resolve(v, 0)
		if err != nil {
			return nil, err
		}
		body[name] = resolved
	}
	body["type"], body["name"] = one.kind, one.name
	t.out = append(t.out, Resource{ID: one.id, Type: one.kind, Name: one.name, Body: body})
	return body, nil
}

// deploy resolves a deployment in a template, as modules of Bicep are: with
// values of its own, and nothing of what is around it.
func (t *template) deploy(one *item) (map[string]any, error) {
	p, _ := one.raw["properties"].(map[string]any)
	inner, _ := p["template"].(map[string]any)
	if inner == nil {
		return nil, errors.New("a deployment in a template needs its template: links are not followed")
	}
	options, _ := p["expressionEvaluationOptions"].(map[string]any)
	if scope, _ := options["scope"].(string); !strings.EqualFold(scope, "inner") {
		return nil, errors.New(`a deployment in a template must have expressionEvaluationOptions with the scope "inner"`)
	}
	resolved, err := t.resolve(p["parameters"], 0)
	if err != nil {
		return nil, err
	}
	d := t.deployment
	if group, ok := one.raw["resourceGroup"]; ok { // a module with another scope
		resolved, err := t.resolve(group, 0)
		if err != nil {
			return nil, err
		}
		d.Group = text([]any{resolved}, 0)
	}
	d.Name, d.depth, d.Parameters = one.name, d.depth+1, Values(resolved)
	r, err := Resolve(inner, d)
	if err != nil {
		return nil, err
	}
	if t.out = append(t.out, r.Resources...); len(t.out) > maxResources {
		return nil, fmt.Errorf("more than %d resources", maxResources)
	}
	return map[string]any{"id": one.id, "name": one.name, "type": one.kind, "properties": map[string]any{"outputs": r.Outputs}}, nil
}

// Values reads parameters as they are sent: {"name": {"value": ...}}.
func Values(parameters any) map[string]any {
	out := map[string]any{}
	list, _ := parameters.(map[string]any)
	for name, v := range list {
		if m, ok := v.(map[string]any); ok {
			if value, ok := m["value"]; ok {
				out[name] = value
			}
		}
	}
	return out
}
