package statement

import (
	"net/http"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// contentSafetyStatement has prompts (in inbound) and answers (in outbound, or
// with enforce-on-completions) judged by Azure AI Content Safety, and refuses
// what is not fit to pass. What cannot be judged does not pass.
type contentSafetyStatement struct {
	source          string
	backend         policy.String
	shield, enforce policy.Bool
	window, overlap policy.Int
	judges          bool // there are categories or blocklists
	outputType      policy.String
	categories      []safetyCategory
	blocklists      []policy.String
	outbound        bool
}

type safetyCategory struct {
	name      policy.String
	threshold policy.Int
}

func llmContentSafety() *policy.Definition {
	return &policy.Definition{Name: "llm-content-safety", Sections: policy.Inbound | policy.Outbound, Scopes: policy.AnyScope,
		Attributes: []string{"backend-id", "shield-prompt", "enforce-on-completions", "window-size", "window-overlap-size"},
		Compile:    compileContentSafety}
}

func compileContentSafety(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "categories", "blocklists")
	s := &contentSafetyStatement{source: e.Name, backend: backendOf(k, e, "backend-id"), outbound: k.Section() == policy.Outbound,
		shield: k.Bool(e, "shield-prompt", false), enforce: k.Bool(e, "enforce-on-completions", false),
		window: k.Int(e, "window-size", maxSafetyText), overlap: k.Int(e, "window-overlap-size", 0),
		outputType: policy.String{Literal: "FourSeverityLevels"}}
	if a := e.Attr("window-size"); a != nil && s.window.Known() && (s.window.Literal < 1 || s.window.Literal > maxSafetyText) {
		k.Errorf(a.Value.Pos, "window-size=%q: expected a number of characters from 1 to %d", a.Value.Text, maxSafetyText)
	}
	if a := e.Attr("window-overlap-size"); a != nil && s.overlap.Known() && s.window.Known() && (s.overlap.Literal < 0 || s.overlap.Literal >= s.window.Literal) {
		k.Errorf(a.Value.Pos, "window-overlap-size=%q: expected a number of characters below window-size", a.Value.Text)
	}
	if c := only(k, e, "categories"); c != nil {
		s.compileCategories(k, c)
	}
	if c := only(k, e, "blocklists"); c != nil {
		checkAttributes(k, c)
		checkChildren(k, c, "id")
		s.blocklists = texts(k, c, "id")
	}
	s.judges = len(s.categories)+len(s.blocklists) > 0
	if !s.judges && (e.Attr("shield-prompt") == nil || s.outbound) {
		k.Warnf(e.Pos, "<%s> checks nothing: it has no categories, no blocklists, and no shield-prompt of a prompt", e.Name)
	}
	return s
}

func (s *contentSafetyStatement) compileCategories(k *policy.Compiler, e *policy.Element) {
	checkAttributes(k, e, "output-type")
	checkChildren(k, e, "category")
	if a := e.Attr("output-type"); a != nil {
		s.outputType = k.StringValue(a.Value)
		if !a.Value.Expression && a.Value.Text != "FourSeverityLevels" && a.Value.Text != "EightSeverityLevels" {
			report(k, &a.Value, a.Value.Pos, "output-type=%q: expected FourSeverityLevels or EightSeverityLevels", a.Value.Text)
		}
	}
	for _, c := range e.Children {
		if c.Name != "category" {
			continue
		}
		checkAttributes(k, c, "name", "threshold")
		checkChildren(k, c)
		k.Required(c, "threshold")
		one := safetyCategory{name: required(k, c, "name"), threshold: k.Int(c, "threshold", 0)}
		if a := c.Attr("name"); a != nil && !a.Value.Expression && safetyName(a.Value.Text) == "" {
			report(k, &a.Value, a.Value.Pos, "name=%q: expected Hate, SelfHarm, Sexual or Violence", a.Value.Text)
		}
		if a := c.Attr("threshold"); a != nil && one.threshold.Known() && (one.threshold.Literal < 0 || one.threshold.Literal > 7) {
			k.Errorf(a.Value.Pos, "threshold=%q: expected a number from 0 (strictest) to 7", a.Value.Text)
		}
		s.categories = append(s.categories, one)
	}
}

// safetyName is the service's name of a category, "" when it has none.
func safetyName(name string) string {
	for _, known := range []string{"Hate", "SelfHarm", "Sexual", "Violence"} {
		if strings.EqualFold(name, known) {
			return known
		}
	}
	return ""
}

func (s *contentSafetyStatement) Run(c *policy.Context) error {
	check, err := s.check(c)
	if err != nil {
		return err
	}
	if s.outbound {
		return check.answer(c)
	}
	enforce, err := s.enforce.Eval(c)
	if err != nil {
		return err
	}
	if enforce && s.judges {
		if c.Request.Header.Has("Accept-Encoding") {
			c.Request.Header.Set("Accept-Encoding", "identity") // or the answer could not be read
		}
		c.BeforeOutbound(check.answer)
	}
	return check.prompt(c)
}

// check evaluates what the request needs.
func (s *contentSafetyStatement) check(c *policy.Context) (*safetyCheck, error) {
	t := &safetyCheck{source: s.source}
	var err error
	if t.backend, err = s.backend.Eval(c); err != nil {
		return nil, err
	}
	if t.shield, err = s.shield.Eval(c); err != nil {
		return nil, err
	}
	window, err := s.window.Eval(c)
	if err != nil {
		return nil, err
	}
	overlap, err := s.overlap.Eval(c)
	if err != nil {
		return nil, err
	}
	if window < 1 || window > maxSafetyText || overlap < 0 || overlap >= window {
		return nil, invalid(c, s.source, "window-size must be from 1 to 10000, and window-overlap-size below it.")
	}
	t.window, t.overlap = int(window), int(overlap)
	if !s.judges {
		return t, nil
	}
	return t, s.question(c, t)
}

// question evaluates the part of the question that is the same for each text.
func (s *contentSafetyStatement) question(c *policy.Context, t *safetyCheck) (err error) {
	q := &safetyQuestion{}
	if q.OutputType, err = s.outputType.Eval(c); err != nil {
		return err
	}
	t.thresholds = make(map[string]int64, len(s.categories))
	for i := range s.categories {
		name, err := s.categories[i].name.Eval(c)
		if err != nil {
			return err
		}
		threshold, err := s.categories[i].threshold.Eval(c)
		if err != nil {
			return err
		}
		if name = safetyName(name); name == "" || threshold < 0 || threshold > 7 {
			return invalid(c, s.source, "A category must be Hate, SelfHarm, Sexual or Violence, and its threshold from 0 to 7.")
		}
		q.Categories = append(q.Categories, name)
		t.thresholds[name] = threshold
	}
	for i := range s.blocklists {
		id, err := s.blocklists[i].Eval(c)
		if err != nil {
			return err
		}
		q.Blocklists = append(q.Blocklists, id)
	}
	t.question = q
	return nil
}

// prompt judges context.Request.
func (t *safetyCheck) prompt(c *policy.Context) error {
	prompt, ok := requestPrompt(c)
	if !ok {
		return t.blocked(c, "Request")
	}
	whole := *t
	whole.window, whole.overlap = maxSafetyText, 0 // windows of another size are for answers
	return whole.judge(c, prompt.text(), "Request")
}

// answer judges context.Response: at once, or as it passes when it is streamed.
// Failures of the backend and what is no text pass.
func (t *safetyCheck) answer(c *policy.Context) error {
	r := c.Response
	if t.question == nil || r == nil || r.StatusCode < 200 || r.StatusCode > 299 || !r.Body.Present() {
		return nil
	}
	t.shield = false
	kind := strings.ToLower(r.Header.Get("Content-Type"))
	stream := strings.HasPrefix(kind, "text/event-stream")
	if !stream && !strings.Contains(kind, "json") && !strings.HasPrefix(kind, "text/") && kind != "" {
		return nil
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return t.failed(c, "the answer is compressed", nil)
	}
	if stream {
		body, _ := r.Body.Take()
		if body == nil {
			return nil
		}
		r.Body = expr.StreamBody(newSafeStream(c, t, body), -1)
		delete(r.Header, "Content-Length")
		return nil
	}
	data, whole := r.Body.Peek(expr.DefaultMaxBody)
	if !whole {
		return t.blocked(c, "Response")
	}
	text := string(data)
	if answer := parseAnswer(data); answer != nil {
		if text = answerText(answer); text == "" {
			var b strings.Builder
			everyText(answer, &b)
			text = b.String()
		}
	}
	return t.judge(c, text, "Response")
}

// blocked is the failure of what is not fit to pass.
func (t *safetyCheck) blocked(c *policy.Context, what string) error {
	return c.Fail(t.source, "ContentSafetyViolation", what+" failed content safety check.", http.StatusForbidden)
}
