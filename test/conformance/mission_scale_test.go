package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

const (
	scaleSeries = 100_000
	// bytesPerSeries is what docs/reference/metric-speed.md states: with it a
	// million active series stay below 4 GiB.
	bytesPerSeries = 3 << 10
)

// M03: a hundred thousand active series take less memory each than is stated, so
// that a million fit on a node of 4 GiB: memory grows in proportion, as `make
// bench-metrics` measures at a million.
func missionScale(t *testing.T, h *house) {
	status, _ := callJSON(t, http.DefaultClient, "PUT", h.monitor+"/api/metric-workspaces/large", map[string]any{"maxSeries": scaleSeries})
	if status != http.StatusCreated {
		t.Fatalf("make the workspace: %d", status)
	}
	before := heapInUse()
	const each = 5000
	for first := 0; first < scaleSeries; first += each {
		request := &prompb.WriteRequest{}
		for i := first; i < first+each; i++ {
			request.Timeseries = append(request.Timeseries, prompb.TimeSeries{
				Labels: []prompb.Label{{Name: "__name__", Value: fmt.Sprintf("requests_total_%d", i%50)}, {Name: "instance", Value: fmt.Sprintf("10.0.%d.%d:9100", i/250%250, i%250)},
					{Name: "job", Value: "shop"}, {Name: "path", Value: fmt.Sprintf("/items/%d", i)}, {Name: "region", Value: "westeurope"}},
				Samples: []prompb.Sample{{Value: float64(i), Timestamp: time.Now().UnixMilli()}}})
		}
		body, err := request.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(h.monitor+"/workspaces/large/prometheus/api/v1/write", "application/x-protobuf", bytes.NewReader(snappy.Encode(nil, body)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent {
			t.Fatalf("write: %s", resp.Status)
		}
	}
	if got := h.queryIn(t, "/workspaces/large/prometheus", `count({job="shop"})`, float64(time.Now().Unix()+1)); got != scaleSeries {
		t.Errorf("%v series, want %d", got, scaleSeries)
	}
	used := float64(heapInUse()-before) / scaleSeries
	t.Logf("%.0f bytes a series", used)
	if used > bytesPerSeries {
		t.Errorf("%.0f bytes a series, more than the %d that are stated", used, bytesPerSeries)
	}
	request, err := http.NewRequest("DELETE", h.monitor+"/api/metric-workspaces/large?confirm=large", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(request); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Errorf("delete the workspace: %v %v", resp, err)
	}
}

// heapInUse is what is alive on the heap.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what finalizers let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
