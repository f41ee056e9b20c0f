package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/apim"
)

// slowModel streams words, each only after the client has got the one before.
func slowModel(t *testing.T, got <-chan string, words ...string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Accept-Encoding") == "gzip" || !strings.Contains(string(body), `"stream":true`) {
			t.Errorf("the backend got %v %s", r.Header, body)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, word := range words {
			fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{\"content\":%q}}]}\n\n", word)
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
			select {
			case line := <-got:
				if !strings.Contains(line, word) {
					t.Errorf("the client has %q, not %q", line, word)
				}
			case <-time.After(5 * time.Second):
				t.Errorf("%q did not reach the client", word)
				return
			}
		}
		fmt.Fprint(w, "data: [DONE]\n\n")
	}))
	t.Cleanup(s.Close)
	return s
}

const streamedPrompt = `{"stream":true,"messages":[{"role":"user","content":"Say hello"}]}`

func TestTokensOfAStreamAreCountedAsItPasses(t *testing.T) {
	got := make(chan string)
	model := slowModel(t, got, "Hello", ", world", "!")
	s := testService(model.URL)
	s.APIs[2].Policy = document(`
<llm-token-limit counter-key="k" tokens-per-minute="20" estimate-prompt-tokens="false" remaining-tokens-header-name="X-Left"/>
<llm-emit-token-metric namespace="llm"><dimension name="API ID"/></llm-emit-token-metric>`)
	h := newHarness(t, s, nil)
	req, _ := http.NewRequest("POST", h.URL+"/free/items/1", strings.NewReader(streamedPrompt))
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if left := resp.Header.Get("X-Left"); left != "11" { // 2 tokens, 4 around the message, 3 before the answer
		t.Errorf("%s tokens were left when the stream began", left)
	}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if strings.Contains(lines.Text(), "choices") {
			got <- lines.Text()
		}
	}
	measured := map[string]float64{}
	for _, m := range h.recorder.last(t).Measurements {
		measured[m.Name] = m.Value
	}
	if measured["Prompt Tokens"] != 9 || measured["Completion Tokens"] != 4 || measured["Total Tokens"] != 13 {
		t.Errorf("measured %v", measured)
	}
	// 13 of 20 are taken: the prompt of 9 does not fit any more.
	denied, body := h.call(t, "POST", "/free/items/1", strings.NewReader(streamedPrompt))
	if denied.StatusCode != 429 || !strings.Contains(body, "Token limit is exceeded. Try again in 60 seconds.") || denied.Header.Get("Retry-After") != "60" {
		t.Errorf("got %d %v %s", denied.StatusCode, denied.Header, body)
	}
}

func TestTokensOfABrokenStreamAreCounted(t *testing.T) {
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: {\"choices\":[{\"delta\":{\"content\":\"Hello, world!\"}}]}\n\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(model.Close)
	s := testService(model.URL)
	s.APIs[2].Policy = document(`<llm-emit-token-metric/>`)
	h := newHarness(t, s, nil)
	req, _ := http.NewRequest("POST", h.URL+"/free/items/1", strings.NewReader(streamedPrompt))
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the broken stream looked whole")
	}
	_ = resp.Body.Close()
	e := h.recorder.last(t)
	if len(e.Measurements) != 3 || e.Measurements[0].Value != 13 {
		t.Errorf("measured %v", e.Measurements)
	}
}

func TestTokenQuotaOfAnswers(t *testing.T) {
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"choices":[],"usage":{"prompt_tokens":50,"completion_tokens":10,"total_tokens":60}}`)
	}))
	t.Cleanup(model.Close)
	s := testService(model.URL)
	s.APIs[2].Policy = document(`<llm-token-limit counter-key="k" token-quota="100" token-quota-period="Monthly" estimate-prompt-tokens="false"
 remaining-quota-tokens-header-name="X-Left" tokens-consumed-header-name="X-Used"/>`)
	h := newHarness(t, s, nil)
	for i, want := range []string{"200 40 60", "200 0 60", "403 0 "} {
		resp, _ := h.call(t, "POST", "/free/items/1", strings.NewReader(`{"messages":[]}`))
		if got := fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("X-Left"), " ", resp.Header.Get("X-Used")); got != want {
			t.Errorf("call %d: got %s, want %s", i+1, got, want)
		}
	}
}

// TestStreamIsJudgedOnItsWay: a window of text reaches the client when it is
// judged, before the backend goes on; nothing follows what is not fit.
func TestStreamIsJudgedOnItsWay(t *testing.T) {
	safety := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		severity := 0
		if strings.Contains(string(body), "bad") {
			severity = 6
		}
		if r.Header.Get("Ocp-Apim-Subscription-Key") != "safety-key" || r.URL.Path != "/contentsafety/text:analyze" {
			t.Errorf("the service got %s %v", r.URL, r.Header)
		}
		fmt.Fprintf(w, `{"blocklistsMatch":[],"categoriesAnalysis":[{"category":"Hate","severity":%d}]}`, severity)
	}))
	t.Cleanup(safety.Close)
	got := make(chan string)
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, word := range []string{"Hello", "World", "a bad one", "after"} {
			fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{\"content\":%q}}]}\n\n", word)
			_ = http.NewResponseController(w).Flush()
			if word == "Hello" || word == "World" {
				select {
				case <-got:
				case <-time.After(5 * time.Second):
					t.Errorf("%q did not reach the client", word)
				}
			}
		}
	}))
	t.Cleanup(model.Close)
	s := testService(model.URL)
	s.Backends = append(s.Backends, &apim.Backend{ID: "safety", URL: safety.URL, Credentials: apim.BackendCredentials{Header: map[string][]string{"Ocp-Apim-Subscription-Key": {"safety-key"}}}})
	s.APIs[2].Policy = sections(`<llm-emit-token-metric/>`, ``,
		`<llm-content-safety backend-id="safety" window-size="5"><categories><category name="Hate" threshold="4"/></categories></llm-content-safety>`, ``)
	h := newHarness(t, s, nil)
	req, _ := http.NewRequest("POST", h.URL+"/free/items/1", strings.NewReader(streamedPrompt))
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var seen []string
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if strings.Contains(lines.Text(), "choices") {
			seen = append(seen, lines.Text())
			got <- lines.Text()
		}
	}
	if len(seen) != 2 {
		t.Errorf("the client got %v", seen)
	}
	e := h.recorder.last(t)
	if e.Status != 200 || len(e.Events) != 1 || !strings.Contains(e.Events[0].Message, "the stream was ended") || len(e.Calls) < 3 {
		t.Errorf("recorded %d, events %v, %d calls", e.Status, e.Events, len(e.Calls))
	}
}

// TestSemanticCache: an answer comes from the cache for the same caller and a
// near prompt, whole or streamed, and from nowhere else.
func TestSemanticCache(t *testing.T) {
	embeddings := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/deployments/e/embeddings" || r.URL.RawQuery != "api-version=2024-10-21" || r.Header.Get("Api-Key") != "e-key" || r.Header.Get("Authorization") != "" {
			t.Errorf("the embeddings backend got %s %v", r.URL, r.Header)
		}
		vector := "[0,1]"
		if strings.Contains(string(body), "France") {
			vector = fmt.Sprintf("[1,%f]", float64(len(body)%7)/1000)
		}
		fmt.Fprintf(w, `{"data":[{"embedding":%s}]}`, vector)
	}))
	t.Cleanup(embeddings.Close)
	answered := 0
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answered++
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{\"content\":\"streamed %d\"}}]}\n\ndata: [DONE]\n\n", answered)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"choices":[{"message":{"content":"answer %d"}}]}`, answered)
	}))
	t.Cleanup(model.Close)
	s := testService(model.URL)
	s.Backends = append(s.Backends, &apim.Backend{ID: "embeddings", URL: embeddings.URL + "/deployments/e/embeddings", Credentials: apim.BackendCredentials{Header: map[string][]string{"Api-Key": {"e-key"}}}})
	s.APIs[2].Policy = sections(`<llm-semantic-cache-lookup score-threshold="0.05" embeddings-backend-id="embeddings" embeddings-backend-auth="system-assigned">
<vary-by>@(context.Request.Headers.GetValueOrDefault("x-user",""))</vary-by></llm-semantic-cache-lookup>`, ``, `<llm-semantic-cache-store duration="60"/>`, ``)
	h := newHarness(t, s, nil)
	for i, one := range []struct {
		user, prompt, want string
		hit                bool
	}{
		{"ada", `{"messages":[{"role":"user","content":"Capital of France?"}]}`, "answer 1", false},
		{"ada", `{"messages":[{"role":"user","content":"The capital of France?"}]}`, "answer 1", true},
		{"ben", `{"messages":[{"role":"user","content":"The capital of France?"}]}`, "answer 2", false},
		{"ada", `{"messages":[{"role":"user","content":"Capital of Spain?"}]}`, "answer 3", false},
		{"ada", `{"stream":true,"messages":[{"role":"user","content":"Capital of France?"}]}`, "streamed 4", false},
		{"ada", `{"stream":true,"messages":[{"role":"user","content":"The capital of France?"}]}`, "streamed 4", true},
		{"ada", `{"messages":[{"role":"user","content":"Which is the capital of France?"}]}`, "answer 1", true},
	} {
		_, body := h.call(t, "POST", "/free/items/1", strings.NewReader(one.prompt), "X-User", one.user)
		e := h.recorder.last(t)
		if !strings.Contains(body, one.want) || e.CacheHit != one.hit {
			t.Errorf("call %d: %q, hit %v, events %v; want %q, %v", i, body, e.CacheHit, e.Events, one.want, one.hit)
		}
	}
}
