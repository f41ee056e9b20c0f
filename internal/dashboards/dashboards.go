// Package dashboards has the dashboards that come with Gatehouse, as Grafana
// reads them: the gateway, an API, products and subscriptions, objectives,
// Gatehouse itself, nodes and clusters.
//
// What comes in: nothing. What goes out: descriptions, and their JSON. It must
// never name a series that nothing makes: each query is run by a test.
package dashboards

import "strings"

// Dashboard is one page of panels over a Prometheus data source.
type Dashboard struct {
	UID, Title, Description string
	Tags                    []string
	Variables               []Variable
	Rows                    []Row
}

// Variable is a choice at the top of the page: the values of a label.
type Variable struct {
	Name, Label string
	Metric      string // whose label it is
	LabelName   string
}

// Row is a heading with panels below it.
type Row struct {
	Title  string
	Panels []Panel
}

// Kind is how a panel shows its series.
type Kind string

// Kinds of panels, by Grafana's names.
const (
	TimeSeries Kind = "timeseries"
	Stat       Kind = "stat"  // the last value
	Table      Kind = "table" // the last value of each series
)

// Panel is one chart. Of its 24 columns a row of panels takes Width each.
type Panel struct {
	Title, Description string
	Kind               Kind
	Unit               string // Grafana's: reqps, s, percentunit, bytes, short, ...
	Width              int
	Queries            []Query
}

// Query is a PromQL expression. Variables stand in it as $api; the range of a
// rate is $__rate_interval.
type Query struct {
	Expr, Legend string
	// Quiet: there may be nothing to show, e.g. no failures.
	Quiet bool
}

// All gives every dashboard, in the order of a list.
func All() []Dashboard {
	return []Dashboard{health(), gateway(), api(), consumers(), objectives(), uptime(), trends(), house(), node(), windows(), cluster()}
}

// Find gives a dashboard by its UID.
func Find(uid string) (Dashboard, bool) {
	for _, d := range All() {
		if d.UID == uid {
			return d, true
		}
	}
	return Dashboard{}, false
}

// chart is a panel over time.
func chart(title, unit string, width int, queries ...Query) Panel {
	return Panel{Title: title, Kind: TimeSeries, Unit: unit, Width: width, Queries: queries}
}

// number is a panel with one value.
func number(title, unit, expr string) Panel {
	return Panel{Title: title, Kind: Stat, Unit: unit, Width: 4, Queries: []Query{{Expr: expr}}}
}

// list is a panel with a row for each series.
func list(title, unit string, width int, expr string) Panel {
	return Panel{Title: title, Kind: Table, Unit: unit, Width: width, Queries: []Query{{Expr: expr}}}
}

func (p Panel) saying(text string) Panel {
	p.Description = text
	return p
}

func (p Panel) quiet() Panel {
	for i := range p.Queries {
		p.Queries[i].Quiet = true
	}
	return p
}

// Queries gives the queries of all panels.
func (d Dashboard) Queries() (out []Query) {
	for _, r := range d.Rows {
		for _, p := range r.Panels {
			out = append(out, p.Queries...)
		}
	}
	return out
}

// Filled gives an expression as Grafana sends it with every variable at All and
// a rate over a minute.
func Filled(expr string) string {
	return strings.NewReplacer("$__rate_interval", "1m", "$api", ".*", "$operation", ".*", "$product", ".*", "$instance", ".*", "$namespace", ".*", "$slo", ".*").Replace(expr)
}
