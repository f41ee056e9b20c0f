package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// pace is a load of a fixed rate: requests leave when they are due, whether
// earlier ones were slow or not, as far as there are connections. It prints as
// wrk does. It speaks HTTP by hand, to leave the machine to what is measured.
func pace(address string, length time.Duration, connections, rate int) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	request := []byte("GET " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\n\r\n")
	start := time.Now()
	var mu sync.Mutex
	var all []time.Duration
	bad := 0
	var wg sync.WaitGroup
	for n := range connections {
		wg.Go(func() {
			took, wrong := paceOne(u.Host, request, start.Add(time.Duration(n)*time.Second/time.Duration(rate)), start.Add(length), time.Duration(connections)*time.Second/time.Duration(rate))
			mu.Lock()
			all, bad = append(all, took...), bad+wrong
			mu.Unlock()
		})
	}
	wg.Wait()
	tell(all, bad, length)
	return nil
}

// paceOne sends one connection's share: latencies count from when a request was
// due, so that a slow answer is seen in those behind it.
func paceOne(host string, request []byte, due, until time.Time, every time.Duration) (took []time.Duration, wrong int) {
	c, err := net.Dial("tcp", host)
	if err != nil {
		return nil, 1
	}
	defer c.Close()
	r := bufio.NewReaderSize(c, 16<<10)
	for ; due.Before(until); due = due.Add(every) {
		time.Sleep(time.Until(due))
		if _, err := c.Write(request); err != nil {
			return took, wrong + 1
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return took, wrong + 1
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			wrong++
		}
		took = append(took, time.Since(due))
	}
	return took, wrong
}
