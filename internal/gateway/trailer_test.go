package gateway

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// trailingBackend answers with a trailer that holds the one of the request.
func trailingBackend(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Sum")
		w.Header().Set("X-Te", r.Header.Get("Te"))
		_, _ = io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set("X-Sum", r.Trailer.Get("X-Sum")+" seen")
		w.Header().Set(http.TrailerPrefix+"X-Late", "late")
		w.Header().Set(http.TrailerPrefix+"Connection", "X-Evil")
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

func withTrailer(url string, header ...string) *http.Request {
	req, _ := http.NewRequest("POST", url, io.MultiReader(strings.NewReader("chunked"))) // of unknown length
	req.Trailer = http.Header{"X-Sum": {"12"}}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

func TestTrailersArePassedOn(t *testing.T) {
	s := testService(trailingBackend(t).URL)
	s.APIs[2].Policy = nil
	h := newHarness(t, s, nil)
	two := (&grpcHarness{harness: h}).front(t)
	send := func(client *http.Client, req *http.Request) *http.Response {
		t.Helper()
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "body" {
			t.Fatalf("%q %v", body, err)
		}
		h.recorder.last(t)
		return resp
	}
	for name, c := range map[string]struct {
		client *http.Client
		req    *http.Request
	}{
		"HTTP/1.1": {http.DefaultClient, withTrailer(h.URL+"/free/items/1", "Te", "trailers", "Connection", "TE")},
		"HTTP/2":   {h2c(), withTrailer(two + "/free/items/1")},
	} {
		resp := send(c.client, c.req)
		if resp.Trailer.Get("X-Sum") != "12 seen" || resp.Trailer.Get("X-Late") != "late" || resp.Trailer["Connection"] != nil {
			t.Errorf("%s: %v", name, resp.Trailer)
		}
		if want := map[string]string{"HTTP/1.1": "trailers"}[name]; resp.Header.Get("X-Te") != want {
			t.Errorf("%s: the backend saw TE %q", name, resp.Header.Get("X-Te"))
		}
	}
	if resp := send(http.DefaultClient, withTrailer(h.URL+"/free/items/1")); len(resp.Trailer) != 0 {
		t.Errorf("sent to a client that takes none: %v", resp.Trailer)
	}
}

func TestTrailersOfAReplacedAnswer(t *testing.T) {
	s := testService(trailingBackend(t).URL)
	s.APIs[2].Policy = document("")
	s.APIs[2].Policy.Text = strings.Replace(s.APIs[2].Policy.Text, "<outbound><base/>", "<outbound><base/><return-response><set-body>mine</set-body></return-response>", 1)
	h := newHarness(t, s, nil)
	resp, err := http.DefaultClient.Do(withTrailer(h.URL+"/free/items/1", "Te", "trailers"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "mine" || len(resp.Trailer) != 0 {
		t.Errorf("%q %v", body, resp.Trailer)
	}
}
