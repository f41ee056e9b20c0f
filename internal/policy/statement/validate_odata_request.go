package statement

import (
	"fmt"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/odata"
)

// validateODataRequestStatement checks version headers and URL of requests to
// an OData API, by its metadata document when it has one.
type validateODataRequestStatement struct {
	validation
	standard, lowest, highest odataVersion
	maxSize                   policy.Int
	sized                     bool
	model                     *odata.Model
}

// odataVersion is a version by its order; 0 is none.
type odataVersion uint8

const (
	odata40 odataVersion = iota + 1
	odata401
)

func parseODataVersion(text string) odataVersion {
	switch strings.TrimSpace(text) {
	case "4.0":
		return odata40
	case "4.01":
		return odata401
	}
	return 0
}

func validateODataRequest() *policy.Definition {
	return &policy.Definition{Name: "validate-odata-request", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"error-variable-name", "default-odata-version", "min-odata-version", "max-odata-version", "max-size"}, Compile: compileValidateODataRequest}
}

func compileValidateODataRequest(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Once(e)
	checkChildren(k, e)
	s := &validateODataRequestStatement{validation: compileValidation(k, e, "error-variable-name"), standard: versionAttribute(k, e, "default-odata-version", odata40),
		lowest: versionAttribute(k, e, "min-odata-version", 0), highest: versionAttribute(k, e, "max-odata-version", 0),
		maxSize: k.Int(e, "max-size", 0), sized: e.Attr("max-size") != nil}
	if s.highest != 0 && s.lowest > s.highest {
		k.Errorf(e.Attr("min-odata-version").Value.Pos, "min-odata-version is above max-odata-version: no request is let in")
	}
	if s.sized && s.maxSize.Known() && s.maxSize.Literal < 0 {
		k.Errorf(e.Attr("max-size").Value.Pos, "max-size=%q: expected a number of bytes that is not negative", literal(e.Attr("max-size").Value))
	}
	s.model = odataModel(k, e)
	return s
}

func versionAttribute(k *policy.Compiler, e *policy.Element, name string, fallback odataVersion) odataVersion {
	a := e.Attr(name)
	if a == nil {
		return fallback
	}
	text := k.Literal(e, name, "4.0")
	v := parseODataVersion(text)
	if v == 0 {
		report(k, &a.Value, a.Value.Pos, "%s=%q: expected 4.0 or 4.01", name, literal(a.Value))
	}
	return v
}

// odataModel finds the metadata document of the API; without one, names are
// not checked.
func odataModel(k *policy.Compiler, e *policy.Element) *odata.Model {
	a := k.Environment().API
	if a == nil {
		return nil
	}
	for _, s := range a.Schemas {
		if !odata.IsModel(s.Document) {
			continue
		}
		m, err := sharedModel(k, s.Document)
		if err != nil {
			k.Warnf(e.Pos, "the metadata document of the API cannot be used: %v; the names in requests are not checked", err)
		}
		return m
	}
	k.Warnf(e.Pos, "the API has no metadata document: the names in requests are not checked, only how they are put together")
	return nil
}

// sharedModel reads a metadata document once for all pipelines of a service.
func sharedModel(k *policy.Compiler, document []byte) (*odata.Model, error) {
	type key string
	type result struct {
		model *odata.Model
		err   error
	}
	shared := k.Environment().Shared
	if r, ok := shared[key(document)].(result); ok {
		return r.model, r.err
	}
	m, err := odata.ParseModel(document)
	if shared != nil {
		shared[key(document)] = result{m, err}
	}
	return m, err
}

func (s *validateODataRequestStatement) Run(c *policy.Context) error {
	var all findings
	if err := s.checkSize(c, &all); err != nil {
		return err
	}
	version := s.checkVersions(c, &all)
	request := odata.Request{Path: c.Request.URL.Path, Query: c.Request.URL.RawQuery, Loose: version == odata401}
	for _, problem := range s.model.Check(request) {
		s.refuseRequest(c, &all, "", "IncorrectMessage", problem)
	}
	return s.finish(c, all)
}

func (s *validateODataRequestStatement) refuseRequest(c *policy.Context, all *findings, name, rule, text string) {
	s.add(c, all, finding{name: name, kind: "ODataRequest", rule: rule, details: text, public: text, action: actionPrevent})
}

func (s *validateODataRequestStatement) checkSize(c *policy.Context, all *findings) error {
	if !s.sized || !c.Request.Body.Present() {
		return nil
	}
	limit, err := s.maxSize.Eval(c)
	if err != nil {
		return err
	}
	m := content{c: c, header: c.Request.Header, body: &c.Request.Body}
	if m.size(limit) > limit {
		text := fmt.Sprintf("Request's body exceeds the configured limit of %d bytes.", limit)
		s.add(c, all, finding{kind: "RequestBody", rule: "SizeLimit", details: text, public: strings.Replace(text, "configured ", "", 1), action: actionPrevent})
	}
	return nil
}

// checkVersions checks OData-Version and OData-MaxVersion and gives the version
// whose rules hold.
func (s *validateODataRequestStatement) checkVersions(c *policy.Context, all *findings) odataVersion {
	version := s.standard
	if texts := c.Request.Header["Odata-Version"]; len(texts) > 0 {
		if version = parseODataVersion(texts[0]); version == 0 || len(texts) > 1 {
			s.refuseRequest(c, all, "OData-Version", "ODataVersion", "OData-Version must be 4.0 or 4.01.")
			return s.standard
		}
	}
	if version < s.lowest || s.highest != 0 && version > s.highest {
		s.refuseRequest(c, all, "OData-Version", "ODataVersion", "The OData version of the request is not one that is accepted.")
	}
	if texts := c.Request.Header["Odata-Maxversion"]; len(texts) > 0 {
		if highest := parseODataVersion(texts[0]); highest == 0 || len(texts) > 1 || highest < version {
			s.refuseRequest(c, all, "OData-MaxVersion", "ODataVersion", "OData-MaxVersion must be 4.0 or 4.01, and not below the version of the request.")
		}
	}
	return version
}
