package statement

import (
	"bytes"
	"encoding/json"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// llmWatch follows one call of a language model and learns how many tokens it
// took. All statements of a request that count tokens share it. The answer
// passes by as a policy.Tap; it is read earlier only when a statement needs the
// counts before it is sent.
type llmWatch struct {
	request []byte // the body
	prompt  *llmPrompt
	early   bool // the counts are needed before the answer is sent

	events *eventScanner   // of a streamed answer
	text   strings.Builder // of the stream, not counted yet
	spoken int64           // tokens of the text that was counted

	whole  bool   // the answer is one JSON text
	answer []byte // of it what came so far; only the end of a long one
	long   bool

	usage tokenUsage
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
	w := &llmWatch{}
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
		w.complete()
		w.report()
		return nil
	}
	switch kind := strings.ToLower(r.Header.Get("Content-Type")); {
	case strings.HasPrefix(kind, "text/event-stream"):
		w.events = &eventScanner{event: w.event}
	case strings.Contains(kind, "json"):
		w.whole = true
		if !w.early {
			return nil
		}
		if data, whole := r.Body.Peek(maxAnswer); whole {
			w.whole = false
			w.readAnswer(data)
		}
	}
	return nil
}

// See implements policy.Tap.
func (w *llmWatch) See(p []byte) {
	if w.events != nil {
		w.events.feed(p)
	}
	if !w.whole {
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
	w.text.WriteString(eventText(event))
	if w.text.Len() >= textPiece {
		w.countText()
	}
}

// Done implements policy.Tap.
func (w *llmWatch) Done(whole bool) {
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

// report tells the statements, once.
func (w *llmWatch) report() {
	then := w.then
	w.then = nil
	for _, f := range then {
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
