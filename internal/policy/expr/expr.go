// Package expr compiles and runs policy expressions: a subset of C# 7 over the
// context object model.
//
// What comes in: the text of an expression, the type that its place wants, and
// at run time a Context. What goes out: a Program of typed closures, or an
// Error with an offset into the text. It must never use reflection on values
// of the gateway, reach files, network or environment, or know of policies.
package expr

import "fmt"

// Type is what the place of an expression wants.
type Type uint8

const (
	Any    Type = iota // the value as it is, as in set-variable
	String             // converted as .NET's Convert.ToString with the invariant culture
	Bool
	Int // 64-bit
	Double
	Bytes // of a body: byte[] as it is, all else as String converts it, in UTF-8
)

// Profile chooses the .NET types that expressions may use.
type Profile uint8

const (
	Strict   Profile = iota // the documented types
	Extended                // plus types that published policies use
)

// Error is a compile-time error at a byte offset of the expression's text.
type Error struct {
	Offset int
	Text   string // what is wrong
	Hint   string // how to mend it, may be empty
}

func (e *Error) Error() string {
	if e.Hint != "" {
		return e.Text + " (" + e.Hint + ")"
	}
	return e.Text
}

// RuntimeError is a .NET exception that no catch block handled, or an exceeded
// limit.
type RuntimeError struct {
	Exception string // .NET type, e.g. System.NullReferenceException
	Message   string
	Offset    int   // in the expression's text
	Cause     error // of a message body that could not be read
}

func (e *RuntimeError) Error() string { return fmt.Sprintf("%s: %s", e.Exception, e.Message) }

// Unwrap gives the cause.
func (e *RuntimeError) Unwrap() error { return e.Cause }
