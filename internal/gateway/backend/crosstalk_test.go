package backend

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A backend that misbehaves in every way it can, with many callers at once:
// nobody may ever get an answer that was meant for another request.
func TestNobodyGetsAnothersAnswer(t *testing.T) {
	url := rawServer(t, func(number int, c net.Conn, r *bufio.Reader) {
		random := rand.New(rand.NewPCG(uint64(number), 3))
		for {
			request, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(request.Body)
			answer := request.URL.RawQuery + " " + string(body) + strings.Repeat(".", random.IntN(9000))
			length := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
			switch random.IntN(9) {
			case 0: // an answer too many
				io.WriteString(c, length+"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			case 1: // stops in the middle
				io.WriteString(c, length[:random.IntN(len(length))])
				return
			case 2: // closes behind the answer without saying so
				io.WriteString(c, length)
				return
			case 3: // until close
				io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+answer)
				return
			case 4: // chunked, and too much
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\nevil", len(answer), answer)
			case 5: // a body where none may be
				io.WriteString(c, "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil")
			case 6: // chunked
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(answer), answer)
			default:
				io.WriteString(c, length)
			}
		}
	})
	transport := newTestTransport(t, Options{MaxIdle: 3})
	var good, bad int
	var mu sync.Mutex
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 4))
			for i := range 250 {
				ok := talkToMisbehaving(t, transport, url, fmt.Sprintf("g%di%d", g, i), random)
				mu.Lock()
				if ok {
					good++
				} else {
					bad++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if good < 1000 || bad == 0 {
		t.Fatalf("%d good, %d bad answers", good, bad)
	}
	transport.CloseIdle()
}

// talkToMisbehaving makes one request and tells whether it had a whole answer.
func talkToMisbehaving(t *testing.T, transport *Transport, url, id string, random *rand.Rand) bool {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, []string{"GET", "POST"}[random.IntN(2)], url+"/?"+id, strings.NewReader(id))
	response, err := transport.RoundTrip(r)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	if random.IntN(10) == 0 {
		return true // leaves without reading
	}
	body, err := io.ReadAll(response.Body)
	if want := id + " " + id; response.StatusCode != 204 && err == nil && strings.TrimRight(string(body), ".") != want {
		t.Errorf("%s got %.40q", id, body)
	}
	return err == nil
}
