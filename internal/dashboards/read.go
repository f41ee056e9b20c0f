package dashboards

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Page is a dashboard as it is shown: what stands in Grafana's JSON, without
// what only Grafana needs.
type Page struct {
	UID, Title, Description string
	Choices                 []Choice
	Rows                    []PageRow
}

// Choice is a variable of a page, and what it is when nothing is chosen.
type Choice struct{ Name, Default string }

// PageRow is a heading with panels.
type PageRow struct {
	Title  string
	Panels []PagePanel
}

// PagePanel is one chart.
type PagePanel struct {
	Title, Description, Unit string
	Kind                     Kind
	Queries                  []PageQuery
}

// PageQuery is a PromQL expression of a chart.
type PageQuery struct {
	Expr, Legend string
	Instant      bool // the last value alone
}

// Bounds of a page that is shown.
const (
	maxPanels  = 200
	maxQueries = 20 // of a panel
)

// read is what counts of Grafana's JSON.
type (
	readDashboard struct {
		UID         string      `json:"uid"`
		Title       string      `json:"title"`
		Description string      `json:"description"`
		Panels      []readPanel `json:"panels"`
		Templating  struct {
			List []struct {
				Name, Type, AllValue string
				Query                json.RawMessage
				Current              struct{ Value json.RawMessage }
			} `json:"list"`
		} `json:"templating"`
	}
	readPanel struct {
		Type, Title, Description string
		Panels                   []readPanel
		Targets                  []struct {
			Expr, LegendFormat string
			Instant, Hide      bool
		}
		FieldConfig struct {
			Defaults struct{ Unit string }
		}
	}
)

// Read reads a dashboard in Grafana's JSON. Panels without a PromQL expression
// are left out.
func Read(text []byte) (Page, error) {
	var d readDashboard
	if err := json.Unmarshal(text, &d); err != nil {
		return Page{}, fmt.Errorf("read the dashboard: it is not Grafana's JSON: %w", err)
	}
	p := Page{UID: d.UID, Title: d.Title, Description: d.Description}
	for _, v := range d.Templating.List {
		if v.Type == "datasource" || v.Name == "" {
			continue
		}
		p.Choices = append(p.Choices, Choice{v.Name, chosenValue(v.Type, v.AllValue, v.Query, v.Current.Value)})
	}
	n := 0
	for _, one := range d.Panels {
		if n += 1 + len(one.Panels); n > maxPanels {
			return Page{}, fmt.Errorf("read the dashboard: it has more than %d panels", maxPanels)
		}
		p.add(one)
	}
	return p, nil
}

// chosenValue is what a variable is when the reader chooses nothing.
func chosenValue(kind, all string, query, current json.RawMessage) string {
	var one string
	var many []string
	switch {
	case kind == "constant":
		if json.Unmarshal(query, &one) == nil {
			return one
		}
	case json.Unmarshal(current, &one) == nil && one != "" && one != "$__all":
		return one
	case json.Unmarshal(current, &many) == nil && len(many) > 0 && many[0] != "$__all":
		return strings.Join(many, "|")
	case all != "":
		return all
	}
	return ".*"
}

func (p *Page) add(one readPanel) {
	if one.Type == "row" {
		p.Rows = append(p.Rows, PageRow{Title: one.Title})
		for _, inner := range one.Panels {
			p.add(inner)
		}
		return
	}
	panel := PagePanel{Title: one.Title, Description: one.Description, Unit: one.FieldConfig.Defaults.Unit, Kind: TimeSeries}
	switch one.Type {
	case "stat", "gauge", "singlestat", "bargauge":
		panel.Kind = Stat
	case "table", "piechart":
		panel.Kind = Table
	}
	for _, t := range one.Targets {
		if t.Expr != "" && !t.Hide && len(panel.Queries) < maxQueries {
			panel.Queries = append(panel.Queries, PageQuery{Expr: t.Expr, Legend: t.LegendFormat, Instant: t.Instant || panel.Kind != TimeSeries})
		}
	}
	if len(panel.Queries) == 0 {
		return
	}
	if len(p.Rows) == 0 {
		p.Rows = []PageRow{{}}
	}
	last := &p.Rows[len(p.Rows)-1]
	last.Panels = append(last.Panels, panel)
}

// variable is $name, ${name}, ${name:format} or [[name]] in an expression.
var variableName = regexp.MustCompile(`\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)(?::\w+)?\]\]`)

// Fill puts values into an expression: those of the choices, else their
// defaults, and Grafana's own of time.
func (p *Page) Fill(expr string, values map[string]string, over, step time.Duration) string {
	all := map[string]string{"__interval": seconds(step), "__rate_interval": seconds(max(4*step, time.Minute)), "__range": seconds(over),
		"__range_s": fmt.Sprint(int(over.Seconds())), "__interval_ms": fmt.Sprint(step.Milliseconds())}
	for _, c := range p.Choices {
		all[c.Name] = c.Default
		if v, ok := values[c.Name]; ok {
			all[c.Name] = v
		}
	}
	return variableName.ReplaceAllStringFunc(expr, func(found string) string {
		m := variableName.FindStringSubmatch(found)
		if v, ok := all[m[1]+m[2]+m[3]]; ok {
			return inString(v)
		}
		return found
	})
}

func seconds(d time.Duration) string {
	return strconv.FormatInt(max(int64(d.Round(time.Second)/time.Second), 1), 10) + "s"
}

// inString writes a value so that it cannot end the string it stands in.
func inString(v string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(v)
}

var legendLabel = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// Named gives the name of a series by its legend; without one its labels.
func (q PageQuery) Named(labels map[string]string) string {
	if q.Legend != "" && q.Legend != "__auto" {
		return strings.TrimSpace(legendLabel.ReplaceAllStringFunc(q.Legend, func(m string) string { return labels[legendLabel.FindStringSubmatch(m)[1]] }))
	}
	name := labels["__name__"]
	var pairs []string
	for _, k := range sortedKeys(labels) {
		if k != "__name__" && labels[k] != "" {
			pairs = append(pairs, k+"="+labels[k])
		}
	}
	return strings.TrimSpace(name + " " + strings.Join(pairs, " "))
}
