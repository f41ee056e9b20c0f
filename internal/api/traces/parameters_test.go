package traces

import (
	"testing"
	"time"

	"gatehouse/internal/api"
)

func TestUnreadableQueryStringIsRefused(t *testing.T) {
	for _, query := range []string{"q=a;b", "api=orders&q=100%", "q=%zz"} {
		p := api.ReadParameters(query, time.Unix(1_800_000_000, 0))
		filter(p)
		if len(p.Wrong) == 0 {
			t.Errorf("%q is accepted; the filter that could not be read matches everything", query)
		}
	}
}

func FuzzParameters(f *testing.F) {
	f.Add("start=2026-03-14T09:20:00Z&end=1773480060.5&http_status=5xx&limit=10&min_duration_ms=1e3")
	f.Add("start=-1&limit=99999999999999999999&http_status=0xx&max_duration_ms=Inf&q=%00")
	f.Fuzz(func(t *testing.T, query string) {
		p := api.ReadParameters(query, time.Unix(1_800_000_000, 0))
		got := filter(p)
		if len(p.Wrong) > 0 {
			return
		}
		if !got.Start.Before(got.End) || got.Limit < 1 || got.MinDuration < 0 || got.MaxDuration < 0 {
			t.Errorf("%q gives %+v", query, got)
		}
	})
}
