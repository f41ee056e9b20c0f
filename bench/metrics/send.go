package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// Of a hundred series, eighty are counters of forty metrics and twenty the
// buckets of a histogram; an instance has two thousand.
const (
	counters    = 40
	buckets     = 10
	paths       = 20
	perInstance = (counters + 2*buckets) * paths * 5 / 3 // 2,000
	perRequest  = 2000
	every       = 15 * time.Second
)

var bounds = [buckets]string{"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"}

// pairs are the labels of series i, sorted by name, and the growth of its value
// in an interval.
func pairs(i int) (labels []string, growth float64) {
	instance, k := i/perInstance, i%perInstance
	path := "/path/" + strconv.Itoa(k%paths)
	labels = []string{"__name__", "", "instance", fmt.Sprintf("10.0.%d.%d:9100", instance/250, instance%250), "job", "bench"}
	k /= paths // 0 to 99
	if k < 80 {
		labels[1] = fmt.Sprintf("bench_%02d_total", k%counters)
		return append(labels, "method", []string{"GET", "POST"}[k/counters], "path", path), float64(1 + (i*7)%13)
	}
	k -= 80
	labels[1] = "bench_duration_seconds_bucket"
	return append(labels, "le", bounds[k%buckets], "method", []string{"GET", "POST"}[k/buckets], "path", path), float64((k%buckets + 1) * 3)
}

// sender makes the requests of one round for both processes.
type sender struct {
	series int
	start  time.Time
	client http.Client
}

// round sends sample n of all series to each process in turn and gives the
// processor time that each used, the stock one first.
func (s *sender) round(pair [2]*process, n, version int) (used [2]time.Duration, err error) {
	at := s.start.Add(time.Duration(n) * every)
	bodies := make([][]byte, 0, s.series/perRequest+1)
	for from := 0; from < s.series; from += perRequest {
		body, err := s.body(from, min(from+perRequest, s.series), n, at.UnixMilli(), version)
		if err != nil {
			return used, err
		}
		bodies = append(bodies, body)
	}
	for k := range pair {
		which := (k + n) % 2 // who comes first changes
		before := pair[which].cpu()
		for _, body := range bodies {
			if err := s.post(pair[which].base+"/api/v1/write", body, version); err != nil {
				return used, err
			}
		}
		used[which] = pair[which].cpu() - before
	}
	return used, nil
}

func (s *sender) body(from, to, n int, at int64, version int) ([]byte, error) {
	if version == 1 {
		request := &prompb.WriteRequest{}
		for i := from; i < to; i++ {
			labels, growth := pairs(i)
			one := prompb.TimeSeries{Samples: []prompb.Sample{{Timestamp: at, Value: growth * float64(n+1)}}}
			for k := 0; k < len(labels); k += 2 {
				one.Labels = append(one.Labels, prompb.Label{Name: labels[k], Value: labels[k+1]})
			}
			request.Timeseries = append(request.Timeseries, one)
		}
		data, err := request.Marshal()
		return snappy.Encode(nil, data), err
	}
	symbols := writev2.NewSymbolTable()
	request := &writev2.Request{}
	for i := from; i < to; i++ {
		labels, growth := pairs(i)
		one := writev2.TimeSeries{Samples: []writev2.Sample{{Timestamp: at, Value: growth * float64(n+1)}}, Metadata: writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER}}
		for _, text := range labels {
			one.LabelsRefs = append(one.LabelsRefs, symbols.Symbolize(text))
		}
		request.Timeseries = append(request.Timeseries, one)
	}
	request.Symbols = symbols.Symbols()
	data, err := request.Marshal()
	return snappy.Encode(nil, data), err
}

func (s *sender) post(url string, body []byte, version int) error {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Encoding", "snappy")
	r.Header.Set("Content-Type", "application/x-protobuf")
	r.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	if version == 2 {
		r.Header.Set("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")
		r.Header.Set("X-Prometheus-Remote-Write-Version", "2.0.0")
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %d %s", url, resp.StatusCode, text)
	}
	return nil
}
