package graphql

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/ast"
)

// Limits of one execution.
const (
	maxCalls     = 1_000   // resolvers that run
	maxValues    = 200_000 // fields and list elements in the answer
	MaxAtOnce    = 8       // resolvers beside each other
	maxBranches  = 64      // branches of the answer made beside each other
	maxRunErrors = 100
)

// Call is one field that a resolver is asked for.
type Call struct {
	Type, Field string
	Arguments   map[string]any
	Parent      map[string]any // nil for fields of a root type
}

// Resolve gives the value of one field: JSON as Decode gives it. It is called by
// several goroutines. An *Error is shown to the client as it is; of others only
// that there was one.
type Resolve func(ctx context.Context, c *Call) (any, error)

// Plan says which fields have resolvers. What has none is taken from the value
// of the parent. Safe for concurrent use.
type Plan struct {
	resolved map[[2]string]bool // type and field
	reaching map[string]bool    // types under which resolvers may run
}

// Response is the outcome of an execution.
type Response struct {
	Data   any // nil when null
	Errors Errors
}

// Execute runs the operation. root holds values of fields of the root type that
// are known already, such as the event of a subscription.
func (o *Operation) Execute(ctx context.Context, plan *Plan, resolve Resolve, root map[string]any) *Response {
	r := &run{operation: o, plan: plan, resolver: resolve, root: root, slots: make(chan struct{}, MaxAtOnce)}
	data, ok := r.object(ctx, o.root, []*ast.Field{{SelectionSet: o.operation.SelectionSet}}, nil, nil)
	out := &Response{Errors: r.errors}
	if ok {
		out.Data = data
	}
	out.Errors.sort()
	return out
}

// run is one execution.
type run struct {
	operation *Operation
	plan      *Plan
	resolver  Resolve
	root      map[string]any
	slots     chan struct{}

	calls, values, branches atomic.Int64
	mu                      sync.Mutex
	errors                  Errors
}

// path is a place in the response; nil is the root.
type path struct {
	up    *path
	name  string
	index int
}

func (p *path) list() []any {
	var out []any
	for ; p != nil; p = p.up {
		if p.name == "" {
			out = append(out, p.index)
		} else {
			out = append(out, p.name)
		}
	}
	slices.Reverse(out)
	return out
}

func (r *run) fail(e *Error, f *ast.Field, at *path) {
	if e.Locations == nil {
		e.at(f.Position)
	}
	e.Path = at.list()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.errors) < maxRunErrors {
		r.errors = append(r.errors, e)
	}
}

// Plan prepares execution with resolvers for these types and fields.
func (s *Schema) Plan(resolved map[[2]string]bool) *Plan {
	p := &Plan{resolved: resolved, reaching: map[string]bool{}}
	for grown := len(resolved) > 0; grown; {
		grown = false
		for name, d := range s.types.Types {
			if !p.reaching[name] && s.reaches(d, p) {
				p.reaching[name], grown = true, true
			}
		}
	}
	return p
}

// reaches tells whether a resolver may run below a value of the type: only
// there it pays to go several ways at once.
func (s *Schema) reaches(d *ast.Definition, p *Plan) bool {
	if d.IsAbstractType() {
		return slices.ContainsFunc(s.types.PossibleTypes[d.Name], func(o *ast.Definition) bool { return p.reaching[o.Name] })
	}
	return d.Kind == ast.Object && slices.ContainsFunc(d.Fields, func(f *ast.FieldDefinition) bool {
		return p.resolved[[2]string{d.Name, f.Name}] || p.reaching[f.Type.Name()]
	})
}

// object is a part of the answer: its members stand in the order in which they
// were asked for.
type object struct {
	names  []string
	values []any
}

// object makes an object of the selection sets of fields. It is not ok when a
// member that must not be null is.
func (r *run) object(ctx context.Context, d *ast.Definition, fields []*ast.Field, value any, at *path) (any, bool) {
	groups := r.collect(d, fields)
	out := &object{names: make([]string, len(groups)), values: make([]any, len(groups))}
	isRoot := d == r.operation.root
	serial := isRoot && r.operation.operation.Operation == ast.Mutation
	var failed atomic.Bool
	var wait sync.WaitGroup
	for i, g := range groups {
		out.names[i] = g.key
		here := &path{up: at, name: g.key}
		member := func() {
			v, ok := r.member(ctx, d, g.fields, value, here)
			if out.values[i] = v; !ok {
				failed.Store(true)
			}
		}
		def := g.fields[0].Definition
		worthIt := def != nil && (r.plan.resolved[[2]string{d.Name, def.Name}] || r.plan.reaching[def.Type.Name()])
		if serial || len(groups) == 1 || !worthIt || !r.branch(&wait, g.fields[0], here, member) {
			member()
		}
	}
	wait.Wait()
	if failed.Load() {
		return nil, false
	}
	return out, true
}

// branch runs f beside the rest, unless there are too many branches.
func (r *run) branch(wait *sync.WaitGroup, field *ast.Field, at *path, f func()) bool {
	if r.branches.Add(1) > maxBranches {
		r.branches.Add(-1)
		return false
	}
	wait.Add(1)
	go func() {
		defer wait.Done()
		defer r.branches.Add(-1)
		defer func() {
			if recover() != nil { // a bug: one failed field must not end the process
				r.fail(errorf("Internal server error"), field, at)
			}
		}()
		f()
	}()
	return true
}

// group is the fields that give one member of the answer.
type group struct {
	key    string
	fields []*ast.Field
}

// collect gathers what selection sets ask of an object of type d.
func (r *run) collect(d *ast.Definition, fields []*ast.Field) []group {
	var out []group
	spread := map[string]bool{}
	var gather func(set ast.SelectionSet)
	gather = func(set ast.SelectionSet) {
		for _, one := range set {
			switch one := one.(type) {
			case *ast.Field:
				if r.included(one.Directives) {
					out = add(out, one)
				}
			case *ast.InlineFragment:
				if r.included(one.Directives) && r.applies(one.TypeCondition, d) {
					gather(one.SelectionSet)
				}
			case *ast.FragmentSpread:
				if r.included(one.Directives) && !spread[one.Name] && r.applies(one.Definition.TypeCondition, d) {
					spread[one.Name] = true
					gather(one.Definition.SelectionSet)
				}
			}
		}
	}
	for _, f := range fields {
		gather(f.SelectionSet)
	}
	return out
}

func add(groups []group, f *ast.Field) []group {
	for i := range groups {
		if groups[i].key == f.Alias {
			groups[i].fields = append(groups[i].fields, f)
			return groups
		}
	}
	return append(groups, group{f.Alias, []*ast.Field{f}})
}

// included evaluates @skip and @include.
func (r *run) included(list ast.DirectiveList) bool {
	for _, d := range list {
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		if a := d.Arguments.ForName("if"); a != nil {
			v, _ := r.operation.schema.literal(a.Value, nil, r.operation.variables)
			if on, _ := v.(bool); on == (d.Name == "skip") {
				return false
			}
		}
	}
	return true
}

// applies tells whether a fragment on a type counts for an object of type d.
func (r *run) applies(condition string, d *ast.Definition) bool {
	if condition == "" || condition == d.Name {
		return true
	}
	return slices.ContainsFunc(r.operation.schema.types.PossibleTypes[condition], func(p *ast.Definition) bool { return p.Name == d.Name })
}

// member gives the value of one field of an object.
func (r *run) member(ctx context.Context, d *ast.Definition, fields []*ast.Field, parent any, at *path) (any, bool) {
	f := fields[0]
	if f.Name == "__typename" {
		return d.Name, true
	}
	if r.values.Add(1) > maxValues {
		r.fail(errorf("The answer has more than %d values.", maxValues), f, at)
		return nil, false
	}
	def := d.Fields.ForName(f.Name)
	arguments, fault := r.operation.arguments(def.Arguments, f.Arguments)
	if fault != nil {
		r.fail(fault, f, at)
		return nil, !def.Type.NonNull
	}
	value, fault := r.value(ctx, d, f, arguments, parent)
	if fault != nil {
		r.fail(fault, f, at)
		return nil, !def.Type.NonNull
	}
	return r.complete(ctx, def.Type, fields, value, at)
}

// value finds the value of a field: of introspection, from its resolver, or in
// the value of the parent.
func (r *run) value(ctx context.Context, d *ast.Definition, f *ast.Field, arguments map[string]any, parent any) (any, *Error) {
	if d, ok := parent.(described); ok {
		return d(f.Name, arguments), nil
	}
	members, _ := parent.(map[string]any)
	isRoot := d == r.operation.root
	switch {
	case isRoot && strings.HasPrefix(f.Name, "__"):
		return r.operation.schema.introspect(f.Name, arguments), nil
	case isRoot && r.root != nil:
		return r.root[f.Name], nil
	case r.plan.resolved[[2]string{d.Name, f.Name}]:
		return r.resolve(ctx, &Call{Type: d.Name, Field: f.Name, Arguments: arguments, Parent: members})
	case isRoot:
		return nil, errorf("There is no resolver for %s.%s.", d.Name, f.Name)
	}
	return members[f.Name], nil
}

func (r *run) resolve(ctx context.Context, c *Call) (any, *Error) {
	if r.calls.Add(1) > maxCalls {
		return nil, errorf("The operation needs more than %d calls of resolvers.", maxCalls)
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, errorf("The request was cancelled.")
	}
	value, err := r.resolver(ctx, c)
	if err == nil {
		return value, nil
	}
	if shown, ok := err.(*Error); ok {
		own := *shown
		return nil, &own
	}
	return nil, errorf("The resolver of %s.%s failed.", c.Type, c.Field)
}
