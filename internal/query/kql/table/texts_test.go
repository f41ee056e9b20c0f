package table_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"gatehouse/internal/query/kql/table"
	"gatehouse/internal/store/lake"
	"gatehouse/internal/telemetry"
)

// TestDimensionsAreTexts: whatever stands in names and texts, the custom
// dimensions of OpenTelemetry's attributes are JSON with the same members, and
// numbers and booleans are texts.
func TestDimensionsAreTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{`"`, `\`, `":`, `1`, `,`, `{`, `}`, `true`, `backend.`, `Request-`, `é`, "\n", `$1`, `'`, ` `, `:`}
	text := func() string {
		var b strings.Builder
		for range r.IntN(8) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		return b.String()
	}
	var value func(depth int) any
	value = func(depth int) any {
		switch r.IntN(6) {
		case 0:
			return r.Float64() * 1000
		case 1:
			return r.IntN(3) == 0
		case 2:
			return -r.IntN(1000)
		case 3:
			if depth < 2 {
				return map[string]any{text() + ".": value(depth + 1), "n": value(depth + 1)}
			}
		case 4:
			return []any{text(), r.IntN(9), true}
		}
		return text()
	}
	var spans []telemetry.Span
	for range 500 {
		object := map[string]any{}
		for range 1 + r.IntN(6) {
			object[text()+"."] = value(0) // a number whose name ends with a backslash may stay one
		}
		data, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		spans = append(spans, telemetry.Span{Time: minute.UnixNano(), Kind: "server", Source: "otlp", Attributes: string(data)})
	}
	l := openLake(t, spans, nil)
	requests, _ := table.Lookup("requests")
	b := requests.Branches[0]
	rows, err := l.Query(context.Background(), lake.Statement{SQL: "SELECT attributes, CAST(" + b.Columns["customDimensions"] + " AS VARCHAR) FROM {rows}", Sources: map[string]lake.Source{"rows": {Table: "spans"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var stored, shown string
		if err := rows.Scan(&stored, &shown); err != nil {
			t.Fatal(err)
		}
		want, got := decode(t, stored), decode(t, shown)
		for name, one := range got.(map[string]any) {
			if _, isNumber := one.(json.Number); isNumber || one == true || one == false {
				t.Errorf("%q is no text in %s", name, shown)
			}
		}
		if want, got = asTexts(want), asTexts(got); !reflect.DeepEqual(got, want) {
			t.Errorf("%s\nis shown as\n%s", stored, shown)
		}
	}
	if rows.Err() != nil || n != len(spans) {
		t.Errorf("%d rows, %v", n, rows.Err())
	}
}

func decode(t *testing.T, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// asTexts gives the members of objects, at any depth, that are numbers or
// booleans as texts.
func asTexts(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for key, one := range m {
		switch one := one.(type) {
		case json.Number:
			m[key] = one.String()
		case bool:
			m[key] = strconv.FormatBool(one)
		default:
			m[key] = asTexts(one)
		}
	}
	return m
}
