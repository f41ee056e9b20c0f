package backend

import (
	"net/http"
	"reflect"
	"testing"
	"time"
)

func TestRemoveHopByHop(t *testing.T) {
	h := http.Header{"Connection": {"close, x-named", "Other"}, "X-Named": {"1"}, "Other": {"2"}, "Te": {"trailers"}, "Upgrade": {"x"}, "Kept": {"3"}}
	RemoveHopByHop(h)
	if want := (http.Header{"Kept": {"3"}}); !reflect.DeepEqual(h, want) {
		t.Fatalf("got %v", h)
	}
}

func TestUpgradeType(t *testing.T) {
	for _, one := range []struct {
		connection, upgrade []string
		want                string
	}{
		{[]string{"Upgrade"}, []string{"websocket"}, "websocket"},
		{[]string{"keep-alive, upgrade"}, []string{"WebSocket"}, "WebSocket"},
		{[]string{"Upgrade"}, []string{"spdy/3.1"}, "spdy/3.1"},
		{[]string{"keep-alive"}, []string{"websocket"}, ""},
		{[]string{"Upgrade"}, nil, ""},
		{[]string{"Upgrade, HTTP2-Settings"}, []string{"h2c"}, ""},
		{[]string{"Upgrade"}, []string{"websocket, h2c"}, ""},
		{[]string{"Upgrade"}, []string{"websocket", "h2c"}, ""},
		{[]string{"Upgrade"}, []string{"HTTP/2.0"}, ""},
	} {
		if got := UpgradeType(http.Header{"Connection": one.connection, "Upgrade": one.upgrade}); got != one.want {
			t.Errorf("%v %v: got %q, want %q", one.connection, one.upgrade, got, one.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"120": 2 * time.Minute, " 7 ": 7 * time.Second, "0": 0, "-1": 0, "soon": 0, "99999999999999999999": 0,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:00:00 GMT": 0,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
	if got := RetryAfter(nil, now); got != 0 {
		t.Errorf("without the header: got %v", got)
	}
}
