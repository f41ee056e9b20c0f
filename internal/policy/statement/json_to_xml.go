package statement

import (
	"errors"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/convert"
	"gatehouse/internal/policy/expr"
)

// jsonToXMLStatement converts the body from JSON to XML.
type jsonToXMLStatement struct {
	conversion
	dates                    bool
	separator, prefix, block policy.String
}

func jsonToXML() *policy.Definition {
	return &policy.Definition{Name: "json-to-xml", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"apply", "consider-accept-header", "parse-date", "namespace-separator", "namespace-prefix", "attribute-block-name"}, Compile: compileJSONToXML}
}

func compileJSONToXML(k *policy.Compiler, e *policy.Element) policy.Statement {
	return &jsonToXMLStatement{conversion: compileConversion(k, e, jsonMedia, xmlMedia, "content-type-json"),
		dates:     literalBool(k, e, "parse-date", true),
		separator: k.String(e, "namespace-separator", "_"),
		prefix:    k.String(e, "namespace-prefix", ""),
		block:     k.String(e, "attribute-block-name", "")}
}

func (s *jsonToXMLStatement) Run(c *policy.Context) error {
	var o convert.ToXML
	for _, v := range []struct {
		value *policy.String
		to    *string
	}{{&s.separator, &o.Separator}, {&s.prefix, &o.Prefix}, {&s.block, &o.AttributeBlock}} {
		var err error
		if *v.to, err = v.value.Eval(c); err != nil {
			return err
		}
	}
	return s.run(c, func(data []byte) (string, error) {
		read := expr.ParseJSON
		if !s.dates {
			read = expr.ParseJSONText
		}
		t, err := read(data)
		if err != nil {
			return "", errors.New("it is no JSON")
		}
		return o.Document(t)
	})
}
