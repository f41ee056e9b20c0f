package remotewrite_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/ingest/remotewrite"
	"gatehouse/internal/store/tsdb"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// Every hostile request is answered with a 4xx and words, in little time and
// memory, and good ones go on to be taken.
func TestHostileRequests(t *testing.T) {
	f := open(t, tsdb.Options{}, remotewrite.Options{})
	now := time.Now()
	raw := func(kind, encoding string, body []byte) (int, string) {
		r, err := http.NewRequest(http.MethodPost, f.server.URL, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Content-Encoding", encoding)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	packed := func(b []byte) []byte { return snappy.Encode(nil, b) }
	good := packed(v1Body(t, now, []string{"good"}))
	odd := func(change func(*prompb.TimeSeries)) []byte {
		one := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: "odd"}}, Samples: []prompb.Sample{{Value: 1, Timestamp: now.UnixMilli()}}}
		change(&one)
		body, err := (&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{one}}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return packed(body)
	}
	label := func(name, value string) func(*prompb.TimeSeries) {
		return func(s *prompb.TimeSeries) { s.Labels = append(s.Labels, prompb.Label{Name: name, Value: value}) }
	}
	at := func(ms int64) func(*prompb.TimeSeries) {
		return func(s *prompb.TimeSeries) { s.Samples[0].Timestamp = ms }
	}
	// Prometheus leaves these out of a request of version 1 and says nothing.
	left := map[string]bool{"two labels of a name": true, "no name": true, "a name that is no text": true}
	for name, c := range map[string]struct {
		kind, encoding string
		body           []byte
	}{
		"empty":                        {v1Type, "snappy", nil},
		"a claim of 4 GiB":             {v1Type, "snappy", append(binary.AppendUvarint(nil, math.MaxUint32), 0, 0)},
		"a bomb":                       {v1Type, "snappy", packed(make([]byte, 40<<20))},
		"cut":                          {v1Type, "snappy", good[:len(good)-3]},
		"gzip":                         {v1Type, "gzip", good},
		"another content type":         {"text/plain", "snappy", good},
		"another message":              {"application/x-protobuf;proto=a.B", "snappy", good},
		"half a message":               {v1Type, "snappy", packed(v1Body(t, now, []string{"good"})[:9])},
		"sixteen million empty series": {v1Type, "snappy", packed(bytes.Repeat([]byte{0x0a, 0}, 15<<20))},
		"the same in version 2":        {v2Type, "snappy", packed(bytes.Repeat([]byte{0x2a, 0}, 15<<20))},
		"sixteen million symbols":      {v2Type, "snappy", packed(bytes.Repeat([]byte{0x22, 0}, 15<<20))},
		"many labels in one":           {v1Type, "snappy", packed(append(append([]byte{0x0a}, binary.AppendUvarint(nil, 6<<20)...), bytes.Repeat([]byte{0x0a, 0}, 3<<20)...))},
		"two labels of a name":         {v1Type, "snappy", odd(func(s *prompb.TimeSeries) { label("a", "1")(s); label("a", "2")(s) })},
		"no name":                      {v1Type, "snappy", odd(func(s *prompb.TimeSeries) { s.Labels = nil })},
		"a name that is no text":       {v1Type, "snappy", odd(label("b", "\xff\xfe"))},
		"a sample of the far future":   {v1Type, "snappy", odd(at(math.MaxInt64 / 2))},
	} {
		start := time.Now()
		status, text := raw(c.kind, c.encoding, c.body)
		if left[name] && status == http.StatusNoContent {
			continue
		}
		if status < 400 || status >= 500 || strings.TrimSpace(text) == "" {
			t.Errorf("%s: %d %q", name, status, text)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
	if status, text := raw(v1Type, "snappy", packed(v1Body(t, time.Now(), []string{"good"}))); status != http.StatusNoContent {
		t.Errorf("a good one: %d %s", status, text)
	}
	if got := f.value(t, "good"); got != 7 {
		t.Errorf("after all that: %v", got)
	}
}

// A client that sends nothing holds its place for a bounded time.
func TestSlowBody(t *testing.T) {
	f := open(t, tsdb.Options{}, remotewrite.Options{MaxConcurrent: 1, ReadTimeout: 200 * time.Millisecond})
	u, _ := url.Parse(f.server.URL)
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000\r\n\r\nab"); err != nil {
		t.Fatal(err)
	}
	body := v1Body(t, time.Now(), []string{"good"})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		res, text := f.write(t, v1Type, body)
		if res.StatusCode == http.StatusNoContent {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the place is still taken: %d %s", res.StatusCode, text)
		}
	}
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	answer, _ := io.ReadAll(c)
	if !strings.HasPrefix(string(answer), "HTTP/1.1 408") {
		t.Errorf("%q", answer)
	}
}
