package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"time"
)

// Traffic calls the gateway at about rate requests a second until ctx ends.
// The rate breathes slowly and one kind of caller exceeds its limit now and then.
func Traffic(ctx context.Context, gateway string, rate float64) {
	client := &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	defer client.CloseIdleConnections()
	slots := make(chan struct{}, 64)
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		swing := 1 + 0.4*math.Sin(time.Since(start).Minutes())
		timer.Reset(time.Duration(rand.ExpFloat64() * float64(time.Second) / (rate * swing)))
		select {
		case slots <- struct{}{}:
			go func() {
				defer func() { <-slots }()
				call(ctx, client, gateway)
			}()
		default: // the gateway is slower than the traffic: this one is skipped
		}
	}
}

func call(ctx context.Context, client *http.Client, gateway string) {
	method, path, body := pick()
	req, err := http.NewRequestWithContext(ctx, method, gateway+path, bytes.NewReader(body))
	if err != nil {
		return
	}
	if key := caller(); key != "" {
		req.Header.Set("Ocp-Apim-Subscription-Key", key)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if rand.Float64() < 0.05 {
		req.Header.Set("X-Debug", "true")
	}
	req.Header.Set("User-Agent", "demo-traffic")
	resp, err := client.Do(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	_ = resp.Body.Close()
}

func pick() (method, path string, body []byte) {
	id := rand.IntN(12)
	switch p := rand.Float64(); {
	case p < 0.25:
		return http.MethodGet, "/conference/sessions", nil
	case p < 0.60:
		return http.MethodGet, fmt.Sprintf("/conference/sessions/%d", id), nil
	case p < 0.70:
		return http.MethodGet, "/conference/speakers", nil
	case p < 0.76:
		return http.MethodGet, fmt.Sprintf("/conference/speakers/%d", rand.IntN(7)), nil
	case p < 0.86:
		return http.MethodGet, "/conference/topics", nil
	case p < 0.92:
		return http.MethodGet, fmt.Sprintf("/feedback/sessions/%d", id), nil
	case p < 0.99:
		return http.MethodPost, fmt.Sprintf("/feedback/sessions/%d", id), fmt.Appendf(nil, `{"rating": %d, "text": "made by the demo"}`, rand.IntN(6))
	}
	return http.MethodGet, "/nowhere", nil
}

func caller() string {
	switch p := rand.Float64(); {
	case p < 0.55:
		return "demo-mobile-app-key"
	case p < 0.80:
		return "demo-web-site-key"
	case p < 0.985:
		return "demo-trial-user-key"
	case p < 0.993:
		return "a-key-that-nobody-has"
	}
	return ""
}
