package statement

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// semanticAnswer is what a semantic cache keeps: an answer as it was sent.
type semanticAnswer struct {
	header expr.Header
	body   []byte
}

// CacheSize is the memory that it takes.
func (a *semanticAnswer) CacheSize() int64 {
	n := int64(len(a.body)) + 64
	for name, values := range a.header {
		for _, v := range values {
			n += int64(len(name) + len(v) + 40)
		}
	}
	return n
}

// response is the answer for one more request.
func (a *semanticAnswer) response() *expr.Response {
	h := make(expr.Header, len(a.header))
	for name, values := range a.header {
		h[name] = values
	}
	return &expr.Response{StatusCode: http.StatusOK, StatusReason: "OK", Header: h, Body: expr.BytesBody(a.body)}
}

// semanticMiss is a request that the cache had no answer for. The lookup begins
// it; when a store statement asks for it, it keeps the answer that is sent.
type semanticMiss struct {
	c         *policy.Context
	partition string
	vector    []float32

	ttl      time.Duration // above 0: the answer is wanted
	response *expr.Response
	header   expr.Header
	body     []byte
}

// missed is the miss of a request, nil when the cache was not asked.
func missed(c *policy.Context) *semanticMiss {
	for _, t := range c.Taps() {
		if m, ok := t.(*semanticMiss); ok {
			return m
		}
	}
	return nil
}

// See implements policy.Tap.
func (m *semanticMiss) See(p []byte) {
	if m.ttl <= 0 {
		return
	}
	if m.body = append(m.body, p...); len(m.body) > maxAnswer {
		m.ttl, m.body = 0, nil
	}
}

// Done implements policy.Tap. Only a whole answer is kept, and only when it is
// still the one that the store statement saw.
func (m *semanticMiss) Done(whole bool) {
	r := m.c.Response
	if m.ttl <= 0 || !whole || r != m.response || r.StatusCode != http.StatusOK || m.c.LastError != nil || len(m.body) == 0 {
		return
	}
	if isEventStream(m.header) && !streamEnded(m.body) {
		return
	}
	m.c.Services.Vectors.Add(m.partition, m.vector, &semanticAnswer{header: m.header, body: m.body}, m.ttl)
}

func isEventStream(h expr.Header) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "text/event-stream")
}

// streamEnded tells whether a streamed answer was complete: the services say so
// in its last event.
func streamEnded(body []byte) bool {
	end := body[max(0, len(body)-maxAnswer/2):]
	for _, mark := range []string{"[DONE]", "message_stop", "response.completed"} {
		if bytes.Contains(end, []byte(mark)) {
			return true
		}
	}
	return false
}

// partition separates the answers of APIs, paths, models, and of whatever the
// vary-by elements say; the backend that makes the vectors follows. Streamed answers serve only those who stream. Each part
// has its length in front, so that no value can pass for two.
func partition(c *policy.Context, p *llmPrompt, vary []string) string {
	var b strings.Builder
	add := func(s string) {
		b.WriteString(strconv.Itoa(len(s)))
		b.WriteByte(':')
		b.WriteString(s)
	}
	if c.API != nil {
		add(c.API.ID)
	}
	add(c.Request.URL.Path)
	add(p.model)
	add(strconv.FormatBool(p.stream))
	for _, v := range vary {
		add(v)
	}
	return b.String()
}

const (
	// embeddingsVersion is the version of Azure OpenAI's API that is asked for;
	// other services ignore it.
	embeddingsVersion = "api-version=2024-10-21"
	embeddingsTimeout = 10 * time.Second
	maxVector         = 16 << 10
	// cognitiveServices is whose tokens Azure's AI services take.
	cognitiveServices = "https://cognitiveservices.azure.com"
)

var errNoEmbedding = errors.New("the embeddings backend gave no vector")

// embed asks the backend for the vector of a text.
func (s *semanticLookupStatement) embed(c *policy.Context, backend, text string) ([]float32, error) {
	header := expr.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if s.identity {
		token, err := c.Services.Tokens.Token(c.Std, cognitiveServices, "")
		if err != nil {
			return nil, err
		}
		header["Authorization"] = []string{"Bearer " + token}
	}
	body, err := json.Marshal(struct {
		Input string `json:"input"`
	}{text})
	if err != nil {
		return nil, err
	}
	r, err := c.Services.HTTP.Send(c, &policy.OutgoingRequest{Source: s.source, Method: http.MethodPost, Backend: backend,
		URL: expr.URL{RawQuery: embeddingsVersion}, Header: header, Body: body, Timeout: embeddingsTimeout, Attempt: 1})
	if err != nil {
		return nil, err
	}
	data, err := r.Body.Bytes(true)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK {
		return nil, errors.New("the embeddings backend answered " + strconv.Itoa(r.StatusCode))
	}
	var answer struct {
		Data []struct {
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
	}
	if json.Unmarshal(data, &answer) != nil || len(answer.Data) != 1 {
		return nil, errNoEmbedding
	}
	v := answer.Data[0].Embedding
	if len(v) == 0 || len(v) > maxVector {
		return nil, errNoEmbedding
	}
	return v, nil
}

// reportSkipped notes why the cache was not used: a request never fails for it.
func reportSkipped(c *policy.Context, source, why string) {
	c.Event(telemetry.SeverityWarning, source, "the semantic cache was not used: "+why, nil)
}
