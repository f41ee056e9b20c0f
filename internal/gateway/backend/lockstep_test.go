package backend

import (
	"bufio"
	"io"

	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
)

// stubborn is a connection on which only the first bytes of a request can be
// written, as when the backend has answered and stopped reading.
type stubborn struct {
	*script
	takes int
}

func (s stubborn) Write(p []byte) (int, error) {
	s.script.Write(nil)
	return min(s.takes, len(p)), syscall.EPIPE
}

func TestAnswerOfABackendThatStoppedReading(t *testing.T) {
	for _, one := range []struct {
		name, raw string
		takes     int
		status    int // 0: the write error
	}{
		{"answered", "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig", 10, 413},
		{"silent", "", 10, 0},
		{"nothing written", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 0},
	} {
		transport := newTestTransport(t, Options{})
		c := stubborn{newScript([]byte(one.raw), 100), one.takes}
		head := []byte("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n" + strings.Repeat("x", 100))
		x := exchange{t: transport, request: request(t, "POST", "http://backend/", ""), head: &head, stop: func() bool { return true }}
		x.conn = &conn{Conn: c, reader: bufio.NewReader(c), host: "backend", abort: func() {}, reused: true}
		response, err := x.talk()
		if one.status == 0 {
			if err != syscall.EPIPE || x.mayRepeat(err) != (one.takes == 0) {
				t.Errorf("%s: got %v, may repeat %v", one.name, err, x.mayRepeat(err))
			}
			continue
		}
		if got := read(t, response, err); response.StatusCode != one.status || got != "big" {
			t.Errorf("%s: got %d %q", one.name, response.StatusCode, got)
		}
		if transport.idle.get("backend") != nil {
			t.Errorf("%s: the connection was kept", one.name)
		}
	}
}

// A large body passes on while it is still coming in.
func TestLargeUploadsStream(t *testing.T) {
	half := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.ReadFull(r.Body, make([]byte, 50_000))
		close(half)
		n, _ := io.Copy(io.Discard, r.Body)
		if n != 50_000 {
			t.Errorf("%d bytes in the second half", n)
		}
	}))
	defer server.Close()
	in, out := io.Pipe()
	go func() {
		out.Write(make([]byte, 50_000))
		<-half
		out.Write(make([]byte, 50_000))
		out.Close()
	}()
	r := request(t, "POST", server.URL, "")
	r.Body, r.ContentLength = in, 100_000
	response, err := newTestTransport(t, Options{}).RoundTrip(r)
	read(t, response, err)
}
