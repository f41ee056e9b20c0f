package explore

import (
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

// A request that two workspaces received is one request here.
func TestCopiesAreOneRequest(t *testing.T) {
	first, second := gatewayRow(1), gatewayRow(1)
	second.Source, second.Workspace = "gateway-copy", "orders"
	log := telemetry.LogRecord{Time: first.Time, TraceID: first.TraceID, SpanID: first.SpanID, Body: "once", Source: "gateway"}
	again := log
	again.Source, again.Workspace = second.Source, second.Workspace
	e := explorer(t, []telemetry.Span{first, second}, []telemetry.LogRecord{log, again})
	start := time.Unix(0, origin())
	found, err := e.Search(t.Context(), Filter{Start: start.Add(-time.Minute), End: start.Add(time.Hour)})
	if err != nil || found.Total != 1 || len(found.Traces) != 1 {
		t.Errorf("%v %+v", err, found)
	}
	tree, err := e.Trace(t.Context(), first.TraceID)
	if err != nil || len(tree.Logs) != 1 {
		t.Errorf("%v %+v", err, tree)
	}
	requests := 0
	for _, s := range tree.Spans {
		if s.Request != nil {
			requests++
		}
	}
	if requests != 1 {
		t.Errorf("%d requests", requests)
	}
}
