package logs

import (
	"fmt"
	"strings"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/query/kql/table"
)

// searchExpression reads $search: words and "phrases", joined by AND unless OR
// stands between them; NOT before one.
func searchExpression(text string, types []eventType) (string, error) {
	if len(text) > maxExpression {
		return "", fmt.Errorf("longer than %d bytes", maxExpression)
	}
	var out strings.Builder
	join, not := "", false
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		var term string
		if rest[0] == '"' {
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				return "", fmt.Errorf("the phrase %s is not closed", rest)
			}
			term, rest = rest[1:end+1], rest[end+2:]
		} else {
			term, rest, _ = strings.Cut(rest, " ")
			switch term {
			case "AND":
				continue
			case "OR":
				join = " or "
				continue
			case "NOT":
				not = true
				continue
			}
		}
		if out.Len() > 0 {
			out.WriteString(map[string]string{"": " and ", " or ": " or "}[join])
		}
		one := anywhere(term, types)
		if not {
			one = "not" + one
		}
		out.WriteString(one)
		join, not = "", false
	}
	if out.Len() == 0 {
		return "", fmt.Errorf("there is no word in it")
	}
	return "(" + out.String() + ")", nil
}

// anywhere finds a text in any text column, whatever the case.
func anywhere(term string, types []eventType) string {
	var list []string
	seen := map[string]bool{}
	for _, t := range types {
		tab, _ := table.Lookup(t.table)
		for _, c := range tab.Columns {
			if seen[c.Name] || hidden(c.Name) || (c.Type != table.String && c.Type != table.Dynamic) {
				continue
			}
			seen[c.Name] = true
			column := c.Name
			if c.Type == table.Dynamic {
				column = "tostring(" + column + ")"
			}
			list = append(list, column+" contains "+kql.Quoted(term))
		}
	}
	return "(" + strings.Join(list, " or ") + ")"
}
