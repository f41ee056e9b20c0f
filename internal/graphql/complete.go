package graphql

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/ast"
)

// complete makes of a value what the type of its field asks for. It is not ok
// when the value is null, or failed, where null must not stand.
func (r *run) complete(ctx context.Context, t *ast.Type, fields []*ast.Field, value any, at *path) (any, bool) {
	out, ok := r.nullable(ctx, t, fields, value, at)
	if !t.NonNull {
		return out, true
	}
	if ok && out == nil {
		r.fail(errorf("Null is no value of the type %s.", t), fields[0], at)
	}
	return out, ok && out != nil
}

// nullable completes a value without asking whether it may be null. When it is
// not ok the error was noted.
func (r *run) nullable(ctx context.Context, t *ast.Type, fields []*ast.Field, value any, at *path) (any, bool) {
	if value == nil {
		return nil, true
	}
	if t.Elem != nil {
		return r.list(ctx, t, fields, value, at)
	}
	d := r.operation.schema.types.Types[t.NamedType]
	if d.IsLeafType() {
		out, problem := leaf(d, value)
		if problem != "" {
			r.fail(errorf("%s", problem), fields[0], at)
			return nil, false
		}
		return out, true
	}
	if _, ok := value.(described); ok {
		return r.object(ctx, d, fields, value, at)
	}
	members, ok := value.(map[string]any)
	if !ok {
		r.fail(errorf("The value is not an object of the type %s.", d.Name), fields[0], at)
		return nil, false
	}
	concrete, fault := r.concrete(d, members)
	if fault != nil {
		r.fail(fault, fields[0], at)
		return nil, false
	}
	return r.object(ctx, concrete, fields, members, at)
}

// concrete finds the object type of a value of an interface or union.
func (r *run) concrete(d *ast.Definition, members map[string]any) (*ast.Definition, *Error) {
	if !d.IsAbstractType() {
		return d, nil
	}
	possible := r.operation.schema.types.PossibleTypes[d.Name]
	name, _ := members["__typename"].(string)
	if name == "" && len(possible) == 1 {
		return possible[0], nil
	}
	for _, p := range possible {
		if p.Name == name {
			return p, nil
		}
	}
	if name == "" {
		return nil, errorf("The value of the type %s lacks __typename: the data source must say which type it is.", d.Name)
	}
	return nil, errorf("The data source calls the value %q, which is no type of %s.", name, d.Name)
}

func (r *run) list(ctx context.Context, t *ast.Type, fields []*ast.Field, value any, at *path) (any, bool) {
	list, ok := value.([]any)
	if !ok {
		r.fail(errorf("The value is not a list."), fields[0], at)
		return nil, false
	}
	if r.values.Add(int64(len(list))) > maxValues {
		r.fail(errorf("The answer has more than %d values.", maxValues), fields[0], at)
		return nil, false
	}
	out := make([]any, len(list))
	var failed atomic.Bool
	var wait sync.WaitGroup
	worthIt := len(list) > 1 && r.plan.reaching[t.Name()]
	for i, v := range list {
		here := &path{up: at, index: i}
		element := func() {
			one, ok := r.complete(ctx, t.Elem, fields, v, here)
			if out[i] = one; !ok {
				failed.Store(true)
			}
		}
		if !worthIt || !r.branch(&wait, fields[0], here, element) {
			element()
		}
	}
	wait.Wait()
	if failed.Load() {
		return nil, false
	}
	return out, true
}

// leaf makes a scalar or enum value. Scalars of the schema's own take what comes.
func leaf(d *ast.Definition, value any) (out any, problem string) {
	if d.Kind == ast.Enum {
		if text, ok := value.(string); ok && d.EnumValues.ForName(text) != nil {
			return text, ""
		}
		return nil, "The value is none of the enum " + d.Name + "."
	}
	if !d.BuiltIn {
		return value, ""
	}
	switch d.Name {
	case "Int":
		out = whole(value)
	case "Float":
		out = float(value)
	case "Boolean":
		out = truth(value)
	case "String", "ID":
		out = text(value)
	}
	if out == nil {
		return nil, "The value cannot be given as " + d.Name + "."
	}
	return out, ""
}

func whole(value any) any {
	switch v := value.(type) {
	case json.Number:
		if isInt32(string(v)) {
			return v
		}
		if f, err := v.Float64(); err == nil && f == math.Trunc(f) && math.Abs(f) <= math.MaxInt32 {
			return json.Number(strconv.FormatInt(int64(f), 10))
		}
	case string:
		if isInt32(v) {
			return json.Number(v)
		}
	case bool:
		if v {
			return json.Number("1")
		}
		return json.Number("0")
	}
	return nil
}

func float(value any) any {
	switch v := value.(type) {
	case json.Number:
		return v
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
		}
	}
	return nil
}

func truth(value any) any {
	switch v := value.(type) {
	case bool:
		return v
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return f != 0
		}
	case string:
		if v == "true" || v == "false" {
			return v == "true"
		}
	}
	return nil
}

func text(value any) any {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return nil
}
