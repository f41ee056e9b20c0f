package statement

import (
	"net/http"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// crossDomainStatement answers GET /crossdomain.xml with its document, which
// tells Flash and Silverlight clients what they may call. All other requests
// pass.
type crossDomainStatement struct{ document []byte }

func crossDomain() *policy.Definition {
	return &policy.Definition{Name: "cross-domain", Sections: policy.Inbound, Scopes: policy.Global, Compile: compileCrossDomain}
}

func compileCrossDomain(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Once(e)
	checkChildren(k, e, "cross-domain-policy")
	d := only(k, e, "cross-domain-policy")
	if d == nil {
		k.Errorf(e.Pos, "<cross-domain> needs <cross-domain-policy>")
		return nil
	}
	checkAttributes(k, d)
	checkChildren(k, d, "site-control", "allow-access-from", "allow-access-from-identity", "allow-http-request-headers-from")
	needed := map[string]string{"site-control": "permitted-cross-domain-policies", "allow-access-from": "domain", "allow-http-request-headers-from": "domain"}
	for _, c := range d.Children {
		if name := needed[c.Name]; name != "" {
			k.Required(c, name)
		}
	}
	k.Reads(d.Text)
	const head = `<?xml version="1.0"?>` + "\n"
	return &crossDomainStatement{[]byte(head + d.Text.Text)}
}

// Answers implements policy.Answerer: the document belongs to no API.
func (s *crossDomainStatement) Answers(c *policy.Context) bool {
	return c.Request.Method == http.MethodGet && c.Request.OriginalURL.Path == "/crossdomain.xml"
}

func (s *crossDomainStatement) Run(c *policy.Context) error {
	if !s.Answers(c) {
		return nil
	}
	return answer(c, &expr.Response{StatusCode: http.StatusOK, StatusReason: "OK",
		Header: expr.Header{"Content-Type": {"text/x-cross-domain-policy"}}, Body: expr.BytesBody(s.document)})
}
