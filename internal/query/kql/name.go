package kql

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/query/kql/syntax"
)

// Codes of errors of meaning, as Azure's clients know them.
const (
	codeName      = "SEM0100" // a column or variable that is not known
	codeTable     = "SEM0102" // a table that is not known
	codeFunction  = "SEM0260" // a function that is not known
	codeArguments = "SEM0219" // arguments that do not fit
	codeTypes     = "SEM0064" // types that do not fit
	codeUse       = "SEM0001" // a construct in a place where it cannot stand
	codeMissing   = "SEM0999" // what this product does not have
	noteRange     = "NOTE0001"
	noteTable     = "NOTE0002"
)

// located gives an error its line, column and token.
func located(text, code string, at syntax.Span, message, hint string) syntax.Error {
	start := min(max(at.Start, 0), len(text))
	end := min(max(at.End, start), len(text))
	line := 1 + strings.Count(text[:start], "\n")
	column := 1 + len([]rune(text[strings.LastIndexByte(text[:start], '\n')+1:start]))
	return syntax.Error{Code: code, Message: message, Hint: hint, Token: text[start:end], Span: syntax.Span{Start: start, End: end}, Line: line, Column: column}
}

// didYouMean names the known name that is closest to one that is not, or "".
func didYouMean(name string, known []string) string {
	best := syntax.Nearest(name, known, max(len(name)/3, 1))
	if best == "" {
		if other := otherSchema()[name]; other != "" && slices.Contains(known, other) {
			return "in this table it is called " + other
		}
		return ""
	}
	return "did you mean " + best + "?"
}

// Quoted writes a text as a literal of KQL.
func Quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// otherSchema is what columns that are often mistaken for each other are called
// in the classic tables and in those of workspaces.
func otherSchema() map[string]string {
	pairs := [][2]string{{"timestamp", "TimeGenerated"}, {"customDimensions", "Properties"}, {"customMeasurements", "Measurements"}, {"duration", "DurationMs"},
		{"cloud_RoleName", "AppRoleName"}, {"cloud_RoleInstance", "AppRoleInstance"}, {"itemType", "Type"}, {"valueSum", "Sum"}}
	out := map[string]string{}
	for _, p := range pairs {
		out[p[0]], out[p[1]] = p[1], p[0]
	}
	return out
}
