package statement

import (
	"bytes"
	"encoding/json"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// llmPrompt is what a request asks of a language model, whichever API it
// speaks: chat completions, completions, embeddings and responses of OpenAI,
// messages of Anthropic, generateContent of Google.
type llmPrompt struct {
	model    string
	stream   bool
	messages []llmMessage
}

// llmMessage is one message of a dialog; role is "" where there is none.
type llmMessage struct{ role, text string }

// requestPrompt reads the prompt of context.Request, whose body stays. ok is
// false when the body is too long to be read or is gone.
func requestPrompt(c *policy.Context) (p llmPrompt, ok bool) {
	body, ok := c.Request.Body.Peek(expr.DefaultMaxBody)
	if !ok {
		return p, false
	}
	return parsePrompt(body), true
}

// parsePrompt reads a request body. Names are told apart by case and the last
// of two equal ones counts, as in the services that read the body later. What
// is no JSON is one message; JSON of an unknown shape is one with all its texts.
func parsePrompt(body []byte) (p llmPrompt) {
	var root any
	if err := json.Unmarshal(body, &root); err != nil {
		if len(bytes.TrimSpace(body)) > 0 {
			p.messages = []llmMessage{{text: string(body)}}
		}
		return p
	}
	m, _ := root.(map[string]any)
	p.model, _ = m["model"].(string)
	p.stream, _ = m["stream"].(bool)
	p.add("system", m["system"])
	p.add("system", m["systemInstruction"])
	p.add("system", m["system_instruction"])
	p.add("system", m["instructions"])
	p.addList(m["messages"])
	p.addList(m["contents"])
	p.addList(m["input"])
	p.add("user", m["prompt"])
	p.add("user", m["suffix"])
	if len(p.messages) == 0 {
		var b strings.Builder
		everyText(root, &b)
		p.messages = append(p.messages, llmMessage{text: b.String()})
	}
	return p
}

// addList adds messages, or plain text.
func (p *llmPrompt) addList(v any) {
	list, ok := v.([]any)
	if !ok {
		p.add("user", v)
		return
	}
	for _, one := range list {
		role := "user"
		if m, ok := one.(map[string]any); ok {
			if r, ok := m["role"].(string); ok {
				role = r
			}
		}
		p.add(role, one)
	}
}

func (p *llmPrompt) add(role string, v any) {
	if v == nil {
		return
	}
	var b strings.Builder
	gatherText(v, &b)
	if b.Len() > 0 {
		p.messages = append(p.messages, llmMessage{role: role, text: b.String()})
	}
}

// system tells whether a message was not written by the user or the model.
func (m *llmMessage) system() bool { return m.role == "system" || m.role == "developer" }

// text is all messages, one a line.
func (p *llmPrompt) text() string {
	var b strings.Builder
	for i := range p.messages {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.messages[i].text)
	}
	return b.String()
}

// tokens estimates the prompt tokens: those of the texts, and those that chat
// models put around each message and in front of the answer.
func (p *llmPrompt) tokens() int64 {
	const perMessage, perAnswer = 4, 3
	if len(p.messages) == 0 {
		return 0
	}
	return estimateTokens(p.text()) + perMessage*int64(len(p.messages)) + perAnswer
}

// textMembers are the members of messages, parts and deltas that hold what is
// said, in the order in which they are read.
var textMembers = [...]string{"content", "text", "parts", "delta", "message", "refusal", "reasoning_content", "thinking",
	"tool_calls", "function", "name", "arguments", "partial_json", "input", "output"}

// gatherText collects what is said in a message, a part or a delta.
func gatherText(v any, b *strings.Builder) {
	switch v := v.(type) {
	case string:
		b.WriteString(v)
	case []any:
		for _, one := range v {
			gatherText(one, b)
		}
	case map[string]any:
		for _, name := range textMembers {
			if member, ok := v[name]; ok {
				gatherText(member, b)
			}
		}
	}
}

// everyText collects all texts of a JSON value.
func everyText(v any, b *strings.Builder) {
	switch v := v.(type) {
	case string:
		b.WriteString(v)
		b.WriteByte('\n')
	case []any:
		for _, one := range v {
			everyText(one, b)
		}
	case map[string]any:
		for _, one := range v {
			everyText(one, b)
		}
	}
}
