package policy

import (
	"fmt"
	"strings"

	"gatehouse/internal/apim"
)

// Message is a compile-time error or warning with its place in the source.
type Message struct {
	Pos     apim.Position
	Text    string // what is wrong, and how to mend it
	Warning bool
}

// String is file:line:column: text, in the form that editors understand.
func (m Message) String() string {
	kind := ""
	if m.Warning {
		kind = "warning: "
	}
	return fmt.Sprintf("%s:%d:%d: %s%s", m.Pos.File, m.Pos.Line, m.Pos.Column, kind, m.Text)
}

// Messages is an error made of all messages of a compilation.
type Messages []Message

// Error lists the errors one per line; warnings are left out.
func (m Messages) Error() string {
	var lines []string
	for _, one := range m {
		if !one.Warning {
			lines = append(lines, one.String())
		}
	}
	return strings.Join(lines, "\n")
}

// Failed tells whether there is at least one error.
func (m Messages) Failed() bool {
	for _, one := range m {
		if !one.Warning {
			return true
		}
	}
	return false
}
