package schema

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Problem is one way in which a text breaks its schema. It quotes the schema
// and names of properties, never a value of the message: problems stand in
// traces.
type Problem struct {
	Text           string
	Line, Position int // in the body, from 1; 0 for parameters
	path           []string
}

// String is the problem with its place.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.Text
	}
	return p.Text + " Line: " + strconv.Itoa(p.Line) + ", Position: " + strconv.Itoa(p.Position)
}

// maxProblems of one text that are told, and maxLeaves that are looked at.
const (
	maxProblems = 20
	maxLeaves   = 1000
)

// inOrder puts problems in the order of the text: the library finds them in
// none.
func inOrder(problems []Problem) []Problem {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Position, b.Position), cmp.Compare(a.Text, b.Text))
	})
	return problems[:min(len(problems), maxProblems)]
}

func problemsOf(err error) []Problem {
	if err == nil {
		return nil
	}
	var failure *jsonschema.ValidationError
	if !errors.As(err, &failure) {
		return []Problem{{Text: "The value cannot be checked against the schema."}}
	}
	return leaves(nil, failure)
}

// leaves lists what fails, without the branches of a choice: none of them is
// the one that was meant.
func leaves(out []Problem, e *jsonschema.ValidationError) []Problem {
	if len(out) >= maxLeaves {
		return out
	}
	if text := describe(e); text != "" {
		return append(out, Problem{Text: text, path: e.InstanceLocation})
	}
	for _, cause := range e.Causes {
		out = leaves(out, cause)
	}
	return out
}

// describe words a failure, "" when its causes say what is wrong.
func describe(e *jsonschema.ValidationError) string {
	at := where(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.AllOf, *kind.Reference:
		return ""
	case *kind.PropertyNames:
		return "The name of a property is not allowed by the schema" + at + "."
	case *kind.AnyOf:
		return "JSON does not match any schemas from 'anyOf'" + at + "."
	case *kind.OneOf:
		if len(k.Subschemas) > 1 {
			return "JSON is valid against more than one schema from 'oneOf'" + at + "."
		}
		return "JSON is valid against no schemas from 'oneOf'" + at + "."
	case *kind.Not:
		return "JSON is valid against schema from 'not'" + at + "."
	case *kind.Type:
		return fmt.Sprintf("Invalid type%s. Expected %s but got %s.", at, typeNames(k.Want), typeName(k.Got))
	case *kind.Required:
		return fmt.Sprintf("Required properties are missing from object%s: %s.", at, list(k.Missing))
	case *kind.DependentRequired:
		return fmt.Sprintf("Dependencies for property '%s' failed%s. Missing required keys: %s.", short(k.Prop), at, list(k.Missing))
	case *kind.AdditionalProperties:
		return fmt.Sprintf("Properties have not been defined and the schema does not allow additional properties%s: %s.", at, list(k.Properties))
	case *kind.FalseSchema:
		// Only the override and the schema's own false get here; the place names
		// the property.
		return "A property has not been defined and the schema does not allow it" + at + "."
	case *kind.Enum, *kind.Const:
		return "Value is not defined in enum" + at + "."
	case *kind.Format:
		return fmt.Sprintf("String does not validate against format '%s'%s.", k.Want, at)
	case *kind.Pattern:
		return fmt.Sprintf("String does not match regex pattern '%s'%s.", short(k.Want), at)
	}
	return describeLimit(e.ErrorKind, at)
}

// describeLimit words sizes and bounds.
func describeLimit(k jsonschema.ErrorKind, at string) string {
	switch k := k.(type) {
	case *kind.MinLength:
		return fmt.Sprintf("String is less than minimum length of %d%s.", k.Want, at)
	case *kind.MaxLength:
		return fmt.Sprintf("String exceeds maximum length of %d%s.", k.Want, at)
	case *kind.Minimum:
		return "Number is less than minimum value of " + k.Want.RatString() + at + "."
	case *kind.Maximum:
		return "Number exceeds maximum value of " + k.Want.RatString() + at + "."
	case *kind.ExclusiveMinimum:
		return "Number equals or is less than exclusive minimum value of " + k.Want.RatString() + at + "."
	case *kind.ExclusiveMaximum:
		return "Number equals or exceeds exclusive maximum value of " + k.Want.RatString() + at + "."
	case *kind.MultipleOf:
		return "Number is not a multiple of " + k.Want.RatString() + at + "."
	case *kind.MinItems:
		return fmt.Sprintf("Array item count %d is less than minimum count of %d%s.", k.Got, k.Want, at)
	case *kind.MaxItems:
		return fmt.Sprintf("Array item count %d exceeds maximum count of %d%s.", k.Got, k.Want, at)
	case *kind.UniqueItems:
		return fmt.Sprintf("Non-unique array item at index %d%s.", k.Duplicates[1], at)
	case *kind.MinProperties:
		return fmt.Sprintf("Object property count %d is less than minimum count of %d%s.", k.Got, k.Want, at)
	case *kind.MaxProperties:
		return fmt.Sprintf("Object property count %d exceeds maximum count of %d%s.", k.Got, k.Want, at)
	case *kind.Contains, *kind.MinContains, *kind.MaxContains:
		return "The items of the array are not those that 'contains' asks for" + at + "."
	}
	return "Value does not conform to the schema" + at + "."
}

// where names the place in the value, "" at its top.
func where(path []string) string {
	if len(path) == 0 {
		return ""
	}
	var b strings.Builder
	for _, p := range path {
		if _, err := strconv.Atoi(p); err == nil {
			b.WriteString("[" + p + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(short(p))
	}
	return " at '" + b.String() + "'"
}

func typeName(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func typeNames(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = typeName(n)
	}
	return strings.Join(out, ", ")
}

// list joins names; a message can hold any number of them.
func list(names []string) string {
	out := make([]string, 0, len(names))
	for i, n := range slices.Sorted(slices.Values(names)) {
		if i == 10 {
			out = append(out, "...")
			break
		}
		out = append(out, short(n))
	}
	return strings.Join(out, ", ")
}

func short(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "..."
	}
	return s
}

// syntaxProblem is the problem of a body that is no JSON, or not one that can
// be checked.
func syntaxProblem(data []byte, err error) Problem {
	p := Problem{Text: "Body is not valid JSON.", Line: 1, Position: 1}
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		p.Line, p.Position = linePosition(data, int(syntax.Offset))
	case len(strings.TrimSpace(string(data))) == 0:
		p.Text = "Body is empty."
	default:
		p.Text = "Body cannot be checked: " + err.Error() + "."
	}
	return p
}
