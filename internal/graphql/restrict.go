package graphql

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// Action is what becomes of a field that a client asks for.
type Action uint8

// Actions, from mild to strict.
const (
	Allow Action = iota
	Remove
	Reject
)

// Asked is one field of a document.
type Asked struct {
	Type     string   // on which it is selected
	Objects  []string // object types that it may belong to
	Abstract []string // interfaces and unions that it may belong to
	Field    string
	Kind     string // query, mutation or subscription for fields of a root type, else ""
}

// Restrict decides about every field of the document, in all its operations
// and fragments. It takes out what is to be removed; rejected is not empty when
// the request must not go on.
func (o *Operation) Restrict(decide func(Asked) (Action, error)) (removed, rejected Errors, err error) {
	r := &restriction{schema: o.schema, decide: decide, known: map[[2]string]Action{}}
	for _, op := range o.document.Operations {
		op.SelectionSet = r.set(op.SelectionSet)
	}
	for _, f := range o.document.Fragments {
		f.SelectionSet = r.set(f.SelectionSet)
	}
	if len(r.removed) > 0 {
		o.prune()
	}
	return r.removed, r.rejected, r.err
}

type restriction struct {
	schema            *Schema
	decide            func(Asked) (Action, error)
	known             map[[2]string]Action
	removed, rejected Errors
	err               error
}

func (r *restriction) set(list ast.SelectionSet) ast.SelectionSet {
	var out ast.SelectionSet
	for _, one := range list {
		switch one := one.(type) {
		case *ast.Field:
			if !r.keeps(one) {
				continue
			}
			one.SelectionSet = r.set(one.SelectionSet)
		case *ast.InlineFragment:
			one.SelectionSet = r.set(one.SelectionSet)
		}
		out = append(out, one)
	}
	if len(list) > 0 && len(out) == 0 { // a set must ask for something
		out = ast.SelectionSet{&ast.Field{Alias: "__typename", Name: "__typename", Position: list[0].GetPosition()}}
	}
	return out
}

func (r *restriction) keeps(f *ast.Field) bool {
	if r.err != nil || f.ObjectDefinition == nil {
		return true
	}
	action := r.action(f)
	list := &r.removed
	switch action {
	case Allow:
		return true
	case Reject:
		list = &r.rejected
	}
	if len(*list) < maxReported {
		*list = append(*list, errorf("The field %s.%s is not allowed.", f.ObjectDefinition.Name, f.Name).at(f.Position))
	}
	return action != Remove
}

func (r *restriction) action(f *ast.Field) Action {
	key := [2]string{f.ObjectDefinition.Name, f.Name}
	if action, ok := r.known[key]; ok {
		return action
	}
	asked := Asked{Type: key[0], Field: f.Name}
	asked.Objects, asked.Abstract = r.schema.related(f.ObjectDefinition)
	for _, kind := range []string{Query, Mutation, Subscription} {
		if r.schema.Root(kind) == asked.Type {
			asked.Kind = kind
		}
	}
	action, err := r.decide(asked)
	if err != nil {
		r.err = err
	}
	r.known[key] = action
	return action
}

// prune takes out fragments and variables that nothing uses any more: servers
// refuse documents with such.
func (o *Operation) prune() {
	used := map[string]bool{}
	for _, op := range o.document.Operations {
		u := &usage{fragments: map[string]bool{}, variables: map[string]bool{}}
		u.directives(op.Directives)
		u.set(op.SelectionSet)
		var kept ast.VariableDefinitionList
		for _, v := range op.VariableDefinitions {
			if u.variables[v.Variable] {
				kept = append(kept, v)
			}
		}
		op.VariableDefinitions = kept
		for name := range u.fragments {
			used[name] = true
		}
	}
	var kept ast.FragmentDefinitionList
	for _, f := range o.document.Fragments {
		if used[f.Name] {
			kept = append(kept, f)
		}
	}
	o.document.Fragments = kept
}

// usage is what a selection set refers to.
type usage struct{ fragments, variables map[string]bool }

func (u *usage) set(list ast.SelectionSet) {
	for _, one := range list {
		switch one := one.(type) {
		case *ast.Field:
			u.arguments(one.Arguments)
			u.directives(one.Directives)
			u.set(one.SelectionSet)
		case *ast.InlineFragment:
			u.directives(one.Directives)
			u.set(one.SelectionSet)
		case *ast.FragmentSpread:
			u.directives(one.Directives)
			if !u.fragments[one.Name] {
				u.fragments[one.Name] = true
				u.directives(one.Definition.Directives)
				u.set(one.Definition.SelectionSet)
			}
		}
	}
}

func (u *usage) directives(list ast.DirectiveList) {
	for _, d := range list {
		u.arguments(d.Arguments)
	}
}

func (u *usage) arguments(list ast.ArgumentList) {
	for _, a := range list {
		u.value(a.Value)
	}
}

func (u *usage) value(v *ast.Value) {
	if v.Kind == ast.Variable {
		u.variables[v.Raw] = true
	}
	for _, c := range v.Children {
		u.value(c.Value)
	}
}
