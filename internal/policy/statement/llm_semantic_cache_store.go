package statement

import (
	"net/http"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// semanticStoreStatement keeps the answer of a request that the lookup had
// nothing for. It is kept as the client gets it, when the client has got it.
type semanticStoreStatement struct {
	source   string
	duration policy.Int // seconds
}

func llmSemanticCacheStore() *policy.Definition {
	return semanticCacheStore("llm-semantic-cache-store")
}

func azureOpenAISemanticCacheStore() *policy.Definition {
	return semanticCacheStore("azure-openai-semantic-cache-store")
}

func semanticCacheStore(name string) *policy.Definition {
	return &policy.Definition{Name: name, Sections: policy.Outbound, Scopes: policy.AnyScope, Attributes: []string{"duration"},
		Compile: func(k *policy.Compiler, e *policy.Element) policy.Statement {
			k.Once(e)
			checkChildren(k, e)
			if e.Scope == policy.Workspace {
				k.Warnf(e.Pos, "<%s> is not documented for workspaces; it is accepted here, but may be refused elsewhere", e.Name)
			}
			k.Required(e, "duration")
			s := &semanticStoreStatement{source: e.Name, duration: k.Int(e, "duration", 1)}
			positive(k, e, "duration", &s.duration)
			return s
		}}
}

func (s *semanticStoreStatement) Run(c *policy.Context) error {
	seconds, err := s.duration.Eval(c)
	if err != nil {
		return err
	}
	miss, r := missed(c), c.Response
	if miss == nil || seconds <= 0 || r == nil || r.StatusCode != http.StatusOK {
		return nil
	}
	if !isEventStream(r.Header) && !strings.Contains(strings.ToLower(r.Header.Get("Content-Type")), "json") || r.Header.Has("Content-Encoding") {
		return nil
	}
	miss.ttl, miss.response = duration(seconds), r
	miss.header = expr.Header{"Content-Type": r.Header.Values("Content-Type")}
	return nil
}
