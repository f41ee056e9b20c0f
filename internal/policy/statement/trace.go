package statement

import (
	"gatehouse/internal/policy"
	"gatehouse/internal/telemetry"
)

// traceStatement adds a message to the trace of the request.
type traceStatement struct {
	source   string
	severity telemetry.Severity
	message  policy.String
	metadata []metadata
}

type metadata struct {
	name  policy.String
	value policy.String
}

var severities = map[string]telemetry.Severity{
	"verbose": telemetry.SeverityVerbose, "information": telemetry.SeverityInformation, "error": telemetry.SeverityError,
}

func trace() *policy.Definition {
	return &policy.Definition{Name: "trace", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"source", "severity"}, Compile: compileTrace}
}

func compileTrace(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "message", "metadata")
	s := &traceStatement{source: requiredLiteral(k, e, "source"),
		severity: severities[k.OneOf(e, "severity", "verbose", "verbose", "information", "error")]}
	message := only(k, e, "message")
	switch {
	case message != nil:
		checkAttributes(k, message)
		checkChildren(k, message)
		s.message = k.StringValue(message.Text)
	case e.Text.Text != "":
		s.message = k.StringValue(e.Text) // an older form
	default:
		k.Errorf(e.Pos, "<trace> needs <message>")
	}
	for _, c := range e.Children {
		if c.Name == "metadata" {
			checkAttributes(k, c, "name", "value")
			checkChildren(k, c)
			s.metadata = append(s.metadata, metadata{required(k, c, "name"), required(k, c, "value")})
		}
	}
	return s
}

func (s *traceStatement) Run(c *policy.Context) error {
	message, err := s.message.Eval(c)
	if err != nil {
		return err
	}
	var attributes []telemetry.Attribute
	if len(s.metadata) > 0 {
		attributes = make([]telemetry.Attribute, len(s.metadata))
	}
	for i := range s.metadata {
		m, a := &s.metadata[i], &attributes[i]
		if a.Key, err = m.name.Eval(c); err != nil {
			return err
		}
		if a.Value, err = m.value.Eval(c); err != nil {
			return err
		}
	}
	c.Event(s.severity, s.source, message, attributes)
	return nil
}
