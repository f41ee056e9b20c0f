package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const showsHead = `<set-header name="X-Seen" exists-action="override"><value>@(string.Join("|", new [] {"Content-Length", "Transfer-Encoding", "Content-Type"}.Select(n => context.Response.Headers.GetValueOrDefault(n, "none"))))</value></set-header>`

// TestPoliciesSeeHowAnAnswerCame shows the headers of an answer's body to
// policies, and that the client's answer is framed by what is sent to it.
func TestPoliciesSeeHowAnAnswerCame(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/x-own; a=b")
		switch {
		case strings.HasSuffix(r.URL.Path, "/empty"):
			w.WriteHeader(http.StatusNoContent)
		case strings.HasSuffix(r.URL.Path, "/chunked"):
			_, _ = fmt.Fprint(w, "he")
			_ = http.NewResponseController(w).Flush()
			_, _ = fmt.Fprint(w, "llo")
		default:
			w.Header().Set("Content-Length", "5")
			_, _ = fmt.Fprint(w, "hello")
		}
	}))
	t.Cleanup(origin.Close)
	for _, one := range []struct {
		name, path, method, outbound, seen, body string
		length                                   int64
	}{
		{"a known length", "/free/raw/known", "GET", showsHead, "5|none|text/x-own; a=b", "hello", 5},
		{"chunked", "/free/raw/chunked", "GET", showsHead, "none|chunked|text/x-own; a=b", "hello", -1},
		{"no body", "/free/raw/empty", "GET", showsHead, "none|none|text/x-own; a=b", "", 0},
		{"a body put in its place", "/free/raw/known", "GET", `<set-body>hi</set-body>` + showsHead, "none|none|text/x-own; a=b", "hi", 2},
		{"a streamed body put in its place", "/free/raw/chunked", "GET", showsHead + `<set-body>@(context.Response.Body.As<string>() + "!")</set-body>`, "none|chunked|text/x-own; a=b", "hello!", 6},
		{"of a call beside it", "/free/raw/known", "GET", `<send-request response-variable-name="r"><set-url>` + origin.URL + `/chunked</set-url></send-request><return-response response-variable-name="r"><set-header name="X-Seen"><value>@(((IResponse)context.Variables["r"]).Headers.GetValueOrDefault("Transfer-Encoding", "none"))</value></set-header></return-response>`, "chunked", "hello", 5},
	} {
		s := testService(origin.URL)
		s.APIs[2].Policy = sections("<base/>", "<base/>", one.outbound, "<base/>")
		h := newHarness(t, s, nil)
		resp, body := h.call(t, one.method, one.path, nil)
		if resp.Header.Get("X-Seen") != one.seen || body != one.body || resp.ContentLength != one.length {
			t.Errorf("%s: seen %q, body %q of %d bytes, %v", one.name, resp.Header.Get("X-Seen"), body, resp.ContentLength, resp.Header)
		}
	}
}

// TestPoliciesSeeTheirProduct shows what a product holds to expressions.
func TestPoliciesSeeTheirProduct(t *testing.T) {
	s := testService(echoBackend(t).URL)
	gold := s.Products[0]
	gold.Groups, gold.SubscriptionLimit, gold.ApprovalRequired = []string{"developers", "partners"}, 3, true
	old := *s.APIs[0]
	old.IsCurrent, old.Revision, old.Name = false, "2", "Closed, the next"
	s.APIs = append(s.APIs, &old)
	gold.APIs = append(gold.APIs, "gone")
	s.APIs[0].Policy = document(`<return-response><set-body>@(string.Join(",", context.Product.Apis.Select(a => a.Id + "=" + a.Name + " at " + a.Path)) + ";" + string.Join(",", context.Product.Groups.Select(g => g.Id)) + ";" + context.Product.SubscriptionLimit + ";" + context.Product.ApprovalRequired + ";" + context.Product.State)</set-body></return-response>`)
	h := newHarness(t, s, nil)
	_, body := h.call(t, "GET", "/closed/items/1", nil, "Ocp-Apim-Subscription-Key", "key-gold-1")
	if want := "closed=Closed at closed,named=Named at named;developers,partners;3;True;Published"; body != want {
		t.Errorf("got %s, expected %s", body, want)
	}
}
