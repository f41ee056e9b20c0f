package statement

import (
	"gatehouse/internal/policy"
	"gatehouse/internal/telemetry"
)

// tokenMetricStatement records how many tokens a call took.
type tokenMetricStatement struct {
	namespace  string
	dimensions []dimension
}

// maxTokenDimensions is how many dimensions with a value of their own the
// metrics have.
const maxTokenDimensions = 5

func llmEmitTokenMetric() *policy.Definition { return emitTokenMetric("llm-emit-token-metric") }

func azureOpenAIEmitTokenMetric() *policy.Definition {
	return emitTokenMetric("azure-openai-emit-token-metric")
}

func emitTokenMetric(name string) *policy.Definition {
	return &policy.Definition{Name: name, Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"namespace"}, Compile: compileEmitTokenMetric}
}

func compileEmitTokenMetric(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "dimension")
	s := &tokenMetricStatement{namespace: k.Literal(e, "namespace", "API Management")}
	own := 0
	for _, c := range e.Children {
		if c.Name != "dimension" {
			continue
		}
		checkAttributes(k, c, "name", "value")
		checkChildren(k, c)
		d := compileTokenDimension(k, c)
		if d.standard == nil {
			own++
		}
		if own > maxTokenDimensions {
			k.Errorf(c.Pos, "<%s> takes at most %d dimensions with a value", e.Name, maxTokenDimensions)
			break
		}
		s.dimensions = append(s.dimensions, d)
	}
	return s
}

// compileTokenDimension knows the backend beside what all metrics know.
func compileTokenDimension(k *policy.Compiler, e *policy.Element) dimension {
	name := e.Attr("name")
	if name == nil || e.Attr("value") != nil || name.Value.Expression || name.Value.Text != "Backend ID" {
		return compileDimension(k, e)
	}
	return dimension{name: policy.String{Literal: name.Value.Text}, standard: func(c *policy.Context) string { return c.Target.Backend }}
}

// Run takes the dimensions as they are now, but those that only the end knows.
func (s *tokenMetricStatement) Run(c *policy.Context) error {
	list := make([]telemetry.Attribute, len(s.dimensions))
	for i := range s.dimensions {
		a, err := s.dimensions[i].eval(c)
		if err != nil {
			return err
		}
		list[i] = a
	}
	w := watchLLM(c)
	w.then = append(w.then, func(u tokenUsage) {
		if u.total > 0 {
			s.emit(c, list, u)
		}
	})
	return nil
}

func (s *tokenMetricStatement) emit(c *policy.Context, list []telemetry.Attribute, u tokenUsage) {
	for i := range s.dimensions {
		if standard := s.dimensions[i].standard; standard != nil {
			list[i].Value = standard(c)
		}
	}
	e := c.Exchange
	for _, m := range [...]struct {
		name  string
		value int64
	}{{"Total Tokens", u.total}, {"Prompt Tokens", u.prompt}, {"Completion Tokens", u.completion}} {
		if len(e.Measurements) < telemetry.MaxMeasurements {
			e.Measurements = append(e.Measurements, telemetry.Measurement{Name: m.name, Namespace: s.namespace, Value: float64(m.value), Dimensions: list})
		}
	}
}
