package kql

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// parse is parse and parse-where: a pattern of texts and columns becomes one
// regular expression, whose groups are the columns. A row that does not match
// has no values, or is dropped by parse-where.
func (b *binder) parse(rel relation, op *syntax.Parse, s *scope) relation {
	expression := parseExpression(op)
	if _, err := regexp.Compile(expression); err != nil {
		b.fail(op.Span, codeArguments, "", "the pattern is not a regular expression: %v", err)
	}
	source := b.convert(b.scalar(op.X, b.row(rel, s)), table.String)
	groups := b.id()
	low := &project{Input: rel, Columns: rel.columns(), Assign: []assignment{{groups, call(table.String, "parse groups", source, text(expression))}}}
	found := &reference{Type: table.String, ID: groups}
	var input relation = low
	if op.Where {
		input = &filter{Input: low, X: call(table.Bool, "not", call(table.Bool, "is empty", found))}
	}
	out := &project{Input: input, Columns: slices.Clone(rel.columns())}
	group := 0
	for _, part := range op.Pattern {
		if part.IsText || part.Star {
			continue
		}
		k := b.column(part.Name, part.Type)
		out.Assign = append(out.Assign, assignment{k.ID, b.convert(call(table.String, "parse group", found, text(fmt.Sprintf("$[%d]", group))), part.Type)})
		group++
		if i := slices.Index(names(out.Columns), part.Name); i >= 0 {
			out.Columns[i] = k
		} else {
			out.Columns = append(out.Columns, k)
		}
	}
	return out
}

// parseExpression is the pattern as a regular expression. In the simple kind a
// column of numbers takes digits only, in the others anything.
func parseExpression(op *syntax.Parse) string {
	var e strings.Builder
	e.WriteString("(?s")
	if op.Kind == "regex" && strings.Contains(op.Flags, "i") {
		e.WriteString("i")
	}
	if op.Kind == "regex" && strings.Contains(op.Flags, "U") {
		e.WriteString("U")
	}
	e.WriteString(")^")
	for i, part := range op.Pattern {
		last := i == len(op.Pattern)-1
		switch {
		case part.Star:
			e.WriteString(".*?")
		case part.IsText && op.Kind == "regex":
			e.WriteString("(?:" + part.Text + ")")
		case part.IsText:
			e.WriteString(regexp.QuoteMeta(part.Text))
		default:
			e.WriteString(columnExpression(part.Type, op.Kind == "relaxed", last))
		}
	}
	return e.String()
}

func columnExpression(t table.Type, relaxed, last bool) string {
	switch {
	case !relaxed && (t == table.Long || t == table.Int):
		return `\s*([+-]?\d+)\s*`
	case !relaxed && (t == table.Real || t == table.Decimal):
		return `\s*([+-]?\d*\.?\d+(?:[eE][+-]?\d+)?)\s*`
	case last:
		return "(.*)$"
	}
	return "(.*?)"
}
