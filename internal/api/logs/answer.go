package logs

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/query/kql/table"
)

// flushBytes is how much of an answer is held before it goes out.
const flushBytes = 64 << 10

// writeResult writes a result while it encodes it: the whole text of a large one
// is never in memory.
func writeResult(w http.ResponseWriter, r *kql.Result, p preference, correlation string) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	e := encoder{out: w}
	e.result(r, p, correlation)
	e.buf = append(e.buf, '\n')
	e.flush()
}

// encoder appends JSON and hands it on piece by piece; without out it collects.
type encoder struct {
	out http.ResponseWriter
	buf []byte
	bad error // the client left
}

func (e *encoder) flush() {
	if e.out != nil && e.bad == nil {
		_, e.bad = e.out.Write(e.buf)
		e.buf = e.buf[:0]
	}
}

func (e *encoder) result(r *kql.Result, p preference, correlation string) {
	e.buf = append(e.buf, `{"tables":[`...)
	for n := range r.Tables {
		if n > 0 {
			e.buf = append(e.buf, ',')
		}
		e.table(&r.Tables[n])
	}
	e.buf = append(e.buf, ']')
	if p.statistics {
		e.member("statistics", statistics(r.Stats))
	}
	if p.render && r.Render != nil {
		e.member("render", render(r.Render))
	}
	if len(r.Notes) > 0 {
		notes := make([]innerError, len(r.Notes))
		for n, note := range r.Notes {
			notes[n] = inner(note)
		}
		e.member("notes", notes)
	}
	if r.Partial != "" {
		e.member("error", errorBody{Code: "PartialError", Message: "There were some errors when processing your query.", CorrelationID: correlation,
			Inner: &innerError{Code: "QueryResultTruncated", Message: r.Partial}})
	}
	e.buf = append(e.buf, '}')
}

func (e *encoder) member(name string, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		data = []byte("null")
	}
	e.buf = append(e.buf, `,"`...)
	e.buf = append(e.buf, name...)
	e.buf = append(append(e.buf, `":`...), data...)
}

func (e *encoder) table(t *kql.ResultTable) {
	e.buf = append(e.buf, `{"name":`...)
	e.buf = appendText(e.buf, t.Name)
	e.buf = append(e.buf, `,"columns":[`...)
	for n, c := range t.Columns {
		if n > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = append(e.buf, `{"name":`...)
		e.buf = appendText(e.buf, c.Name)
		e.buf = append(e.buf, `,"type":"`...)
		e.buf = append(append(e.buf, c.Type.String()...), `"}`...)
	}
	e.buf = append(e.buf, `],"rows":[`...)
	for n, row := range t.Rows {
		if n > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = append(e.buf, '[')
		for i, v := range row {
			if i > 0 {
				e.buf = append(e.buf, ',')
			}
			e.buf = appendCell(e.buf, t.Columns[i].Type, v)
		}
		e.buf = append(e.buf, ']')
		if len(e.buf) >= flushBytes {
			e.flush()
		}
	}
	e.buf = append(e.buf, `]}`...)
}

// appendCell writes a value as the clients expect it: times and dynamic values
// as texts, numbers that JSON does not have as well.
func appendCell(b []byte, t table.Type, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int32:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		switch t {
		case table.Datetime:
			return append(append(append(b, '"'), datetimeText(v)...), '"')
		case table.Timespan:
			return append(append(append(b, '"'), timespanText(v)...), '"')
		}
		return strconv.AppendInt(b, v, 10)
	case float64:
		return appendReal(b, t, v)
	case string:
		return appendText(b, v)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return append(b, "null"...)
	}
	return append(b, data...)
}

func appendReal(b []byte, t table.Type, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(b, `"-Infinity"`...)
	case t == table.Decimal:
		return append(strconv.AppendFloat(append(b, '"'), v, 'f', -1, 64), '"')
	}
	format := byte('f')
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, v, format, -1, 64)
}

func appendText(b []byte, s string) []byte {
	data, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...)
	}
	return append(b, data...)
}

// datetimeText writes ticks as ISO 8601 in UTC, to 100 ns.
func datetimeText(ticks int64) string {
	rest := ticks - table.UnixTicks
	seconds := rest / table.TicksPerSecond
	fraction := rest % table.TicksPerSecond
	if fraction < 0 {
		seconds, fraction = seconds-1, fraction+table.TicksPerSecond
	}
	return time.Unix(seconds, fraction*100).UTC().Format("2006-01-02T15:04:05.9999999Z")
}

// timespanText writes ticks as [-][d.]hh:mm:ss[.fffffff].
func timespanText(ticks int64) string {
	out := ""
	if ticks < 0 {
		out, ticks = "-", -ticks
	}
	if ticks < 0 { // the smallest number has no opposite
		return "-10675199.02:48:05.4775808"
	}
	seconds, fraction := ticks/table.TicksPerSecond, ticks%table.TicksPerSecond
	if days := seconds / 86400; days > 0 {
		out += strconv.FormatInt(days, 10) + "."
	}
	out += pad(seconds/3600%24, 2) + ":" + pad(seconds/60%60, 2) + ":" + pad(seconds%60, 2)
	if fraction > 0 {
		out += "." + pad(fraction, 7)
	}
	return out
}

func pad(n int64, width int) string {
	s := strconv.FormatInt(n, 10)
	for len(s) < width {
		s = "0" + s
	}
	return s
}

func statistics(s kql.Stats) map[string]any {
	return map[string]any{"query": map[string]any{
		"executionTime":     s.Elapsed.Seconds(),
		"datasetStatistics": []map[string]any{{"tableRowCount": s.Rows, "tableSize": s.Bytes}},
	}}
}

// render has all the properties of Azure's answer, null when they were not asked for.
func render(r *kql.Render) map[string]any {
	out := map[string]any{"visualization": r.Visualization}
	for _, name := range []string{"title", "xColumn", "yColumns", "series", "anomalyColumns", "legend", "xAxis", "yAxis", "yMin", "yMax", "xTitle", "yTitle", "accumulate", "kind", "isQuerySorted", "ySplit"} {
		out[name] = nil
	}
	for name, v := range r.Properties {
		out[name] = v
	}
	return out
}
