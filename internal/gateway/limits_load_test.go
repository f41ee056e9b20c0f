package gateway

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// alike sends n requests at once and counts the answers by status.
func alike(t *testing.T, h *harness, n int, path string) map[int]int {
	t.Helper()
	var mu sync.Mutex
	out := map[int]int{}
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			resp, _ := h.call(t, "GET", path, nil)
			mu.Lock()
			defer mu.Unlock()
			out[resp.StatusCode]++
		})
	}
	group.Wait()
	return out
}

// Requests at the same moment never get more than the quota together.
func TestQuotaIsExactUnderLoad(t *testing.T) {
	h := newHarness(t, limited(echoBackend(t).URL, `<quota-by-key counter-key="k" calls="10" renewal-period="3600"/>`, ""), nil)
	if got := alike(t, h, 40, "/free/items/1"); got[200] != 10 || got[403] != 30 {
		t.Error(got)
	}
}

// Only one request makes a value; the others wait for it.
func TestCacheValueIsMadeOnce(t *testing.T) {
	var made atomic.Int64
	values := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		made.Add(1)
		time.Sleep(50 * time.Millisecond)
		_, _ = w.Write([]byte("v"))
	}))
	t.Cleanup(values.Close)
	h := newHarness(t, limited(echoBackend(t).URL, `<cache-value key="k" variable-name="v" expires-after="60"><value>
<send-request response-variable-name="r"><set-url>`+values.URL+`</set-url></send-request>
<set-variable name="v" value="@(((IResponse)context.Variables[&quot;r&quot;]).Body.As&lt;string&gt;(preserveContent: true))"/></value></cache-value>
<choose><when condition="@((string)context.Variables[&quot;v&quot;] != &quot;v&quot;)"><return-response><set-status code="500" reason="No value"/></return-response></when></choose>`, ""), nil)
	if got := alike(t, h, 30, "/free/items/1"); got[200] != 30 || made.Load() != 1 {
		t.Error(got, made.Load())
	}
}
