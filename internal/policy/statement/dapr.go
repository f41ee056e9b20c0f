package statement

import (
	"fmt"
	"net/http"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// dapr is what the policies for Dapr's HTTP API have in common: the sidecar,
// and what becomes of its answer.
type dapr struct {
	source      string
	base        expr.URL
	token       string // of the sidecar's API, "" is none
	ignoreError bool
	variable    string // that takes the response, "" is none
	timeout     policy.Int
}

const (
	daprTimeout    = 5 // seconds
	maxDaprTimeout = 240
	daprScopes     = policy.Global | policy.Product | policy.API | policy.Operation
)

var daprAttributes = []string{"ignore-error", "response-variable-name", "timeout", "template", "content-type"}

// daprBase is the address of the sidecar.
func daprBase(k *policy.Compiler, e *policy.Element) expr.URL {
	address := k.Environment().Addresses.Dapr
	if address == "" {
		address = "http://localhost:3500"
	}
	u, err := expr.ParseURL(address)
	if err != nil {
		k.Errorf(e.Pos, "<%s>: the address of the Dapr sidecar in the settings is not a URL", e.Name)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u
}

func compileDapr(k *policy.Compiler, e *policy.Element) dapr {
	d := dapr{source: e.Name, base: daprBase(k, e), token: k.Environment().Addresses.DaprToken, ignoreError: literalBool(k, e, "ignore-error", false),
		variable: k.Literal(e, "response-variable-name", ""), timeout: k.Int(e, "timeout", daprTimeout)}
	if a := e.Attr("timeout"); a != nil && d.timeout.Known() && (d.timeout.Literal < 1 || d.timeout.Literal > maxDaprTimeout) {
		k.Errorf(a.Value.Pos, "timeout=%q: expected 1 to %d seconds", a.Value.Text, maxDaprTimeout)
	}
	if t := k.Literal(e, "content-type", "application/json"); t != "application/json" {
		k.Errorf(e.Attr("content-type").Value.Pos, "content-type=%q: only application/json is supported", t)
	}
	return d
}

// daprBody compiles the message of an element, with its template.
func daprBody(k *policy.Compiler, e, message *policy.Element) *bodyEdit {
	own := &policy.Element{Name: e.Name, Text: message.Text, Pos: message.Pos}
	if a := e.Attr("template"); a != nil {
		lower := *a
		lower.Value.Text = strings.ToLower(a.Value.Text)
		own.Attrs = []policy.Attr{lower}
	}
	return compileBodyEdit(k, own)
}

// send posts to the sidecar. A failure is an answer that is not a 2xx, too.
func (d *dapr) send(c *policy.Context, path string, body []byte) error {
	seconds, err := d.timeout.Eval(c)
	if err != nil {
		return err
	}
	r := &policy.OutgoingRequest{Source: d.source, Method: http.MethodPost, URL: d.base, Timeout: duration(min(max(seconds, 1), maxDaprTimeout)), Body: body,
		Header: expr.Header{"Content-Type": {"application/json"}}}
	r.URL.Path += path
	if d.token != "" {
		r.Header["Dapr-Api-Token"] = []string{d.token}
		c.Conceal(d.token)
	}
	response, err := c.Services.HTTP.Send(c, r)
	if err == nil && d.variable != "" {
		c.Variables.Set(d.variable, response)
	}
	switch {
	case err != nil:
		err = sendFailure(c, d.source, err)
	case response.StatusCode < 200 || response.StatusCode > 299:
		err = notAccepted(c, d.source, "DaprError", fmt.Sprintf("Dapr answered with status %d.", response.StatusCode))
	}
	if err == nil || !d.ignoreError {
		return err
	}
	return ignored(c, d.source, err)
}
