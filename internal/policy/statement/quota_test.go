package statement

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/policy"
)

// memoryQuotas counts in windows around testTime; places of "busy" are what
// the line "busy N" of context says.
type memoryQuotas struct {
	counts map[string]int64
	places map[string]int64
}

func newMemoryQuotas(g *goldenCase) *memoryQuotas {
	m := &memoryQuotas{counts: map[string]int64{}, places: map[string]int64{}}
	for key, value := range g.settings {
		if name, ok := strings.CutPrefix(key, "busy "); ok {
			m.places[name] = int64(len(value))
		}
		if name, ok := strings.CutPrefix(key, "quota "); ok {
			m.counts[name], _ = strconv.ParseInt(value, 10, 64)
		}
	}
	return m
}

func (m *memoryQuotas) Add(key string, n, limit int64, w policy.Window) policy.Count {
	m.counts[key] += n
	total := m.counts[key]
	r := policy.Count{Allowed: total <= limit, Remaining: max(0, limit-total)}
	if n == 0 {
		r.Allowed = total < limit
	}
	if !r.Allowed && w.Period > 0 {
		passed := testTime.Unix() - w.Start.Unix()
		r.RetryAfter = w.Period - time.Duration(passed%int64(w.Period/time.Second))*time.Second
	}
	return r
}

func (m *memoryQuotas) Enter(key string, most int64) (func(), bool) {
	if m.places[key] >= most {
		return nil, false
	}
	m.places[key]++
	return func() { m.places[key]-- }, true
}

// feedTaps shows the response to what watches it, in pieces of a few bytes as a
// slow backend would send them.
func feedTaps(c *policy.Context) {
	if len(c.Taps()) == 0 || c.Response == nil {
		return
	}
	data, err := c.Response.Body.Bytes(true)
	for piece := range slices.Chunk(data, 7) {
		for _, t := range c.Taps() {
			t.See(piece)
		}
	}
	for _, t := range c.Taps() {
		t.Done(err == nil)
	}
}

func TestTimeSpan(t *testing.T) {
	for seconds, want := range map[int64]string{1: "00:00:01", 1802: "00:30:02", 86399: "23:59:59", 86400: "1.00:00:00", 14*86400 + 7*3600 + 13*60 + 56: "14.07:13:56"} {
		if got := timeSpan(seconds); got != want {
			t.Errorf("%d: %s, want %s", seconds, got, want)
		}
	}
}
