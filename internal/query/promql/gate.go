package promql

import "context"

// gate lets a number of queries run at once; the engine asks it before each.
type gate struct{ slots chan struct{} }

func newGate(n int) *gate { return &gate{slots: make(chan struct{}, n)} }

// GetMaxConcurrent gives the number of queries that may run at once.
func (g *gate) GetMaxConcurrent() int { return cap(g.slots) }

// Insert waits for a slot or the end of ctx.
func (g *gate) Insert(ctx context.Context, _ string) (int, error) {
	select {
	case g.slots <- struct{}{}:
		return 0, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Delete gives the slot back.
func (g *gate) Delete(int) { <-g.slots }

// Close has nothing to release.
func (g *gate) Close() error { return nil }
