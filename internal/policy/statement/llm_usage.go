package statement

import (
	"encoding/json"
	"strings"
)

// tokenUsage is how many tokens a call took.
type tokenUsage struct{ prompt, completion, total int64 }

// maxTokens bounds what is believed: no call takes more, and a mistaken count
// must not use up a caller's limit for its whole period.
const maxTokens = 1e9

// merge takes over what is known better: counts of a stream only grow.
func (u *tokenUsage) merge(other tokenUsage) {
	u.prompt, u.completion, u.total = max(u.prompt, other.prompt), max(u.completion, other.completion), max(u.total, other.total)
}

// sum fills in the total.
func (u *tokenUsage) sum() { u.total = max(u.total, u.prompt+u.completion) }

// parseAnswer reads a JSON answer of a model, or the data of one event of a
// streamed answer; nil when it is neither.
func parseAnswer(data []byte) map[string]any {
	var m map[string]any
	if json.Unmarshal(data, &m) != nil {
		return nil
	}
	return m
}

// usageOf finds the usage that an answer or event reports. It stands in the
// root, or in the response (OpenAI) or message (Anthropic) of an event.
func usageOf(answer map[string]any) (u tokenUsage) {
	for _, holder := range []any{answer, answer["response"], answer["message"]} {
		m, _ := holder.(map[string]any)
		for _, name := range []string{"usage", "usageMetadata"} {
			if usage, ok := m[name].(map[string]any); ok {
				u.merge(readUsage(usage))
			}
		}
	}
	return u
}

// modelOf finds the model that an answer or event is of, in the places of its
// usage; "" when it does not say.
func modelOf(answer map[string]any) string {
	for _, holder := range []any{answer, answer["response"], answer["message"]} {
		m, _ := holder.(map[string]any)
		for _, name := range []string{"model", "modelVersion"} {
			if s, ok := m[name].(string); ok && s != "" {
				return s
			}
		}
	}
	return ""
}

// deploymentIn is the deployment that Azure OpenAI's paths name.
func deploymentIn(path string) string {
	_, rest, _ := strings.Cut(path, "/deployments/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// readUsage knows the names of OpenAI's chat and responses APIs, of Anthropic
// and of Google. Anthropic counts cached prompt tokens apart.
func readUsage(m map[string]any) tokenUsage {
	number := func(name string) int64 {
		if n, _ := m[name].(float64); n > 0 && n <= maxTokens {
			return int64(n)
		}
		return 0
	}
	u := tokenUsage{
		prompt: number("prompt_tokens") + number("promptTokenCount") +
			number("input_tokens") + number("cache_creation_input_tokens") + number("cache_read_input_tokens"),
		completion: number("completion_tokens") + number("output_tokens") + number("candidatesTokenCount") + number("thoughtsTokenCount"),
		total:      number("total_tokens") + number("totalTokenCount"),
	}
	u.sum()
	return u
}

// answerText is what the model says in a whole answer.
func answerText(answer map[string]any) string {
	return said(answer, "choices", "content", "output", "candidates")
}

// eventText is what the model says in one event of a streamed answer. Events
// that repeat what earlier ones said hold it under other names.
func eventText(event map[string]any) string { return said(event, "choices", "delta", "candidates") }

func said(m map[string]any, names ...string) string {
	var b strings.Builder
	for _, name := range names {
		gatherText(m[name], &b)
	}
	return b.String()
}
