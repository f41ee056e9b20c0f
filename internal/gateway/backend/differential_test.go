package backend

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// script is a connection whose peer sends fixed bytes once a request was
// written, in pieces, and then closes.
type script struct {
	data   []byte
	piece  int
	asked  chan struct{}
	once   sync.Once
	closed chan struct{}
	shut   sync.Once
}

func newScript(data []byte, piece int) *script {
	return &script{data: data, piece: max(piece, 1), asked: make(chan struct{}), closed: make(chan struct{})}
}

func (s *script) Read(p []byte) (int, error) {
	select {
	case <-s.asked:
	case <-s.closed:
		return 0, net.ErrClosed
	}
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.piece)], s.data)
	s.data = s.data[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.asked) })
	return len(p), nil
}

func (s *script) Close() error                     { s.shut.Do(func() { close(s.closed) }); return nil }
func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// seen is what a client made of a response.
type seen struct {
	err      error
	status   string
	code     int
	header   http.Header
	trailer  http.Header
	length   int64
	body     string
	reusable bool
}

func drain(response *http.Response, err error) seen {
	if err != nil {
		return seen{err: err}
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	return seen{err: err, status: response.Status, code: response.StatusCode, header: response.Header,
		trailer: response.Trailer, length: response.ContentLength, body: string(body)}
}

// byLockstep gives data to the lockstep client.
func byLockstep(t *Transport, method string, data []byte, piece int) seen {
	r, _ := http.NewRequest(method, "http://backend/", nil)
	c := newScript(data, piece)
	head := []byte("GET / HTTP/1.1\r\n\r\n")
	x := exchange{t: t, request: r, head: &head, stop: func() bool { return true }}
	x.conn = &conn{Conn: c, reader: bufio.NewReaderSize(c, 4096), host: "backend", abort: func() {}}
	result := drain(x.talk())
	result.reusable = t.idle.get("backend") != nil
	return result
}

// byStandard gives the same data to net/http's client.
func byStandard(method string, data []byte, piece int) seen {
	c := newScript(data, piece)
	standard := &http.Transport{DisableCompression: true, MaxResponseHeaderBytes: 256 << 10,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }}
	defer standard.CloseIdleConnections()
	r, _ := http.NewRequest(method, "http://backend/", nil)
	response, err := standard.RoundTrip(r)
	if err == nil {
		RemoveHopByHop(response.Header)
		if response.StatusCode == http.StatusSwitchingProtocols {
			response.Body.Close()
			return seen{err: errors.New("switched")}
		}
	}
	return drain(response, err)
}

// agree checks that the lockstep client accepts nothing that net/http refuses,
// and sees the same where both accept.
func agree(method string, data []byte, piece int, ours, standard seen) error {
	if ours.err != nil {
		return nil
	}
	if standard.err != nil {
		return fmt.Errorf("accepted what net/http refuses: %v", standard.err)
	}
	switch {
	case ours.code != standard.code || strings.TrimSpace(ours.status) != strings.TrimSpace(standard.status):
		return fmt.Errorf("status %q, net/http has %q", ours.status, standard.status)
	case ours.body != standard.body:
		return fmt.Errorf("body %q, net/http has %q", ours.body, standard.body)
	case ours.length != standard.length:
		return fmt.Errorf("length %d, net/http has %d", ours.length, standard.length)
	case !sameHeader(ours.header, standard.header):
		return fmt.Errorf("header %q, net/http has %q", ours.header, standard.header)
	case !sameHeader(ours.trailer, standard.trailer):
		return fmt.Errorf("trailer %q, net/http has %q", ours.trailer, standard.trailer)
	}
	return nil
}

func sameHeader(a, b http.Header) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

type rawCase struct {
	name, raw string
	refused   bool // by the lockstep client
	body      string
	reused    bool // the connection afterwards
	method    string
}

func rawCases() []rawCase {
	long := strings.Repeat("a", 5000)
	return []rawCase{
		{name: "length", raw: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", body: "hello", reused: true},
		{name: "empty", raw: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", reused: true},
		{name: "no reason", raw: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", reused: true},
		{name: "line feeds only", raw: "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", body: "hi", reused: true},
		{name: "until close", raw: "HTTP/1.1 200 OK\r\nX: 1\r\n\r\nall of it", body: "all of it"},
		{name: "1.0", raw: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", body: "hi"},
		{name: "connection close", raw: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", body: "hi"},
		{name: "chunked", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n", body: "hello world", reused: true},
		{name: "trailer", raw: "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 9\r\nX-More: 8\r\n\r\n", body: "a", reused: true},
		{name: "interim", raw: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", body: "x", reused: true},
		{name: "204", raw: "HTTP/1.1 204 No Content\r\n\r\n", reused: true},
		{name: "304 with length", raw: "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", reused: true},
		{name: "head", method: "HEAD", raw: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", reused: true},
		{name: "head chunked", method: "HEAD", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", reused: true},
		{name: "equal lengths", raw: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", body: "hi", reused: true},
		{name: "several values", raw: "HTTP/1.1 200 OK\r\nset-cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n", reused: true},
		{name: "long header", raw: "HTTP/1.1 200 OK\r\nX: " + long + "\r\nContent-Length: 2\r\n\r\nhi", body: "hi", reused: true},
		{name: "named by connection", raw: "HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nContent-Length: 0\r\n\r\n", reused: true},
		{name: "more than the length", raw: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n\r\n", body: "hi"},
		{name: "body after 204", raw: "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi"},

		{name: "length and chunked", raw: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused: true},
		{name: "different lengths", raw: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi", refused: true},
		{name: "length list", raw: "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi", refused: true},
		{name: "signed length", raw: "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi", refused: true},
		{name: "negative length", raw: "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi", refused: true},
		{name: "empty length", raw: "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhi", refused: true},
		{name: "huge length", raw: "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\nhi", refused: true},
		{name: "other coding", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", refused: true},
		{name: "two codings", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused: true},
		{name: "coding in 1.0", raw: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused: true},
		{name: "folded", raw: "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", refused: true},
		{name: "folded first", raw: "HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 0\r\n\r\n", refused: true},
		{name: "space before colon", raw: "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", refused: true},
		{name: "no colon", raw: "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n", refused: true},
		{name: "no name", raw: "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n", refused: true},
		{name: "bad name", raw: "HTTP/1.1 200 OK\r\nX(: x\r\nContent-Length: 0\r\n\r\n", refused: true},
		{name: "control in value", raw: "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n", refused: true},
		{name: "bare return", raw: "HTTP/1.1 200 OK\r\nX: a\rContent-Length: 5\r\nContent-Length: 0\r\n\r\n", refused: true},
		{name: "status of two digits", raw: "HTTP/1.1 20 OK\r\n\r\n", refused: true},
		{name: "status not a number", raw: "HTTP/1.1 2x0 OK\r\n\r\n", refused: true},
		{name: "status of four digits", raw: "HTTP/1.1 2000 OK\r\n\r\n", refused: true},
		{name: "other protocol", raw: "ICY 200 OK\r\n\r\n", refused: true},
		{name: "HTTP/2 preface", raw: "HTTP/2.0 200 OK\r\n\r\n", refused: true},
		{name: "0.9", raw: "<html>hello</html>", refused: true},
		{name: "empty line first", raw: "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", refused: true},
		{name: "nothing", raw: "", refused: true},
		{name: "cut in the head", raw: "HTTP/1.1 200 OK\r\nContent-Le", refused: true},
		{name: "cut in the body", raw: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", refused: true},
		{name: "cut chunk", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", refused: true},
		{name: "no last chunk", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", refused: true},
		{name: "no end of trailer", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", refused: true},
		{name: "chunk size with space", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", refused: true},
		{name: "chunk size with prefix", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", refused: true},
		{name: "chunk size with sign", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", refused: true},
		{name: "chunk size too large", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", refused: true},
		{name: "chunk line feed", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", refused: true},
		{name: "chunk too long", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n", refused: true},
		{name: "trailer ends with line feed", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n", refused: true},
		{name: "trailer with line feed", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\n\r\n", refused: true},
		{name: "length in trailer", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", refused: true},
		{name: "framing announced as trailer", raw: "HTTP/1.1 200 OK\r\nTrailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused: true},
		{name: "mostly framing", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 200)+"\r\na\r\n", 200) + "0\r\n\r\n", refused: true},
		{name: "head too long", raw: "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+long+"\r\n", 60) + "\r\n", refused: true},
		{name: "unasked switch", raw: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", refused: true},
		{name: "endless interim", raw: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 20) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", refused: true},
	}
}

func TestResponses(t *testing.T) {
	transport := NewTransport(Options{})
	for _, one := range rawCases() {
		method := one.method
		if method == "" {
			method = "GET"
		}
		for _, piece := range []int{1, 7, 1 << 20} {
			ours := byLockstep(transport, method, []byte(one.raw), piece)
			if (ours.err != nil) != one.refused {
				t.Errorf("%s, pieces of %d: error %v", one.name, piece, ours.err)
				continue
			}
			if one.refused && one.raw != "" && FailureOf(ours.err) != FailureProtocol && !errors.Is(ours.err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: the error %v has the wrong kind", one.name, ours.err)
			}
			if !one.refused && ours.body != one.body {
				t.Errorf("%s: body %q", one.name, ours.body)
			}
			// In small pieces nothing behind the response is in the buffer yet; the peek finds it later.
			if ours.reusable != one.reused && !(piece < 1<<20 && strings.Contains(one.name, "after") || piece < 1<<20 && strings.Contains(one.name, "more than")) {
				t.Errorf("%s, pieces of %d: connection reusable is %v", one.name, piece, ours.reusable)
			}
			if err := agree(method, []byte(one.raw), piece, ours, byStandard(method, []byte(one.raw), piece)); err != nil {
				t.Errorf("%s, pieces of %d: %v", one.name, piece, err)
			}
		}
	}
}

func FuzzResponse(f *testing.F) {
	for _, one := range rawCases() {
		if len(one.raw) < 2000 {
			f.Add([]byte(one.raw), one.method == "HEAD", 100)
		}
	}
	transport := NewTransport(Options{})
	f.Fuzz(func(t *testing.T, data []byte, head bool, piece int) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		data = bytes.Clone(data)
		ours := byLockstep(transport, method, data, piece)
		if ours.err != nil {
			return
		}
		if err := agree(method, data, piece, ours, byStandard(method, data, piece)); err != nil {
			t.Fatalf("%s %q: %v", method, data, err)
		}
	})
}
