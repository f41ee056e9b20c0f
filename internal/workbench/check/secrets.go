package check

import (
	"fmt"
	"regexp"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// telling are the statements whose content leaves the request for people and
// programs to read.
var telling = map[string]string{
	"trace": "traces and logs", "emit-metric": "metrics", "log-to-eventhub": "the event hub",
	"llm-emit-token-metric": "metrics", "azure-openai-emit-token-metric": "metrics", "send-service-bus-message": "the service bus",
}

// secrets finds credentials in what a statement tells.
func (c *checker) secrets(e *policy.Element) {
	where, ok := telling[e.Name]
	if !ok {
		return
	}
	visit(e, func(e *policy.Element) {
		for _, v := range values(e) {
			if v.Secret {
				c.warn(ruleSecrets, v.Pos, "a secret named value goes to "+where+"; leave it out")
				continue
			}
			for _, u := range uses(v) {
				if what := credential(u); what != "" {
					c.warn(ruleSecrets, v.Position(u.Offset), what+" goes to "+where+"; leave it out, or use a hash of it")
				}
			}
		}
	})
}

// credential says what of the context a use gives away, "" for nothing.
func credential(u expr.Use) string {
	key := strings.ToLower(u.Key)
	switch {
	case strings.HasPrefix(u.Path, "Subscription.Key"), strings.HasPrefix(u.Path, "Subscription.PrimaryKey"), strings.HasPrefix(u.Path, "Subscription.SecondaryKey"):
		return "the subscription key"
	case strings.Contains(u.Path, "Headers") && (key == "authorization" || key == "proxy-authorization"):
		return "the header Authorization"
	case strings.Contains(u.Path, "Headers") && (key == "cookie" || key == "set-cookie"):
		return "a cookie"
	case strings.Contains(u.Path, "Headers") && (strings.HasSuffix(key, "subscription-key") || strings.Contains(key, "api-key") || key == "x-functions-key"):
		return "the key in the header " + u.Key
	case strings.Contains(u.Path, "Query") && (key == "subscription-key" || key == "code" || key == "sig" || key == "access_token"):
		return "the key in the query parameter " + u.Key
	case u.Path == "Request.Headers":
		return "all headers of the request, keys and tokens among them,"
	}
	return ""
}

// secretHeaders carry credentials.
var secretHeaders = regexp.MustCompile(`(?i)^(authorization|proxy-authorization|ocp-apim-subscription-key|api-key|x-api-key|x-functions-key|cookie)$`)

// literals finds credentials that stand in the policy text itself.
func (c *checker) literals(e *policy.Element) {
	switch e.Name {
	case "set-header":
		if !secretHeaders.MatchString(literal(e, "name")) || literal(e, "exists-action") == "delete" {
			return
		}
		for _, v := range e.Children {
			if v.Name == "value" {
				c.bare(v.Text, "the value of the header "+literal(e, "name"))
			}
		}
	case "authentication-basic":
		if a := e.Attr("password"); a != nil {
			c.bare(a.Value, "the password")
		}
	case "authentication-certificate":
		if a := e.Attr("password"); a != nil {
			c.bare(a.Value, "the certificate's password")
		}
	}
}

// bare reports a literal that no secret named value is part of.
func (c *checker) bare(v policy.Value, what string) {
	text := strings.TrimSpace(v.Text)
	if v.Expression || v.Secret || len(text) < 8 || strings.HasPrefix(text, "{") || v.Named {
		return
	}
	c.warn(ruleLiteral, v.Pos, fmt.Sprintf("%s stands in the policy; put it into a named value marked secret and write {{its-name}}", what))
}
