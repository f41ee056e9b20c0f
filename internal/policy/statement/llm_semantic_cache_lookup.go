package statement

import (
	"errors"
	"strings"

	"gatehouse/internal/policy"
)

// semanticLookupStatement answers with what was answered to a prompt of nearly
// the same meaning.
type semanticLookupStatement struct {
	source       string
	threshold    policy.Double
	backend      policy.String
	identity     bool // the backend takes the service's token
	ignoreSystem policy.Bool
	maxMessages  policy.Int
	vary         []policy.String
}

// defaultMaxMessages is how long a dialog may be without max-message-count.
const defaultMaxMessages = 4

func llmSemanticCacheLookup() *policy.Definition {
	return semanticCacheLookup("llm-semantic-cache-lookup")
}

func azureOpenAISemanticCacheLookup() *policy.Definition {
	return semanticCacheLookup("azure-openai-semantic-cache-lookup")
}

func semanticCacheLookup(name string) *policy.Definition {
	return &policy.Definition{Name: name, Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"score-threshold", "embeddings-backend-id", "embeddings-backend-auth", "ignore-system-messages", "max-message-count", "cache-id"},
		Compile:    compileSemanticCacheLookup}
}

func compileSemanticCacheLookup(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Once(e)
	checkChildren(k, e, "vary-by")
	if e.Scope == policy.Workspace {
		k.Warnf(e.Pos, "<%s> is not documented for workspaces; it is accepted here, but may be refused elsewhere", e.Name)
	}
	k.Required(e, "score-threshold")
	s := &semanticLookupStatement{source: e.Name, threshold: k.Double(e, "score-threshold", 0), backend: backendOf(k, e, "embeddings-backend-id"),
		ignoreSystem: k.Bool(e, "ignore-system-messages", false), maxMessages: k.Int(e, "max-message-count", defaultMaxMessages), vary: texts(k, e, "vary-by")}
	if a := e.Attr("score-threshold"); a != nil && s.threshold.Known() && !(s.threshold.Literal >= 0 && s.threshold.Literal <= 1) {
		k.Errorf(a.Value.Pos, "score-threshold=%q: expected a number from 0.0 (only the same meaning) to 1.0", a.Value.Text)
	}
	positive(k, e, "max-message-count", &s.maxMessages)
	s.identity = s.backend.Dynamic() || !hasCredentials(k, s.backend.Literal)
	if a := k.Required(e, "embeddings-backend-auth"); a != nil && a.Value.Expression {
		k.String(e, a.Name, "")
		k.Warnf(a.Value.Pos, "%s is documented as system-assigned only; the expression is not evaluated", a.Name)
	} else if a != nil {
		k.OneOf(e, a.Name, "", "system-assigned")
	}
	if a := e.Attr("cache-id"); a != nil {
		k.Warnf(a.Pos, "cache-id has no effect: there is one semantic cache, in the gateway")
	}
	return s
}

// backendOf compiles an attribute that must name a backend resource.
func backendOf(k *policy.Compiler, e *policy.Element, name string) policy.String {
	id := required(k, e, name)
	a := e.Attr(name)
	if a == nil || a.Value.Expression {
		return id
	}
	known := k.Environment().Backends
	switch {
	case id.Literal == "":
		k.Errorf(a.Value.Pos, "%s must not be empty", name)
	case known != nil && !known[id.Literal]:
		report(k, &a.Value, a.Value.Pos, "%s=%q: the service has no such backend", name, a.Value.Text)
	}
	return id
}

// hasCredentials tells whether a backend resource holds what it is called with.
func hasCredentials(k *policy.Compiler, id string) bool {
	service := k.Environment().Service
	if service == nil {
		return false
	}
	for _, b := range service.Backends {
		if b.ID == id {
			c := &b.Credentials
			return c.Authorization != "" || len(c.Header)+len(c.Query) > 0 || c.CertificatePEM != ""
		}
	}
	return false
}

func (s *semanticLookupStatement) Run(c *policy.Context) error {
	text, miss, err := s.question(c)
	if err != nil || text == "" {
		return err
	}
	threshold, err := s.threshold.Eval(c)
	if err != nil {
		return err
	}
	backend, err := s.backend.Eval(c)
	if err != nil {
		return err
	}
	if miss.vector, err = s.embed(c, backend, text); err != nil {
		if errors.Is(err, policy.ErrClientClosed) {
			return err
		}
		reportSkipped(c, s.source, err.Error())
		return nil
	}
	miss.partition += backend
	if value, ok := c.Services.Vectors.Nearest(miss.partition, miss.vector, threshold); ok {
		if found, ok := value.(*semanticAnswer); ok {
			c.Exchange.CacheHit = true
			return answer(c, found.response())
		}
	}
	if c.Request.Header.Has("Accept-Encoding") {
		c.Request.Header.Set("Accept-Encoding", "identity") // the answer must suit every later client
	}
	c.TapResponse(miss)
	return nil
}

// question gives the text that is compared; "" when the request is none that
// the cache is for.
func (s *semanticLookupStatement) question(c *policy.Context) (string, *semanticMiss, error) {
	ignoreSystem, err := s.ignoreSystem.Eval(c)
	if err != nil {
		return "", nil, err
	}
	most, err := s.maxMessages.Eval(c)
	if err != nil {
		return "", nil, err
	}
	vary := make([]string, len(s.vary))
	for i := range s.vary {
		if vary[i], err = s.vary[i].Eval(c); err != nil {
			return "", nil, err
		}
	}
	prompt, ok := requestPrompt(c)
	if !ok {
		return "", nil, nil
	}
	var b strings.Builder
	count := int64(0)
	for i := range prompt.messages {
		m := &prompt.messages[i]
		if ignoreSystem && m.system() {
			continue
		}
		count++
		b.WriteString(m.text)
		b.WriteByte('\n')
	}
	if count > most {
		return "", nil, nil
	}
	return strings.TrimSpace(b.String()), &semanticMiss{c: c, partition: partition(c, &prompt, vary)}, nil
}
