package gateway

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"gatehouse/internal/apim"
	"gatehouse/internal/gateway/cache/redis"
)

// sharing gives a gateway of its own a connection to the server.
func sharing(t *testing.T, server *miniredis.Miniredis) func(*Options) {
	t.Helper()
	r, err := redis.New(redis.DefaultOptions("redis://" + server.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return func(o *Options) { o.External = r }
}

func TestGatewaysShareAnExternalCache(t *testing.T) {
	var calls atomic.Int64
	server := miniredis.RunT(t)
	s := cached(numbered(t, &calls).URL)
	first, second := newHarness(t, s, sharing(t, server)), newHarness(t, s, sharing(t, server))
	get := func(h *harness) (*http.Response, string) { // by the name that both have
		req, _ := http.NewRequest("GET", h.URL+"/free/raw/stream", nil)
		req.Host = "gw.example"
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp, string(body)
	}
	_, a := get(first)
	first.recorder.last(t)
	resp, b := get(second)
	if a != b || a == "" || calls.Load() != 1 || !second.recorder.last(t).CacheHit || resp.Header.Get("Cache-Control") != "no-store, must-revalidate, no-cache" {
		t.Fatalf("%q %q, %d calls, %v", a, b, calls.Load(), resp.Header)
	}
	server.Close() // a cache that is gone is a miss
	if resp, body := second.call(t, "GET", "/free/raw/a", nil); resp.StatusCode != 200 || body != "2" {
		t.Fatal(resp.Status, body)
	}
}

// Values keep their type outside the process; what cannot leave it stays in it.
func TestValuesInAnExternalCache(t *testing.T) {
	server := miniredis.RunT(t)
	s := testService(echoBackend(t).URL)
	s.APIs[2].Policy = &apim.Document{File: "test.xml", Text: `<policies><inbound><base/>
<cache-lookup-value key="object" variable-name="object"/><cache-lookup-value key="list" variable-name="list"/><cache-lookup-value key="inside" caching-type="external" variable-name="inside"/>
<choose><when condition="@(!context.Variables.ContainsKey(&quot;object&quot;))">
  <cache-store-value key="object" value="@(JObject.Parse(&quot;{'a': 7}&quot;))" duration="60"/>
  <cache-store-value key="list" value="@(new List<int> { 1, 2 })" duration="60"/>
  <cache-store-value key="inside" value="kept" caching-type="internal" duration="60"/>
  <return-response><set-body>stored</set-body></return-response>
</when></choose>
<return-response><set-body>@((int)((JObject)context.Variables["object"])["a"] + " " + (context.Variables.ContainsKey("list") ? ((List<int>)context.Variables["list"]).Count : 0) + " " + context.Variables.ContainsKey("inside"))</set-body></return-response>
</inbound></policies>`}
	first, second := newHarness(t, s, sharing(t, server)), newHarness(t, s, sharing(t, server))
	for _, one := range []struct {
		h    *harness
		want string
	}{{first, "stored"}, {first, "7 2 False"}, {second, "7 0 False"}} {
		if _, body := one.h.call(t, "GET", "/free/items/1", nil); body != one.want {
			t.Errorf("%q, want %q", body, one.want)
		}
	}
}
