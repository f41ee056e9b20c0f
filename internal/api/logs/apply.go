package logs

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse/internal/query/kql/table"
)

// group is a column of a grouped answer: what it is called in KQL and the path
// under which it stands in the answer.
type group struct{ column, path string }

// readApply reads transformations of OData: filter(...), groupby((a,b),
// aggregate(...)) and aggregate(...), divided by slashes.
func (q *eventQuery) readApply(text string, resolve func(string) (string, bool)) error {
	steps, err := splitOutside(text, '/')
	if err != nil {
		return err
	}
	for _, step := range steps {
		name, inside, ok := strings.Cut(strings.TrimSpace(step), "(")
		if !ok || !strings.HasSuffix(inside, ")") {
			return fmt.Errorf("%q is not filter(...), groupby(...) or aggregate(...)", step)
		}
		inside = strings.TrimSuffix(inside, ")")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "filter":
			if q.groups != nil {
				return errors.New("filter stands before groupby and aggregate")
			}
			where, err := filterExpression(inside, resolve)
			if err != nil {
				return err
			}
			q.apply += "\n| where " + where
		case "groupby":
			err = q.groupBy(inside, resolve)
		case "aggregate":
			err = q.summarize(inside, nil, resolve)
		default:
			return fmt.Errorf("%q is not known", name)
		}
		if err != nil {
			return err
		}
	}
	if q.groups == nil {
		return errors.New("there is no groupby or aggregate")
	}
	return nil
}

func (q *eventQuery) groupBy(inside string, resolve func(string) (string, bool)) error {
	parts, err := splitOutside(inside, ',')
	if err != nil {
		return err
	}
	keys := strings.TrimSpace(parts[0])
	if !strings.HasPrefix(keys, "(") || !strings.HasSuffix(keys, ")") || len(parts) > 2 {
		return errors.New("groupby takes ((properties), aggregate(...))")
	}
	var by []group
	for n, path := range strings.Split(keys[1:len(keys)-1], ",") {
		path = strings.TrimSpace(path)
		column, ok := resolve(path)
		if !ok {
			return fmt.Errorf("there is no property %q here", path)
		}
		by = append(by, group{fmt.Sprintf("g%d = %s", n, column), path})
	}
	aggregate := ""
	if len(parts) == 2 {
		name, rest, ok := strings.Cut(strings.TrimSpace(parts[1]), "(")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "aggregate") || !strings.HasSuffix(rest, ")") {
			return fmt.Errorf("%q is not aggregate(...)", parts[1])
		}
		aggregate = strings.TrimSuffix(rest, ")")
	}
	return q.summarize(aggregate, by, resolve)
}

// summarize reads "property with method as name" and "$count as name".
func (q *eventQuery) summarize(text string, by []group, resolve func(string) (string, bool)) error {
	if q.groups != nil {
		return errors.New("only one groupby or aggregate may stand in it")
	}
	methods := map[string]string{"sum": "sum", "min": "min", "max": "max", "average": "avg", "countdistinct": "dcount"}
	var aggregates []string
	q.groups = []group{}
	for n, item := range strings.Split(text, ",") {
		word := strings.Fields(item)
		name := fmt.Sprintf("a%d", n)
		switch {
		case len(word) == 0 && text == "":
			continue
		case len(word) == 3 && word[0] == "$count" && strings.EqualFold(word[1], "as"):
			aggregates = append(aggregates, name+" = count()")
		case len(word) == 5 && strings.EqualFold(word[1], "with") && strings.EqualFold(word[3], "as") && methods[strings.ToLower(word[2])] != "":
			column, ok := resolve(word[0])
			if !ok {
				return fmt.Errorf("there is no property %q here", word[0])
			}
			aggregates = append(aggregates, name+" = "+methods[strings.ToLower(word[2])]+"("+column+")")
		default:
			return fmt.Errorf("%q is not \"property with sum as name\" or \"$count as name\"", item)
		}
		q.groups = append(q.groups, group{name, word[len(word)-1]})
	}
	q.apply += "\n| summarize " + strings.Join(aggregates, ", ")
	for n, g := range by {
		q.apply += map[bool]string{true: " by ", false: ", "}[n == 0] + g.column
		name, _, _ := strings.Cut(g.column, " ")
		q.groups = append(q.groups, group{name, g.path})
	}
	return nil
}

// grouped gives a row of a grouped answer its paths.
func (q *eventQuery) grouped(columns []table.Column, row []any) map[string]any {
	out := map[string]any{}
	for n, c := range columns {
		for _, g := range q.groups {
			if g.column == c.Name {
				put(out, g.path, jsonValue(c.Type, row[n]))
			}
		}
	}
	return out
}

// splitOutside divides a text at a byte that stands outside of parentheses and
// quotes.
func splitOutside(text string, at byte) ([]string, error) {
	if len(text) > maxExpression {
		return nil, fmt.Errorf("longer than %d bytes", maxExpression)
	}
	var out []string
	depth, from, inside := 0, 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'':
			inside = !inside
		case inside:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == at && depth == 0:
			out = append(out, text[from:i])
			from = i + 1
		}
		if depth < 0 {
			return nil, fmt.Errorf("at character %d: ) without (", i+1)
		}
	}
	if depth != 0 || inside {
		return nil, errors.New("a parenthesis or quote is not closed")
	}
	return append(out, text[from:]), nil
}
