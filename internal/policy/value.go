package policy

import (
	"fmt"
	"strings"

	"gatehouse/internal/policy/expr"
)

// The kinds of values that attributes and texts of statements have: a
// literal known at compile time, or a compiled expression.
type (
	String struct {
		Literal string
		program *expr.Program
	}
	Bool struct {
		Literal bool
		program *expr.Program
	}
	Int struct {
		Literal     int64
		program     *expr.Program
		placeholder string
	}
	Double struct {
		Literal     float64
		program     *expr.Program
		placeholder string
	}
	// Bytes is the content of a body: a byte[] of an expression stays as it is.
	Bytes struct {
		Literal []byte // shared, never changed
		program *expr.Program
	}
	// Any keeps the run-time type of an expression; a literal is a string.
	Any struct {
		Literal string
		program *expr.Program
	}
)

// Eval gives the text.
func (v *String) Eval(c *Context) (string, error) {
	if v.program == nil {
		return v.Literal, nil
	}
	return v.program.String(&c.Context)
}

// Dynamic tells whether the value is an expression.
func (v *String) Dynamic() bool { return v.program != nil }

// Eval gives the truth value.
func (v *Bool) Eval(c *Context) (bool, error) {
	if v.program == nil {
		return v.Literal, nil
	}
	return v.program.Bool(&c.Context)
}

// Dynamic tells whether the value is an expression.
func (v *Bool) Dynamic() bool { return v.program != nil }

// Eval gives the number.
func (v *Int) Eval(c *Context) (int64, error) {
	if v.placeholder != "" {
		return 0, notReplaced(v.placeholder)
	}
	if v.program == nil {
		return v.Literal, nil
	}
	return v.program.Int(&c.Context)
}

// Dynamic tells whether the value is an expression.
func (v *Int) Dynamic() bool { return v.program != nil }

// Known tells whether Literal is the value.
func (v *Int) Known() bool { return v.program == nil && v.placeholder == "" }

// Eval gives the number.
func (v *Double) Eval(c *Context) (float64, error) {
	if v.placeholder != "" {
		return 0, notReplaced(v.placeholder)
	}
	if v.program == nil {
		return v.Literal, nil
	}
	return v.program.Double(&c.Context)
}

// Known tells whether Literal is the value.
func (v *Double) Known() bool { return v.program == nil && v.placeholder == "" }

// Eval gives the bytes, which must not be changed.
func (v *Bytes) Eval(c *Context) ([]byte, error) {
	if v.program == nil {
		return v.Literal, nil
	}
	return v.program.Bytes(&c.Context)
}

// Eval gives the value with its run-time type.
func (v *Any) Eval(c *Context) (any, error) {
	if v.program == nil {
		return v.Literal, nil
	}
	return v.program.Any(&c.Context)
}

// notReplaced is the failure of a statement that a deployment script should
// have completed.
func notReplaced(placeholder string) error {
	return fmt.Errorf("the placeholder %s was not replaced by a number", placeholder)
}

// placeholders are how deployment scripts mark what they replace.
var placeholders = [][2]string{{"{", "}"}, {"${", "}"}, {"$(", ")"}, {"#{", "}#"}, {"__", "__"}}

// isPlaceholder recognises what deployment scripts leave in policies when they
// did not run: {name}, ${name}, $(name), #{name}#, __name__ or UPPER_CASE.
func isPlaceholder(text string) bool {
	for _, marks := range placeholders {
		name, open := strings.CutPrefix(text, marks[0])
		name, closed := strings.CutSuffix(name, marks[1])
		if open && closed && nameOnly(name, true) {
			return true
		}
	}
	return nameOnly(text, false)
}

// nameOnly tells names of letters, digits and the like, or of capitals alone.
func nameOnly(name string, any bool) bool {
	for _, r := range name {
		upper := r >= 'A' && r <= 'Z' || r == '_'
		other := r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.'
		if !upper && !(other && any) {
			return false
		}
	}
	return name != ""
}
