package debug

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/internal/policy/record"
)

// maxRecording is the largest answer of a monitor door.
const maxRecording = 64 << 20

// Fetch gets a recording from the monitor door of a running gateway.
func Fetch(monitor, token, id string) (*record.Recording, error) {
	r, err := http.NewRequest(http.MethodGet, strings.TrimRight(monitor, "/")+"/api/policy-traces/"+url.PathEscape(id), nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Timeout: 30 * time.Second}
	resp, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask the monitor door: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the monitor door answers %s for the trace %s", resp.Status, id)
	}
	var t record.Trace
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxRecording)).Decode(&t); err != nil {
		return nil, fmt.Errorf("read the trace: %w", err)
	}
	if t.Recording == nil {
		return nil, errors.New("the answer holds no recording")
	}
	return t.Recording, nil
}

// Replay makes the request of a recording that of the options. What was masked
// is left out: the headers are named.
func (o *Options) Replay(r *record.Recording) (left []string, err error) {
	if r.First < 0 || r.First >= len(r.States) {
		return nil, errors.New("the recording does not hold the request")
	}
	first := &r.States[r.First]
	o.Method = r.Method
	o.URL = r.URL
	header := http.Header{}
	for _, h := range first.Request.Headers {
		if strings.Contains(h.Value, "***") {
			left = append(left, h.Name)
			continue
		}
		header.Add(h.Name, h.Value)
	}
	for name, values := range o.Header {
		header[name] = values
	}
	o.Header = header
	body := &first.Request.Body
	switch {
	case len(o.Body) > 0:
	case body.State == "text" && !body.Cut:
		o.Body = []byte(body.Text)
	case body.State != "none":
		left = append(left, "body")
	}
	return left, nil
}
