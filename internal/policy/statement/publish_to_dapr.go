package statement

import (
	"net/url"
	"strings"

	"gatehouse/internal/policy"
)

// publishToDaprStatement publishes a message to a topic.
type publishToDaprStatement struct {
	dapr
	pubsub, topic policy.String
	message       *bodyEdit
}

func publishToDapr() *policy.Definition { return publishDefinition("publish-to-dapr") }

// publishToDarp is how the policy toolkit writes it.
func publishToDarp() *policy.Definition { return publishDefinition("publish-to-darp") }

func publishDefinition(name string) *policy.Definition {
	return &policy.Definition{Name: name, Sections: policy.Inbound | policy.Outbound | policy.OnError, Scopes: daprScopes,
		Attributes: append([]string{"topic", "pubsub-name"}, daprAttributes...), Compile: compilePublishToDapr}
}

func compilePublishToDapr(k *policy.Compiler, e *policy.Element) policy.Statement {
	warnMisspelt(k, e)
	checkChildren(k, e)
	s := &publishToDaprStatement{dapr: compileDapr(k, e), pubsub: k.String(e, "pubsub-name", ""), topic: required(k, e, "topic"), message: daprBody(k, e, e)}
	if a := e.Attr("topic"); a != nil && !a.Value.Expression && e.Attr("pubsub-name") == nil && !strings.Contains(a.Value.Text, "/") {
		report(k, &a.Value, a.Value.Pos, "topic: expected pubsub-name/topic-name, or the attribute pubsub-name")
	}
	return s
}

// warnMisspelt names the right spelling of what the policy toolkit writes.
func warnMisspelt(k *policy.Compiler, e *policy.Element) {
	if right := strings.Replace(e.Name, "darp", "dapr", 1); right != e.Name {
		k.Warnf(e.Pos, "<%s> is a misspelling of <%s>; it is accepted here, but Azure refuses it", e.Name, right)
	}
}

func (s *publishToDaprStatement) Run(c *policy.Context) error {
	topic, err := s.topic.Eval(c)
	if err != nil {
		return err
	}
	pubsub, err := s.pubsub.Eval(c)
	if err != nil {
		return err
	}
	if pubsub == "" {
		pubsub, topic, _ = strings.Cut(topic, "/")
	}
	if pubsub == "" || topic == "" {
		return invalid(c, s.source, "topic must be pubsub-name/topic-name when there is no pubsub-name.")
	}
	body, err := s.message.bytes(c)
	if err != nil {
		return err
	}
	return s.send(c, "/v1.0/publish/"+url.PathEscape(pubsub)+"/"+url.PathEscape(topic), body)
}
