package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

// Batches use the memory of their texts again: no row may show the text of
// another, whatever the sizes of captures and however full they are of escapes.
func TestRowsKeepTheirOwnTexts(t *testing.T) {
	kept := &memory{}
	i := open(t, Options{Rows: []telemetry.Rows{kept}, BatchSize: 8, BatchDelay: time.Millisecond})
	value := func(n int) string {
		return fmt.Sprintf("%d", n) + strings.Repeat([]string{"x", `"`, "\n", "é"}[n%4], n*7919%30_000)
	}
	const rows = 400
	for n := range rows {
		e := telemetry.NewExchange()
		e.Endpoint, e.Start, e.Method, e.Status, e.Path = endpoint1(), time.Now(), "GET", 200, fmt.Sprint("/", n)
		e.RequestID[15], e.RequestID[14] = byte(n), byte(n>>8)
		e.Captures = append(e.Captures, telemetry.Capture{Part: telemetry.FrontendRequest, Name: "Number", Value: value(n)})
		i.Exchange(e)
		if n%50 == 0 {
			if err := i.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(kept.spans) != rows {
		t.Fatalf("%d rows", len(kept.spans))
	}
	for n, s := range kept.spans {
		want := `{"Request-Number":` + string(telemetry.AppendJSON(nil, value(n))) + `}`
		if s.Attributes != want || !strings.HasSuffix(s.RequestID, fmt.Sprintf("%04x", n)) || s.Path != fmt.Sprint("/", n) {
			t.Fatalf("row %d has the id %s, the path %s and %d bytes of attributes, %d expected", n, s.RequestID, s.Path, len(s.Attributes), len(want))
		}
	}
}
