package policy

import "strings"

// Reads says that the text of a value means something to its statement. What
// String values and others are compiled from is marked by itself.
func (k *Compiler) Reads(v Value) {
	if v.Text == "" && !v.Expression {
		return
	}
	if k.read == nil {
		k.read = map[textPlace]bool{}
	}
	k.read[textPlace{v.Pos.File, v.Pos.Line, v.Pos.Column}] = true
}

// textPlace tells values apart: copies of an element have the same.
type textPlace struct {
	file         string
	line, column int
}

// ignoredText warns of text that the statement did not look at, in its element
// and in those below that are no statements of their own.
func (k *Compiler) ignoredText(e *Element, d *Definition) {
	if v := e.Text; v.Text != "" || v.Expression {
		if !k.read[textPlace{v.Pos.File, v.Pos.Line, v.Pos.Column}] {
			k.Warnf(v.Pos, "<%s> takes no text: it is ignored; %s", e.Name, textBelongs(e, d))
		}
		return // elements beside text are an inline document
	}
	for _, c := range e.Children {
		if !k.own[c] {
			k.ignoredText(c, nil)
		}
	}
}

// textBelongs hints at where an ignored text may have been meant to stand. d
// is nil for elements within a statement.
func textBelongs(e *Element, d *Definition) string {
	switch {
	case e.Name == "set-header", e.Name == "set-query-parameter", e.Name == "check-header", e.Name == "claim":
		return "write <value>...</value>"
	case d != nil && len(d.Attributes) > 0:
		return "its values stand in the attributes " + strings.Join(d.Attributes, ", ")
	}
	return "remove it, or write it in an attribute or a child element"
}
