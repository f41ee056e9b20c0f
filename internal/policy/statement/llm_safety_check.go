package statement

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// safetyCheck is how the texts of one request are judged.
type safetyCheck struct {
	source, backend string
	shield          bool
	question        *safetyQuestion // nil: only the shield
	thresholds      map[string]int64
	window, overlap int
}

// safetyQuestion is a request of the service's text:analyze.
type safetyQuestion struct {
	Text       string   `json:"text"`
	Categories []string `json:"categories,omitempty"`
	Blocklists []string `json:"blocklistNames,omitempty"`
	Halt       bool     `json:"haltOnBlocklistHit"`
	OutputType string   `json:"outputType"`
}

// safetyAnswer is what text:analyze answers.
type safetyAnswer struct {
	Blocklists []json.RawMessage `json:"blocklistsMatch"`
	Categories []struct {
		Category string `json:"category"`
		Severity *int64 `json:"severity"`
	} `json:"categoriesAnalysis"`
}

const (
	// maxSafetyText is how many characters the service judges at once.
	maxSafetyText = 10_000
	// maxWindows bounds the calls of one text; a longer one does not pass.
	maxWindows    = 100
	safetyVersion = "api-version=2024-09-01"
	safetyTimeout = 30 * time.Second
)

// judge has a text judged window by window; what names it in the refusal.
func (t *safetyCheck) judge(c *policy.Context, text, what string) error {
	if text == "" {
		return nil
	}
	windows := safetyWindows(text, t.window, t.overlap)
	if len(windows) > maxWindows {
		return t.blocked(c, what)
	}
	for _, w := range windows {
		bad, err := t.attack(c, w)
		if err == nil && !bad {
			bad, err = t.harmful(c, w)
		}
		if err != nil {
			return err
		}
		if bad {
			return t.blocked(c, what)
		}
	}
	return nil
}

// safetyWindows cuts a text into windows of size characters, each of which
// begins with the last overlap characters of the one before.
func safetyWindows(text string, size, overlap int) []string {
	if len(text) <= size {
		return []string{text}
	}
	characters := []rune(text)
	var out []string
	for start := 0; ; start += size - overlap {
		end := min(start+size, len(characters))
		out = append(out, string(characters[start:end]))
		if end == len(characters) || len(out) > maxWindows {
			return out
		}
	}
}

// attack asks whether a text tries to turn the model against its instructions.
func (t *safetyCheck) attack(c *policy.Context, text string) (bool, error) {
	if !t.shield {
		return false, nil
	}
	var answer struct {
		Prompt *struct {
			Attack bool `json:"attackDetected"`
		} `json:"userPromptAnalysis"`
	}
	err := t.ask(c, "shieldPrompt", struct {
		Prompt    string   `json:"userPrompt"`
		Documents []string `json:"documents"`
	}{text, []string{}}, &answer)
	if err == nil && answer.Prompt == nil {
		err = t.failed(c, "the service gave no verdict", nil)
	}
	return err == nil && answer.Prompt.Attack, err
}

// harmful asks whether a text is on a blocklist, or in a category at its
// threshold or above.
func (t *safetyCheck) harmful(c *policy.Context, text string) (bool, error) {
	if t.question == nil {
		return false, nil
	}
	q := *t.question
	q.Text = text
	var answer safetyAnswer
	if err := t.ask(c, "analyze", q, &answer); err != nil {
		return false, err
	}
	judged := 0
	for _, one := range answer.Categories {
		threshold, ok := t.thresholds[one.Category]
		if !ok || one.Severity == nil {
			continue
		}
		judged++
		if *one.Severity >= threshold {
			return true, nil
		}
	}
	if len(answer.Blocklists) > 0 {
		return true, nil
	}
	if judged < len(t.thresholds) {
		return false, t.failed(c, "the service did not judge all categories", nil)
	}
	return false, nil
}

// ask sends one question to the service.
func (t *safetyCheck) ask(c *policy.Context, operation string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return t.failed(c, "the text could not be sent", err)
	}
	r, err := c.Services.HTTP.Send(c, &policy.OutgoingRequest{Source: t.source, Method: http.MethodPost, Backend: t.backend,
		URL: expr.URL{Path: "/contentsafety/text:" + operation, RawQuery: safetyVersion}, Body: body, Timeout: safetyTimeout, Attempt: 1,
		Header: expr.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}})
	if err != nil {
		if errors.Is(err, policy.ErrClientClosed) {
			return err
		}
		return t.failed(c, "the service could not be reached", err)
	}
	data, err := r.Body.Bytes(true)
	if err != nil {
		return t.failed(c, "the answer of the service could not be read", err)
	}
	if r.StatusCode != http.StatusOK {
		return t.failed(c, "the service answered "+strconv.Itoa(r.StatusCode), nil)
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return t.failed(c, "the service answered no JSON", err)
	}
	return nil
}

// failed is the failure of a check that could not be made.
func (t *safetyCheck) failed(c *policy.Context, why string, cause error) error {
	e := c.Fail(t.source, "ContentSafetyCheckFailed", "The content safety check failed: "+why+".", http.StatusInternalServerError)
	e.Body, e.Err = "Internal server error", cause
	return e
}
