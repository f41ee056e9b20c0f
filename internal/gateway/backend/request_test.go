package backend

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
)

// Whatever the parts of a request are, what is written is refused, or is one
// request with these parts for another parser too, and nothing behind it.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/a/b", "x=1", "X-A", "value", "")
	f.Add("POST", "/a%2fb", "", "Content-Length", "7", "body")
	f.Add("PUT", "//host/path", "a b", "Transfer-Encoding", "chunked", "x")
	f.Add("GET", "/\r\nX: y", "\n", "connection", "Host", "")
	f.Add("GET", "", "?", "X-A:", "a\r\nX-B: c", "")
	f.Fuzz(func(t *testing.T, method, path, query, name, value, body string) {
		u := &url.URL{Scheme: "http", Host: "backend:80", Path: path, RawQuery: query}
		r := &http.Request{Method: method, URL: u, Header: http.Header{name: {value}, "X-Fixed": {"1"}}, ContentLength: int64(len(body))}
		if body != "" {
			r.Body = io.NopCloser(strings.NewReader(body))
		}
		if checkRequest(r) != nil {
			return
		}
		raw, err := appendRequest(nil, r)
		if err != nil {
			return
		}
		if raw, err = appendBody(raw, r); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(bytes.NewReader(raw))
		got, err := http.ReadRequest(reader)
		if err != nil {
			if strings.HasPrefix(path, "//") || method == "CONNECT" || method == "PRI" {
				return // fit to send, and net/http has its own view of them
			}
			t.Fatalf("%q: %v", raw, err)
		}
		sent, err := io.ReadAll(got.Body)
		if err != nil || string(sent) != body {
			t.Fatalf("%q: body %q, %v; want %q", raw, sent, err, body)
		}
		if rest, _ := io.ReadAll(reader); len(rest) > 0 {
			t.Fatalf("%q: %q stands behind the request", raw, rest)
		}
		if got.Method != method || got.URL.RawQuery != query || got.Host != "backend:80" || len(got.TransferEncoding) > 0 {
			t.Fatalf("%q: read as %+v", raw, got)
		}
		for key := range got.Header {
			if key != "X-Fixed" && key != "Content-Length" && key != textproto.CanonicalMIMEHeaderKey(name) {
				t.Fatalf("%q: header %q appeared", raw, key)
			}
		}
	})
}
