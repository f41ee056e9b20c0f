package gateway

import (
	"context"
	"sync"
	"testing"

	"gatehouse/internal/policy"
)

// documents is what the catalog is to the gateway.
type documents struct {
	mu  sync.Mutex
	all map[string][]byte
}

func (d *documents) load(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all[name], nil
}

func (d *documents) save(name string, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all[name] = data
	return nil
}

func (d *documents) use(o *Options) { o.Load, o.Save = d.load, d.save }

func TestQuotaCountsSurviveARestart(t *testing.T) {
	d := &documents{all: map[string][]byte{}}
	o := DefaultOptions()
	d.use(&o)
	g := New(o)
	for range 3 {
		g.services.Quotas.Add("k", 1, 10, policy.Window{})
	}
	g.Close(context.Background())
	g.Close(context.Background()) // harmless
	again := New(o)
	defer again.Close(context.Background())
	if c := again.services.Quotas.Add("k", 1, 10, policy.Window{}); c.Remaining != 6 {
		t.Fatalf("%+v", c)
	}
}

func TestDamagedQuotaCountsStartAnew(t *testing.T) {
	d := &documents{all: map[string][]byte{quotaDocument: []byte("damaged")}}
	o := DefaultOptions()
	d.use(&o)
	g := New(o)
	defer g.Close(context.Background())
	if c := g.services.Quotas.Add("k", 1, 1, policy.Window{}); !c.Allowed {
		t.Fatalf("%+v", c)
	}
}
