package dashboards

import (
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Shown is a page with its data, as it is drawn.
type Shown struct {
	UID         string     `json:"uid"`
	Title       string     `json:"title"`
	Description string     `json:"description,omitempty"`
	Workspace   string     `json:"workspace"`
	From        time.Time  `json:"from"`
	To          time.Time  `json:"to"`
	Step        float64    `json:"step_seconds"`
	Rows        []ShownRow `json:"rows"`
}

// ShownRow is a heading with panels.
type ShownRow struct {
	Title  string       `json:"title"`
	Panels []ShownPanel `json:"panels"`
}

// ShownPanel is a chart with its series.
type ShownPanel struct {
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	Kind        Kind         `json:"kind"`
	Unit        string       `json:"unit,omitempty"`
	Queries     []ShownQuery `json:"queries"`
}

// ShownQuery is what a query gave, or why it gave nothing.
type ShownQuery struct {
	Expr   string        `json:"expr"`
	Error  string        `json:"error,omitempty"`
	Series []ShownSeries `json:"series"`
}

// ShownSeries is one line of a chart, or one number.
type ShownSeries struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
	Points []Point           `json:"points"`
}

// Point is a time in seconds since 1970 and a value. In JSON the value is a
// string, as in Prometheus's answers: it may be no number.
type Point struct {
	T float64
	V float64
}

// MarshalJSON writes [time, "value"].
func (p Point) MarshalJSON() ([]byte, error) {
	return []byte("[" + strconv.FormatFloat(p.T, 'f', -1, 64) + `,"` + strconv.FormatFloat(p.V, 'g', -1, 64) + `"]`), nil
}

// UnmarshalJSON reads it.
func (p *Point) UnmarshalJSON(text []byte) error {
	t, v, ok := strings.Cut(strings.Trim(string(text), "[]"), ",")
	if !ok {
		return fmt.Errorf("%s is no point", text)
	}
	var err error
	if p.T, err = strconv.ParseFloat(t, 64); err == nil {
		p.V, err = strconv.ParseFloat(strings.Trim(v, `"`), 64)
	}
	return err
}

// Draw writes the page as HTML that needs no script and nothing from elsewhere.
func (s *Shown) Draw(w io.Writer) error { return pageTemplate.Execute(w, s) }

// maxLines of one chart are drawn; the table below it has the others.
const maxLines = 12

const (
	chartWidth  = 640
	chartPixels = 160
)

// Lines gives the lines of a chart, scaled to its size.
func (p ShownPanel) Lines(page *Shown) (out []drawnLine) {
	low, high := p.span()
	over := page.To.Sub(page.From).Seconds()
	for _, q := range p.Queries {
		for _, s := range q.Series {
			if len(out) == maxLines {
				return out
			}
			var b strings.Builder
			pen := "M"
			for _, at := range s.Points {
				if math.IsNaN(at.V) || math.IsInf(at.V, 0) {
					pen = "M"
					continue
				}
				x := (at.T - float64(page.From.Unix())) / max(over, 1) * chartWidth
				fmt.Fprintf(&b, "%s%.1f %.1f ", pen, x, chartPixels-(at.V-low)/(high-low)*chartPixels)
				pen = "L"
			}
			out = append(out, drawnLine{Name: s.Name, Path: b.String(), Hue: len(out) * 360 / maxLines})
		}
	}
	return out
}

type drawnLine struct {
	Name, Path string
	Hue        int
}

// span is from zero, or the lowest value below it, to the highest value.
func (p ShownPanel) span() (low, high float64) {
	for _, q := range p.Queries {
		for _, s := range q.Series {
			for _, at := range s.Points {
				if !math.IsNaN(at.V) && !math.IsInf(at.V, 0) {
					low, high = min(low, at.V), max(high, at.V)
				}
			}
		}
	}
	if high == low {
		high = low + 1
	}
	return low, high
}

// Highest is the value at the upper edge of the chart.
func (p ShownPanel) Highest() string { _, high := p.span(); return Amount(p.Unit, high) }

// Lowest is the value at the lower edge.
func (p ShownPanel) Lowest() string { low, _ := p.span(); return Amount(p.Unit, low) }

// Last is the last value of a series.
func (p ShownPanel) Last(s ShownSeries) string {
	if len(s.Points) == 0 {
		return "–"
	}
	return Amount(p.Unit, s.Points[len(s.Points)-1].V)
}

// Amount writes a value in one of Grafana's units.
func Amount(unit string, v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case unit == "percentunit":
		return strconv.FormatFloat(math.Round(v*1e6)/1e4, 'f', -1, 64) + " %"
	case unit == "bytes" || unit == "Bps":
		return scaled(v, 1024, []string{"B", "KiB", "MiB", "GiB", "TiB"}) + perSecond(unit == "Bps")
	case unit == "s":
		if v < 1 && v > -1 && v != 0 {
			return short(v*1000) + " ms"
		}
		return short(v) + " s"
	case unit == "reqps":
		return short(v) + " req/s"
	}
	return scaled(v, 1000, []string{"", "K", "M", "G", "T"})
}

func perSecond(yes bool) string {
	if yes {
		return "/s"
	}
	return ""
}

func scaled(v, by float64, units []string) string {
	i := 0
	for ; math.Abs(v) >= by && i < len(units)-1; i++ {
		v /= by
	}
	return strings.TrimSpace(short(v) + " " + units[i])
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

var pageTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex"><title>{{.Title}}</title>
<style>
body{font:14px/1.4 system-ui,sans-serif;margin:1.5rem;color:#222;background:#fff}
.row{display:flex;flex-wrap:wrap;gap:1rem}.panel{border:1px solid #ddd;border-radius:6px;padding:.6rem;min-width:11rem;overflow:auto}
.big{font-size:1.6rem}.error{color:#a00}h2{font-size:1rem;margin:1.2rem 0 .5rem}h3{font-size:.9rem;margin:0 0 .4rem}
td,th{text-align:left;padding:.1rem .8rem .1rem 0}svg{background:#fafafa}.key{margin-right:.8rem;white-space:nowrap}small{color:#666}
</style></head><body>
<h1>{{.Title}}</h1>{{with .Description}}<p>{{.}}</p>{{end}}
<p><small>{{.From.UTC.Format "2006-01-02 15:04"}} to {{.To.UTC.Format "2006-01-02 15:04"}} UTC</small></p>
{{$page := .}}{{range .Rows}}{{with .Title}}<h2>{{.}}</h2>{{end}}<div class="row">
{{range .Panels}}{{$panel := .}}<section class="panel"><h3>{{.Title}}</h3>
{{range .Queries}}{{with .Error}}<p class="error">{{.}}</p>{{end}}{{end}}
{{if eq .Kind "timeseries"}}<div><small>{{.Highest}}</small></div><svg viewBox="0 0 640 160" width="640" height="160" role="img" aria-label="{{.Title}}">
{{range .Lines $page}}<path d="{{.Path}}" fill="none" stroke="hsl({{.Hue}} 70% 45%)" stroke-width="1.5"/>{{end}}</svg><div><small>{{.Lowest}}</small></div>
<div>{{range .Lines $page}}<span class="key"><svg width="10" height="10"><rect width="10" height="10" fill="hsl({{.Hue}} 70% 45%)"/></svg> {{.Name}}</span>{{end}}</div>
{{else if eq .Kind "stat"}}{{range .Queries}}{{range .Series}}<div><span class="big">{{$panel.Last .}}</span> {{.Name}}</div>{{else}}<div class="big">–</div>{{end}}{{end}}
{{else}}<table>{{range .Queries}}{{range .Series}}<tr><td>{{.Name}}</td><td>{{$panel.Last .}}</td></tr>{{else}}<tr><td>–</td></tr>{{end}}{{end}}</table>{{end}}
</section>{{end}}</div>{{end}}
</body></html>
`))
