package metrics_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/store/tsdb"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
)

// Native histograms go out to who asks for protocol buffers, as they are
// stored; the text form has the floats and the custom buckets.
func TestFederationOfHistograms(t *testing.T) {
	server, db := serve(t, nil, tsdb.Options{})
	now := time.Now()
	native := tsdbutil.GenerateTestFloatHistogram(3)
	gauge := tsdbutil.GenerateTestGaugeFloatHistogram(2)
	custom := tsdbutil.GenerateTestCustomBucketsFloatHistogram(1)
	app := db.AppenderV2(context.Background())
	for name, h := range map[string]*histogram.FloatHistogram{"native": native, "gauge": gauge, "custom": custom, "plain": nil} {
		if _, err := app.Append(0, labels.FromStrings("__name__", name, "kind", "test"), 0, now.UnixMilli(), 5, nil, h, storage.AppendV2Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	const path = `/prometheus/federate?match[]={kind="test"}`
	_, text := get(t, server.URL+path)
	if !strings.Contains(text, `plain{kind="test",instance=""} 5 `) || !strings.Contains(text, `custom_bucket{kind="test",instance="",le="+Inf"}`) || strings.Contains(text, "native") {
		t.Errorf("text: %s", text)
	}
	families := map[string]*dto.MetricFamily{}
	r, err := http.NewRequest("GET", server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for decoder := expfmt.NewDecoder(bufio.NewReader(resp.Body), expfmt.ResponseFormat(resp.Header)); ; {
		f := &dto.MetricFamily{}
		if err := decoder.Decode(f); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		families[f.GetName()] = f
	}
	if f := families["native"]; f.GetType() != dto.MetricType_HISTOGRAM {
		t.Fatalf("native: %v", f)
	}
	h := families["native"].Metric[0].Histogram
	if h.GetSampleCountFloat() != native.Count || h.GetSampleSum() != native.Sum || h.GetSchema() != native.Schema || len(h.PositiveSpan) != len(native.PositiveSpans) || len(h.NegativeCount) != len(native.NegativeBuckets) {
		t.Errorf("native: %v, want %v", h, native)
	}
	if f := families["gauge"]; f.GetType() != dto.MetricType_GAUGE_HISTOGRAM {
		t.Errorf("gauge: %v", f)
	}
	buckets := families["custom"].Metric[0].Histogram.Bucket
	if len(buckets) != len(custom.CustomValues) || buckets[len(buckets)-1].GetCumulativeCountFloat() != custom.Count {
		t.Errorf("custom: %v, want %v", buckets, custom)
	}
}
