package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// serveBackend answers 1 KiB of JSON, and 8 KiB at a path that ends in /big. It speaks HTTP by hand: the cheaper it
// is, the more of the machine is left to what is measured.
func serveBackend(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	small, big := answerOf(1<<10), answerOf(8<<10)
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go serveConn(c, small, big)
	}
}

func answerOf(size int) []byte {
	body := `{"data":"` + strings.Repeat("x", size-11) + `"}`
	return []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
}

// serveConn answers each head that ends; the bench sends no bodies.
func serveConn(c net.Conn, small, big []byte) {
	defer c.Close()
	buf := make([]byte, 0, 8192)
	for {
		n, err := c.Read(buf[len(buf):cap(buf)])
		if err != nil || len(buf)+n == cap(buf) {
			return
		}
		buf = buf[:len(buf)+n]
		if len(buf) >= 4 && string(buf[len(buf)-4:]) == "\r\n\r\n" {
			answer := small
			if bytes.Contains(buf[:min(len(buf), 64)], []byte("/big ")) {
				answer = big
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
			buf = buf[:0]
		}
	}
}

// serveSink takes OTLP/HTTP and Application Insights items and throws them away.
func serveSink(addr string) error {
	s := &http.Server{Addr: addr, ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.HasSuffix(r.URL.Path, "/track") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"itemsReceived":0,"itemsAccepted":0,"errors":[]}`)
			return
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	})}
	return s.ListenAndServe()
}

// generate is the load when wrk is not installed; it prints as wrk does.
func generate(url string, length time.Duration, connections int) error {
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	var mu sync.Mutex
	var all []time.Duration
	bad := 0
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			var mine []time.Duration
			wrong := 0
			for ctx.Err() == nil {
				start := time.Now()
				resp, err := client.Get(url)
				if err != nil {
					wrong++
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode >= 400 {
					wrong++
				}
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			all, bad = append(all, mine...), bad+wrong
			mu.Unlock()
		})
	}
	wg.Wait()
	tell(all, bad, length)
	return nil
}

// tell prints what a load was like, as wrk does.
func tell(took []time.Duration, bad int, length time.Duration) {
	slices.Sort(took)
	if len(took) > 0 {
		fmt.Printf("99%% %s\n", took[len(took)*99/100].Round(time.Microsecond))
	}
	fmt.Printf("%d requests in %s\n", len(took), length)
	if bad > 0 {
		fmt.Printf("Non-2xx or 3xx responses: %d\n", bad)
	}
}
