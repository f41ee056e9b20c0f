package statement

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// llmWatch follows one call of a language model and learns how many tokens it
// took. All statements of a request that count tokens share it. It sees the
// backend's answer as that is read, whatever outbound makes of it; the answer
// is read beforehand only when a statement needs the counts before it is sent.
// As a policy.Tap it learns when all is over.
type llmWatch struct {
	c       *policy.Context
	request []byte // the body
	prompt  *llmPrompt
	early   bool // the counts are needed before the answer is sent

	events *eventScanner   // of a streamed answer
	text   strings.Builder // of the stream, not counted yet
	spoken int64           // tokens of the text that was counted

	whole  bool   // the answer is one JSON text
	answer []byte // of it what came so far; only the end of a long one
	long   bool

	over  bool
	usage tokenUsage
	model string // as the answer names it
	then  []func(tokenUsage)
}

const (
	maxAnswer = 1 << 20
	// answerEnd is how much is kept of a longer answer: its end holds the usage.
	answerEnd = 4 << 10
	// textPiece is how much text of a stream is counted at once.
	textPiece = 8 << 10
)

// watchLLM is the watch of the request, begun when there is none yet. A body
// longer than policies may read is not looked at: no model takes that much
// text.
func watchLLM(c *policy.Context) *llmWatch {
	for _, t := range c.Taps() {
		if w, ok := t.(*llmWatch); ok {
			return w
		}
	}
	w := &llmWatch{c: c}
	w.then = append(w.then, w.record)
	w.request, _ = c.Request.Body.Peek(expr.DefaultMaxBody)
	if c.Request.Header.Has("Accept-Encoding") {
		c.Request.Header.Set("Accept-Encoding", "identity") // or the answer could not be read
	}
	c.BeforeOutbound(w.received)
	c.TapResponse(w)
	return w
}

func (w *llmWatch) asked() *llmPrompt {
	if w.prompt == nil {
		p := parsePrompt(w.request)
		w.prompt = &p
	}
	return w.prompt
}

// streams tells whether the client asked for a streamed answer.
func (w *llmWatch) streams() bool {
	return bytes.Contains(w.request, []byte(`"stream"`)) && w.asked().stream
}

// received looks at the backend's answer. Failures take no tokens.
func (w *llmWatch) received(c *policy.Context) error {
	r := c.Response
	if r == nil || r.StatusCode < 200 || r.StatusCode > 299 {
		return nil
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		c.Event(telemetry.SeverityWarning, "gateway", "the backend compressed its answer although it was asked not to: only the prompt's tokens are counted, by estimate", nil)
		w.over = true
		w.complete()
		w.report()
		return nil
	}
	switch kind := strings.ToLower(r.Header.Get("Content-Type")); {
	case strings.HasPrefix(kind, "text/event-stream"):
		w.events = &eventScanner{event: w.event}
	case strings.Contains(kind, "json"):
		w.whole = true
	default:
		return nil
	}
	if w.whole && w.early {
		r.Body.Peek(maxAnswer)
	}
	if data, ok := r.Body.Buffered(); ok {
		w.read(data)
		w.end(true)
		return nil
	}
	r.Body.Wrap(func(body io.ReadCloser) io.ReadCloser { return &watchedAnswer{body, w} })
	return nil
}

// watchedAnswer shows the watch what is read of an answer.
type watchedAnswer struct {
	io.ReadCloser
	w *llmWatch
}

func (a *watchedAnswer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	a.w.read(p[:n])
	if errors.Is(err, io.EOF) {
		a.w.end(true)
	}
	return n, err
}

// Close reads on when nobody wanted the answer: its tokens are taken all the
// same.
func (a *watchedAnswer) Close() error {
	if a.w.whole && !a.w.over && a.w.c.Exchange != nil && a.w.c.Std.Err() == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(a, maxAnswer)) // what cannot be read is not counted
	}
	return a.ReadCloser.Close()
}

// See implements policy.Tap.
func (*llmWatch) See([]byte) {}

// Done implements policy.Tap.
func (w *llmWatch) Done(bool) { w.end(false) }

// read takes the next piece of the answer.
func (w *llmWatch) read(p []byte) {
	if w.events != nil {
		w.events.feed(p)
	}
	if !w.whole || w.over {
		return
	}
	w.answer = append(w.answer, p...)
	if len(w.answer) > maxAnswer || w.long && len(w.answer) > 2*answerEnd {
		w.long = true
		w.answer = append([]byte(nil), w.answer[len(w.answer)-answerEnd:]...)
	}
}

// event reads one event of a streamed answer.
func (w *llmWatch) event(data []byte) {
	event := parseAnswer(data)
	if event == nil {
		return
	}
	w.usage.merge(usageOf(event))
	w.named(event)
	w.text.WriteString(eventText(event))
	if w.text.Len() >= textPiece {
		w.countText()
	}
}

// end counts, once: at the end of the answer, or when no more of it is read.
func (w *llmWatch) end(whole bool) {
	if w.over {
		return
	}
	w.over = true
	switch {
	case w.events != nil:
		w.events.end()
		w.countText()
		if w.usage.completion == 0 || !whole {
			w.usage.completion = max(w.usage.completion, w.spoken)
		}
		w.complete()
		w.report()
	case w.long:
		w.usage.merge(usageInTail(w.answer))
		w.report()
	case w.whole:
		w.readAnswer(w.answer)
	}
}

// readAnswer reads an answer that was not streamed. Google's API may answer
// with a list of events.
func (w *llmWatch) readAnswer(data []byte) {
	if answer := parseAnswer(data); answer != nil {
		w.usage.merge(usageOf(answer))
		w.named(answer)
		if w.usage.total == 0 {
			w.usage.completion = estimateTokens(answerText(answer))
		}
	} else {
		var list []json.RawMessage
		if json.Unmarshal(data, &list) != nil {
			return
		}
		for _, one := range list {
			w.event(one)
		}
		w.countText()
		w.usage.completion = max(w.usage.completion, w.spoken)
	}
	w.complete()
	w.report()
}

// countText counts the text of the stream so far and lets go of it.
func (w *llmWatch) countText() {
	w.spoken += estimateTokens(w.text.String())
	w.text.Reset()
}

// complete estimates the prompt when the answer does not tell.
func (w *llmWatch) complete() {
	if w.usage.prompt == 0 && (w.usage.total == 0 || w.usage.completion > 0) {
		w.usage.prompt = w.asked().tokens()
	}
	w.usage.sum()
}

// named keeps the model that an answer or event says it is of.
func (w *llmWatch) named(answer map[string]any) {
	if w.model == "" {
		w.model = modelOf(answer)
	}
}

// record writes the call into the record of the request.
func (w *llmWatch) record(u tokenUsage) {
	if w.c.Exchange == nil {
		return
	}
	asked := w.asked()
	w.c.Exchange.Model = telemetry.ModelCall{Deployment: cmp.Or(deploymentIn(w.c.Request.URL.Path), asked.model), Model: cmp.Or(w.model, asked.model),
		Streamed: asked.stream, Prompt: u.prompt, Completion: u.completion, Total: u.total}
}

// report tells the statements.
func (w *llmWatch) report() {
	for _, f := range w.then {
		f(w.usage)
	}
}

// usageInTail finds the usage at the end of a long answer. A text of the answer
// cannot pass for it: its quotes are escaped.
func usageInTail(tail []byte) (u tokenUsage) {
	i := bytes.LastIndex(tail, []byte(`"usage"`))
	if i < 0 {
		return u
	}
	_, value, _ := bytes.Cut(tail[i:], []byte(":"))
	var m map[string]any
	if json.NewDecoder(bytes.NewReader(value)).Decode(&m) != nil {
		return u
	}
	return readUsage(m)
}
