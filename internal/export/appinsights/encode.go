package appinsights

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"gatehouse/internal/telemetry"
)

// value appends a value as JSON, objects in the order of their names, so that
// one row always makes the same line. It does what encoding/json does for the
// few types that items are made of, without reflection.
func (b *batch) value(v any) {
	switch v := v.(type) {
	case nil:
		b.lines = append(b.lines, "null"...)
	case string:
		b.lines = telemetry.AppendJSON(b.lines, v)
	case bool:
		b.lines = strconv.AppendBool(b.lines, v)
	case int:
		b.lines = strconv.AppendInt(b.lines, int64(v), 10)
	case int64:
		b.lines = strconv.AppendInt(b.lines, v, 10)
	case float64:
		b.number(v)
	case json.Number:
		b.lines = append(b.lines, v...)
	case object:
		members(b, v, b.value)
	case properties:
		members(b, v, b.text)
	case map[string]string:
		members(b, v, b.text)
	case map[string]float64:
		members(b, v, b.number)
	case []object:
		b.lines = append(b.lines, '[')
		for n := range v {
			if n > 0 {
				b.lines = append(b.lines, ',')
			}
			b.value(v[n])
		}
		b.lines = append(b.lines, ']')
	default:
		data, err := json.Marshal(v)
		if err != nil {
			b.err = err
			data = []byte("null")
		}
		b.lines = append(b.lines, data...)
	}
}

func (b *batch) text(s string) { b.lines = telemetry.AppendJSON(b.lines, s) }

// number appends one; what JSON has no number for is null.
func (b *batch) number(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		b.lines = append(b.lines, "null"...)
		return
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	b.lines = strconv.AppendFloat(b.lines, f, format, -1, 64)
}

// members appends an object.
func members[V any, M ~map[string]V](b *batch, m M, one func(V)) {
	from := len(b.names)
	for name := range m {
		b.names = append(b.names, name)
	}
	names := b.names[from:]
	slices.Sort(names)
	b.lines = append(b.lines, '{')
	for n := range names {
		if n > 0 {
			b.lines = append(b.lines, ',')
		}
		b.lines = append(telemetry.AppendJSON(b.lines, names[n]), ':')
		one(m[names[n]])
	}
	b.lines = append(b.lines, '}')
	b.names = b.names[:from]
}
