package statement

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"
)

// namedTokens gives "token-of-<resource>", with the client id when there is
// one; the resource "refused" has no token.
type namedTokens struct{}

func (namedTokens) Token(_ context.Context, resource, clientID string) (string, error) {
	if resource == "refused" {
		return "", errors.New("no token for this resource")
	}
	if clientID != "" {
		return "token-of-" + resource + "-as-" + clientID, nil
	}
	return "token-of-" + resource, nil
}

// memoryVectors is a store without bounds and time.
type memoryVectors struct{ entries []storedVector }

type storedVector struct {
	partition string
	v         []float32
	value     any
}

func (m *memoryVectors) Nearest(partition string, v []float32, threshold float64) (any, bool) {
	best, found := -2.0, any(nil)
	for _, e := range m.entries {
		if e.partition != partition || len(e.v) != len(v) {
			continue
		}
		var ab, aa, bb float64
		for i := range v {
			ab, aa, bb = ab+float64(v[i]*e.v[i]), aa+float64(v[i]*v[i]), bb+float64(e.v[i]*e.v[i])
		}
		if s := ab / math.Sqrt(aa*bb); s > best {
			best, found = s, e.value
		}
	}
	return found, found != nil && best >= 1-threshold
}

func (m *memoryVectors) Add(partition string, v []float32, value any, _ time.Duration) {
	m.entries = append(m.entries, storedVector{partition, slices.Clone(v), value})
}
