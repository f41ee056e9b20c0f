package dashboards

import "encoding/json"

// schemaVersion of the JSON: Grafana 10 and later read it, and migrate it.
const schemaVersion = 39

// Names of Grafana's JSON; only what differs from its defaults is written.
type (
	grafana struct {
		UID           string      `json:"uid"`
		Title         string      `json:"title"`
		Description   string      `json:"description"`
		Tags          []string    `json:"tags"`
		SchemaVersion int         `json:"schemaVersion"`
		Editable      bool        `json:"editable"`
		GraphTooltip  int         `json:"graphTooltip"` // 1: one crosshair for all panels
		Refresh       string      `json:"refresh"`
		Time          timeRange   `json:"time"`
		Templating    templating  `json:"templating"`
		Annotations   annotations `json:"annotations"`
		Panels        []panel     `json:"panels"`
	}
	annotations struct {
		List []any `json:"list"`
	}
	timeRange struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	templating struct {
		List []variable `json:"list"`
	}
	source struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}
	variable struct {
		Name       string  `json:"name"`
		Label      string  `json:"label"`
		Type       string  `json:"type"`
		Query      any     `json:"query"`
		Datasource *source `json:"datasource,omitempty"`
		Definition string  `json:"definition,omitempty"`
		Refresh    int     `json:"refresh"` // 1: when the page loads, 2: also when the time changes
		Multi      bool    `json:"multi"`
		IncludeAll bool    `json:"includeAll"`
		AllValue   string  `json:"allValue,omitempty"`
		Current    any     `json:"current"`
		Sort       int     `json:"sort"`
	}
	position struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}
	panel struct {
		ID          int            `json:"id"`
		Type        string         `json:"type"`
		Title       string         `json:"title"`
		Description string         `json:"description,omitempty"`
		GridPos     position       `json:"gridPos"`
		Datasource  *source        `json:"datasource,omitempty"`
		Targets     []target       `json:"targets,omitempty"`
		FieldConfig *fieldConfig   `json:"fieldConfig,omitempty"`
		Options     map[string]any `json:"options,omitempty"`
		Collapsed   *bool          `json:"collapsed,omitempty"`
		Panels      *[]panel       `json:"panels,omitempty"` // of a collapsed row
	}
	target struct {
		RefID        string `json:"refId"`
		Datasource   source `json:"datasource"`
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat,omitempty"`
		Instant      bool   `json:"instant"`
		Range        bool   `json:"range"`
		Format       string `json:"format"`
	}
	fieldConfig struct {
		Defaults  fieldDefaults `json:"defaults"`
		Overrides []any         `json:"overrides"`
	}
	fieldDefaults struct {
		Unit string `json:"unit"`
		Min  *int   `json:"min,omitempty"`
	}
)

// chosen is the data source that the reader picks at the top of the page.
func chosen() source { return source{Type: "prometheus", UID: "${datasource}"} }

// JSON gives the dashboard as Grafana imports it, indented.
func (d Dashboard) JSON() ([]byte, error) {
	out := grafana{UID: d.UID, Title: d.Title, Description: d.Description, Tags: append([]string{"gatehouse"}, d.Tags...), SchemaVersion: schemaVersion,
		Editable: true, GraphTooltip: 1, Refresh: "30s", Time: timeRange{"now-1h", "now"}}
	out.Annotations.List = []any{}
	out.Templating.List = append(out.Templating.List, variable{Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1,
		Current: map[string]any{"selected": false, "text": "default", "value": "default"}})
	for _, v := range d.Variables {
		out.Templating.List = append(out.Templating.List, v.grafana())
	}
	out.Panels = d.panels()
	data, err := json.MarshalIndent(out, "", "  ")
	return append(data, '\n'), err
}

func (v Variable) grafana() variable {
	query := "label_values(" + v.Metric + ", " + v.LabelName + ")"
	from := chosen()
	return variable{Name: v.Name, Label: v.Label, Type: "query", Datasource: &from, Definition: query, Query: map[string]any{"query": query, "refId": v.Name},
		Refresh: 2, Multi: true, IncludeAll: true, AllValue: ".*", Sort: 1, Current: map[string]any{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}}
}

// Heights of panels in units of Grafana's grid, which is 24 wide.
const (
	rowHeight   = 1
	statHeight  = 4
	chartHeight = 8
	gridWidth   = 24
)

// panels places the rows from top to bottom, and the panels of each from left
// to right.
func (d Dashboard) panels() []panel {
	var out []panel
	y, id := 0, 0
	next := func() int { id++; return id }
	for _, r := range d.Rows {
		open, none := false, []panel{}
		out = append(out, panel{ID: next(), Type: "row", Title: r.Title, GridPos: position{rowHeight, gridWidth, 0, y}, Collapsed: &open, Panels: &none})
		y += rowHeight
		x, height := 0, 0
		for _, p := range r.Panels {
			if x+p.Width > gridWidth {
				x, y, height = 0, y+height, 0
			}
			h := chartHeight
			if p.Kind == Stat {
				h = statHeight
			}
			out = append(out, p.grafana(next(), position{h, p.Width, x, y}))
			x, height = x+p.Width, max(height, h)
		}
		y += height
	}
	return out
}

func (p Panel) grafana(id int, at position) panel {
	from, zero := chosen(), 0
	out := panel{ID: id, Type: string(p.Kind), Title: p.Title, Description: p.Description, GridPos: at, Datasource: &from,
		FieldConfig: &fieldConfig{Defaults: fieldDefaults{Unit: p.Unit}, Overrides: []any{}}}
	for n, q := range p.Queries {
		t := target{RefID: string(rune('A' + n)), Datasource: chosen(), Expr: q.Expr, LegendFormat: q.Legend, Format: "time_series", Range: true}
		if p.Kind != TimeSeries {
			t.Instant, t.Range = true, false
		}
		if p.Kind == Table {
			t.Format = "table"
		}
		out.Targets = append(out.Targets, t)
	}
	switch p.Kind {
	case TimeSeries:
		out.FieldConfig.Defaults.Min = &zero
		out.Options = map[string]any{"legend": map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}}, "tooltip": map[string]any{"mode": "multi", "sort": "desc"}}
	case Stat:
		out.Options = map[string]any{"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}, "colorMode": "none", "graphMode": "none", "textMode": "auto"}
	case Table:
		out.Options = map[string]any{"showHeader": true, "sortBy": []map[string]any{{"displayName": "Value", "desc": true}}}
	}
	return out
}
