package metrics_test

import (
	"testing"

	"gatehouse/internal/alerting"
	"gatehouse/internal/api/metrics"
	"gatehouse/internal/query/promql"
	"gatehouse/internal/rules"
	"gatehouse/internal/store/tsdb"

	"github.com/prometheus/client_golang/prometheus"
)

// TestOneRegistry wires all rooms as the server does: their metrics must live
// together in one registry, and everything must stop in reverse order.
func TestOneRegistry(t *testing.T) {
	reg := prometheus.NewRegistry()
	db, err := tsdb.Open(tsdb.Options{Folder: t.TempDir(), Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	engine := promql.New(db, promql.Options{Registerer: reg})
	am, err := alerting.New(alerting.Options{Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.New(rules.Options{
		Query: engine.Instant, Appendable: db, Queryable: db, Notify: am.Put, Registerer: reg,
	})
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := rules.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Load(shipped); err != nil {
		t.Fatal(err)
	}
	if _, err := metrics.New(metrics.Options{Engine: engine, Storage: db, Rules: set, Metadata: db.Metadata, Registerer: reg, Gatherer: reg}); err != nil {
		t.Fatal(err)
	}
	if err := am.Start(); err != nil {
		t.Fatal(err)
	}
	if err := set.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Gather(); err != nil {
		t.Error(err)
	}
	set.Stop()
	if err := am.Stop(); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
