package statement

import (
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/convert"
	"gatehouse/internal/policy/xmldoc"
)

// xmlToJSONStatement converts the body from XML to JSON.
type xmlToJSONStatement struct {
	conversion
	kind   policy.String
	always policy.Bool
}

func xmlToJSON() *policy.Definition {
	return &policy.Definition{Name: "xml-to-json", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"kind", "apply", "consider-accept-header", "always-array-child-elements", "always-array-children"}, Compile: compileXMLToJSON}
}

func compileXMLToJSON(k *policy.Compiler, e *policy.Element) policy.Statement {
	s := &xmlToJSONStatement{kind: choice(k, e, "kind", "direct", "javascript-friendly"),
		conversion: compileConversion(k, e, xmlMedia, jsonMedia, "content-type-xml")}
	name := "always-array-child-elements"
	if a := e.Attr("always-array-children"); a != nil {
		if e.Attr(name) != nil {
			k.Errorf(a.Pos, "always-array-children is another name of always-array-child-elements: keep one of them")
		}
		name = "always-array-children"
	}
	s.always = k.Bool(e, name, false)
	return s
}

func (s *xmlToJSONStatement) Run(c *policy.Context) error {
	kind, err := s.kind.Eval(c)
	if err != nil {
		return err
	}
	always, err := s.always.Eval(c)
	if err != nil {
		return err
	}
	if kind != "direct" && kind != "javascript-friendly" {
		return invalid(c, s.source, "The expression for kind gave neither direct nor javascript-friendly.")
	}
	return s.run(c, func(data []byte) (string, error) {
		doc, err := xmldoc.Parse(data)
		if err != nil {
			return "", err
		}
		out := convert.ToJSON{Friendly: kind != "direct", AlwaysArray: always}.Document(doc).JSON(false)
		if len(out) > convert.MaxOutput {
			return "", convert.ErrTooLarge
		}
		return out, nil
	})
}
